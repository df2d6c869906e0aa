// Differences that are meant. Each is explained in README.md under the same name, and recognised by exactly its own shape:
// whatever else differs is a failure.
import {tokensOf} from './render.mjs';

const says = (value, text) => typeof value === 'string' && value.includes(text);

const trimmed = (text) => text.replace(/[ \t]+$/gm, '');
// The layout but for where a comment stands that follows a string.
const glued = (text) => trimmed(text).replace(/"[ \t\n]*\/\//g, '"//');
const kCommentAtLastComma = /,\s*(\/\/[^\n]*\n\s*)+[)\]}]|\/\/[^\n]*\n\s*,\s*(\/\/[^\n]*\n\s*)*[)\]}]/;
const solid = (text) => tokensOf(text).filter((token) => !/^(\s+|,|\/\/.*)$/.test(token)).join(' ');
const comments = (text) => tokensOf(text).filter((token) => token.startsWith('//')).length;

// The value a message ".resource.entity: expected an entity…" is about.
function placeOf(json, message) {
  const path = /^((?:\.[^.[\]]+|\[\d+\])+): expected an (?:entity|object)/.exec(message)?.[1];
  return path && [...path.matchAll(/[^.[\]]+/g)].reduce((at, [key]) => at?.[key], json);
}

// Whether an escape holds, beside its type and id, something that is no Cedar value: a fraction or null.
function hasOddCompany(json) {
  if (json === null || typeof json !== 'object') return false;
  const odd = (value) => value === null || (typeof value === 'number' && !Number.isInteger(value)) ||
    (typeof value === 'object' && Object.values(value).some(odd));
  const escape = json.__entity;
  const company = escape && typeof escape === 'object' ? Object.entries(escape).filter(([key]) => key !== 'type' && key !== 'id') : [];
  return company.some(([, value]) => odd(value)) || Object.values(json).some(hasOddCompany);
}

export const kKnown = [
  {
    name: 'a schema only JSON can express',
    explains: (_, d) => d.what === 'schema_to_cedar: refused / accepted' && says(d.ours, "Cedar's syntax cannot"),
  },
  {
    name: 'an array in place of an object',
    explains: (_, d, op) => (d.what.startsWith('schema') && d.what.endsWith(': refused / accepted') && says(d.ours, 'expected an object, found an array')) ||
      (d.what === 'to_text: refused / accepted' && Array.isArray(placeOf(op.json, d.ours))),
  },
  {
    name: 'a common type and an entity type of one name',
    explains: (_, d) => d.what === 'schema_to_cedar: accepted / refused' && says(d.theirs, 'There are name collisions'),
  },
  {
    name: 'a method without a receiver',
    explains: (_, d) => d.what === 'to_text: refused / accepted' && says(d.ours, 'needs what it is called on') && says(d.theirs?.json, 'is a method, not a function'),
  },
  {
    name: 'a `has` path of names that are none',
    explains: (_, d) => d.what === 'to_text: json' && says(d.theirs, 'invalid RHS of a `has` operation'),
  },
  {
    name: 'a fraction or null that nobody reads',
    explains: (_, d, op) => d.what === 'to_text: accepted / refused' && says(d.theirs, 'RawCedarValueJson') && hasOddCompany(op.json),
  },
  {
    name: 'blanks the official formatter leaves',
    explains: (_, d) => d.what === 'format: text' && d.ours === trimmed(d.theirs),
  },
  {
    name: 'a comment the official formatter moves behind a string',
    explains: (_, d) => d.what === 'format: text' && glued(d.ours) === glued(d.theirs),
  },
  {
    name: 'a comment the official formatter loses',
    explains: (_, d, op) => d.what === 'format: text' && solid(d.ours) === solid(d.theirs) && comments(d.theirs) < comments(op.text) && comments(d.ours) === comments(op.text),
  },
  {
    name: 'a comment beside a comma that goes',
    explains: (_, d, op) => d.what === 'format: text' && kCommentAtLastComma.test(op.text) && solid(d.ours) === solid(d.theirs) && comments(d.ours) === comments(op.text),
  },
];

// `ops`: what cedar_ops was asked.
export const knownName = (c, difference, ops) => kKnown.find((known) => known.explains(c, difference, ops[difference.at]))?.name;
