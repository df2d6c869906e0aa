// A case → what both engines are asked.
//
// {door: line for `policy authorize --jsonl`, ops: [what cedar_ops is asked], policies: the same set as cedar-wasm takes it}
import {parse} from './json.mjs';
import {policyJson} from './est.mjs';
import {policy as policyText, withTrivia} from './render.mjs';
import {schemaJson, schemaText} from './schema_gen.mjs';

export function linesOf(c) {
  if (c.texts) return {door: null, ops: opsOfTexts(c)};
  const json = c.policySyntax === 'json' || c.policySyntax === 'set';
  const written = c.policySyntax === 'json' ? policyJson : (p) => (c.trivia ? withTrivia(policyText(p), c.trivia) : policyText(p));
  const statics = c.policies.map(written);
  const templates = (c.templates ?? []).map((t) => ({id: t.id, text: written(t.p)}));
  const schema = c.schema ? (c.syntax === 'json' ? schemaJson(c.schema) : schemaText(c.schema)) : c.schemaText;
  const door = {entities: c.entities, requests: c.requests, ...(schema === undefined ? {} : {schema})};
  let policies;
  if (json) {
    policies = {
      staticPolicies: Object.fromEntries(statics.map((p, i) => ['policy' + i, p])),
      templates: Object.fromEntries(templates.map((t) => [t.id, t.text])),
      templateLinks: c.links ?? [],
    };
    door.policies = policies;
  } else {
    // Templates stand behind the policies: their places count, and nothing links them.
    policies = {
      staticPolicies: statics.join('\n'),
      templates: Object.fromEntries(templates.map((t, i) => ['policy' + (statics.length + i), t.text])),
      templateLinks: [],
    };
    door.policies = [...statics, ...templates.map((t) => t.text)].join('\n');
  }
  return {door, policies, ops: opsOfCase(c, json ? null : door.policies)};
}

function opsOfTexts(c) {
  if (c.kind === 'schemas') {
    return c.texts.flatMap((text) => [{op: 'schema', text}, {op: 'schema_to_json', text}, {op: 'schema_to_cedar', text}]);
  }
  if (c.kind === 'est') return c.texts.map((text) => ({op: 'to_text', json: parse(text), template: 'either'}));
  if (c.kind === 'formats') return c.texts.map((text, i) => ({op: 'format', text, width: [80, 40, 100, 20, 60][i % 5], indent: [2, 4, 0, 1][i % 4]}));
  return c.texts.map((text) => ({op: 'policies', text}));
}

// Of every case with `extra`, its first policy and template through the translations, and all of it through the formatter.
function opsOfCase(c, texts) {
  if (!c.extra) return [];
  const out = [];
  const [policy] = c.policies;
  if (policy) out.push({op: 'to_json', text: policyText(policy)}, {op: 'to_text', json: policyJson(policy)});
  const [template] = c.templates ?? [];
  if (template) out.push({op: 'to_json', text: policyText(template.p), template: true}, {op: 'to_text', json: policyJson(template.p), template: true});
  if (texts) out.push({op: 'format', text: texts, width: c.extra % 3 ? 80 : 20 + (c.extra % 90), indent: c.extra % 5});
  if (c.schema && c.extra % 4 === 0) {
    const text = c.syntax === 'json' ? JSON.stringify(schemaJson(c.schema)) : schemaText(c.schema);
    out.push({op: 'schema_to_json', text}, {op: 'schema_to_cedar', text});
  }
  return out;
}
