// Schemas as plain data, and how they are written in both syntaxes.
//
// {types: {"App::User": {ns, attrs: [[name, type, optional]], parents: [names], tags, enum}}, commons: {…: type},
//  actions: [{ns, id, parents: [{ns, id}], principals, resources, context}]}
// Types: {t: 'Bool'|'Long'|'String'|extension} | {t: 'Set', e} | {t: 'Rec', f: [[name, type, optional]]} |
//        {t: 'Ent', n} | {t: 'Com', n}. Names are fully qualified.
import {isPlain, quote} from './render.mjs';
import {kAttributes, kIds} from './values.mjs';

export const kExtensionTypes = ['decimal', 'ipaddr', 'datetime', 'duration'];
const kTypeNames = ['User', 'Group', 'Doc', 'Folder', 'Device'];
const kActionIds = ['view', 'edit', 'del all', 'all', 'x::y'];

const join = (ns, name) => (ns ? `${ns}::${name}` : name);
const nsOf = (name) => name.split('::').slice(0, -1).join('::');
const base = (name) => name.split('::').at(-1);
export const actionType = (ns) => join(ns, 'Action');

function makeType(random, schema, depth) {
  const kind = random.weighted({Bool: 3, Long: 4, String: 4, ext: 3, Ent: 4, Set: depth ? 3 : 0, Rec: depth ? 2.5 : 0,
    Com: Object.keys(schema.commons).length ? 1.5 : 0});
  switch (kind) {
    case 'ext': return {t: random.pick(kExtensionTypes)};
    case 'Ent': return {t: 'Ent', n: random.pick(Object.keys(schema.types))};
    case 'Set': return {t: 'Set', e: makeType(random, schema, depth - 1)};
    case 'Rec': return {t: 'Rec', f: makeFields(random, schema, depth - 1, 3)};
    case 'Com': return {t: 'Com', n: random.pick(Object.keys(schema.commons))};
    default: return {t: kind, u: random.chance(0.05)};
  }
}

function makeFields(random, schema, depth, most) {
  return random.shuffled(kAttributes).slice(0, random.below(most + 1))
    .map((name) => [name, makeType(random, schema, depth), random.chance(0.4)]);
}

export function makeSchema(random) {
  const schema = {types: {}, commons: {}, actions: []};
  const spaces = random.weighted({plain: 4, one: 3, nested: 2, mixed: 2});
  const space = () => ({plain: '', one: 'App', nested: random.pick(['App', 'App::Sub']), mixed: random.pick(['', 'App', 'Z'])}[spaces]);
  for (const name of random.shuffled(kTypeNames).slice(0, random.between(2, 5))) {
    const ns = space();
    schema.types[join(ns, name)] = {ns, attrs: [], parents: [], tags: null, enum: null};
  }
  const names = Object.keys(schema.types);
  for (let i = random.below(3); i > 0; --i) {
    const ns = space();
    const type = random.chance(0.6) ? {t: 'Rec', f: makeFields(random, schema, 1, 3)} : makeType(random, schema, 1);
    schema.commons[join(ns, ['Info', 'Money', 'Kind'][i])] = type;
  }
  for (const name of names) {
    const type = schema.types[name];
    if (random.chance(0.15)) {
      type.enum = random.shuffled(kIds).slice(0, random.between(1, 3));
      continue;
    }
    type.parents = random.some(names, 0.35).filter((parent) => !schema.types[parent].enum);
    type.attrs = makeFields(random, schema, 2, 5);
    if (random.chance(0.35)) type.tags = makeType(random, schema, 1);
  }
  for (const name of names) schema.types[name].parents = schema.types[name].parents.filter((p) => !schema.types[p].enum || random.chance(0.3));
  const ids = random.shuffled(kActionIds).slice(0, random.between(1, 4));
  for (const id of ids) {
    const groups = schema.actions.filter(() => random.chance(0.4)).map(({ns, id}) => ({ns, id}));
    const group = random.chance(0.2);
    schema.actions.push({
      ns: space(), id, parents: groups,
      principals: group ? [] : random.shuffled(names).slice(0, random.between(1, 2)),
      resources: group ? [] : random.shuffled(names).slice(0, random.between(1, 2)),
      context: group ? {t: 'Rec', f: []} : {t: 'Rec', f: makeFields(random, schema, 2, 4)},
    });
  }
  if (schema.actions.every((a) => !a.principals.length)) {
    const last = schema.actions.at(-1);
    last.principals = [names[0]];
    last.resources = [names.at(-1)];
  }
  return schema;
}

