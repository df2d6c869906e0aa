// Passkeys in the browser (Web Authentication Level 3) and what a person signs with them.
import type { Assertion, Decision, EnrolAsk, HeldRequest, PasskeyAsk, SignedVote, VoteAsk } from "../api";
import { ApiError } from "../api";

export function to_base64url(data: ArrayBuffer | Uint8Array): string {
  let text = "";
  for (const byte of new Uint8Array(data as ArrayBuffer)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function from_base64url(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const out = new Uint8Array(new ArrayBuffer(raw.length));
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

export const passkeys_possible = (): boolean => typeof PublicKeyCredential !== "undefined" && window.isSecureContext;

function explain(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return new ApiError(0, "passkey.not_used", "", "No passkey was used: the prompt was closed, timed out, or no passkey fits.");
  if (name === "InvalidStateError") return new ApiError(0, "passkey.exists", "", "This device already holds a passkey for you.");
  if (name === "SecurityError") return new ApiError(0, "passkey.wrong_site", "", "The address of this page does not fit the server's public_url, so passkeys cannot be used here.");
  return new ApiError(0, "passkey.failed", "", error instanceof Error ? error.message : "The passkey could not be used.");
}

async function assert(challenge: string, rp_id: string, credentials: string[], timeout = 120_000): Promise<Assertion> {
  try {
    const found = await navigator.credentials.get({
      publicKey: {
        challenge: from_base64url(challenge),
        rpId: rp_id,
        timeout,
        userVerification: "required",
        allowCredentials: credentials.map((id) => ({ type: "public-key" as const, id: from_base64url(id) })),
      },
    });
    if (!(found instanceof PublicKeyCredential)) throw new ApiError(0, "passkey.not_used", "", "No passkey was used.");
    const response = found.response as AuthenticatorAssertionResponse;
    return {
      credential: to_base64url(found.rawId),
      authenticator_data: to_base64url(response.authenticatorData),
      client_data: to_base64url(response.clientDataJSON),
      signature: to_base64url(response.signature),
    };
  } catch (error) {
    throw explain(error);
  }
}

export const assert_sign_in = (ask: PasskeyAsk): Promise<Assertion> => assert(ask.challenge, ask.rp_id, [], ask.timeout_ms);

export async function create_passkey(ask: EnrolAsk): Promise<{ client_data: string; attestation_object: string }> {
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        challenge: from_base64url(ask.challenge),
        rp: ask.rp,
        user: { id: from_base64url(ask.user.id), name: ask.user.name, displayName: ask.user.name },
        pubKeyCredParams: ask.algorithms.map((alg) => ({ type: "public-key" as const, alg })),
        excludeCredentials: ask.exclude.map((id) => ({ type: "public-key" as const, id: from_base64url(id) })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        attestation: "none",
        timeout: 120_000,
      },
    });
    if (!(made instanceof PublicKeyCredential)) throw new ApiError(0, "passkey.not_used", "", "No passkey was made.");
    const response = made.response as AuthenticatorAttestationResponse;
    return { client_data: to_base64url(response.clientDataJSON), attestation_object: to_base64url(response.attestationObject) };
  } catch (error) {
    throw explain(error);
  }
}

export async function sha256_hex(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Statement {
  type: string;
  by: string;
  for: string;
  decision: string;
  reason_sha256: string;
  requests: { id: string; fingerprint: string; preview_sha256: string; grant_sha256?: string }[];
}

/** What the person has before their eyes, and is about to decide. */
export interface OnScreen {
  user: string;
  for: string;
  decision: Decision;
  reason: string;
  grant: string;
  requests: Pick<HeldRequest, "id" | "fingerprint" | "preview_sha256">[];
}

function refuse(what: string): never {
  throw new ApiError(0, "vote.statement_differs", "", `Nothing was signed: ${what}. Load the page again; if it happens again, tell an administrator.`);
}

/** Refuses to sign a statement that is not about what is on the screen, or a challenge that is not the statement's digest. */
export async function check_statement(ask: VoteAsk, screen: OnScreen): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ask.statement));
  if (to_base64url(digest) !== ask.challenge) refuse("the challenge is not the digest of the statement");
  let statement: Statement;
  try {
    statement = JSON.parse(ask.statement) as Statement;
  } catch {
    refuse("the statement cannot be read");
  }
  if (statement.type !== "countersign/vote/v1") refuse("the statement is of another kind");
  if (statement.by !== screen.user) refuse("the statement names somebody else");
  if (statement.for !== screen.for) refuse("the statement is for somebody else");
  if (statement.decision !== screen.decision) refuse("the statement says another decision");
  if (statement.reason_sha256 !== (await sha256_hex(screen.reason))) refuse("the statement is about another reason");
  if (!Array.isArray(statement.requests) || statement.requests.length !== screen.requests.length) refuse("the statement names other requests");
  for (const shown of screen.requests) {
    const named = statement.requests.find((request) => request.id === shown.id);
    if (!named) refuse("the statement names other requests");
    if (named.fingerprint !== shown.fingerprint) refuse("the request has another fingerprint than the one on the screen");
    if (named.preview_sha256 !== shown.preview_sha256) refuse("the preview has changed since it was shown");
    if ((named.grant_sha256 ?? "") !== screen.grant) refuse("the statement is about another grant");
  }
}

export async function sign_vote(ask: VoteAsk, screen: OnScreen): Promise<SignedVote> {
  await check_statement(ask, screen);
  return { statement: ask.statement, ...(await assert(ask.challenge, ask.rp_id, ask.credentials)) };
}
