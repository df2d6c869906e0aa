// Differences that are meant. Each is explained in README.md under the same name, and recognised by exactly its own shape:
// whatever else differs is a failure.
export const kKnown = [];

export const knownName = (c, difference) => kKnown.find((known) => known.explains(c, difference))?.name;
