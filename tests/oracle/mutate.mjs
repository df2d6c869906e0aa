// Texts made wrong by a token or a character, or not wrong at all: whether they parse is the question.
import {tokensOf} from './render.mjs';

const kTokens = ['(', ')', '{', '}', '[', ']', ',', ';', ':', '::', '.', '==', '!=', '<', '<=', '>', '>=', '&&', '||', '!', '-', '+', '*', '/', '%', '=', '@',
  '?', '?principal', '?resource', '?x', 'if', 'then', 'else', 'in', 'is', 'like', 'has', 'true', 'false', 'when', 'unless', 'permit', 'forbid', 'principal',
  'action', 'resource', 'context', '__cedar', 'x', 'User', 'Action', '"a"', '""', '"\\x41"', '"\\u{1F600}"', '"\\u{d800}"', '"\\x80"', '"\\*"', '"*"', '"\\q"',
  '"\\u{}"', '"\\u{1_0}"', '"\\u{_1}"', '"\\u{1000000}"', '"\\\n"', '"\n"', '"\r"', '0', '1', '007', '9223372036854775807', '9223372036854775808',
  '99999999999999999999', '// c\n', '//', '/*', '\u00a0', '\ufeff', '\u200b', '\0', '#', '$', "'", '"', '|', '&', 'é', '_', 'ip', 'decimal("1.0")', '.contains',
  '.isEmpty()', '.foo()', 'foo()', 'datetime', 'entity', 'type', 'namespace', 'enum', 'tags', 'appliesTo', 'attributes', 'Set', '<', 'Long', 'String', 'Bool',
  'Boolean', 'ipaddr', 'memberOf', 'null', '1.5', '-1', '{}', '[]', '@id("x")', '@id', 'template', '~', '^'];

// Tokens that may well stand for one another: most such changes still parse, or fail for a deeper reason.
const kClasses = [
  ['==', '!=', '<', '<=', '>', '>=', 'in', '=='], ['&&', '||'], ['+', '-', '*', '/'], ['when', 'unless'], ['permit', 'forbid'],
  ['principal', 'action', 'resource', 'context', '?principal'], ['!', '-', '!!', '--', '----', '-----', '!-'], ['[', '{', '('], [']', '}', ')'], [',', ',,', ', ,'],
  ['true', 'false', 'if', 'x', 'has', 'like', 'is'], ['Set', 'Long', 'String', 'Bool', '__cedar::Long', 'ipaddr', 'User', 'Action', 'Record'],
];
const kStringTokens = kTokens.filter((t) => t.length > 1 && t.startsWith('"'));

function kin(random, token) {
  if (token.startsWith('"')) return random.chance(0.6) ? random.pick(kStringTokens) : token.slice(0, -1) + random.pick(kStringTokens).slice(1);
  if (/^\d/.test(token)) return random.pick(['0', '00', '1', '9223372036854775807', '9223372036854775808', '-1', '1.0']);
  const among = kClasses.find((list) => list.includes(token));
  if (among) return random.pick(among);
  return random.pick(['x', 'y::z', 'context', 'contains', 'isEmpty', 'lessThan', 'ip', 'decimal', '_', 'User', 'Action']);
}

export function mutated(random, text) {
  const tokens = tokensOf(text);
  const solid = tokens.map((t, i) => (/^\s+$/.test(t) ? -1 : i)).filter((i) => i >= 0);
  for (let i = random.weighted({0: 0.3, 1: 6, 2: 2, 3: 1}); i > 0; --i) {
    const at = random.pick(solid);
    switch (random.below(12)) {
      case 0: tokens[at] = ''; break;
      case 1: tokens[at] += ' ' + tokens[at]; break;
      case 2: { const other = random.pick(solid); [tokens[at], tokens[other]] = [tokens[other], tokens[at]]; break; }
      case 3: tokens[at] = random.pick(kTokens); break;
      case 4: tokens[at] += random.chance(0.5) ? ' ' + random.pick(kTokens) : random.pick(kTokens); break;
      case 5: { // an identifier of the text itself: names that exist elsewhere
        const word = tokens[random.pick(solid)];
        tokens[at] = word;
        break;
      }
      case 6: case 7: case 8: case 9: case 10: tokens[at] = kin(random, tokens[at]); break;
      default: { // inside the token
        const t = [...tokens[at]];
        const where = random.below(t.length + 1);
        t.splice(where, random.below(2), random.pick([...'\\"*a1:. {}u\n_x']));
        tokens[at] = t.join('');
      }
    }
  }
  return tokens.join('');
}

