// A stand-in for the gateway while working on the pages: it serves dist/ under the same headers and answers the API from fixtures.
// It checks no password and no signature. It is not part of any test or build.
//
//   node build.mjs && node dev/mock.mjs [port]     then http://localhost:8780/ (any user, any password)
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { agents, at, audit, decided, digest_of, emergencies, files, kBurst, plan, make_glass, overview, people, requests, tokens, upstreams } from "./fixtures.mjs";

const dist = process.env.CONSOLE_DIST ?? join(dirname(fileURLToPath(import.meta.url)), "../dist");
const port = Number(process.argv[2] ?? 8780);
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain" };
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const glass_is_configured = process.env.MOCK_GLASS !== "off";
const slow = Number(process.env.MOCK_SLOW ?? 0);

let user = process.env.MOCK_USER ?? null;
const passkeys = [];
const challenges = new Set();
const streams = new Set();
let running = files;
const history = [{ digest: digest_of(files), activated: at(-6000), by: "", proposed_by: "", description: "" }];
const proposals = [];
const grants = [{ id: "grt_a", state: "active", digest: "aa", request: requests[2].id, agent: "menu-bot", owner: "team:platform", upstream: "web", action: "http:PUT", effect: "write", environment: "production", rules: ["production-change"], resources: ["HttpEndpoint::web/production/*"], arguments: {}, max_uses: 10, uses: 3, until: at(300), proposed_by: "sam", proposed: at(-60), activated: at(-58), revoked: null }];
const open_states = (request) => request.state === "held";
const hash = (text) => createHash("sha256").update(text).digest();
const b64 = (data) => Buffer.from(data).toString("base64url");

