// Made-up data in the shapes of docs/admin-api.md, for working on the pages without a gateway. Nothing here is shipped.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const hex = (text) => createHash("sha256").update(text).digest("hex");
const policies = join(dirname(fileURLToPath(import.meta.url)), "../../../policies/default");
const start = Date.now();
export const at = (minutes) => new Date(start + minutes * 60_000).toISOString();

function walk(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}
export const files = walk(policies).map((path) => ({ path: relative(policies, path), text: readFileSync(path, "utf8") }));
export const digest_of = (list) => hex(JSON.stringify(list));

const diff = `diff --git a/deploy/checkout.yaml b/deploy/checkout.yaml
index 3f1c2aa..9be01d4 100644
--- a/deploy/checkout.yaml
+++ b/deploy/checkout.yaml
@@ -12,9 +12,10 @@ spec:
   template:
     spec:
       containers:
         - name: checkout
-          image: registry.internal/checkout:2.14.0
+          image: registry.internal/checkout:2.15.0
           resources:
-            limits: { memory: 512Mi }
+            limits: { memory: 768Mi, cpu: "1" }
+          env: [{ name: FEATURE_TAX, value: "on" }]
           readinessProbe:
             httpGet: { path: /healthz }
diff --git a/README.md b/README.md
index 1c2d3e4..5f6a7b8 100644
--- a/README.md
+++ b/README.md
@@ -1,3 +1,4 @@
 # Checkout
 
+Access\u202E noitcudorp\u202C is granted by the platform team.<img src=x onerror=alert(1)>
 How to run it.
`;

export function make_request(n, more = {}) {
  const id = `req_${hex(String(n)).slice(0, 20)}`;
  const base = {
    id, state: "held", created: at(-4 - n * 7), expires: at(236 - n * 7), decided: null, finished: null, decided_by: "", agent: "builder", owner: "user:olivia", delegates: [],
    protocol: "http", upstream: "web", action: "http:PUT", effect: "write", environment: "production", summary: `PUT /production/menu-${n}.json`, resources: [`HttpEndpoint::web/production/menu-${n}.json`],
    rules: ["production-change"], missing: ["production-change: platform: 0 of 1 from team:platform, senior or above"], code: "", reason: "", documented: true, conflicts: [], demands: { signature: false }, group: "",
    input: { method: "PUT", path: `/production/menu-${n}.json` }, body: { sha256: hex(`body${n}`), bytes: 214 },
    preview: { sentence: `PUT /production/menu-${n}.json on web with a body of 214 bytes.`, parts: [
      { title: "Request", media_type: "text/plain", text: `PUT /production/menu-${n}.json\ncontent-type: application/json\n` },
      { title: "Body", media_type: "application/json", text: `{"espresso":3,"tea":${n},"id":12345678901234567890,"sizes":["small","large"]}` } ] },
    policies: [{ id: "production-changes-need-approval", source: "30-production.cedar:16", says: "changes to production are approved by the team that runs it" }],
    approvals: [{ rule: "production-change", description: "The team that runs production approves.", satisfied: false, progress: "platform: 0 of 1 from team:platform, senior or above", may_approve: ["sam", "pat"], open: { stage: "platform", need: 1, have: 0, group: "team:platform", min_level: "senior" } }],
    votes: [], fingerprint: hex(`print${n}`), policy_digest: hex("policies"), operation: `0b4c2d1e-77aa-4a11-9c1e-00000000000${n % 10}`, delivered: false, reply: null,
    documentation: null, documentation_missing: [], you: { may_approve: true, may_deny: true, why_not: "", code: "", for: [], own: false },
    agent_history: { requests: 41, approved: 36, denied: 3, last: [] },
    ...more,
  };
  base.preview_sha256 = hex(JSON.stringify(base.preview));
  return base;
}

