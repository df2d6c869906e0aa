// Texts made wrong by a token or a character, or not wrong at all: whether they parse is the question.
import {tokensOf} from './render.mjs';

const kTokens = ['(', ')', '{', '}', '[', ']', ',', ';', ':', '::', '.', '==', '!=', '<', '<=', '>', '>=', '&&', '||', '!', '-', '+', '*', '/', '%', '=', '@',
  '?', '?principal', '?resource', '?x', 'if', 'then', 'else', 'in', 'is', 'like', 'has', 'true', 'false', 'when', 'unless', 'permit', 'forbid', 'principal',
  'action', 'resource', 'context', '__cedar', 'x', 'User', 'Action', '"a"', '""', '"\\x41"', '"\\u{1F600}"', '"\\u{d800}"', '"\\x80"', '"\\*"', '"*"', '"\\q"',
  '"\\u{}"', '"\\u{1_0}"', '"\\u{_1}"', '"\\u{1000000}"', '"\\\n"', '"\n"', '"\r"', '0', '1', '007', '9223372036854775807', '9223372036854775808',
  '99999999999999999999', '// c\n', '//', '/*', '\u00a0', '\ufeff', '\u200b', '\0', '#', '$', "'", '"', '|', '&', 'é', '_', 'ip', 'decimal("1.0")', '.contains',
  '.isEmpty()', '.foo()', 'foo()', 'datetime', 'entity', 'type', 'namespace', 'enum', 'tags', 'appliesTo', 'attributes', 'Set', '<', 'Long', 'String', 'Bool',
  'Boolean', 'ipaddr', 'memberOf', 'null', '1.5', '-1', '{}', '[]', '@id("x")', '@id', 'template', '~', '^'];

export function mutated(random, text) {
  const tokens = tokensOf(text);
  const solid = tokens.map((t, i) => (/^\s+$/.test(t) ? -1 : i)).filter((i) => i >= 0);
  for (let i = random.weighted({0: 0.3, 1: 6, 2: 2, 3: 1}); i > 0; --i) {
    const at = random.pick(solid);
    switch (random.below(7)) {
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
