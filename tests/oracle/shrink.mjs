// Smaller cases that may still differ: drop policies, clauses, entities, requests, members; cut expressions down.
import {parse, stringify} from './json.mjs';
import {tokensOf} from './render.mjs';

const without = (list, i) => list.filter((_, at) => at !== i);

function* smallerExpr(e) {
  for (const child of e.a ?? []) yield child;
  if (e.k !== 'bool') yield {k: 'bool', v: true};
  if (['and', 'or', 'add', 'mul'].includes(e.k) && e.a.length > 2) {
    for (let i = 0; i < e.a.length; ++i) yield {...e, a: without(e.a, i), ...(e.ops ? {ops: without(e.ops, Math.max(0, i - 1))} : {})};
  }
  if (e.k === 'set') for (let i = 0; i < e.a.length; ++i) yield {...e, a: without(e.a, i)};
  if (e.k === 'rec') for (let i = 0; i < e.a.length; ++i) yield {...e, a: without(e.a, i), keys: without(e.keys, i)};
  if (e.k === 'like') for (let i = 0; i < e.pat.length; ++i) yield {...e, pat: without(e.pat, i)};
  if (e.k === 'str' && e.v.length > 1) {
    yield {...e, v: ''};
    yield {...e, v: [...e.v].slice(1).join('')};
    yield {...e, v: [...e.v].slice(0, -1).join('')};
  }
  for (const flag of ['p', 'q', 's', 'tc']) if (e[flag]) yield {...e, [flag]: 0};
  for (let i = 0; i < (e.a?.length ?? 0); ++i) {
    for (const smaller of smallerExpr(e.a[i])) yield {...e, a: e.a.with(i, smaller)};
  }
}

function* smallerPolicy(p) {
  for (const head of ['principal', 'action', 'resource']) if (p[head].k !== 'any' && !p[head].slot) yield {...p, [head]: {k: 'any'}};
  for (let i = 0; i < (p.clauses?.length ?? 0); ++i) yield {...p, clauses: without(p.clauses, i)};
  if (p.notes?.length) yield {...p, notes: []};
  if (p.tc) yield {...p, tc: false};
  if (p.effect === 'forbid') yield {...p, effect: 'permit'};
  for (let i = 0; i < (p.clauses?.length ?? 0); ++i) {
    const clause = p.clauses[i];
    if (clause.k === 'unless') yield {...p, clauses: p.clauses.with(i, {...clause, k: 'when'})};
    for (const e of smallerExpr(clause.e)) yield {...p, clauses: p.clauses.with(i, {...clause, e})};
  }
}

// Any plain JSON with a member or element less, somewhere.
function* smallerJson(value) {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; ++i) yield without(value, i);
    for (let i = 0; i < value.length; ++i) for (const smaller of smallerJson(value[i])) yield value.with(i, smaller);
  } else if (value && typeof value === 'object') {
    for (const key of Object.keys(value)) {
      const {[key]: _, ...rest} = value;
      yield rest;
    }
    for (const key of Object.keys(value)) for (const smaller of smallerJson(value[key])) yield {...value, [key]: smaller};
  }
}

function* smallerText(text) {
  const tokens = tokensOf(text);
  for (let size = Math.ceil(tokens.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < tokens.length; at += size) yield [...tokens.slice(0, at), ...tokens.slice(at + size)].join('');
  }
}

function* smallerSchema(schema) {
  for (let i = 0; i < schema.actions.length; ++i) yield {...schema, actions: without(schema.actions, i)};
  for (const part of ['types', 'commons']) {
    for (const name of Object.keys(schema[part])) {
      const {[name]: _, ...rest} = schema[part];
      yield {...schema, [part]: rest};
    }
  }
  for (const [name, type] of Object.entries(schema.types)) {
    const put = (change) => ({...schema, types: {...schema.types, [name]: {...type, ...change}}});
    if (type.tags) yield put({tags: null});
    for (let i = 0; i < type.parents.length; ++i) yield put({parents: without(type.parents, i)});
    for (let i = 0; i < type.attrs.length; ++i) yield put({attrs: without(type.attrs, i)});
  }
  for (let i = 0; i < schema.actions.length; ++i) {
    const a = schema.actions[i];
    const put = (change) => ({...schema, actions: schema.actions.with(i, {...a, ...change})});
    for (let j = 0; j < a.parents.length; ++j) yield put({parents: without(a.parents, j)});
    for (const list of ['principals', 'resources']) if (a[list].length > 1) for (let j = 0; j < a[list].length; ++j) yield put({[list]: without(a[list], j)});
    for (let j = 0; j < (a.context.f?.length ?? 0); ++j) yield put({context: {...a.context, f: without(a.context.f, j)}});
  }
}

export function* smallerCases(c) {
  if (c.texts) {
    if (c.texts.length > 1) for (const text of c.texts) yield {...c, texts: [text]};
    else if (c.texts[0].startsWith('{')) for (const smaller of smallerJson(parse(c.texts[0]))) yield {...c, texts: [stringify(smaller)]};
    else for (const text of smallerText(c.texts[0])) yield {...c, texts: [text]};
    return;
  }
  if (c.policies.length > 3) {
    const half = c.policies.length >> 1;
    yield {...c, policies: c.policies.slice(0, half)};
    yield {...c, policies: c.policies.slice(half)};
  }
  for (const list of ['requests', 'entities', 'policies', 'templates', 'links']) {
    if (c[list]?.length > 1) yield {...c, [list]: []};
    for (let i = 0; i < (c[list]?.length ?? 0); ++i) yield {...c, [list]: without(c[list], i)};
  }
  if (c.extra > 1) yield {...c, extra: 1};
  if (c.trivia) yield {...c, trivia: 0};
  if (c.policySyntax === 'json') yield {...c, policySyntax: 'text'};
  if (c.syntax === 'json') yield {...c, syntax: 'cedar'};
  if (c.schema) {
    yield {...c, schema: undefined};
    for (const schema of smallerSchema(c.schema)) yield {...c, schema};
  }
  for (let i = 0; i < c.policies.length; ++i) for (const p of smallerPolicy(c.policies[i])) yield {...c, policies: c.policies.with(i, p)};
  for (let i = 0; i < (c.templates?.length ?? 0); ++i) {
    for (const p of smallerPolicy(c.templates[i].p)) yield {...c, templates: c.templates.with(i, {...c.templates[i], p})};
  }
  for (let i = 0; i < c.entities.length; ++i) {
    const e = c.entities[i];
    for (const part of ['attrs', 'parents', 'tags']) {
      if (e[part] !== undefined) for (const smaller of smallerJson(e[part])) yield {...c, entities: c.entities.with(i, {...e, [part]: smaller})};
    }
  }
  for (let i = 0; i < c.requests.length; ++i) {
    for (const context of smallerJson(c.requests[i].context ?? {})) yield {...c, requests: c.requests.with(i, {...c.requests[i], context})};
  }
}

// The smallest case found that `differs` (async) still holds for, within `most` tries.
export async function shrink(c, differs, most = 1500) {
  let tries = 0;
  for (let again = true; again && tries < most;) {
    again = false;
    for (const smaller of smallerCases(c)) {
      if (++tries > most) break;
      if (await differs(smaller)) {
        c = smaller;
        again = true;
        break;
      }
    }
  }
  return c;
}
