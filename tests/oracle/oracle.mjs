// The official engine in a process of its own: a JSON object a line in, a line out, in order.
//
// in:  {door, policies, ops} as lines.mjs makes them (door null: nothing to decide)
// out: {door: {error: "policies"|"schema"|"entities", message} | {valid, validation, responses: […]}, ops: […]}
//      or {crashed: message}, after which the process ends: a wasm instance that trapped cannot be used again.
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';
import {answerOp} from './oracle_ops.mjs';
import {parseRaw, stringify} from './json.mjs';

const cedar = createRequire(new URL('../e2e/', import.meta.url))('@cedar-policy/cedar-wasm/nodejs');
const messages = (answer) => (answer.errors ?? []).map((e) => e.message).join('; ');

// The glue throws what it cannot even convert; that is a refusal. A trap is not.
export function call(make) {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError) throw thrown;
    return {type: 'failure', errors: [{message: String(thrown?.message ?? thrown)}]};
  }
}

function door(line, policies) {
  const refused = (part, answer) => ({error: part, message: messages(answer)});
  const parsed = call(() => cedar.preparsePolicySet('p', policies));
  if (parsed.type !== 'success') return refused('policies', parsed);
  const schema = line.schema;
  const out = {valid: true, validation: [], responses: []};
  if (schema !== undefined) {
    const read = call(() => cedar.preparseSchema('s', schema));
    if (read.type !== 'success') return refused('schema', read);
  }
  const entities = call(() => cedar.checkParseEntities({entities: line.entities, ...(schema === undefined ? {} : {schema})}));
  if (entities.type !== 'success') return refused('entities', entities);
  if (schema !== undefined) {
    const answer = call(() => cedar.validate({schema, policies}));
    if (answer.type !== 'success') return refused('policies', answer);
    out.valid = answer.validationErrors.length === 0;
    out.validation = answer.validationErrors.map((e) => `${e.policyId}: ${e.error.message}`);
  }
  for (const r of line.requests) {
    const answer = call(() => cedar.statefulIsAuthorized({principal: r.principal, action: r.action, resource: r.resource, context: r.context ?? {},
      ...(schema === undefined ? {} : {preparsedSchemaName: 's', validateRequest: r.validate ?? true}), preparsedPolicySetId: 'p', entities: line.entities}));
    if (answer.type !== 'success') {
      out.responses.push({error: messages(answer)});
      continue;
    }
    const {decision, diagnostics} = answer.response;
    out.responses.push({decision, reason: diagnostics.reason.sort(), errors: diagnostics.errors.map((e) => e.policyId).sort()});
  }
  return out;
}

const input = createInterface({input: process.stdin, crlfDelay: Infinity});
for await (const text of input) {
  try {
    const {door: line, policies, ops} = parseRaw(text);
    const answer = {door: line ? door(line, policies) : null, ops: ops.map((op) => answerOp(cedar, call, op))};
    process.stdout.write(stringify(answer) + '\n');
  } catch (crash) {
    process.stdout.write(stringify({crashed: String(crash?.message ?? crash)}) + '\n', () => process.exit(0));
    break;
  }
}