// The same policies with comments and line ends in places people put them, and in others.
export function commented(random, text) {
  const dense = random.pick([0, 0.02, 0.1, 0.4]);
  return tokensOf(text).map((token) => {
    if (!random.chance(dense)) return token;
    const note = '//' + random.pick(['', ' x', ' a longer remark on what comes next', ' "quoted"', '/', ' ü  ']);
    return random.pick([token + ' ' + note + '\n', '\n' + note + '\n' + token, '\n' + note + '\n' + note + '\n' + token, token + '\n\n', '\n' + token]);
  }).join('');
}

const kAtoms = [null, true, 0, 1, -1, 1.5, '', 'x', 'Long', 'String', 'Boolean', 'Bool', 'Set', 'Record', 'Entity', 'Extension', 'EntityOrCommon', 'ipaddr',
  'User', 'App::User', 'Action', 'A B', '__cedar', '__cedar::Long', 'in', [], {}, ['x'], {type: 'Long'}, {type: 'String', required: false}, {type: 'Set'},
  {type: 'Record', attributes: {}}, {type: 'Entity', name: 'User'}, {Value: 1}, {Var: 'principal'}, {Var: 'self'}, {Slot: '?principal'}, {Unknown: 'x'},
  {'==': {left: {Value: 1}, right: {Value: 2}}}, {ip: [{Value: '::1'}]}, {isIpv4: []}, {foo: [{Value: 1}]}, {entity: {type: 'User', id: 'a'}}, {slot: '?principal'},
  {slot: '?resource'}, {__entity: {type: 'User', id: 'a'}}, {__extn: {fn: 'ip', arg: '::1'}}, {Literal: 'x'}, 'Wildcard', {op: 'All'}, '==', 'All', 'permit'];
const kKeys = ['type', 'name', 'attributes', 'required', 'element', 'annotations', 'shape', 'tags', 'enum', 'memberOf', 'memberOfTypes', 'appliesTo', 'context',
  'principalTypes', 'resourceTypes', 'additionalAttributes', 'id', 'x', '', 'effect', 'principal', 'conditions', 'op', 'entity', 'entities', 'slot', 'entity_type',
  'in', 'left', 'right', 'arg', 'attr', 'pattern', 'Value', 'Var', 'Set', 'if-then-else', '==', '!', 'neg', 'is', 'like', 'has', '.', 'contains', 'decimal'];

// A JSON value with some of its places changed: a member gone, added or renamed, a value replaced by another or by one
// from elsewhere in it. Never a duplicate key: the official engine is given objects and could not see one.
export function mutatedJson(random, value, times = random.weighted({0: 0.3, 1: 6, 2: 2, 3: 1})) {
  let root = structuredClone(value);
  for (; times > 0; --times) {
    const places = [];
    const walk = (holder) => {
      for (const key of Object.keys(holder)) {
        places.push([holder, key]);
        if (holder[key] && typeof holder[key] === 'object') walk(holder[key]);
      }
    };
    walk({root});
    const [holder, key] = random.pick(places);
    if (key === 'root' && holder.root === root) continue;
    switch (random.below(6)) {
      case 0: Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]; break;
      case 1: holder[key] = structuredClone(random.pick(kAtoms)); break;
      case 2: { const [from, which] = random.pick(places); holder[key] = structuredClone(from[which]); break; }
      case 3: if (holder[key] && typeof holder[key] === 'object' && !Array.isArray(holder[key])) holder[key][random.pick(kKeys)] = structuredClone(random.pick(kAtoms)); break;
      case 4: if (!Array.isArray(holder)) { holder[random.pick(kKeys)] = holder[key]; delete holder[key]; } break;
      default: if (Array.isArray(holder)) holder.push(structuredClone(holder[key])); else holder[key] = structuredClone(random.pick(kAtoms));
    }
  }
  return root;
}
