// What both engines said, held against each other.
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const sorted = (list) => [...list].sort();

// Each difference: {what: a stable name of its kind, at: which request or operation, ours, theirs}.
export function compareDoor(ours, theirs) {
  const stage = (answer) => (answer.error === undefined ? 'accepted' : 'refused: ' + /^(policies|schema|entities|)/.exec(answer.error)[0]);
  if (ours.error !== undefined || theirs.error !== undefined) {
    if (stage(ours) === stage(theirs)) return [];
    const [a, b] = [stage(ours), stage(theirs)];
    return [{what: `${a} / ${b}`, ours: ours.error ?? 'accepted', theirs: theirs.message ?? 'accepted'}];
  }
  const out = [];
  if (ours.valid !== theirs.valid) {
    out.push({what: ours.valid ? 'validates / does not' : 'does not validate / does', ours: ours.validation, theirs: theirs.validation});
  }
  theirs.responses.forEach((their, at) => {
    const our = ours.responses[at];
    const refused = [our.error !== undefined, their.error !== undefined];
    if (refused[0] !== refused[1]) {
      out.push({what: refused[0] ? 'request refused / taken' : 'request taken / refused', at, ours: our, theirs: their});
    } else if (!refused[0]) {
      for (const part of ['decision', 'reason', 'errors']) {
        const [a, b] = [our[part], their[part]].map((x) => (Array.isArray(x) ? sorted(x) : x));
        if (!same(a, b)) out.push({what: part, at, ours: a, theirs: b});
      }
    }
  });
  return out;
}

// An operation answers {ok: true, …} or {ok: false, message}; of the first kind everything is compared.
export function compareOps(ops, ours, theirs) {
  const out = [];
  ops.forEach((op, at) => {
    const {ours: reread, ...their} = theirs[at];
    const our = {...ours[at], ...reread};
    if (our.ok !== their.ok) {
      out.push({what: `${op.op}: ${our.ok ? 'accepted / refused' : 'refused / accepted'}`, at, ours: our.message ?? our, theirs: their.message ?? their});
    } else if (our.ok) {
      for (const part of Object.keys(their)) {
        if (part !== 'ok' && !same(canonical(our[part]), canonical(their[part]))) {
          out.push({what: `${op.op}: ${part}`, at, ours: our[part], theirs: their[part]});
        }
      }
    }
  });
  return out;
}

// JSON without the order of members. Integers as doubles: the glue reads the official engine's JSON so (the door, where they
// matter, has its own comparison).
export function canonical(value) {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(canonical);
  if (value && typeof value === 'object') return Object.fromEntries(Object.keys(value).sort().map((key) => [key, canonical(value[key])]));
  return value;
}
