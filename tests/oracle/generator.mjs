// Cases: what one line of the door asks, as plain data with trees in it, so that it can be cut down.
//
// {name, kind, schema, syntax, policies: [tree], templates, links, entities, requests, texts}
import {Expressions} from './expression_gen.mjs';
import {environments, idFor, makeEntities, makeRequest} from './entity_gen.mjs';
import {commented, mutated, mutatedJson} from './mutate.mjs';
import {stringify} from './json.mjs';
import {policyJson} from './est.mjs';
import {Random} from './random.mjs';
import * as render from './render.mjs';
import {actionType, bentSchema, makeSchema, schemaJson, schemaText} from './schema_gen.mjs';
import {kExtensions, kStrings, nearly} from './values.mjs';

const kNotes = ['id', 'if', 'advice', 'in', '__cedar', 'x'];

function scopes(random, schema, env, templated, stray) {
  const uid = (type) => ({t: type, id: idFor(random, schema, type)});
  const head = (name) => {
    const type = random.chance(1 - stray) ? env[name] : random.pick(Object.keys(schema.types));
    const above = () => random.pick([type, ...schema.types[type].parents]);
    const slot = templated.includes(name);
    switch (slot ? random.pick(['==', 'in', 'is in']) : random.weighted({any: 5, '==': 1.5, in: 1.5, is: 2, 'is in': 1})) {
      case '==': return {k: '==', e: uid(type), slot};
      case 'in': return {k: 'in', e: uid(above()), slot};
      case 'is': return {k: 'is', t: type};
      case 'is in': return {k: 'is in', t: type, e: uid(above()), slot};
      default: return {k: 'any'};
    }
  };
  const named = (a) => ({t: actionType(a.ns), id: a.id});
  const action = () => {
    const one = () => (random.chance(1 - stray) ? env.action : random.chance(0.9) ? random.pick(schema.actions) : {ns: 'No', id: 'none'});
    const group = () => (env.action.parents.length && random.chance(0.6) ? random.pick(env.action.parents) : one());
    switch (random.weighted({any: 4, '==': 3, in: 2, list: 2})) {
      case '==': return {k: '==', e: named(one())};
      case 'in': return {k: 'in', e: named(group())};
      case 'list': return {k: 'list', l: Array.from({length: random.weighted({0: 0.4, 1: 2, 2: 3, 3: 1})}, () => named(group())), tc: random.chance(0.1)};
      default: return {k: 'any'};
    }
  };
  return {principal: head('principal'), action: action(), resource: head('resource')};
}

function makePolicy(random, schema, env, options, templated = []) {
  const clauses = Array.from({length: random.weighted({0: 0.6, 1: 5, 2: 2, 3: 0.8})}, () => {
    const expressions = new Expressions(random, schema, env, options);
    return {k: random.chance(0.65) ? 'when' : 'unless', e: expressions.clause(random.between(0, 3))};
  });
  return {
    effect: random.chance(0.6) ? 'permit' : 'forbid',
    notes: random.some(kNotes, 0.06).map((k) => ({k, v: random.chance(0.3) ? null : random.pick(kStrings), s: random.below(2) * random.below(1e6)})),
    ...scopes(random, schema, env, templated, options.wild ? 0.15 : 0.02),
    clauses,
    tc: random.chance(0.05),
  };
}

function templates(random, schema, envs, options) {
  const out = {templates: [], links: []};
  if (!random.chance(0.3)) return out;
  for (let i = random.between(1, 3); i > 0; --i) {
    const slots = random.pick([['principal'], ['resource'], ['principal', 'resource']]);
    const env = random.pick(envs);
    const id = 'template' + i;
    out.templates.push({id, p: makePolicy(random, schema, env, options, slots)});
    for (let j = random.below(4); j > 0; --j) {
      const values = {};
      for (const slot of slots) {
        if (random.chance(0.03)) continue;
        const type = random.chance(0.85) ? env[slot] : random.pick(Object.keys(schema.types));
        values['?' + slot] = {type, id: idFor(random, schema, type)};
      }
      if (random.chance(0.03)) values['?principal'] = {type: 'Nobody', id: 'x'};
      out.links.push({templateId: random.chance(0.02) ? 'missing' : id, newId: random.chance(0.02) ? 'link' : `link${out.links.length}`, values});
    }
  }
  return out;
}

// Expressions of nothing but literals.
const plain = (random, wild) => new Expressions(random, {types: {U: {attrs: [], parents: []}}, commons: {}, actions: []},
  {action: {ns: '', context: {t: 'Rec', f: []}}, principal: 'U', resource: 'U'}, {wild});

