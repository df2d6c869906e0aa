// The peer of cedar_bench: the same policies, entities and requests, put to @cedar-policy/cedar-wasm with its policies
// parsed beforehand. Called with the files that `cedar_bench --export` wrote; prints one JSON object a line:
// {name, ns, parse_ms}, medians of CPU time a decision. Stops when it decides otherwise than we did.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const cedar = require("@cedar-policy/cedar-wasm/nodejs");

const kRounds = 3;
const kMilliseconds = 120; // of each round, but at least kLeast decisions
const kLeast = 4;

function microseconds() {
  const used = process.cpuUsage();
  return used.user + used.system;
}

for (const path of process.argv.slice(2)) {
  const workload = JSON.parse(readFileSync(path, "utf8"));
  const started = microseconds();
  const parsed = cedar.preparsePolicySet(workload.name, workload.policies);
  const parse_ms = (microseconds() - started) / 1000;
  if (parsed.type !== "success") throw new Error(`${workload.name}: ${JSON.stringify(parsed)}`);
  const calls = workload.requests.map(({ call }) => ({ ...call, preparsedPolicySetId: workload.name }));

  const checking = microseconds();
  for (let i = 0; i < calls.length && microseconds() - checking < 500_000; ++i) {
    const answer = cedar.statefulIsAuthorized(calls[i]);
    const { decision, diagnostics } = answer.response ?? {};
    const ours = workload.requests[i];
    if (decision !== ours.decision || diagnostics.reason.length !== ours.reasons || diagnostics.errors.length !== ours.errors) {
      throw new Error(`${workload.name}, request ${i}: ${JSON.stringify(answer)} but ${JSON.stringify({ ...ours, call: undefined })}`);
    }
  }

  const rounds = [];
  for (let round = 0, next = 0; round < kRounds; ++round) {
    const from = microseconds();
    let decisions = 0;
    while (decisions < kLeast || microseconds() - from < kMilliseconds * 1000) {
      cedar.statefulIsAuthorized(calls[next++ % calls.length]);
      ++decisions;
    }
    rounds.push(((microseconds() - from) * 1000) / decisions);
  }
  rounds.sort((a, b) => a - b);
  console.log(JSON.stringify({ name: workload.name, ns: rounds[kRounds >> 1], parse_ms }));
  // Only one set is kept at a time: the next one takes its place.
  cedar.preparsePolicySet(workload.name, { staticPolicies: "" });
}
