// Expressions of a wanted type for one environment (principal type, action, resource type) of a schema.
//
// Uses of optional attributes and tags are guarded by the nearest boolean frame, most of the time; with the chance
// `wild` something of another type is written. So most expressions validate, and those that do not fail in every way.
import {kExtensionTypes, actionType, resolve} from './schema_gen.mjs';
import {idFor} from './entity_gen.mjs';
import {kAttributes, kExtensions, kIds, kLongs, kStrings, nearly} from './values.mjs';

const kTagKeys = ['k', 'key', '', 'ü', 'name'];
const fnOf = (type) => (type === 'ipaddr' ? 'ip' : type);
const same = (a, b) => a.t === b.t && (a.t === 'Ent' ? a.n === b.n : a.t === 'Set' ? same(a.e, b.e)
  : a.t === 'Rec' ? a.f.length === b.f.length && a.f.every(([n, t, o], i) => n === b.f[i][0] && o === b.f[i][2] && same(t, b.f[i][1])) : true);

export class Expressions {
  constructor(random, schema, env, {wild = 0.03, odd = 0.1} = {}) {
    Object.assign(this, {random, schema, env, wild, odd});
    this.guards = [];
    this.paths = this.findPaths();
  }

  // Everything that can be reached from the variables in a few steps: {e, type, guards}.
  findPaths() {
    const out = [];
    const flat = (type) => (type.t === 'Com' ? flat(resolve(this.schema, type)) : type.t === 'Set' ? {t: 'Set', e: flat(type.e)}
      : type.t === 'Rec' ? {t: 'Rec', f: type.f.map(([n, t, o]) => [n, flat(t), o])} : type);
    const walk = (e, type, guards, depth) => {
      if (out.length > 150) return;
      type = flat(type);
      out.push({e, type, guards});
      if (depth === 0) return;
      const info = type.t === 'Ent' ? this.schema.types[type.n] : null;
      const fields = type.t === 'Rec' ? type.f : info?.attrs ?? [];
      for (const [name, t, optional] of fields) {
        const has = {k: 'has', path: [name], a: [e]};
        walk({k: 'get', n: name, a: [e], q: name.length % 3 === 0}, t, optional ? [...guards, has] : guards, depth - 1);
      }
      if (info?.tags) {
        const key = {k: 'str', v: kTagKeys[out.length % kTagKeys.length]};
        walk({k: 'call', n: 'getTag', a: [e, key]}, info.tags, [...guards, {k: 'call', n: 'hasTag', a: [e, key]}], depth - 1);
      }
    };
    const {action, principal, resource} = this.env;
    walk({k: 'var', n: 'context'}, action.context, [], 3);
    walk({k: 'var', n: 'principal'}, {t: 'Ent', n: principal}, [], 3);
    walk({k: 'var', n: 'resource'}, {t: 'Ent', n: resource}, [], 3);
    out.push({e: {k: 'var', n: 'action'}, type: {t: 'Ent', n: actionType(action.ns)}, guards: []});
    return out;
  }

  path(type) {
    const fitting = this.paths.filter((p) => same(p.type, type));
    if (!fitting.length) return null;
    const chosen = this.random.pick(fitting);
    this.guards.push(...chosen.guards);
    return structuredClone(chosen.e);
  }

  anyType(depth = 1) {
    const r = this.random;
    switch (r.weighted({known: 6, Bool: 1, Long: 2, String: 2, ext: 2, Ent: 2, Set: depth ? 1.5 : 0, Rec: depth ? 1 : 0})) {
      case 'known': return r.pick(this.paths).type;
      case 'Bool': return {t: 'Bool'};
      case 'Long': return {t: 'Long'};
      case 'String': return {t: 'String'};
      case 'ext': return {t: r.pick(kExtensionTypes)};
      case 'Ent': return {t: 'Ent', n: r.pick(Object.keys(this.schema.types))};
      case 'Set': return {t: 'Set', e: this.anyType(0)};
      default: return {t: 'Rec', f: r.shuffled(kAttributes).slice(0, r.below(3)).map((n) => [n, this.anyType(0), false])};
    }
  }

  // A whole clause body: boolean, with its guards in front.
  clause(depth) { return this.frame(() => this.boolean(depth)); }