export const resolve = (schema, type) => {
  while (type.t === 'Com') type = schema.commons[type.n];
  return type;
};

// --- Cedar syntax ---

// How a name is written inside `ns`: shortened where that names the same thing.
const named = (name, ns, exists) => (nsOf(name) === ns && ns && !(base(name).length % 2) && exists ? base(name) : name);

function typeText(type, ns) {
  switch (type.t) {
    case 'Set': return `Set<${typeText(type.e, ns)}>`;
    case 'Rec': return fieldsText(type.f, ns);
    case 'Ent': case 'Com': return named(type.n, ns, true);
    default: return type.u ? '__cedar::' + type.t : type.t;
  }
}
const nameText = (name) => (isPlain(name) ? name : quote(name));
const fieldsText = (fields, ns) =>
  '{' + fields.map(([name, type, optional]) => `${nameText(name)}${optional ? '?' : ''}: ${typeText(type, ns)}`).join(', ') + '}';
const listText = (names) => (names.length === 1 ? names[0] : '[' + names.join(', ') + ']');

function spacesOf(schema) {
  const all = [...Object.keys(schema.types), ...Object.keys(schema.commons)].map(nsOf).concat(schema.actions.map((a) => a.ns));
  return [...new Set(all)].sort();
}

export function schemaText(schema) {
  return spacesOf(schema).map((ns) => {
    const lines = [];
    for (const [name, type] of Object.entries(schema.commons)) {
      if (nsOf(name) === ns) lines.push(`type ${base(name)} = ${typeText(type, ns)};`);
    }
    for (const [name, type] of Object.entries(schema.types)) {
      if (nsOf(name) !== ns) continue;
      if (type.enum) lines.push(`entity ${base(name)} enum [${type.enum.map((id) => quote(id)).join(', ')}];`);
      else {
        lines.push(`entity ${base(name)}` + (type.parents.length ? ` in ${listText(type.parents.map((p) => named(p, ns, true)))}` : '') +
          (type.attrs.length ? ` = ${fieldsText(type.attrs, ns)}` : '') + (type.tags ? ` tags ${typeText(type.tags, ns)}` : '') + ';');
      }
    }
    for (const a of schema.actions) {
      if (a.ns !== ns) continue;
      const parents = a.parents.map((p) => (p.ns === ns ? quote(p.id) : `${actionType(p.ns)}::${quote(p.id)}`));
      lines.push(`action ${quote(a.id)}` + (parents.length ? ` in [${parents.join(', ')}]` : '') +
        (a.principals.length ? ` appliesTo { principal: ${listText(a.principals.map((p) => named(p, ns, true)))}, resource: [${
          a.resources.map((p) => named(p, ns, true)).join(', ')}]${a.context.f?.length || a.context.t === 'Com' ? `, context: ${typeText(a.context, ns)}` : ''} }` : '') + ';');
    }
    return ns ? `namespace ${ns} {\n${lines.join('\n')}\n}` : lines.join('\n');
  }).join('\n');
}

// --- JSON syntax ---

function typeJson(type) {
  switch (type.t) {
    case 'Bool': return type.u ? {type: '__cedar::Bool'} : {type: 'Boolean'};
    case 'Long': case 'String': return {type: type.u ? '__cedar::' + type.t : type.t};
    case 'Set': return {type: 'Set', element: typeJson(type.e)};
    case 'Rec': return {type: 'Record', attributes: fieldsJson(type.f)};
    case 'Ent': return {type: type.n.length % 2 ? 'Entity' : 'EntityOrCommon', name: type.n};
    case 'Com': return type.n.length % 2 ? {type: type.n} : {type: 'EntityOrCommon', name: type.n};
    default: return type.u ? {type: 'EntityOrCommon', name: type.t} : {type: 'Extension', name: type.t};
  }
}
const fieldsJson = (fields) =>
  Object.fromEntries(fields.map(([name, type, optional]) => [name, {...typeJson(type), ...(optional ? {required: false} : {})}]));