class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    Object.assign(this, { status, code });
  }
}
const session = () => ({
  user, level: "senior", teams: ["sre"], csrf: "csrf-of-the-mock", how: "password", signed_in: at(-20), expires: at(700), idle_expires: at(30),
  permissions: ["read_requests", "vote", "read_audit", "read_policies", "edit_policies", "activate_policies", "manage_tokens", "freeze_agents", "manage_people"], passkeys, rp_id: "localhost",
});
const all = () => [...requests, ...decided];
const find = (id) => all().find((request) => request.id === id) ?? (() => { throw new Problem(404, "approval.unknown", "there is no such request"); })();
const emergency = (id) => emergencies.emergencies.find((one) => one.request === id) ?? (() => { throw new Problem(404, "break_glass.unknown", "no glass was broken by this request"); })();
const account = (name) => people.find((one) => one.user === name) ?? (() => { throw new Problem(404, "person.unknown", "there is nobody of this name"); })();
const tell = (event, data) => streams.forEach((stream) => stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
const detail = (request) => ({ ...request, conflicts: request.conflicts.map(find) });

function check(list) {
  const problems = [];
  for (const file of list) {
    file.text.split("\n").forEach((line, i) => {
      const found = line.indexOf("resorce");
      if (found >= 0) problems.push({ file: file.path, line: i + 1, column: found + 1, length: 7, severity: "error", code: "cedar.unknown_variable", message: "`resorce` is no variable", help: "did you mean `resource`?" });
    });
  }
  return { ok: problems.length === 0, digest: digest_of(list), problems, tests: problems.length ? null : { passed: 31, failed: 0, failures: [] } };
}
function diff(list) {
  const names = new Set([...running, ...list].map((file) => file.path));
  const text = (where, path) => where.find((file) => file.path === path)?.text ?? null;
  const changed = [...names].map((path) => ({ path, before: text(running, path), after: text(list, path) })).filter((file) => file.before !== file.after);
  return { files: changed, policies: changed.length ? [{ id: "changes-outside-production-are-permitted", change: "changed", before: "", after: "" }] : [] };
}
function vote(id, decision, reason) {
  const request = find(id);
  if (!open_states(request)) throw new Problem(409, "approval.state", "the request does not wait for a decision any more");
  request.votes.push({ rule: request.rules[0], stage: "platform", by: user, level: "senior", approves: decision === "approve", reason, at: new Date().toISOString(), for: "", signed: request.demands.signature, viewed_ms: 20_000 });
  Object.assign(request, { state: decision === "approve" ? "done" : "denied", decided: new Date().toISOString(), decided_by: user, reason });
  tell("request", { id, state: request.state, from: "held" });
  return { id, state: request.state, vote: decision, by: user, missing: [] };
}

function burst_facts() {
  const members = all().filter((request) => request.burst === kBurst);
  const held = members.filter(open_states);
  const counts = (list, key) => list.reduce((sum, request) => ({ ...sum, [request[key]]: (sum[request[key]] ?? 0) + 1 }), {});
  const effects = counts(held.length > 0 ? held : members, "effect");
  return { id: kBurst, members: members.length, held: held.length, effects, states: counts(members, "state"), agent: "builder", owner: "user:olivia", protocol: "aws", upstream: "aws",
    environment: "production", rules: ["production-change"],
    sentence: `${held.length} changes by agent builder on aws (production): ${Object.entries(effects).map(([effect, n]) => `${n} ${effect}`).join(", ")}` };
}
const burst_page = () => ({ ...burst_facts(), requests: all().filter((request) => request.burst === kBurst).map((request) => ({ ...request, sentence: request.preview.sentence })), demands: { signature: false }, sign_at_once: 60, agent_frozen: false });

const routes = [
  ["GET", /^sign-in$/, () => ({ passwords: true, passkeys: true, oidc: { name: "Company login" } })],
  ["POST", /^sign-in\/(password|invitation)$/, (_, body) => { user = body.user ?? "sam"; return session(); }],
  ["POST", /^sign-in\/passkey\/challenge$/, () => ({ challenge: b64(randomBytes(32)), rp_id: "localhost", timeout_ms: 60000 })],
  ["POST", /^sign-in\/passkey$/, () => { user ??= "sam"; return session(); }],
  ["POST", /^sign-out$/, () => { user = null; }],
  ["GET", /^session$/, session],
  ["POST", /^passkeys\/challenge$/, () => ({ challenge: b64(randomBytes(32)), rp: { id: "localhost", name: "Countersign" }, user: { id: b64("sam"), name: user }, exclude: passkeys.map((key) => key.id), algorithms: [-7, -8, -257] })],
  ["POST", /^passkeys$/, (_, body) => { const key = { id: b64(randomBytes(16)), name: body.name, created: new Date().toISOString(), last_used: null, backed_up: true }; passkeys.push(key); return key; }],
  ["POST", /^passkeys\/([^/]+)\/remove$/, ([id]) => { passkeys.splice(passkeys.findIndex((key) => key.id === id), 1); }],
  ["GET", /^requests$/, (_, __, query) => {
    const states = query.get("state")?.split(",");
    const list = all().filter((request) => (query.get("waiting_for") ? request.state === "held" : !states || states.includes(request.state)) && (!query.get("agent") || request.agent === query.get("agent")));
    let seen = false;
    const once = list.filter((request) => request.burst !== kBurst || !query.get("waiting_for") || !(seen || !(seen = true)));
    return { requests: once, bursts: { [kBurst]: burst_facts() }, before: null };
  }],
  ["GET", /^plans\/([^/]+)$/, () => plan],
  ["GET", /^bursts\/([^/]+)$/, burst_page],
  ["POST", /^bursts\/([^/]+)\/(approve|deny)$/, ([, decision], body) => {
    const wrong = body.requests.find((one) => find(one.id).fingerprint !== one.fingerprint);
    if (wrong) throw new Problem(409, "approval.changed", `${wrong.id} is not what you were shown`);
    const results = body.requests.map(({ id }) => (open_states(find(id)) ? vote(id, decision, body.reason) : { id, state: find(id).state, error: { status: 409, code: "approval.not_held", detail: `it is ${find(id).state} by now` } }));
    return { ...burst_facts(), results };
  }],
  ["GET", /^requests\/([^/]+)$/, ([id]) => detail(find(id))],
  ["POST", /^votes\/challenge$/, (_, body) => {
    const statement = JSON.stringify({ by: user, decision: body.decision, expires: at(5), for: body.for, nonce: b64(randomBytes(32)), reason_sha256: hash(body.reason).toString("hex"),
      requests: body.requests.map(find).map((request) => ({ id: request.id, fingerprint: request.fingerprint, preview_sha256: request.preview_sha256 })), type: "countersign/vote/v1" });
    const challenge = b64(hash(statement));
    challenges.add(challenge);
    return { statement, challenge, credentials: passkeys.map((key) => key.id), rp_id: "localhost", expires: at(5) };
  }],
  ["POST", /^requests\/([^/]+)\/(approve|deny)$/, ([id, decision], body) => vote(id, decision, body.reason)],
  ["POST", /^votes$/, (_, body) => ({ results: body.requests.map(({ id }) => { try { return vote(id, body.decision, body.reason); } catch (error) { return { id, error: { status: error.status, code: error.code, detail: error.message } }; } }) })],
  ["GET", /^sessions$/, () => ({ sessions: [{ id: "s1", how: "password", peer: "127.0.0.1", current: true, signed_in: at(-20), last_seen: at(0), expires: at(700) }, { id: "s2", how: "passkey", peer: "10.0.0.7", current: false, signed_in: at(-400), last_seen: at(-300), expires: at(300) }] })],
  ["GET", /^grants$/, (_, __, query) => ({ grants: grants.filter((grant) => (query.get("request") ? grant.request === query.get("request") : grant.state === "active")), before: null })],
  ["POST", /^requests\/([^/]+)\/grants$/, ([id], body) => { const request = find(id); const made = { id: `grt_${grants.length}`, state: "proposed", digest: hash(JSON.stringify(body)).toString("hex"), request: id, agent: request.agent, owner: request.owner, upstream: request.upstream, action: request.action, effect: request.effect, environment: request.environment, rules: request.rules, ...body, uses: 0, proposed_by: user, proposed: at(0), activated: null, revoked: null }; grants.push(made); return made; }],
  ["POST", /^grants\/([^/]+)\/revoke$/, ([id], body) => { const grant = grants.find((one) => one.id === id); Object.assign(grant, { state: "revoked", revoked: { at: at(0), by: user, reason: body.reason } }); tell("request", {}); return grant; }],
  ["GET", /^audit$/, (_, __, query) => {
    const from = Number(query.get("before") ?? Infinity);
    const fits = audit.filter((record) => record.seq < from && (query.get("looks") !== "false" || record.action !== "admin:GET" || record.phase !== "admin") && [...query].every(([name, value]) => name === "looks" || ["before", "limit", "since", "until"].includes(name) || (name === "text" ? JSON.stringify(record).includes(value) : record[name] === value)));
    const page = fits.slice(0, Number(query.get("limit") ?? 100));
    return { records: page, before: fits.length > page.length ? page.at(-1).seq : null };
  }],
  ["GET", /^audit\/key$/, () => ({ vkey: "countersign/8f0a1b2c3d4e5f60+1a2b3c4d+AZr0mHq0y2bW2l6v3D5cW1Q0m6nZ1kYx5u0b7Jf1t8Gv", origin: "countersign/8f0a1b2c3d4e5f60" })],
  ["GET", /^audit\/(\d+)$/, ([seq]) => audit.find((record) => record.seq === Number(seq)) ?? (() => { throw new Problem(404, "audit.unknown", "there is no such record"); })()],
  ["GET", /^audit\/(\d+)\/proof$/, ([seq]) => `c2sp.org/tlog-proof@v1\nextra eyJ2IjoxfQ==\nindex ${seq}\n${Array.from({ length: 12 }, (_, i) => b64(hash(`node${i}`))).join("\n")}\n\ncountersign/8f0a1b2c3d4e5f60\n5201\n${b64(hash("root"))}\n\n— countersign/8f0a1b2c3d4e5f60 Gis8TXk…\n`],
  ["GET", /^agents$/, () => ({ agents })],
  ["GET", /^agents\/([^/]+)$/, ([name]) => ({ ...agents.find((agent) => agent.name === name), tokens: tokens[name] ?? [], active_tokens: 1, seen_since: at(-5000), you: { may_freeze: true, may_thaw: true, may_revoke: true } })],
  ["POST", /^agents\/([^/]+)\/(freeze|unfreeze)$/, ([name, what], body) => { agents.find((agent) => agent.name === name).frozen = what === "freeze" ? { by: user, at: new Date().toISOString(), reason: body.reason } : null; tell("agents", {}); }],
  ["POST", /^tokens\/([^/]+)\/revoke$/, ([id], body) => { for (const token of Object.values(tokens).flat()) if (token.id === id || token.parent === id) Object.assign(token, { state: "revoked", revoked: { at: new Date().toISOString(), by: user, reason: body.reason } }); }],
  ["GET", /^upstreams$/, () => ({ upstreams })],
  ["GET", /^break-glass$/, () => ({ rules: glass_is_configured ? emergencies.rules : null, debt: emergencies.emergencies.filter((one) => one.review.overdue).length, emergencies: emergencies.emergencies })],
  ["POST", /^break-glass$/, (_, body) => {
    if (body.duration_ms > emergencies.rules.longest_ms) throw new Problem(403, "break_glass.beyond", "that is longer or wider than `break_glass` in approvals.yaml allows");
    const made = make_glass(1000 + requests.length, { ...body, opened_by: user });
    requests.push(made);
    tell("request", { id: made.id, state: "held" });
    return { request: made.id, state: "held", rules: made.rules, missing: made.missing };
  }],
  ["POST", /^break-glass\/([^/]+)\/close$/, ([id]) => Object.assign(emergency(id), { state: "to_be_reviewed", closed: new Date().toISOString(), closed_by: user })],
  ["POST", /^break-glass\/([^/]+)\/review$/, ([id], body) => {
    const found = emergency(id);
    if ([...found.signed_by, found.terms.opened_by].includes(user)) throw new Problem(403, "break_glass.own", "somebody else reviews what you had a part in");
    Object.assign(found, { state: "reviewed", review: { ...found.review, overdue: false, at: new Date().toISOString(), by: user, comment: body.comment } });
    return found;
  }],
  ["GET", /^people$/, () => ({ people })],
  ["GET", /^people\/([^/]+)\/sessions$/, ([name]) => ({ user: name, sessions: Array.from({ length: account(name).sessions }, (_, i) => ({ id: `p${i}`, how: i ? "passkey" : "password", peer: "10.0.0.7", signed_in: at(-20 * (i + 1)), last_seen: at(-1), expires: at(700) })) })],
  ["POST", /^people\/([^/]+)\/sign-out$/, ([name]) => { const person = account(name); const { sessions } = person; person.sessions = 0; if (name === user) user = null; return { user: name, sessions }; }],
  ["POST", /^people\/([^/]+)\/reset$/, ([name]) => { const { passkeys: keys, sessions } = account(name); Object.assign(account(name), { password: false, passkeys: 0, sessions: 0, identity_providers: [], invited_until: null, locked_until: null }); if (name === user) user = null; return { user: name, passkeys: keys, sessions }; }],
  ["GET", /^overview$/, () => overview],
  ["GET", /^policies$/, () => ({ digest: digest_of(running), loaded: at(-6000), files: running.map((file) => file.path), policies: 14, rules: [] })],
  ["GET", /^policies\/files$/, () => ({ digest: digest_of(running), files: running })],
  ["GET", /^policies\/schema$/, () => ({
    entities: { Agent: { attributes: { name: {}, owner: {}, team: {}, delegates: {}, purpose: {} } }, User: { attributes: { name: {}, level: {}, rank: {} } }, Team: {}, File: { attributes: { name: {}, environment: {}, tier: {}, owner: {}, labels: {} } }, Ref: { attributes: { name: {}, environment: {}, tier: {}, owner: {}, labels: {} } } },
    actions: ["read", "write", "execute", "mint", "administer", "destroy", "change", "mcp:call_tool", "http:PUT", "http:DELETE", "git:push"],
    context: { attributes: { now: {}, effect: {}, upstream: {}, protocol: {}, caller: { attributes: { delegated: {} } }, input: { attributes: { tool: {}, arguments: {}, method: {}, path: {} } }, approval: {} } } })],
  ["POST", /^policies\/check$/, (_, body) => check(body.files)],
  ["POST", /^policies\/diff$/, (_, body) => diff(body.files)],
  ["POST", /^policies\/replay$/, (_, body) => ({
    operations: 48_112, answerable: 47_930, unanswerable: { "the upstream is not configured any more": 182 }, same: diff(body.files).files.length ? 47_721 : 47_930, since: at(-10_080), until: at(0),
    flips: diff(body.files).files.length ? [
      { from: "hold", to: "allow", count: 37, agent: "builder", action: "http:PUT", resource: "HttpEndpoint::web/production/menu.json", policies_before: ["production-changes-need-approval"], policies_after: ["changes-outside-production-are-permitted"], example: { seq: 5001, agent: "builder" } },
      { from: "allow", to: "deny", count: 172, agent: "menu-bot", action: "mcp:call_tool", resource: "File::files/staging/plan.txt", policies_before: ["changes-outside-production-are-permitted"], policies_after: [], example: { seq: 4100 } }] : [] })],
  ["POST", /^policies\/proposals$/, (_, body) => { const made = { id: `pro_${proposals.length + 1}`, state: "open", by: user, created: new Date().toISOString(), description: body.description, base: body.base, digest: digest_of(body.files), files: body.files }; proposals.unshift(made); tell("policies", {}); return made; }],
  ["GET", /^policies\/proposals$/, () => ({ proposals })],
  ["GET", /^policies\/proposals\/([^/]+)$/, ([id]) => proposals.find((one) => one.id === id) ?? (() => { throw new Problem(404, "policies.unknown_proposal", "there is no such proposal"); })()],
  ["POST", /^policies\/proposals\/([^/]+)\/(activate|withdraw)$/, ([id, what]) => {
    const proposal = proposals.find((one) => one.id === id);
    if (what === "activate" && proposal.by === user) throw new Problem(403, "policies.self", "another person has to activate it");
    proposal.state = what === "activate" ? "activated" : "withdrawn";
    if (what === "activate") { running = proposal.files; history.unshift({ digest: proposal.digest, activated: new Date().toISOString(), by: user, proposed_by: proposal.by, description: proposal.description }); }
    tell("policies", {});
  }],
  ["GET", /^policies\/history$/, () => ({ history })],
  ["POST", /^policies\/history\/([^/]+)\/rollback$/, ([digest], body) => { const made = { id: `pro_${proposals.length + 1}`, state: "open", by: user, created: new Date().toISOString(), description: `Back: ${body.reason}`, base: digest_of(running), digest, files }; proposals.unshift(made); return made; }],
];

function send(response, status, body, type = "application/json") {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  response.end(body);
}

createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (!url.pathname.startsWith("/api/v1/")) {
    const name = url.pathname.startsWith("/assets/") ? url.pathname : "/index.html";
    try {
      const data = readFileSync(join(dist, name));
      response.writeHead(200, { "Content-Type": types[extname(name)] ?? "application/octet-stream", "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff" });
      response.end(data);
    } catch {
      send(response, 404, "", "text/plain");
    }
    return;
  }
  const path = url.pathname.slice("/api/v1/".length);
  if (path === "events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": hello\n\n");
    streams.add(response);
    request.on("close", () => streams.delete(response));
    return;
  }
  let text = "";
  for await (const piece of request) text += piece;
  if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
  try {
    if (!user && !path.startsWith("sign-in")) throw new Problem(401, "session.none", "nobody is signed in");
    for (const [method, pattern, act] of routes) {
      const found = request.method === method && path.match(pattern);
      if (!found) continue;
      const answer = act(found.slice(1).map(decodeURIComponent), text ? JSON.parse(text) : {}, url.searchParams);
      if (answer === undefined) return void response.writeHead(204).end();
      return typeof answer === "string" ? send(response, 200, answer, "text/plain") : send(response, 200, JSON.stringify(answer));
    }
    throw new Problem(404, "admin.unknown_path", `nothing is served at ${path}`);
  } catch (error) {
    send(response, error.status ?? 500, JSON.stringify({ code: error.code ?? "mock.error", title: error.message, detail: error.message }), "application/problem+json");
  }
}).listen(port, "127.0.0.1", () => console.log(`mock on http://localhost:${port}/`));
