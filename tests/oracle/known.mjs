// Differences that are meant. Each is explained in README.md under the same name, and recognised by exactly its own shape:
// whatever else differs is a failure.
const says = (value, text) => typeof value === 'string' && value.includes(text);

export const kKnown = [
  {
    name: 'a schema only JSON can express',
    explains: (_, d) => d.what === 'schema_to_cedar: refused / accepted' && says(d.ours, "Cedar's syntax cannot"),
  },
  {
    name: 'a common type and an entity type of one name',
    explains: (_, d) => d.what === 'schema_to_cedar: accepted / refused' && says(d.theirs, 'There are name collisions'),
  },
];

export const knownName = (c, difference) => kKnown.find((known) => known.explains(c, difference))?.name;