export function schemaJson(schema) {
  const out = {};
  for (const ns of spacesOf(schema)) {
    const of = (map) => Object.entries(map).filter(([name]) => nsOf(name) === ns);
    out[ns] = {
      ...(of(schema.commons).length ? {commonTypes: Object.fromEntries(of(schema.commons).map(([n, t]) => [base(n), typeJson(t)]))} : {}),
      entityTypes: Object.fromEntries(of(schema.types).map(([name, type]) => [base(name), type.enum ? {enum: type.enum} : {
        ...(type.parents.length ? {memberOfTypes: type.parents} : {}),
        ...(type.attrs.length ? {shape: typeJson({t: 'Rec', f: type.attrs})} : {}),
        ...(type.tags ? {tags: typeJson(type.tags)} : {}),
      }])),
      actions: Object.fromEntries(schema.actions.filter((a) => a.ns === ns).map((a) => [a.id, {
        ...(a.parents.length ? {memberOf: a.parents.map((p) => (p.ns === ns ? {id: p.id} : {type: actionType(p.ns), id: p.id}))} : {}),
        ...(a.principals.length ? {appliesTo: {principalTypes: a.principals, resourceTypes: a.resources, context: typeJson(a.context)}} : {}),
      }])),
    };
  }
  return out;
}

// The schema with names that clash, shadow, are missing or go in circles.
export function bentSchema(random, schema) {
  const out = structuredClone(schema);
  const names = Object.keys(out.types);
  const odd = () => random.pick(['User', 'Long', 'Bool', 'Boolean', 'String', 'ipaddr', 'decimal', 'Action', 'Record', 'Set', 'Entity', 'Extension', 'Info', '__cedar',
    'App', 'A::B', 'in', 'if', 'Nobody', 'App::Nobody', 'type', 'entity', 'action', 'namespace', 'tags', 'enum', 'Doc', 'datetime', ...names, ...Object.keys(out.commons)]);
  const oddType = () => random.pick([{t: 'Com', n: odd()}, {t: 'Ent', n: odd()}, {t: 'Set', e: {t: 'Com', n: odd()}}, {t: 'Rec', f: [[random.pick(kAttributes), {t: 'Com', n: odd()}, false]]}]);
  for (let i = random.between(1, 3); i > 0; --i) {
    const type = out.types[random.pick(names)];
    const action = random.pick(out.actions);
    switch (random.below(10)) {
      case 0: { const name = odd(); out.commons[name] = oddType(); break; }
      case 1: { const name = odd(); out.types[name] ??= {ns: nsOf(name), attrs: [], parents: [], tags: null, enum: null}; break; }
      case 2: type.attrs.push([random.pick(kAttributes), oddType(), random.chance(0.3)]); break;
      case 3: type.parents.push(odd()); break;
      case 4: action.parents.push(random.pick([{ns: action.ns, id: action.id}, {ns: '', id: 'nothing'}, {ns: 'App', id: random.pick(kActionIds)}])); break;
      case 5: action[random.pick(['principals', 'resources'])].push(odd()); break;
      case 6: action.context = random.chance(0.5) ? oddType() : {t: 'Rec', f: [['a', oddType(), false]]}; break;
      case 7: type.tags = oddType(); break;
      case 8: type.enum = random.pick([[], ['a'], ['a', 'a'], ['']]); break;
      default: { const [a, b] = [odd(), odd()]; out.commons[a] = {t: 'Com', n: b}; out.commons[b] = random.pick([{t: 'Com', n: a}, {t: 'Long'}, {t: 'Ent', n: b}]); }
    }
  }
  return out;
}
