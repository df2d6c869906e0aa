// Trees → Cedar text. A tree is plain data ({k: kind, a: operands, …}), so that it can be cut down and kept as JSON.
import {Random} from './random.mjs';

export const kReserved = new Set(['if', 'true', 'false', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar']);
export const isIdentifier = (text) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
export const isPlain = (text) => isIdentifier(text) && !kReserved.has(text);

// Levels of the grammar: what an operand must at least bind like.
const kIf = 0, kOr = 1, kAnd = 2, kRelation = 3, kSum = 4, kProduct = 5, kUnary = 6, kMember = 7;

const kNamed = {'\0': '\\0', '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\', "'": "\\'"};

function escapeChar(char, random) {
  const code = char.codePointAt(0);
  const must = char === '"' || char === '\\' || char === '\r';
  if (!must && !(random && random.chance(0.4))) return char === '\0' ? '\\0' : char;
  const forms = [];
  if (kNamed[char]) forms.push(kNamed[char]);
  if (random || !forms.length) {
    if (code <= 0x7f) forms.push('\\x' + code.toString(16).padStart(2, '0'));
    forms.push('\\u{' + code.toString(16) + '}', '\\u{' + code.toString(16).toUpperCase().padStart(4, '0') + '}');
    if (code > 0xff) forms.push('\\u{' + code.toString(16).replace(/(.)(.)$/, '$1_$2_') + '}');
  }
  return random ? random.pick(forms) : forms[0];
}

// `style`: 0 writes as little as possible as an escape; any other number is a seed of ways to write.
export function quote(text, style = 0) {
  const random = style ? new Random(style) : null;
  return '"' + [...text].map((char) => escapeChar(char, random)).join('') + '"';
}

// A pattern is a list of texts with null for each `*`. An escape that spells a star is a wildcard too; only `\*` is not.
function pattern(parts, style) {
  const random = style ? new Random(style) : null;
  const literal = (text) => [...text].map((c) => (c === '*' ? '\\*' : escapeChar(c, random))).join('');
  const star = () => (random && random.chance(0.3) ? random.pick(['\\x2a', '\\u{2a}', '\\u{002A}']) : '*');
  return '"' + parts.map((part) => (part === null ? star() : literal(part))).join('') + '"';
}

const levels = {
  if: () => kIf, or: () => kOr, and: () => kAnd, rel: () => kRelation, has: () => kRelation, like: () => kRelation,
  is: () => kRelation, add: () => kSum, mul: () => kProduct, neg: () => kUnary, not: () => kUnary,
  long: (e) => (BigInt(e.v) < 0n ? kUnary : kMember + 1),
};
const levelOf = (e) => (e.p ? kMember + 1 : levels[e.k] ? levels[e.k](e) : kMember + 1);

function list(items, e) { return items.join(', ') + (e.tc && items.length ? ',' : ''); }

export function expr(e, least = kIf) {
  const text = bare(e);
  return (e.p || levelOf(e) < least) ? '(' + text + ')' : text;
}

function bare(e) {
  const a = (i, level = kIf) => expr(e.a[i], level);
  switch (e.k) {
    case 'bool': return String(e.v);
    case 'long': return String(e.v);
    case 'str': return quote(e.v, e.s);
    case 'ent': return uid(e);
    case 'var': return e.n;
    case 'slot': return '?' + e.n;
    case 'if': return `if ${a(0)} then ${a(1)} else ${a(2)}`;
    case 'or': return e.a.map((x) => expr(x, kAnd)).join(' || ');
    case 'and': return e.a.map((x) => expr(x, kRelation)).join(' && ');
    case 'rel': return `${a(0, kSum)} ${e.op} ${a(1, kSum)}`;
    case 'has':
      return `${a(0, kSum)} has ` + (e.path.length === 1 && (e.q || !isPlain(e.path[0]))
        ? quote(e.path[0], e.s) : e.path.join('.'));
    case 'like': return `${a(0, kSum)} like ${pattern(e.pat, e.s)}`;
    case 'is': return `${a(0, kSum)} is ${e.t}` + (e.a.length > 1 ? ` in ${a(1, kSum)}` : '');
    case 'add': return e.a.map((x, i) => (i ? ` ${e.ops[i - 1]} ` : '') + expr(x, kProduct)).join('');
    case 'mul': return e.a.map((x) => expr(x, kUnary)).join(' * ');
    case 'neg': return '-' + operand(e.a[0], 'neg');
    case 'not': return '!' + operand(e.a[0], 'not');
    case 'get': return a(0, kMember) + (e.q || !isPlain(e.n) ? `[${quote(e.n, e.s)}]` : '.' + e.n);
    case 'call': return `${a(0, kMember)}.${e.n}(${list(e.a.slice(1).map((x) => expr(x)), e)})`;
    case 'fn': return `${e.n}(${list(e.a.map((x) => expr(x)), e)})`;
    case 'set': return `[${list(e.a.map((x) => expr(x)), e)}]`;
    case 'rec':
      return `{${list(e.a.map((x, i) => (e.q || !isPlain(e.keys[i]) ? quote(e.keys[i], e.s) : e.keys[i]) + ': ' + expr(x)), e)}}`;
    case 'raw': return e.v;
    default: throw new Error('no such kind: ' + e.k);
  }
}

// `!` and `-` may be repeated, at most four times, and not mixed.
function operand(e, kind) {
  if (e.p) return expr(e);
  if (e.k === kind) {
    let depth = 1;
    for (let at = e; at.k === kind && !at.p; at = at.a[0]) ++depth;
    if (depth <= 4) return bare(e);
    return '(' + bare(e) + ')';
  }
  if (e.k === 'long' && kind === 'neg' && BigInt(e.v) < 0n) return '(' + bare(e) + ')';
  return expr(e, kMember);
}

export const uid = (e) => `${e.t}::${quote(e.id, e.s)}`;

function scope(name, s) {
  const target = s.slot ? '?' + name : s.e && uid(s.e);
  switch (s.k) {
    case 'any': return name;
    case '==': return `${name} == ${target}`;
    case 'in': return `${name} in ${target}`;
    case 'list': return `${name} in [${list(s.l.map(uid), s)}]`;
    case 'is': return `${name} is ${s.t}`;
    case 'is in': return `${name} is ${s.t} in ${target}`;
    default: throw new Error('no such scope: ' + s.k);
  }
}

export function policy(p) {
  const notes = (p.notes ?? []).map((n) => `@${n.k}` + (n.v === null ? '' : `(${quote(n.v, n.s)})`) + '\n').join('');
  const heads = ['principal', 'action', 'resource'].map((name) => scope(name, p[name])).join(', ');
  const clauses = (p.clauses ?? []).map((c) => `\n${c.k} { ${expr(c.e)} }`).join('');
  return `${notes}${p.effect} (${heads}${p.tc ? ',' : ''})${clauses};`;
}

// Pieces of text with white space and comments between any two tokens: the same policies, written worse.
export const tokensOf = (text) =>
  text.match(/"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n]*|[A-Za-z_][A-Za-z0-9_]*|\d+|\?[a-z]+|::|==|!=|<=|>=|&&|\|\||\s+|[\s\S]/gu) ?? [];

export function withTrivia(text, seed) {
  const random = new Random(seed);
  const trivia = [' ', '  ', '\n', '\t', '\r\n', '// note\n', '// "quoted" /* */ ü\n', '\u00a0', '\u2003', '\n\n'];
  return tokensOf(text).map((token) => (/^\s+$/.test(token) || random.chance(0.85) ? token : random.pick(trivia) + token))
    .join('');
}
