// Trees → Cedar's JSON policy format, written from its definition and not through either engine.
const uidJson = (e) => ({type: e.t, id: e.id});

function scopeJson(s, name) {
  const target = () => (s.slot ? {slot: '?' + name} : {entity: uidJson(s.e)});
  switch (s.k) {
    case 'any': return {op: 'All'};
    case '==': return {op: '==', ...target()};
    case 'in': return {op: 'in', ...target()};
    case 'list': return {op: 'in', entities: s.l.map(uidJson)};
    case 'is': return {op: 'is', entity_type: s.t};
    case 'is in': return {op: 'is', entity_type: s.t, in: target()};
    default: throw new Error('no such scope: ' + s.k);
  }
}

const kSets = ['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'];
const fold = (op, list) => list.reduce((left, right, i) => ({[typeof op === 'string' ? op : op[i - 1]]: {left, right}}));

export function exprJson(e) {
  const a = e.a?.map(exprJson);
  switch (e.k) {
    case 'bool': return {Value: e.v};
    case 'long': return {Value: BigInt(e.v)};
    case 'str': return {Value: e.v};
    case 'ent': return {Value: {__entity: uidJson(e)}};
    case 'var': return {Var: e.n};
    case 'slot': return {Slot: '?' + e.n};
    case 'if': return {'if-then-else': {if: a[0], then: a[1], else: a[2]}};
    case 'or': return fold('||', a);
    case 'and': return fold('&&', a);
    case 'add': return fold(e.ops, a);
    case 'mul': return fold('*', a);
    case 'rel': return {[e.op]: {left: a[0], right: a[1]}};
    case 'has': return {has: {left: a[0], attr: e.path.length > 1 ? e.path : e.path[0]}};
    case 'like': return {like: {left: a[0], pattern: e.pat.map((p) => (p === null ? 'Wildcard' : {Literal: p}))}};
    case 'is': return {is: {left: a[0], entity_type: e.t, ...(a.length > 1 ? {in: a[1]} : {})}};
    case 'neg': return {neg: {arg: a[0]}};
    case 'not': return {'!': {arg: a[0]}};
    case 'get': return {'.': {left: a[0], attr: e.n}};
    case 'call':
      if (e.n === 'isEmpty' && a.length === 1) return {isEmpty: {arg: a[0]}};
      if (kSets.includes(e.n) && a.length === 2) return {[e.n]: {left: a[0], right: a[1]}};
      return {[e.n]: a};
    case 'fn': return {[e.n]: a};
    case 'set': return {Set: a};
    case 'rec': return {Record: Object.fromEntries(e.keys.map((key, i) => [key, a[i]]))};
    default: throw new Error('no such kind: ' + e.k);
  }
}

export function policyJson(p) {
  return {
    effect: p.effect,
    principal: scopeJson(p.principal, 'principal'),
    action: scopeJson(p.action, 'action'),
    resource: scopeJson(p.resource, 'resource'),
    conditions: (p.clauses ?? []).map((c) => ({kind: c.k, body: exprJson(c.e)})),
    ...(p.notes?.length ? {annotations: Object.fromEntries(p.notes.map((n) => [n.k, n.v ?? '']))} : {}),
  };
}