  frame(make) {
    const outer = this.guards;
    this.guards = [];
    const body = make();
    const seen = new Set();
    const guards = this.guards.filter((g) => !seen.has(JSON.stringify(g)) && seen.add(JSON.stringify(g))).map((g) => structuredClone(g));
    this.guards = outer;
    if (!guards.length || this.random.chance(this.wild * 2)) return body;
    if (this.random.chance(0.15)) return {k: 'if', a: [guards.length > 1 ? {k: 'and', a: guards} : guards[0], body, {k: 'bool', v: this.random.chance(0.5)}]};
    return {k: 'and', a: [...this.merged(guards), body]};
  }

  // `x has a && x.a has b` may be written `x has a.b`.
  merged(guards) {
    if (guards.length !== 2 || guards.some((g) => g.k !== 'has' || !/^[a-z_]+$/.test(g.path[0]) || ['if', 'in'].includes(g.path[0]))) return guards;
    const [outer, inner] = guards;
    const steps = [];
    let at = inner.a[0];
    while (at.k === 'get' && JSON.stringify(at) !== JSON.stringify(outer.a[0])) { steps.unshift(at.n); at = at.a[0]; }
    if (steps[0] !== outer.path[0] || steps.some((s) => !/^[a-z_]+$/.test(s) || ['if', 'in'].includes(s)) || this.random.chance(0.3)) return guards;
    return [{k: 'has', path: [...steps, inner.path[0]], a: [outer.a[0]]}];
  }

  make(type, depth) {
    const r = this.random;
    if (r.chance(this.wild)) type = this.anyType();
    type = resolve(this.schema, type);
    if (type.t === 'Bool') return this.marked(r.chance(0.5) ? this.frame(() => this.boolean(depth - 1)) : this.boolean(depth - 1));
    if (r.chance(0.5)) { const found = this.path(type); if (found) return found; }
    if (depth > 0 && r.chance(0.1)) return {k: 'if', a: [this.frame(() => this.boolean(depth - 1)), this.make(type, depth - 1), this.make(type, depth - 1)]};
    return this.marked(this.fresh(type, depth));
  }

  marked(e) { return this.random.chance(0.04) ? {...e, p: true} : e; }

  fresh(type, depth) {
    const r = this.random;
    switch (type.t) {
      case 'Long': return depth > 0 && r.chance(0.45) ? this.arithmetic(depth - 1) : {k: 'long', v: String(r.pick(kLongs))};
      case 'String': return {k: 'str', v: r.pick(kStrings), s: r.chance(0.4) ? r.below(1e6) + 1 : 0};
      case 'Ent': return {k: 'ent', t: r.chance(this.wild) ? 'Nobody' : type.n, id: idFor(r, this.schema, type.n), s: r.chance(0.2) ? r.below(1e6) + 1 : 0};
      case 'Set': return {k: 'set', a: Array.from({length: r.chance(this.wild) ? 0 : r.between(1, 3)}, () => this.make(type.e, depth - 1)), tc: r.chance(0.05)};
      case 'Rec': {
        const fields = r.shuffled(type.f.filter((f) => !f[2] || r.chance(0.7)));
        return {k: 'rec', keys: fields.map((f) => f[0]), a: fields.map((f) => this.make(f[1], depth - 1)), q: r.chance(0.3), tc: r.chance(0.05)};
      }
      default: return this.extension(type.t, depth);
    }
  }

  extension(type, depth) {
    const r = this.random;
    if (depth > 0 && type === 'datetime' && r.chance(0.3)) return {k: 'call', n: 'offset', a: [this.make({t: 'datetime'}, depth - 1), this.make({t: 'duration'}, depth - 1)]};
    if (depth > 0 && type === 'datetime' && r.chance(0.15)) return {k: 'call', n: 'toDate', a: [this.make({t: 'datetime'}, depth - 1)]};
    if (depth > 0 && type === 'duration' && r.chance(0.2)) return {k: 'call', n: 'durationSince', a: [this.make({t: 'datetime'}, depth - 1), this.make({t: 'datetime'}, depth - 1)]};
    if (depth > 0 && type === 'duration' && r.chance(0.15)) return {k: 'call', n: 'toTime', a: [this.make({t: 'datetime'}, depth - 1)]};
    const fn = fnOf(type);
    const [good, bad] = kExtensions[fn];
    if (r.chance(this.wild)) return {k: 'fn', n: fn, a: r.pick([[], [{k: 'str', v: good[0]}, {k: 'str', v: good[0]}], [this.make({t: 'String'}, 0)]])};
    const text = r.chance(this.wild) ? (r.chance(0.5) ? r.pick(bad) : nearly(r, good)) : r.pick(good);
    return {k: 'fn', n: fn, a: [{k: 'str', v: text}], tc: r.chance(0.03)};
  }