export const requests = [
  make_request(0, {
    protocol: "git", upstream: "origin", action: "git:push", effect: "write", environment: "production", agent: "release-bot", delegates: ["planner"],
    summary: "push 3 commits to main of team/checkout: 2 files, +4 −2", resources: ["Ref::origin/team/checkout/refs/heads/main"], rules: ["production-change", "tier-0-change"], demands: { signature: true },
    missing: ["production-change: platform: 1 of 2 from team:platform, senior or above", "tier-0-change: second pair of eyes: 0 of 1 from anyone, principal or above"],
    preview: { sentence: "Push 3 commits to main of team/checkout: 2 files, 4 lines added, 2 removed.", parts: [
      { title: "statistics", media_type: "text/plain", text: "refs/heads/main: 8f12c3a → 41d7be0, fast-forward\n3 commits, 2 files changed, +4 −2\nlargest file: README.md, 2,114 bytes\n" },
      { title: "commits", media_type: "text/plain", text: "41d7be0  release-bot  Raise memory after the incident\n9a0c1f2  release-bot  checkout 2.15.0\n77b1e02  release-bot  <script>alert('commit')</script> docs\n" },
      { title: "files", media_type: "text/plain", text: "README.md              +1 −0\ndeploy/\n  checkout.yaml        +3 −2\n" },
      { title: "diff", media_type: "text/x-diff", text: diff } ] },
    documentation: { intent: "Release checkout 2.15.0 with more memory: 2.14 was killed twice last night during the tax run.", ticket: "OPS-2231", rollback: "Revert 9a0c1f2 and push; the old image stays in the registry for 30 days.", references: [{ url: "https://runbooks.internal/checkout/release", updated: "2026-10-01" }] },
    approvals: [
      { rule: "production-change", description: "The team that runs production approves.", satisfied: false, progress: "platform: 1 of 2 from team:platform, senior or above", may_approve: ["sam", "pat"], open: { stage: "platform", need: 2, have: 1, group: "team:platform", min_level: "senior" } },
      { rule: "tier-0-change", description: "Tier 0 needs a second, more senior approval.", satisfied: false, progress: "second pair of eyes: 0 of 1 from anyone, principal or above", may_approve: ["dana"], open: { stage: "second pair of eyes", need: 1, have: 0, group: "anyone", min_level: "principal" } } ],
    votes: [{ rule: "production-change", stage: "platform", by: "pat", level: "senior", approves: true, reason: "Read the diff; memory matches the dashboard.", at: at(-2), for: "", signed: true, viewed_ms: 94_000 }],
    policies: [
      { id: "production-changes-need-approval", source: "30-production.cedar:16", says: "changes to production are approved by the team that runs it" },
      { id: "tier-0-changes-need-a-senior-second", source: "30-production.cedar:27", says: "tier 0 needs a second, more senior approval" } ],
    you: { may_approve: true, may_deny: true, why_not: "", code: "", for: ["alice"], own: false },
  }),
  make_request(1, {
    protocol: "mcp", upstream: "files", action: "mcp:call_tool", effect: "execute", summary: "call run_migration on files with production/schema.sql <img src=x onerror=alert(1)>", resources: ["File::files/production/schema.sql"],
    preview: { sentence: "Call run_migration on files.", parts: [
      { title: "Arguments", media_type: "application/json", text: JSON.stringify({ path: "production/schema.sql", dry_run: false, note: "adds a column\u202Egnp.exe\u202C <script>alert(1)</script>", amount: 12.5 }) },
      { title: "/sql", media_type: "text/plain", text: "ALTER TABLE orders ADD COLUMN tax numeric(12,2) NOT NULL DEFAULT 0;\nCREATE INDEX CONCURRENTLY orders_tax ON orders (tax);\n" } ] },
  }),
  ...[2, 3, 4, 5].map((n) => make_request(n, { group: "abcd", agent: "menu-bot", owner: "team:platform" })),
  make_request(6, { effect: "administer", environment: "staging", action: "http:POST", summary: "POST /staging/roles: give ci the role writer", rules: ["sensitive-change"], agent: "builder", created: at(-110), expires: at(7), missing: ["sensitive-change: platform: 1 of 2 from team:platform, senior or above"] }),
];