// Many policies that each ask about one text, so that each is right or wrong on its own.
function probes(random, kind) {
  const policy = (e) => ({effect: 'permit', principal: {k: 'any'}, action: {k: 'any'}, resource: {k: 'any'}, clauses: [{k: 'when', e}]});
  const str = (v) => ({k: 'str', v, s: random.chance(0.2) ? random.below(1e6) + 1 : 0});
  const one = {
    extension: () => {
      const fn = random.pick(Object.keys(kExtensions));
      const [good, bad] = kExtensions[fn];
      const text = () => (random.chance(0.35) ? random.pick(good) : random.chance(0.5) ? random.pick(bad) : nearly(random, good));
      const value = (v) => ({k: 'fn', n: fn, a: [str(v)]});
      const methods = {decimal: ['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'], ip: ['isInRange'], datetime: [], duration: []}[fn];
      const [left, right] = [value(text()), value(random.pick(good))];
      if (fn === 'ip' && random.chance(0.4)) return {k: 'call', n: random.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']), a: [left]};
      if (methods.length && random.chance(0.6)) return {k: 'call', n: random.pick(methods), a: [left, right]};
      const shown = {
        datetime: [{k: 'call', n: 'toDate', a: [left]}, {k: 'call', n: 'offset', a: [left, {k: 'fn', n: 'duration', a: [str(random.pick(kExtensions.duration[0]))]}]}],
        duration: [{k: 'call', n: random.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']), a: [left]}],
      }[fn];
      if (fn === 'duration' && random.chance(0.4)) return {k: 'rel', op: random.pick(['<', '>=', '==']), a: [shown[0], {k: 'long', v: random.pick(['0', '1', '24', '86400000', '-1'])}]};
      if (fn === 'datetime' && random.chance(0.3)) {
        return {k: 'rel', op: random.pick(['<', '==', '>=']), a: [random.pick([{k: 'call', n: 'durationSince', a: [left, right]}, {k: 'call', n: 'toTime', a: [left]}]),
          {k: 'fn', n: 'duration', a: [str(random.pick(kExtensions.duration[0]))]}]};
      }
      const first = shown && fn === 'datetime' && random.chance(0.5) ? random.pick(shown) : left;
      return {k: 'rel', op: random.pick(fn === 'ip' || fn === 'decimal' ? ['==', '!='] : ['==', '!=', '<', '<=', '>', '>=']), a: [first, right]};
    },
    like: () => {
      const pieces = [...'ab*\\ü'].concat(['\u0308', '😀', '\n', '']);
      const text = Array.from({length: random.below(6)}, () => random.pick(pieces)).join('');
      const pat = Array.from({length: random.below(6)}, () => (random.chance(0.4) ? null : random.pick(pieces)));
      return {k: 'like', a: [str(text)], pat, s: random.chance(0.5) ? random.below(1e6) + 1 : 0};
    },
    arithmetic: () => {
      const e = plain(random, 0.01);
      return {k: 'rel', op: random.pick(['==', '<', '>=', '!=']), a: [e.arithmetic(2), e.make({t: 'Long'}, 1)]};
    },
    equality: () => {
      const e = plain(random, 0.15);
      const type = e.anyType(1);
      const left = e.make(type, 2);
      return random.chance(0.5) ? {k: 'rel', op: '==', a: [left, random.chance(0.3) ? left : e.make(type, 2)]}
        : {k: 'call', n: random.pick(['contains', 'containsAll', 'containsAny']), a: [e.make({t: 'Set', e: type}, 2), random.chance(0.5) ? left : e.make({t: 'Set', e: type}, 2)]};
    },
  }[kind];
  const policies = Array.from({length: 20}, () => policy(one()));
  const uid = (type) => ({type, id: 'a'});
  return {kind, policies, templates: [], links: [], entities: [], schema: null,
    requests: [{principal: uid('User'), action: uid('Action'), resource: uid('Doc'), context: {}}]};
}

export function makeCase(seed, number) {
  const random = new Random(BigInt(seed) * 1000003n + BigInt(number));
  const kind = random.weighted({typed: 42, untyped: 20, extension: 7, like: 4, arithmetic: 4, equality: 6, texts: 8, schemas: 4, est: 4, formats: 3});
  const name = `${seed}/${number}`;
  if (['extension', 'like', 'arithmetic', 'equality'].includes(kind)) return {name, ...probes(random, kind)};
  const schema = makeSchema(random);
  const envs = environments(schema);
  const typed = kind !== 'untyped';
  const wildness = random.pick([0, 0, 0.01, 0.04, 0.12]);
  const options = {wild: wildness, odd: wildness ? 0.3 : 0};
  const count = random.weighted({1: 4, 2: 2, 4: 2, 7: 1.5, 15: 0.4, 30: 0.2});
  const policies = Array.from({length: random.between(1, Number(count))}, () => makePolicy(random, schema, random.pick(envs), options));
  if (kind === 'texts') {
    const source = policies.slice(0, random.chance(0.8) ? 1 : 3).map(render.policy).join('\n');
    return {name, kind, texts: Array.from({length: 20}, () => mutated(random, source)), json: random.chance(0.3)};
  }
  if (kind === 'est') {
    return {name, kind, texts: Array.from({length: 10}, () => stringify(mutatedJson(random, policyJson(random.pick(policies)))))};
  }
  if (kind === 'formats') {
    return {name, kind, texts: Array.from({length: 5}, () => commented(random, policies.slice(0, random.between(1, 3)).map(render.policy).join('\n')))};
  }
  if (kind === 'schemas') {
    const texts = Array.from({length: 10}, () => {
      const bent = random.chance(0.6) ? bentSchema(random, schema) : schema;
      if (random.chance(0.4)) return JSON.stringify(random.chance(0.6) ? mutatedJson(random, schemaJson(bent)) : schemaJson(bent));
      return random.chance(0.4) ? mutated(random, schemaText(bent)) : schemaText(bent);
    });
    return {name, kind, texts};
  }
  const entityWild = random.pick([0, 0, 0, 0, 0.02, 0.1]);
  const requestWild = random.pick([0, 0.05, 0.2]);
  return {
    name, kind,
    schema: typed ? schema : null,
    syntax: random.chance(0.6) ? 'cedar' : 'json',
    policies,
    ...templates(random, schema, envs, options),
    policySyntax: random.weighted({text: 5, set: 1.5, json: 1.5}),
    extra: random.chance(0.35) ? random.between(1, 999) : 0,
    trivia: random.chance(0.15) ? random.below(1e9) : 0,
    entities: makeEntities(random, schema, entityWild),
    requests: Array.from({length: random.between(1, 6)}, () => makeRequest(random, schema, random.pick(envs), requestWild)),
  };
}

