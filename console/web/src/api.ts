// The admin API: the shapes it speaks and one function for each route. docs/admin-api.md is the reference.

import { signal } from "@preact/signals";

export type State =
  | "held" | "approved" | "denied" | "expired" | "cancelled" | "withdrawn" | "superseded" | "stale"
  | "executing" | "done" | "failed" | "unknown";
export type Effect = "read" | "write" | "execute" | "mint" | "administer" | "destroy";
export type Time = string; // RFC 3339
export type Decision = "approve" | "deny";

export interface Summary {
  id: string;
  state: State;
  created: Time;
  expires: Time;
  decided: Time | null;
  finished: Time | null;
  decided_by: string;
  agent: string;
  owner: string;
  delegates: string[];
  protocol: string;
  upstream: string;
  action: string;
  effect: string;
  environment: string;
  summary: string;
  resources: string[];
  rules: string[];
  missing: string[];
  code: string;
  reason: string;
  group?: string;
  documented?: boolean;
  conflicts?: string[];
  demands?: { signature: boolean };
  /** What it was held together with; empty when it is alone. */
  burst?: string;
}

/** Requests that were held together, as lists tell of them. */
export interface Burst {
  id: string;
  sentence: string;
  members: number;
  held: number;
  /** Of those that are held; of all, when none is. */
  effects: Record<string, number>;
  states: Record<string, number>;
  agent: string;
  owner: string;
  protocol: string;
  upstream: string;
  environment: string;
  rules: string[];
}
export interface BurstMember extends Summary { sentence: string; preview_sha256: string; fingerprint: string; you: You; plan?: AnnouncedBy }
export interface BurstPage extends Burst {
  requests: BurstMember[];
  demands: { signature: boolean };
  sign_at_once: number;
  agent_frozen: boolean;
}
export interface BurstBallot {
  reason: string;
  requests: { id: string; fingerprint: string; preview_sha256: string }[];
  for?: string;
  viewed_ms?: number;
  signature?: SignedVote;
}

export interface AnnouncedBy { plan: string; announced_as: string[] }
export interface Plan {
  plan: string;
  upstream: string;
  agent: string;
  owner: string;
  state: "in_force" | "withdrawn" | "superseded" | "expired";
  submitted: Time;
  until: Time;
  sha256: string;
  summary: string;
  counts: { add: number; change: number; destroy: number; replace: number };
  changes: { address: string; type: string; action: string; reason?: string; deposed?: string }[];
  left_out: number;
}

export interface PreviewPart { title: string; media_type: string; text: string }

export interface RuleProgress {
  rule: string;
  description?: string;
  satisfied: boolean;
  progress: string;
  may_approve: string[];
  open?: { stage: string; need: number; have: number; group: string; min_level: string };
}

export interface Vote {
  rule: string;
  stage: string;
  by: string;
  level: string;
  approves: boolean;
  reason: string;
  at: Time;
  for?: string;
  signed?: boolean;
  viewed_ms?: number | null;
  grant?: string;
}

export interface Documentation {
  intent?: string;
  ticket?: string;
  rollback?: string;
  references?: { url: string; updated: string }[];
}

export interface You {
  may_approve: boolean;
  may_deny: boolean;
  why_not: string;
  code: string;
  for: string[];
  own: boolean;
}

export interface HeldRequest extends Omit<Summary, "conflicts" | "demands"> {
  input: unknown;
  body: { sha256: string; bytes: number };
  preview: { sentence: string; parts: PreviewPart[] };
  preview_sha256?: string;
  policies: { id: string; source: string; says: string }[];
  approvals: RuleProgress[];
  votes: Vote[];
  fingerprint: string;
  policy_digest: string;
  operation: string;
  delivered: boolean;
  reply: { status: number; bytes: number; truncated: boolean } | null;
  documentation?: Documentation | null;
  documentation_missing?: string[];
  conflicts?: Summary[];
  agent_history?: { requests: number; approved: number; denied: number; last: Summary[] };
  agent_frozen?: boolean;
  plan?: AnnouncedBy;
  edited_by?: string;
  supersedes?: string;
  superseded_by?: string;
  you?: You;
  demands?: { signature: boolean; max_sign_in_age_ms?: number | null };
}

