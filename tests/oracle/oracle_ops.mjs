// What cedar_ops is asked, answered by the official engine in the same shape.
//
// `op.ours` is what cedar_ops answered. Where two texts may differ and mean the same, both are read by the official engine,
// and an answer's `ours` says what it makes of our text.
import {parseRaw} from './json.mjs';

const messages = (answer) => (answer.errors ?? []).map((e) => e.message).join('; ');

// A schema text as the glue takes it: Cedar text, or an object when it begins with a brace.
function schemaOf(text) {
  if (!/^\s*\{/.test(text)) return text;
  try {
    return parseRaw(text);
  } catch {
    return null;
  }
}
const refused = (answer) => ({ok: false, message: messages(answer)});

function resolved(cedar, call, text) {
  const answer = call(() => cedar.schemaToJsonWithResolvedTypes(text));
  if (answer.type !== 'success') return messages(answer);
  for (const [space, {actions}] of Object.entries(answer.json)) {
    for (const group of Object.values(actions).flatMap((action) => action.memberOf ?? [])) group.type ??= space ? `${space}::Action` : 'Action';
  }
  // `__cedar::Long` and `Long` are one where nothing declared is called Long.
  const declared = new Set(Object.values(answer.json).flatMap((space) => [...Object.keys(space.commonTypes ?? {}), ...Object.keys(space.entityTypes)]));
  return JSON.parse(JSON.stringify(answer.json), (key, value) =>
    key === 'type' && typeof value === 'string' && value.startsWith('__cedar::') && !declared.has(value.slice(9)) ? value.slice(9) : value);
}

const kOps = {
  // Whether a policy set text (with or without templates) parses.
  policies: (cedar, call, {text}) => {
    const answer = call(() => cedar.policySetTextToParts(text));
    return answer.type === 'success' ? {ok: true} : {ok: false, message: messages(answer)};
  },
  // One policy or template, from text to JSON.
  to_json: (cedar, call, {text, template}) => {
    const answer = call(() => (template ? cedar.templateToJson(text) : cedar.policyToJson(text)));
    return answer.type === 'success' ? {ok: true, json: answer.json} : refused(answer);
  },
  // From JSON to text: the texts may differ in parentheses, so both are read again. `template`: true, false or 'either'.
  to_text: (cedar, call, {json, template, ours}) => {
    let answer = {};
    if (template !== true) answer = call(() => cedar.policyToText(json));
    if (template && answer.type !== 'success') {
      const other = call(() => cedar.templateToText(json));
      template = other.type === 'success' || template === true;
      if (template) answer = other;
    } else {
      template = false;
    }
    if (answer.type !== 'success') return refused(answer);
    const read = (text) => {
      const again = call(() => (template ? cedar.templateToJson(text) : cedar.policyToJson(text)));
      return again.type === 'success' ? again.json : messages(again);
    };
    return {ok: true, json: read(answer.text), ours: ours.ok ? {json: read(ours.text)} : {}};
  },
  format: (cedar, call, {text, width, indent}) => {
    const answer = call(() => cedar.formatPolicies({policyText: text, lineWidth: width, indentWidth: indent}));
    return answer.type === 'success' ? {ok: true, text: answer.formatted_policy, stable: true} : refused(answer);
  },
  // Whether a schema text parses, in either syntax.
  schema: (cedar, call, {text}) => {
    const schema = schemaOf(text);
    if (schema === null) return {ok: false, message: 'not JSON'};
    const answer = call(() => cedar.checkParseSchema(schema));
    return answer.type === 'success' ? {ok: true} : refused(answer);
  },
  schema_to_json: (cedar, call, {text}) => {
    const answer = call(() => cedar.schemaToJson(schemaOf(text)));
    return answer.type === 'success' ? {ok: true, json: answer.json} : refused(answer);
  },
  // Two texts that declare the same may be written differently (`Bool` or `__cedar::Bool`, `"g"` or `Action::"g"`), so what is
  // compared is what the official engine resolves both to.
  schema_to_cedar: (cedar, call, {text, ours}) => {
    const answer = call(() => cedar.schemaToText(schemaOf(text)));
    if (answer.type !== 'success') return refused(answer);
    return {ok: true, json: resolved(cedar, call, answer.text), ours: ours.ok ? {json: resolved(cedar, call, ours.text)} : {}};
  },
};

export const answerOp = (cedar, call, op) => kOps[op.op](cedar, call, op);
