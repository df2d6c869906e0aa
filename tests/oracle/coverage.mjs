// How often each construct was written, and what became of the policies that hold it.
//
// true, false, error: of a policy that holds the construct, for one request, as far as the answer tells (of permits
// beside a satisfied forbid it tells nothing). invalid: the policy's set does not validate, or does not parse.
const kScopeKinds = ['any', '==', 'in', 'is', 'is in'];
const kMethods = ['contains', 'containsAll', 'containsAny', 'isEmpty', 'getTag', 'hasTag', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange',
  'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual', 'offset', 'durationSince', 'toDate', 'toTime', 'toMilliseconds', 'toSeconds', 'toMinutes',
  'toHours', 'toDays'];

export const kChecklist = [
  'permit', 'forbid', 'annotation', 'annotation without value', 'no clause', 'when', 'unless', 'several clauses', 'trailing comma', 'several policies',
  ...['principal', 'resource'].flatMap((head) => kScopeKinds.map((k) => `${head} ${k}`)),
  'action any', 'action ==', 'action in', 'action list', 'action empty list',
  'template principal', 'template resource', 'template both', 'link',
  'true', 'false', 'integer', 'integer edge', 'string', 'string escape', 'string non-ascii', 'entity', 'entity namespaced',
  'var principal', 'var action', 'var resource', 'var context',
  'if', '||', '&&', '==', '!=', '<', '<=', '>', '>=', 'in', 'in set', '+', '-', '*', 'unary -', '!', 'has name', 'has string', 'has path', 'has deep path',
  'like', 'like *', 'like \\*', 'is', 'is in', 'a.b', 'a["b"]', 'set', 'empty set', 'nested set', 'record', 'empty record', 'parentheses',
  ...kMethods.map((m) => `.${m}()`), ...['ip', 'decimal', 'datetime', 'duration'].map((f) => `${f}()`),
  'schema cedar', 'schema json', 'schema namespace', 'schema enum', 'schema tags', 'schema common type', 'schema action group', 'schema optional attribute',
  'policies json', 'policies set', 'comments',
];
const kTextOutcomes = ['policies', 'schema'];