export interface Passkey { id: string; name: string; created: Time; last_used: Time | null; backed_up: boolean }

export interface Session {
  user: string;
  level: string;
  teams: string[];
  csrf: string;
  how: string;
  signed_in: Time;
  expires: Time;
  idle_expires: Time;
  permissions: string[];
  passkeys: Passkey[];
  rp_id: string;
}

export interface SignInWays { passwords: boolean; passkeys: boolean; oidc: { name: string } | null }
export interface Assertion { credential: string; authenticator_data: string; client_data: string; signature: string }
export interface SignedVote extends Assertion { statement: string }
export interface PasskeyAsk { challenge: string; rp_id: string; timeout_ms?: number }
export interface EnrolAsk {
  challenge: string;
  rp: { id: string; name: string };
  user: { id: string; name: string };
  exclude: string[];
  algorithms: number[];
}
export interface VoteAsk { statement: string; challenge: string; credentials: string[]; rp_id: string; expires: Time }
export interface Ballot {
  reason: string;
  preview_sha256?: string;
  for?: string;
  viewed_ms?: number;
  signature?: SignedVote;
  grant?: string;
}
export interface VoteAnswer { id: string; state: State; vote: string; by: string; missing: string[] }
export interface BatchAnswer { results: { id: string; state?: State; missing?: string[]; error?: { status: number; code: string; detail: string } }[] }

export interface Grant {
  id: string;
  state: "proposed" | "active" | "expired" | "used_up" | "revoked";
  digest: string;
  request: string;
  agent: string;
  owner: string;
  upstream: string;
  action: string;
  effect: string;
  environment: string;
  rules: string[];
  resources: string[];
  arguments: Record<string, unknown>;
  max_uses: number;
  uses: number;
  until: Time;
  proposed_by: string;
  proposed: Time;
  activated: Time | null;
  revoked: { at: Time; by: string; reason: string } | null;
}
export interface GrantTerms { resources: string[]; arguments: Record<string, unknown>; max_uses: number; until: Time }

export interface OpenSession { id: string; how: string; peer: string; current: boolean; signed_in: Time; last_seen: Time; expires: Time }

export interface GlassTerms {
  agent: string;
  opened_by: string;
  upstreams: string[];
  effects: string[];
  environments: string[];
  duration_ms: number;
  reason: string;
}
export interface GlassRules {
  rule: string;
  in_debt: string;
  longest_ms: number;
  review_within_ms: number;
  key_age_ms: number;
  reviewers: string;
  environments: string[];
  upstreams: string[];
  effects: string[];
}
export interface Emergency {
  request: string;
  state: "open" | "to_be_reviewed" | "reviewed";
  terms: GlassTerms;
  signed_by: string[];
  started: Time;
  until: Time;
  closed: Time | null;
  closed_by: string;
  uses: number;
  review: { due: Time; overdue: boolean; at: Time | null; by?: string; comment?: string };
}
export interface Emergencies { rules: GlassRules | null; debt: number; emergencies: Emergency[] }

export interface Person {
  user: string;
  listed: boolean;
  level: string;
  teams: string[];
  password: boolean;
  passkeys: number;
  sessions: number;
  identity_providers: string[];
  last_signed_in: Time | null;
  invited_until: Time | null;
  locked_until: Time | null;
}

export interface Upstream { name: string; protocol: string; labels: Record<string, unknown>; health: string; detail: string }

export type AuditRecord = Record<string, unknown> & { seq: number; ts: Time; phase: string };

