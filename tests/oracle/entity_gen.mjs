// Values, entities and requests that fit a schema, or nearly.
import {kDatetimes, kDecimals, kDurations, kIds, kIps, kLongs, kStrings} from './values.mjs';
import {actionType, resolve} from './schema_gen.mjs';

const kGood = {decimal: kDecimals, ipaddr: kIps, datetime: kDatetimes, duration: kDurations};

export const idFor = (random, schema, type) => {
  const info = schema.types[type];
  if (info?.enum && !random.chance(0.05)) return random.pick(info.enum);
  return random.chance(0.8) ? random.pick(kIds.slice(0, 3)) : random.pick(kIds);
};

// A value of the type in Cedar's JSON. `wild`: how often something else is written instead.
export function valueJson(random, schema, type, wild) {
  if (random.chance(wild)) {
    return random.pick([true, 0, 'x', [], {}, [1, 'a'], {a: 1}, null, 1.5, 9223372036854775808n, {__extn: {fn: 'ip', arg: 'x'}},
      {__entity: {type: 'User', id: 'a'}}, {__entity: {type: 'No Such', id: 'a'}}, {__expr: 'User::"a"'}, {__extn: {fn: 'decimal', arg: '1.0'}},
      {type: 'User', id: 'a'}, {fn: 'ip', arg: '::1'}, {__extn: {fn: 'offset', args: [{__extn: {fn: 'datetime', arg: '2024-01-01'}}, {__extn: {fn: 'duration', arg: '1d'}}]}}]);
  }
  type = resolve(schema, type);
  switch (type.t) {
    case 'Bool': return random.chance(0.5);
    case 'Long': return random.pick(kLongs);
    case 'String': return random.pick(kStrings);
    case 'Ent': {
      const uid = {type: type.n, id: idFor(random, schema, type.n)};
      return random.chance(0.8) ? {__entity: uid} : uid;
    }
    case 'Set': return Array.from({length: random.below(4)}, () => valueJson(random, schema, type.e, wild));
    case 'Rec': return recordJson(random, schema, type.f, wild);
    default: {
      const fn = type.t === 'ipaddr' ? 'ip' : type.t;
      const arg = random.pick(kGood[type.t]);
      return random.weighted({full: 8, implicit: 1, bare: 1}) === 'full' ? {__extn: {fn, arg}} : random.chance(0.5) ? arg : {fn, arg};
    }
  }
}

export function recordJson(random, schema, fields, wild) {
  const out = {};
  for (const [name, type, optional] of fields) {
    if (random.chance(optional ? 0.5 : wild / 2)) continue;
    out[name] = valueJson(random, schema, type, wild);
  }
  if (random.chance(wild / 2)) out[random.pick(['extra', 'name', 'a b'])] = random.pick([1, 'x', true]);
  return out;
}

export function makeEntities(random, schema, wild) {
  const out = [];
  const seen = new Set();
  const names = Object.keys(schema.types);
  const depth = new Map(names.map((name, i) => [name, i]));
  for (let i = random.between(0, 7); i > 0; --i) {
    const type = random.pick(names);
    const id = idFor(random, schema, type);
    const key = type + '\n' + id;
    if (seen.has(key)) continue;
    seen.add(key);
    const info = schema.types[type];
    const parents = (random.chance(wild) ? names : info.parents)
      .filter((parent) => random.chance(0.6) && (depth.get(parent) > depth.get(type) || random.chance(wild)))
      .map((parent) => ({type: parent, id: idFor(random, schema, parent)}));
    const entity = {uid: random.chance(0.9) ? {type, id} : {__entity: {type, id}}, attrs: recordJson(random, schema, info.attrs, wild), parents};
    if (info.tags && random.chance(0.7)) {
      entity.tags = Object.fromEntries(random.some(['k', 'key', '', 'ü', 'name']).map((key) => [key, valueJson(random, schema, info.tags, wild)]));
    } else if (random.chance(wild / 2)) {
      entity.tags = {k: 'x'};
    }
    out.push(entity);
  }
  // Actions in their groups: with a schema they are added by themselves and may be repeated.
  if (random.chance(0.3)) {
    for (const a of schema.actions) {
      out.push({uid: {type: actionType(a.ns), id: a.id}, attrs: {}, parents: a.parents.map((p) => ({type: actionType(p.ns), id: p.id}))});
    }
  }
  return out;
}

// `env`: {action, principal, resource} as the schema allows them.
export function makeRequest(random, schema, env, wild) {
  const action = random.chance(wild) ? random.pick(schema.actions) : env.action;
  const any = () => random.pick([...Object.keys(schema.types), 'Nobody', 'A::B']);
  const type = (wanted) => (random.chance(wild) ? any() : wanted);
  const uid = (type) => ({type, id: idFor(random, schema, type)});
  return {
    principal: uid(type(env.principal)),
    action: random.chance(wild / 3) ? {type: 'Action', id: 'unknown'} : {type: actionType(action.ns), id: action.id},
    resource: uid(type(env.resource)),
    context: recordJson(random, schema, resolve(schema, action.context).f, wild),
    validate: !random.chance(0.25),
  };
}

export function environments(schema) {
  return schema.actions.flatMap((action) => action.principals.flatMap((principal) => action.resources.map((resource) => ({action, principal, resource}))));
}