// What Terraform asks for within a few seconds.
const changes = [
  ...["orders-archive", "orders-exports", "orders-replica", "orders-logs", "invoices", "invoices-archive", "reports", "reports-archive", "orders-tmp"].map((name) =>
    ["write", "aws:s3:CreateBucket", `Create the bucket ${name} (eu-central-1, aws).`, `AwsResource::aws/arn:aws:s3:::${name}`]),
  ["administer", "aws:s3:PutBucketPolicy", "Set the policy of the bucket orders (aws): lets role reporting read.", "AwsResource::aws/arn:aws:s3:::orders"],
  ["administer", "aws:iam:AttachRolePolicy", "Attach the policy AmazonS3ReadOnlyAccess to the role reporting (aws).", "AwsResource::aws/arn:aws:iam::111122223333:role/reporting"],
  ["administer", "aws:ec2:AuthorizeSecurityGroupIngress", "Open sg-0a1b2c3d4e5f (aws) to 10.0.0.0/8 on port 5432.", "AwsResource::aws/arn:aws:ec2:eu-central-1:111122223333:security-group/sg-0a1b2c3d4e5f"],
  ["destroy", "aws:dynamodb:DeleteTable", "Delete the table orders-old with everything in it (aws).", "AwsResource::aws/arn:aws:dynamodb:eu-central-1:111122223333:table/orders-old"],
  ["destroy", "aws:s3:DeleteObject", "Delete orders/2019/prices.json (aws).", "AwsResource::aws/arn:aws:s3:::orders/2019/prices.json"],
];
export const kBurst = "bst_2f0a1b2c3d4e5f60";
const address_of = ([effect, , , resource], i) => `${["aws_s3_bucket", "aws_iam_role_policy_attachment", "aws_dynamodb_table"][effect === "write" ? 0 : effect === "administer" ? 1 : 2]}.${resource.split(/[:/]/).at(-1).replaceAll(/[^a-z0-9]/g, "_")}_${i}`;
export const plan = {
  plan: "pln_06f2k1b2c3d4e5f6", upstream: "aws", agent: "builder", owner: "user:olivia", state: "in_force", submitted: at(-4), until: at(116), sha256: hex("plan"),
  terraform_version: "1.11.4", counts: { add: 12, change: 0, destroy: 3, replace: 1 }, summary: "12 to add, 0 to change, 3 to destroy (1 replaced)", left_out: 0,
  changes: [
    { address: "module.cache.aws_elasticache_cluster.sessions", type: "aws_elasticache_cluster", action: "replace", reason: "replace_because_cannot_update" },
    ...changes.map((change, i) => ({ address: address_of(change, i), type: "", action: change[0] === "destroy" ? "delete" : "create", ...(change[0] === "destroy" && { reason: "delete_because_no_resource_config" }) })),
  ].sort((a, b) => (a.action === "delete" ? -1 : 0) - (b.action === "delete" ? -1 : 0)),
};
for (const [i, [effect, action, sentence, resource]] of changes.entries()) {
  requests.push(make_request(500 + i, {
    plan: { plan: plan.plan, announced_as: [`${address_of(changes[i], i)} (${effect === "destroy" ? "delete, delete_because_no_resource_config" : "create"})`] },
    protocol: "aws", upstream: "aws", action, effect, summary: sentence, resources: [resource], burst: kBurst, created: at(-3), expires: at(237), input: {},
    preview: { sentence, parts: [{ title: "Request", media_type: "application/json", text: JSON.stringify({ operation: action, resource }) }] },
  }));
}

requests[1].conflicts = [requests[2].id];

export const decided = [
  make_request(20, { state: "done", decided: at(-50), finished: at(-50), decided_by: "sam", created: at(-63), reason: "tea is fine", reply: { status: 204, bytes: 0, truncated: false }, delivered: true }),
  make_request(21, { state: "denied", decided: at(-80), decided_by: "pat", created: at(-84), reason: "no rollback plan yet", effect: "execute" }),
  make_request(22, { state: "expired", decided: at(-200), created: at(-440), reason: "" }),
  make_request(23, { state: "unknown", decided: at(-300), decided_by: "sam", created: at(-310), reason: "" }),
];
requests[0].agent_history.last = decided.slice(0, 3);