export interface Agent {
  name: string;
  owner: string;
  listed: boolean;
  frozen: { by: string; at: Time; reason: string } | null;
  tokens: number;
  last_seen: Time | null;
  open_requests: number;
}
export interface Token {
  id: string;
  parent?: string;
  kind?: string;
  agent?: string;
  owner?: string;
  scope?: string;
  state?: string;
  issued?: Time;
  expires?: Time;
  issued_by?: string;
  first_seen?: Time | null;
  last_seen?: Time | null;
  uses?: number;
  seen?: { first: Time; last: Time; uses: number } | null;
  revoked?: { at: Time; by: string; reason: string } | boolean;
  children?: Token[];
}
export interface AgentDetail extends Omit<Agent, "tokens"> {
  tokens: Token[];
  active_tokens: number;
  seen_since: Time | null;
  attributes?: Record<string, unknown>;
  you: { may_freeze: boolean; may_thaw: boolean; may_revoke: boolean };
}

export interface Overview {
  decisions: { at: Time; allow: number; hold: number; deny: number }[];
  counted_since?: Time | null;
  held: { now: number; oldest_ms: number | null };
  time_to_decision: { p50_ms: number | null; p95_ms: number | null };
  approvers: { name: string; approved: number; denied: number; median_ms: number | null; unread: number }[];
  rules: { name: string; held: number; approved: number; denied: number; expired: number; p50_ms: number | null; p95_ms: number | null }[];
  expired: number;
}

export interface PolicyFile { path: string; text: string }
export interface PolicyProblem {
  file?: string;
  line?: number;
  column?: number;
  length?: number;
  severity: string;
  code: string;
  message: string;
  help?: string;
}
export interface PolicyStatus {
  digest: string;
  loaded: Time;
  files: string[];
  policies: number;
  rules: { name: string; description: string }[];
}
export interface TestFailure { file?: string; name?: string; message?: string; [key: string]: unknown }
export interface PolicyCheck {
  ok: boolean;
  digest: string;
  problems: PolicyProblem[];
  tests: { passed: number; failed: number; failures: TestFailure[] } | null;
}
export interface PolicyDiff {
  files: { path: string; before: string | null; after: string | null }[];
  policies: { id: string; file?: string; change: "added" | "removed" | "changed"; before?: string; after?: string }[] | null;
}
export interface Flip {
  from: string;
  to: string;
  count: number;
  agent: string;
  action: string;
  resource: string;
  policies_before: string[];
  policies_after: string[];
  code?: string;
  reason?: string;
  example?: unknown;
}
export interface Replay {
  operations: number;
  answerable: number;
  unanswerable: Record<string, number>;
  same: number;
  flips: Flip[];
  flips_not_listed?: number;
  more?: boolean;
  lost?: number;
  since: Time;
  until: Time;
}
export interface Proposal {
  id: string;
  state: string;
  by: string;
  created: Time;
  description: string;
  base: string;
  digest: string;
  files?: PolicyFile[];
  activated_by?: string;
  withdrawn_by?: string;
  reason?: string;
  diff?: PolicyDiff;
  check?: PolicyCheck;
  [key: string]: unknown;
}
export interface HistoryEntry { digest: string; activated: Time; by: string; proposed_by: string; description: string; proposal: string; replaced: string }
export interface PolicySchema { [key: string]: unknown }

/** What went wrong, as the server says it (RFC 9457), or as the network did. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title || code);
  }
}

/** Undefined while nobody has asked yet, null when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
/** False after a call that did not reach the server, until one does. */
export const reachable = signal(true);

async function problem_of(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { code?: string; title?: string; detail?: string };
    return new ApiError(response.status, body.code ?? `http.${response.status}`, body.title ?? "", body.detail ?? "");
  } catch {
    return new ApiError(response.status, `http.${response.status}`, response.statusText, `The server answered ${response.status}.`);
  }
}

async function raw(method: string, path: string, body?: unknown, accept = "application/json", attempt = 1): Promise<Response> {
  const headers: Record<string, string> = { Accept: `${accept}, application/problem+json` };
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store", redirect: "error" };
  if (method !== "GET") {
    headers["Content-Type"] = "application/json";
    if (session.value?.csrf) headers["X-CSRF-Token"] = session.value.csrf;
    init.body = JSON.stringify(body ?? {});
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    reachable.value = false;
    throw new ApiError(0, "network.unreachable", "Not reachable", "The server cannot be reached. Nothing was changed that you were not told about.");
  }
  reachable.value = true;
  if (response.ok) return response;
  const error = await problem_of(response);
  if (error.code === "admin.csrf" && attempt === 1 && session.value) {
    // another tab has signed in anew meanwhile: the session is the same person's, and its token is another
    session.value = await get<Session>("/api/v1/session");
    return raw(method, path, body, accept, 2);
  }
  if (error.status === 401 && session.value && !path.startsWith("/api/v1/sign-in/")) session.value = null;
  throw error;
}