  arithmetic(depth) {
    const r = this.random;
    const long = () => this.make({t: 'Long'}, depth);
    switch (r.weighted({add: 4, mul: 2, neg: 1.5, to: 1.5})) {
      case 'add': { const a = Array.from({length: r.between(2, 4)}, long); return {k: 'add', a, ops: a.slice(1).map(() => r.pick(['+', '-']))}; }
      case 'mul': return {k: 'mul', a: Array.from({length: r.between(2, 3)}, long)};
      case 'neg': return {k: 'neg', a: [long()]};
      default: return {k: 'call', n: r.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']), a: [this.make({t: 'duration'}, depth)]};
    }
  }

  boolean(depth) {
    const r = this.random;
    const sub = () => (r.chance(0.6) ? this.frame(() => this.boolean(depth - 1)) : this.boolean(depth - 1));
    const deep = depth > 0 ? 1 : 0;
    const set = (type) => this.make({t: 'Set', e: type}, depth - 1);
    switch (r.weighted({literal: 0.5, path: 1.5, not: deep * 1.5, and: deep * 2, or: deep * 2, if: deep * 1, equal: 3, less: 2.5, has: 2, like: 1.5,
      is: 1.2, in: 2.5, tag: 1, contains: 1.2, all: 1.2, empty: 0.6, ip: 1, decimal: 1, odd: this.odd})) {
      case 'literal': return {k: 'bool', v: r.chance(0.5)};
      case 'path': return this.path({t: 'Bool'}) ?? {k: 'bool', v: true};
      case 'not': return {k: 'not', a: [sub()]};
      case 'and': return {k: 'and', a: Array.from({length: r.between(2, 3)}, sub)};
      case 'or': return {k: 'or', a: Array.from({length: r.between(2, 3)}, sub)};
      case 'if': return {k: 'if', a: [sub(), sub(), sub()]};
      case 'equal': { const type = this.anyType(); return {k: 'rel', op: r.pick(['==', '!=']), a: [this.make(type, depth - 1), this.make(type, depth - 1)]}; }
      case 'less': { const type = {t: r.pick(['Long', 'Long', 'datetime', 'duration'])};
        return {k: 'rel', op: r.pick(['<', '<=', '>', '>=']), a: [this.make(type, depth - 1), this.make(type, depth - 1)]}; }
      case 'has': return this.has(depth);
      case 'like': return {k: 'like', a: [this.make({t: 'String'}, depth - 1)], pat: this.pattern(), s: r.chance(0.3) ? r.below(1e6) + 1 : 0};
      case 'is': { const type = this.entityType();
        return {k: 'is', t: r.chance(0.6) ? type : r.pick([...Object.keys(this.schema.types)]), a: [this.make({t: 'Ent', n: type}, 0), ...(r.chance(0.35) ? [this.group(type, depth)] : [])]}; }
      case 'in': { const type = this.entityType(); return {k: 'rel', op: 'in', a: [this.make({t: 'Ent', n: type}, depth - 1), this.group(type, depth)]}; }
      case 'tag': return this.tag(depth);
      case 'contains': { const type = this.anyType(); return {k: 'call', n: 'contains', a: [set(type), this.make(type, depth - 1)]}; }
      case 'all': { const type = this.anyType(); return {k: 'call', n: r.pick(['containsAll', 'containsAny']), a: [set(type), set(type)]}; }
      case 'empty': return {k: 'call', n: 'isEmpty', a: [set(this.anyType())]};
      case 'ip': { const ip = () => this.make({t: 'ipaddr'}, depth - 1);
        return r.chance(0.4) ? {k: 'call', n: 'isInRange', a: [ip(), ip()]} : {k: 'call', n: r.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']), a: [ip()]}; }
      case 'decimal': return {k: 'call', n: r.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual']),
        a: [this.make({t: 'decimal'}, depth - 1), this.make({t: 'decimal'}, depth - 1)]};
      default: return this.oddity(depth);
    }
  }

  entityType() {
    const known = this.paths.filter((p) => p.type.t === 'Ent' && this.schema.types[p.type.n]);
    return known.length && this.random.chance(0.8) ? this.random.pick(known).type.n : this.random.pick(Object.keys(this.schema.types));
  }

  // What an entity of the type may be in: an entity or a set of them.
  group(type, depth) {
    const r = this.random;
    const above = this.schema.types[type].parents;
    const one = () => ({t: 'Ent', n: above.length && r.chance(0.7) ? r.pick(above) : type});
    return r.chance(0.6) ? this.make(one(), depth - 1) : this.make({t: 'Set', e: one()}, depth - 1);
  }

  has(depth) {
    const r = this.random;
    const holders = this.paths.filter((p) => p.type.t === 'Rec' || p.type.t === 'Ent');
    const chosen = r.pick(holders);
    this.guards.push(...chosen.guards);
    const fieldsOf = (type) => (type.t === 'Rec' ? type.f : this.schema.types[type.n]?.attrs) ?? [];
    const path = [];
    let type = chosen.type;
    for (let i = r.weighted({1: 5, 2: 3, 3: 2, 6: 0.3}); i > 0; --i) {
      const fields = type ? fieldsOf(type) : [];
      const field = fields.length && r.chance(0.85) ? r.pick(fields) : null;
      path.push(field ? field[0] : r.pick(kAttributes));
      type = field ? resolve(this.schema, field[1]) : null;
    }
    const dotted = path.every((name) => /^[a-z_]+$/.test(name) && !['if', 'in'].includes(name));
    return {k: 'has', path: dotted ? path : path.slice(0, 1), a: [structuredClone(chosen.e)], q: path.length === 1 && r.chance(0.3)};
  }

  tag(depth) {
    const r = this.random;
    const tagged = this.paths.filter((p) => p.type.t === 'Ent' && this.schema.types[p.type.n]?.tags);
    const key = r.chance(0.75) ? {k: 'str', v: r.pick(kTagKeys)} : this.make({t: 'String'}, depth - 1);
    if (!tagged.length) return {k: 'call', n: 'hasTag', a: [this.make({t: 'Ent', n: this.entityType()}, 0), key]};
    const {e, type, guards} = r.pick(tagged);
    this.guards.push(...guards);
    const on = () => structuredClone(e);
    if (r.chance(0.3)) return {k: 'call', n: 'hasTag', a: [on(), key]};
    const value = {k: 'call', n: 'getTag', a: [on(), key]};
    this.guards.push({k: 'call', n: 'hasTag', a: [on(), structuredClone(key)]});
    const wanted = this.schema.types[type.n].tags;
    return {k: 'rel', op: r.pick(['==', '!=']), a: [value, this.make(wanted, depth - 1)]};
  }

  pattern() {
    const r = this.random;
    return Array.from({length: r.between(0, 4)}, () => (r.chance(0.45) ? null : r.pick(kStrings)));
  }

  // What hardly ever makes sense: wrong arities, operators on any type, chains of unary operators, deep nesting.
  oddity(depth) {
    const r = this.random;
    const any = () => this.make(this.anyType(), depth - 1);
    switch (r.below(9)) {
      case 0: return {k: 'rel', op: r.pick(['==', '!=', '<', '<=', '>', '>=', 'in']), a: [any(), any()]};
      case 1: return {k: 'call', n: r.pick(['contains', 'containsAll', 'containsAny', 'isEmpty', 'hasTag', 'getTag', 'isInRange', 'lessThan', 'toDate', 'offset']),
        a: [any(), ...(r.chance(0.7) ? [any()] : [])]};
      case 2: { let e = this.boolean(0); for (let i = r.between(2, 5); i > 0; --i) e = {k: 'not', a: [e]}; return e; }
      case 3: { let e = this.make({t: 'Long'}, 1); for (let i = r.between(2, 5); i > 0; --i) e = {k: 'neg', a: [e]}; return {k: 'rel', op: '==', a: [e, this.make({t: 'Long'}, 0)]}; }
      case 4: { let e = this.boolean(1); for (let i = r.between(3, 14); i > 0; --i) e = r.pick([{...e, p: true}, {k: 'if', a: [e, {k: 'bool', v: true}, {k: 'bool', v: false}], p: true}]); return e; }
      case 5: return {k: 'get', n: r.pick(kAttributes), a: [any()]};
      case 6: return {k: 'has', path: [r.pick(kAttributes)], a: [any()]};
      case 7: return {k: 'is', t: r.pick(['User', 'Action', 'App::Action', 'Nobody::X']), a: [any(), ...(r.chance(0.4) ? [any()] : [])]};
      default: return {k: 'and', a: [any(), any()]};
    }
  }
}

export const nobody = (random) => ({k: 'ent', t: 'Nobody', id: random.pick(kIds)});