export function constructsOf(p) {
  const out = new Set([p.effect]);
  if (p.notes?.length) out.add(p.notes.some((n) => n.v === null) ? 'annotation without value' : 'annotation');
  const clauses = p.clauses ?? [];
  if (!clauses.length) out.add('no clause');
  if (clauses.length > 1) out.add('several clauses');
  if (p.tc) out.add('trailing comma');
  for (const head of ['principal', 'resource']) out.add(`${head} ${p[head].k}`);
  out.add(p.action.k === 'list' && !p.action.l.length ? 'action empty list' : `action ${p.action.k}`);
  const walk = (e) => {
    if (e.p) out.add('parentheses');
    if (e.tc) out.add('trailing comma');
    switch (e.k) {
      case 'bool': out.add(String(e.v)); break;
      case 'long': out.add(BigInt.asIntN(62, BigInt(e.v)) !== BigInt(e.v) ? 'integer edge' : 'integer'); break;
      case 'str': out.add('string').add(e.s || /["\\\r\0]/.test(e.v) ? 'string escape' : 'string').add(/[^\0-\x7f]/.test(e.v) ? 'string non-ascii' : 'string'); break;
      case 'ent': out.add('entity').add(e.t.includes('::') ? 'entity namespaced' : 'entity'); break;
      case 'var': out.add('var ' + e.n); break;
      case 'or': out.add('||'); break;
      case 'and': out.add('&&'); break;
      case 'rel': out.add(e.op === 'in' && e.a[1].k === 'set' ? 'in set' : e.op); break;
      case 'has': out.add(e.path.length > 3 ? 'has deep path' : e.path.length > 1 ? 'has path' : e.q || !/^\w+$/.test(e.path[0]) ? 'has string' : 'has name'); break;
      case 'like':
        out.add('like');
        if (e.pat.includes(null)) out.add('like *');
        if (e.pat.some((part) => part?.includes('*'))) out.add('like \\*');
        break;
      case 'is': out.add(e.a.length > 1 ? 'is in' : 'is'); break;
      case 'add': for (const op of e.ops) out.add(op); break;
      case 'mul': out.add('*'); break;
      case 'neg': out.add('unary -'); break;
      case 'not': out.add('!'); break;
      case 'get': out.add(e.q || !/^[A-Za-z_]\w*$/.test(e.n) ? 'a["b"]' : 'a.b'); break;
      case 'call': out.add(`.${e.n}()`); break;
      case 'fn': out.add(`${e.n}()`); break;
      case 'set': out.add(e.a.length ? 'set' : 'empty set').add(e.a.some((x) => x.k === 'set') ? 'nested set' : 'set'); break;
      case 'rec': out.add(e.a.length ? 'record' : 'empty record'); break;
      default: out.add(e.k);
    }
    for (const child of e.a ?? []) walk(child);
  };
  for (const clause of clauses) {
    out.add(clause.k);
    walk(clause.e);
  }
  return out;
}

function schemaConstructs(c) {
  const out = new Set([`schema ${c.syntax}`]);
  const types = Object.entries(c.schema.types);
  if (types.some(([name]) => name.includes('::'))) out.add('schema namespace');
  if (types.some(([, t]) => t.enum)) out.add('schema enum');
  if (types.some(([, t]) => t.tags)) out.add('schema tags');
  if (types.some(([, t]) => t.attrs.some((a) => a[2]))) out.add('schema optional attribute');
  if (Object.keys(c.schema.commons).length) out.add('schema common type');
  if (c.schema.actions.some((a) => a.parents.length)) out.add('schema action group');
  return out;
}

// A message of the validator without what it is about.
const kindOf = (message) => message.replace(/^\w+: /, '').replace(/^for policy `[^`]*`[,:] /, '').replace(/`[^`]*`/gs, '…').replace(/".*"/gs, '…')
  .replace(/^the types? .* (is|are) not/s, 'the types … are not').replace(/but saw .*/s, 'but saw …').replace(/ in context for .* not found/s, ' in context not found')
  .replace(/\s+/g, ' ').slice(0, 90);

export class Coverage {
  constructor() {
    this.counts = new Map(kChecklist.map((name) => [name, {generated: 0, true: 0, false: 0, error: 0, invalid: 0}]));
    this.texts = new Map(kTextOutcomes.map((name) => [name, {accepted: 0, refused: 0}]));
    this.requests = {answered: 0, refused: 0};
    this.sets = {valid: 0, invalid: 0, 'refused policies': 0, 'refused schema': 0, 'refused entities': 0, 'without schema': 0};
    this.findings = new Map();
  }

  add(c, ops, theirs) {
    ops.forEach((op, i) => this.texts.has(op.op) && this.texts.get(op.op)[theirs.ops[i].ok ? 'accepted' : 'refused']++);
    if (!theirs.door) return;
    const door = theirs.door;
    const count = (names, outcomes) => {
      for (const name of names) {
        const row = this.counts.get(name) ?? this.counts.set(name, {generated: 0, true: 0, false: 0, error: 0, invalid: 0}).get(name);
        ++row.generated;
        for (const [outcome, times] of Object.entries(outcomes)) row[outcome] += times;
      }
    };
    const invalid = door.error !== undefined || !door.valid ? 1 : 0;
    ++this.sets[door.error !== undefined ? 'refused ' + door.error : !c.schema ? 'without schema' : door.valid ? 'valid' : 'invalid'];
    for (const message of new Set((door.validation ?? []).map(kindOf))) this.findings.set(message, (this.findings.get(message) ?? 0) + 1);
    const all = {true: 0, false: 0, error: 0, invalid};
    const outcomesOf = (id, effect) => {
      const out = {true: 0, false: 0, error: 0, invalid};
      for (const r of door.responses ?? []) {
        if (r.error !== undefined) continue;
        if (r.errors.includes(id)) ++out.error;
        else if (r.reason.includes(id)) ++out.true;
        else if (effect === 'forbid' || r.decision === 'allow' || !r.reason.length) ++out.false;
      }
      for (const key of Object.keys(all)) if (key !== 'invalid') all[key] += out[key];
      return out;
    };
    for (const r of door.responses ?? []) ++this.requests[r.error === undefined ? 'answered' : 'refused'];
    c.policies.forEach((p, i) => count(constructsOf(p), outcomesOf('policy' + i, p.effect)));
    if (c.policySyntax === 'json' || c.policySyntax === 'set') {
      for (const link of c.links ?? []) {
        const template = c.templates.find((t) => t.id === link.templateId);
        if (!template) continue;
        const slots = ['principal', 'resource'].filter((head) => template.p[head].slot);
        count(['link', `template ${slots.length > 1 ? 'both' : slots[0]}`, ...constructsOf(template.p)], outcomesOf(link.newId, template.p.effect));
      }
      count(['policies ' + c.policySyntax], all);
    }
    const whole = [...(c.policies.length > 1 ? ['several policies'] : []), ...(c.trivia && c.policySyntax !== 'json' ? ['comments'] : []),
      ...(c.schema ? schemaConstructs(c) : [])];
    count(whole, all);
  }

  missing() {
    return kChecklist.filter((name) => {
      const row = this.counts.get(name);
      return row.generated === 0 || row.true + row.false + row.error === 0;
    });
  }

  table() {
    const columns = ['generated', 'true', 'false', 'error', 'invalid'];
    const lines = ['construct'.padEnd(28) + columns.map((c) => c.padStart(11)).join('')];
    for (const [name, row] of this.counts) lines.push(name.padEnd(28) + columns.map((c) => String(row[c]).padStart(11)).join(''));
    for (const [name, row] of this.texts) lines.push(`${name} texts: ${row.accepted} accepted, ${row.refused} refused`);
    lines.push('policy sets: ' + Object.entries(this.sets).map(([name, times]) => `${times} ${name}`).join(', '));
    lines.push('policy sets in which the validator found:');
    for (const [kind, times] of [...this.findings].sort((a, b) => b[1] - a[1])) lines.push(String(times).padStart(8) + ' ' + kind);
    lines.push(`requests: ${this.requests.answered} answered, ${this.requests.refused} refused`);
    return lines.join('\n');
  }
}