async function get<T>(path: string): Promise<T> {
  return (await (await raw("GET", path)).json()) as T;
}

async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const response = await raw("POST", path, body);
  const text = await response.text();
  return (text === "" ? {} : JSON.parse(text)) as T;
}

export function query(parameters: Record<string, string | number | undefined>): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== "") out.set(name, String(value));
  const text = out.toString();
  return text === "" ? "" : `?${text}`;
}

const id = encodeURIComponent;

export const api = {
  ways: () => get<SignInWays>("/api/v1/sign-in"),
  session: () => get<Session>("/api/v1/session"),
  sign_in: (user: string, password: string) => post<Session>("/api/v1/sign-in/password", { user, password }),
  passkey_challenge: () => post<PasskeyAsk>("/api/v1/sign-in/passkey/challenge"),
  sign_in_passkey: (assertion: Assertion) => post<Session>("/api/v1/sign-in/passkey", assertion),
  invitation: (code: string, password: string) => post<Session>("/api/v1/sign-in/invitation", { code, password }),
  sessions: () => get<{ sessions: OpenSession[] }>("/api/v1/sessions"),
  end_session: (key: string) => post<unknown>(`/api/v1/sessions/${id(key)}/end`),
  sign_out: () => post<unknown>("/api/v1/sign-out"),
  enrol_challenge: () => post<EnrolAsk>("/api/v1/passkeys/challenge"),
  enrol: (name: string, client_data: string, attestation_object: string) =>
    post<Passkey>("/api/v1/passkeys", { name, client_data, attestation_object }),
  remove_passkey: (key: string) => post<unknown>(`/api/v1/passkeys/${id(key)}/remove`),

  requests: (filter: Record<string, string | number | undefined>) =>
    get<{ requests: Summary[]; bursts?: Record<string, Burst>; before: string | null; waiting?: number }>(`/api/v1/requests${query(filter)}`),
  request: (request: string) => get<HeldRequest>(`/api/v1/requests/${id(request)}`),
  vote_challenge: (requests: string[], decision: Decision, reason: string, for_whom: string, grant: string) =>
    post<VoteAsk>("/api/v1/votes/challenge", { requests, decision, reason, for: for_whom, ...(grant === "" ? {} : { grant }) }),
  vote: (request: string, decision: Decision, ballot: Ballot) => post<VoteAnswer>(`/api/v1/requests/${id(request)}/${decision}`, ballot),
  vote_batch: (ballot: { requests: { id: string; preview_sha256: string }[]; decision: Decision; reason: string; signature?: SignedVote }) =>
    post<BatchAnswer>("/api/v1/votes", ballot),
  plan: (plan: string) => get<Plan>(`/api/v1/plans/${id(plan)}`),
  burst: (burst: string) => get<BurstPage>(`/api/v1/bursts/${id(burst)}`),
  vote_burst: (burst: string, decision: Decision, ballot: BurstBallot) => post<Burst & BatchAnswer>(`/api/v1/bursts/${id(burst)}/${decision}`, ballot),
  grants: (filter: Record<string, string | number | undefined>) =>
    get<{ grants: Grant[]; before: string | null }>(`/api/v1/grants${query(filter)}`),
  propose_grant: (request: string, terms: GrantTerms) => post<Grant>(`/api/v1/requests/${id(request)}/grants`, terms),
  revoke_grant: (grant: string, reason: string) => post<Grant>(`/api/v1/grants/${id(grant)}/revoke`, { reason }),
  edit: (request: string, change: Record<string, unknown>, reason: string, fingerprint: string) =>
    post<{ id: string; state: State; supersedes: string; fingerprint: string }>(`/api/v1/requests/${id(request)}/edit`, { change, reason, fingerprint }),
  cancel: (request: string, reason: string) => post<{ id: string; state: State }>(`/api/v1/requests/${id(request)}/cancel`, { reason }),

  audit: (filter: Record<string, string | number | undefined>) =>
    get<{ records: AuditRecord[]; before: number | null }>(`/api/v1/audit${query(filter)}`),
  audit_record: async (seq: string) => await (await raw("GET", `/api/v1/audit/${id(seq)}`)).text(),
  audit_proof: async (seq: string) => await (await raw("GET", `/api/v1/audit/${id(seq)}/proof`, undefined, "text/plain")).text(),
  audit_key: () => get<{ vkey: string; origin: string }>("/api/v1/audit/key"),

  agents: () => get<{ agents: Agent[] }>("/api/v1/agents"),
  agent: (name: string) => get<AgentDetail>(`/api/v1/agents/${id(name)}`),
  freeze: (name: string, reason: string) => post<unknown>(`/api/v1/agents/${id(name)}/freeze`, { reason }),
  unfreeze: (name: string, reason: string) => post<unknown>(`/api/v1/agents/${id(name)}/unfreeze`, { reason }),
  revoke: (token: string, reason: string) => post<unknown>(`/api/v1/tokens/${id(token)}/revoke`, { reason }),

  upstreams: () => get<{ upstreams: Upstream[] }>("/api/v1/upstreams"),

  emergencies: () => get<Emergencies>("/api/v1/break-glass"),
  break_glass: (terms: Omit<GlassTerms, "opened_by">) =>
    post<{ request: string; state: State; rules: string[]; missing: string[] }>("/api/v1/break-glass", terms),
  close_emergency: (request: string, reason: string) => post<Emergency>(`/api/v1/break-glass/${id(request)}/close`, { reason }),
  review_emergency: (request: string, comment: string) => post<Emergency>(`/api/v1/break-glass/${id(request)}/review`, { comment }),

  people: () => get<{ people: Person[] }>("/api/v1/people"),
  person_sessions: (user: string) => get<{ sessions: Omit<OpenSession, "current">[] }>(`/api/v1/people/${id(user)}/sessions`),
  sign_out_person: (user: string, reason: string) => post<{ sessions: number }>(`/api/v1/people/${id(user)}/sign-out`, { reason }),
  reset_person: (user: string, reason: string) => post<{ passkeys: number; sessions: number }>(`/api/v1/people/${id(user)}/reset`, { reason }),

  overview: (days: number) => get<Overview>(`/api/v1/overview?days=${days}`),

  policies: () => get<PolicyStatus>("/api/v1/policies"),
  policy_files: () => get<{ digest: string; files: PolicyFile[]; read_only?: string }>("/api/v1/policies/files"),
  policy_schema: () => get<PolicySchema>("/api/v1/policies/schema"),
  check: (files: PolicyFile[]) => post<PolicyCheck>("/api/v1/policies/check", { files }),
  diff: (files: PolicyFile[]) => post<PolicyDiff>("/api/v1/policies/diff", { files }),
  replay: (files: PolicyFile[], days: number, limit: number) => post<Replay>("/api/v1/policies/replay", { files, days, limit }),
  propose: (files: PolicyFile[], base: string, description: string) =>
    post<Proposal>("/api/v1/policies/proposals", { files, base, description }),
  proposals: () => get<{ proposals: Proposal[] }>("/api/v1/policies/proposals"),
  proposal: (proposal: string) => get<Proposal>(`/api/v1/policies/proposals/${id(proposal)}`),
  activate: (proposal: string, reason: string) => post<unknown>(`/api/v1/policies/proposals/${id(proposal)}/activate`, { reason }),
  withdraw: (proposal: string, reason: string) => post<unknown>(`/api/v1/policies/proposals/${id(proposal)}/withdraw`, { reason }),
  history: () => get<{ history: HistoryEntry[] }>("/api/v1/policies/history"),
  rollback: (digest: string, reason: string) => post<Proposal>(`/api/v1/policies/history/${id(digest)}/rollback`, { reason }),
};