export const audit = Array.from({ length: 260 }, (_, i) => {
  const seq = 5200 - i;
  const kind = i % 6;
  const common = { v: 1, seq, ts: at(-i * 1.7), operation: `0b4c2d1e-77aa-4a11-9c1e-${String(100000000000 + i)}` };
  const op = { agent: "builder", owner: "user:olivia", chain: ["9f8e7d6c5b4a39281706f5e4d3c2b1a0"], peer: "127.0.0.1:51234", upstream: "web", protocol: "http", policies: ["reads-are-permitted"], policy_digest: hex("policies") };
  if (kind === 0) return { ...common, ...op, phase: "intent", action: "http:PUT", effect: "write", environment: "production", resources: ["HttpEndpoint::web/production/menu.json"], decision: "hold", code: "approval.asked", request: requests[0].id, input_sha256: hex("x"), input_bytes: 214, fingerprint: requests[0].fingerprint };
  if (kind === 1) return { ...common, phase: "approval", action: "approval:approve", actor: "sam", comment: "tea is fine <b>really</b>", request: requests[0].id, agent: "builder", owner: "user:olivia", upstream: "web", fingerprint: requests[0].fingerprint };
  if (kind === 2) return { ...common, ...op, phase: "outcome", action: "http:GET", effect: "read", environment: "production", resources: ["HttpEndpoint::web/production/prices.json"], outcome: "ok", status: 200, output_sha256: hex("y"), output_bytes: 17, latency_us: 812 };
  if (kind === 3) return { ...common, ...op, phase: "intent", action: "http:DELETE", effect: "destroy", environment: "production", resources: ["HttpEndpoint::web/production/prices.json"], decision: "deny", code: "policy.floor", reason: "nothing on production is destroyed by an agent, whoever asks", policies: ["floor-no-destroy-on-production"] };
  if (kind === 4) return { ...common, phase: "refused", peer: "127.0.0.1:40022", code: "token.invalid", reason: "the token's signature does not fit" };
  return { ...common, ...op, phase: "intent", action: "http:GET", effect: "read", environment: "staging", resources: ["HttpEndpoint::web/staging/plan.txt"], decision: "allow", code: "policy.allowed" };
});

export const agents = [
  { name: "builder", owner: "user:olivia", listed: true, frozen: null, tokens: 2, last_seen: at(-1), open_requests: 3 },
  { name: "release-bot", owner: "user:olivia", listed: true, frozen: null, tokens: 1, last_seen: at(-4), open_requests: 1 },
  { name: "menu-bot", owner: "team:platform", listed: false, frozen: { by: "sam", at: at(-30), reason: "pushes the same menu every minute" }, tokens: 1, last_seen: at(-31), open_requests: 4 },
];
export const tokens = {
  builder: [
    { id: "9f8e7d6c5b4a39281706f5e4d3c2b1a0", kind: "agent", agent: "builder", owner: "user:olivia", scope: "anything on files and web", state: "active", issued: at(-300), expires: at(120), issued_by: "local administrator", uses: 412, last_seen: at(-1) },
    { id: "11aa22bb33cc44dd55ee66ff77008899", parent: "9f8e7d6c5b4a39281706f5e4d3c2b1a0", scope: "read on files", state: "active", first_seen: at(-200), last_seen: at(-3), uses: 98 },
    { id: "aabbccddeeff00112233445566778899", parent: "11aa22bb33cc44dd55ee66ff77008899", scope: "read on files, only staging/**", state: "active", first_seen: at(-100), last_seen: at(-90), uses: 7 },
    { id: "00112233445566778899aabbccddeeff", kind: "agent", agent: "builder", owner: "user:olivia", scope: "anything on web", state: "revoked", issued: at(-900), expires: at(20), issued_by: "local administrator", revoked: { at: at(-500), by: "olivia", reason: "laptop lost" } },
  ],
};

export const upstreams = [
  { name: "files", protocol: "mcp", labels: { environment: "staging", tier: 3, owner: "platform" }, health: "running", detail: "" },
  { name: "web", protocol: "http", labels: { environment: "production", tier: 1, owner: "platform" }, health: "idle", detail: "" },
  { name: "origin", protocol: "git", labels: {}, health: "idle", detail: "" },
];

