// A case → what both engines are asked.
//
// {door: line for `policy authorize --jsonl`, ops: [what cedar_ops is asked], policies: the same set as cedar-wasm takes it}
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
  return {door, policies, ops: opsOfCase(c, statics, templates, schema, json)};
}

function opsOfTexts(c) {
  if (c.kind === 'schemas') {
    return c.texts.flatMap((text) => [{op: 'schema', text}, {op: 'schema_to_json', text}, {op: 'schema_to_cedar', text}]);
  }
  return c.texts.map((text) => ({op: 'policies', text}));
}

function opsOfCase(c, statics, templates, schema, json) {
  return [];
}
