// Drives the door, cedar_ops and the oracle over generated cases; see README.md. Exit 0: no unexplained difference and
// every construct reached; 1: otherwise; 2: usage.
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {compareDoor, compareOps} from './compare.mjs';
import {Coverage} from './coverage.mjs';
import {makeCase} from './generator.mjs';
import {parse, stringify} from './json.mjs';
import {knownName} from './known.mjs';
import {linesOf} from './lines.mjs';
import {Peer} from './peers.mjs';
import {shrink} from './shrink.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const kRegressions = join(here, 'regressions');
const {values: options} = parseArgs({options: {
  cases: {type: 'string', default: '20000'}, seed: {type: 'string', default: '20260701'}, from: {type: 'string', default: '0'},
  replay: {type: 'string', multiple: true}, door: {type: 'string'}, ops: {type: 'string'}, keep: {type: 'string', default: kRegressions},
  most: {type: 'string', default: '20'}, quiet: {type: 'boolean', default: false}, only: {type: 'string'},
}});
const kInFlight = 64;
const kCrashes = 20;  // of our programs

const door = new Peer('the door', options.door, options.door.endsWith('countersign') ? ['policy', 'authorize', '--jsonl'] : []);
const oracle = new Peer('the oracle', process.execPath, ['--no-warnings', join(here, 'oracle.mjs')]);
const ops = options.ops ? new Peer('cedar_ops', options.ops, []) : null;

const coverage = new Coverage();
const tally = {cases: 0, comparisons: 0, oracleCrashes: 0, known: new Map(), differences: []};

// The differences of one case; `record`: whether it counts.
async function judge(c, record) {
  const lines = linesOf(c);
  const asked = ops ? lines.ops : [];
  const [ours, oursOps] = await Promise.all([
    lines.door ? door.ask(stringify(lines.door)) : 'null',
    asked.length ? ops.ask(stringify({ops: asked})) : '{"ops":[]}',
  ]);
  if (ours === null || oursOps === null) return [{what: 'our program died', ours, theirs: oursOps}];
  const answers = parse(oursOps).ops;
  const theirsText = await oracle.ask(stringify({...lines, ops: asked.map((op, i) => ({...op, ours: answers[i]}))}));
  if (theirsText?.startsWith('{"crashed"')) oracle.endsNow();
  if (record) ++tally.cases;
  const theirs = theirsText === null ? {crashed: 'died'} : parse(theirsText);
  if (theirs.crashed) {
    if (record) ++tally.oracleCrashes;
    return [];
  }
  const differences = [...(lines.door ? compareDoor(parse(ours), theirs.door) : []), ...compareOps(asked, answers, theirs.ops)];
  if (record) {
    tally.comparisons += asked.length + (theirs.door ? 1 + (theirs.door.responses?.length ?? 0) + (lines.door.schema === undefined ? 0 : 1) : 0);
    coverage.add(c, asked, theirs);
  }
  return differences.filter((difference) => {
    const name = knownName(c, difference, asked);
    if (name && record) tally.known.set(name, (tally.known.get(name) ?? 0) + 1);
    return !name;
  });
}

async function found(c, differences) {
  const what = differences[0].what;
  if (tally.differences.filter((d) => d.what === what).length >= 3) {
    tally.differences.push({what, name: c.name});
    return;
  }
  tally.differences.push({what, name: c.name});
  const small = await shrink(c, async (smaller) => (await judge(smaller, false).catch(() => [])).some((d) => d.what === what));
  const [difference] = (await judge(small, false)).filter((d) => d.what === what);
  const file = join(options.keep, `${what.replace(/[^a-z]+/gi, '-').replace(/^-|-$/g, '')}-${c.name.replace('/', '-')}.json`);
  mkdirSync(options.keep, {recursive: true});
  writeFileSync(file, stringify({...small, what}, 1) + '\n');
  const lines = linesOf(small);
  console.log(`\nDIFFERENCE ${what} (case ${c.name}), kept in ${file}`);
  if (lines.door) {
    console.log(typeof lines.door.policies === 'string' ? lines.door.policies : stringify(lines.door.policies));
    if (lines.door.schema !== undefined) console.log('schema:', typeof lines.door.schema === 'string' ? lines.door.schema : stringify(lines.door.schema));
    console.log('entities:', stringify(lines.door.entities), '\nrequests:', stringify(lines.door.requests));
  } else {
    console.log(stringify(lines.ops));
  }
  console.log('  ours:  ', stringify(difference?.ours));
  console.log('  theirs:', stringify(difference?.theirs));
}

async function run(cases) {
  const running = new Set();
  const suspects = [];
  for (const c of cases) {
    if (door.crashes + (ops?.crashes ?? 0) > kCrashes) break;  // each is a failure; more of them tell nothing more
    const one = judge(c, true).then((differences) => {
      running.delete(one);
      if (differences.length) suspects.push([c, differences]);
    });
    running.add(one);
    if (running.size >= kInFlight) await Promise.race(running);
    if (suspects.length && tally.differences.length < Number(options.most)) await found(...suspects.shift());
  }
  await Promise.all(running);
  for (const [c, differences] of suspects) {
    if (tally.differences.length < Number(options.most)) await found(c, differences);
    else tally.differences.push({what: differences[0].what, name: c.name});
  }
}

function* generated(seed, from, count) {
  for (let i = from; i < from + count; ++i) {
    const c = makeCase(seed, i);
    if (!options.only || options.only.split(',').includes(c.kind)) yield c;
  }
}

const load = (file) => parse(readFileSync(file, 'utf8'));
const started = Date.now();
if (options.replay) {
  await run(options.replay.map(load));
} else {
  const [count, from] = [Number(options.cases), Number(options.from)];
  const kept = readdirSync(kRegressions).filter((name) => name.endsWith('.json')).sort().map((name) => load(join(kRegressions, name)));
  console.log(`cedar oracle: ${kept.length} regressions, then ${count} cases from seed ${options.seed}`);
  await run(kept);
  await run(generated(options.seed, from, count));
}
for (const peer of [door, oracle, ops]) peer?.close();

const seconds = (Date.now() - started) / 1000;
if (!options.replay && !options.quiet) console.log('\n' + coverage.table());
for (const [name, times] of tally.known) console.log(`known difference, ${times} times: ${name}`);
console.log(`${tally.cases} cases, ${tally.comparisons} comparisons in ${seconds.toFixed(1)} s; the oracle crashed ${tally.oracleCrashes} times`);
let failed = false;
if (tally.differences.length) {
  failed = true;
  const kinds = Map.groupBy(tally.differences, (d) => d.what);
  for (const [what, list] of kinds) console.log(`DIFFERENCES ${list.length}: ${what}: ${list.slice(0, 5).map((d) => d.name).join(' ')}`);
} else {
  console.log('no unexplained difference');
}
const missing = options.replay || options.only || Number(options.cases) < 5000 ? [] : coverage.missing();
if (missing.length) {
  failed = true;
  console.log(`NEVER REACHED: ${missing.join(', ')}`);
}
process.exitCode = failed ? 1 : 0;