const terms = (more) => ({ agent: "builder", opened_by: "pat", upstreams: ["web"], effects: ["write"], environments: ["production"], duration_ms: 1_800_000, reason: "checkout sells at the wrong price since 03:10", ...more });
export function make_glass(n, what) {
  return make_request(n, {
    created: new Date().toISOString(), expires: new Date(Date.now() + 15 * 60_000).toISOString(), protocol: "break-glass", upstream: "countersign", action: "break_glass:open", effect: "administer", agent: what.agent, environment: what.environments.join(", "), rules: ["break-glass"], demands: { signature: true },
    summary: `${what.opened_by} breaks the glass: for ${what.duration_ms / 60_000} minutes ${what.agent} may ${what.effects.join(", ")} in ${what.upstreams.join(", ")} (${what.environments.join(", ")}) without waiting: ${what.reason}`,
    missing: ["break-glass: keys: 0 of 2 from team:platform, senior or above"], resources: [`BreakGlass::countersign/${what.agent}`], input: what, body: { sha256: hex(""), bytes: 0 }, documented: false, policies: [],
    preview: { sentence: `${what.opened_by} breaks the glass: for ${what.duration_ms / 60_000} minutes ${what.agent} may ${what.effects.join(", ")} in ${what.upstreams.join(", ")} (${what.environments.join(", ")}) without waiting: ${what.reason}`, parts: [{ title: "what it opens", media_type: "application/json", text: JSON.stringify(what) }] },
    approvals: [{ rule: "break-glass", description: "Two people of the platform sign.", satisfied: false, progress: "keys: 0 of 2 from team:platform, senior or above", may_approve: ["sam", "pat"], open: { stage: "keys", need: 2, have: 0, group: "team:platform", min_level: "senior" } }],
  });
}
requests.push(make_glass(30, terms({ agent: "menu-bot", environments: ["production", "staging"] })));
const glass = (n, what, more) => ({ request: make_request(n).id, state: "open", terms: what, signed_by: ["pat", "dana"], started: at(-18), until: at(12), closed: null, closed_by: "", uses: 4, review: { due: at(4332), overdue: false, at: null }, ...more });
export const emergencies = {
  rules: { rule: "break-glass", in_debt: "break-glass-in-debt", longest_ms: 1_800_000, review_within_ms: 259_200_000, reviewers: "team:sre", environments: ["production", "staging"], upstreams: [], effects: ["write", "execute"] },
  emergencies: [
    glass(31, terms({}), {}),
    glass(32, terms({ agent: "release-bot", upstreams: ["origin"], reason: "the rollback has to land before the shops open <b>now</b>" }), { state: "to_be_reviewed", started: at(-6000), until: at(-5970), uses: 1, review: { due: at(-1650), overdue: true, at: null } }),
    glass(33, terms({ opened_by: "sam", duration_ms: 600_000 }), { state: "to_be_reviewed", signed_by: ["sam", "pat"], started: at(-300), until: at(-290), closed: at(-295), closed_by: "sam", uses: 0, review: { due: at(4030), overdue: false, at: null } }),
    glass(34, terms({}), { state: "reviewed", started: at(-20_000), until: at(-19_970), uses: 2, review: { due: at(-15_650), overdue: false, at: at(-19_000), by: "sam", comment: "two prices were put back; it was right" } }),
  ],
};

export const people = [
  { user: "sam", listed: true, level: "senior", teams: ["sre", "platform"], password: true, passkeys: 1, sessions: 2, identity_providers: [], last_signed_in: at(-20), invited_until: null, locked_until: null },
  { user: "dana", listed: true, level: "director", teams: [], password: false, passkeys: 2, sessions: 0, identity_providers: ["https://login.example.com"], last_signed_in: at(-4000), invited_until: null, locked_until: at(9) },
  { user: "ines", listed: false, level: "", teams: [], password: true, passkeys: 0, sessions: 0, identity_providers: [], last_signed_in: at(-90_000), invited_until: null, locked_until: null },
  { user: "jun", listed: true, level: "junior", teams: ["platform"], password: false, passkeys: 0, sessions: 0, identity_providers: [], last_signed_in: null, invited_until: at(1300), locked_until: null },
];

export const overview = {
  decisions: Array.from({ length: 28 }, (_, i) => ({ at: at((i - 28) * 360), allow: Math.round(140 + 110 * Math.sin(i / 2.2) ** 2 + (i * 37) % 23), hold: 6 + ((i * 7) % 11), deny: 3 + ((i * 5) % 8) })),
  held: { now: 7, oldest_ms: 6_600_000 },
  time_to_decision: { p50_ms: 412_000, p95_ms: 4_100_000 },
  approvers: [
    { name: "sam", approved: 61, denied: 9, median_ms: 320_000, unread: 2 },
    { name: "pat", approved: 24, denied: 11, median_ms: 610_000, unread: 0 },
    { name: "dana", approved: 3, denied: 1, median_ms: 1_900_000, unread: 0 } ],
  rules: [
    { name: "production-change", held: 102, approved: 79, denied: 15, expired: 6, p50_ms: 380_000, p95_ms: 3_900_000 },
    { name: "sensitive-change", held: 14, approved: 9, denied: 4, expired: 1, p50_ms: 900_000, p95_ms: 6_100_000 } ],
  expired: 7,
};
