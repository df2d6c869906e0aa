// Deciding: a form that says once more what is decided, asks why, and signs with a passkey where that is possible or demanded.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, session, type ApiError, type BatchAnswer, type BurstMember, type BurstPage, type Decision, type Grant, type HeldRequest, type SignedVote } from "../api";
import { plural } from "../lib/format";
import { as_api_error } from "../lib/hooks";
import { request_changed } from "../lib/live";
import { passkeys_possible, sign_vote } from "../lib/passkeys";
import { plain } from "../lib/visible";
import { EffectBadge, EnvironmentBadge } from "./badges";
import { effect_counts, EffectCounts } from "./burst";
import { Dialog } from "./dialog";
import { breaks_glass, glass_terms } from "./glass";
import { GrantTermsLine } from "./grant";
import { Icon } from "./icons";
import { Part } from "./preview";
import { Note, Problem, Skeleton } from "./states";
import { StepUp } from "./step_up";
import { Hash, Text } from "./text";

const verb: Record<Decision, string> = { approve: "Approve", deny: "Deny" };

type Signing = "demanded" | "possible" | "not possible";

function signing_of(demanded: boolean): Signing {
  if (demanded) return "demanded";
  return session.value!.passkeys.length > 0 && passkeys_possible() ? "possible" : "not possible";
}

async function signed(requests: Pick<HeldRequest, "id" | "fingerprint" | "preview_sha256">[], decision: Decision, reason: string, for_whom: string, grant: string): Promise<SignedVote> {
  const ask = await api.vote_challenge(requests.map((request) => request.id), decision, reason, for_whom, grant);
  return sign_vote(ask, { user: session.value!.user, for: for_whom, decision, reason, grant, requests });
}

function submit_on_ctrl_enter(event: KeyboardEvent & { currentTarget: HTMLFormElement }): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.currentTarget.requestSubmit();
  }
}

function Advice({ error }: { error: ApiError }) {
  const advice: Record<string, string> = {
    "approval.preview_changed": "What you were shown is not what would run now. Close this, read it again, and decide then.",
    "approval.changed": "What you were shown is not what would run now. Close this, read the list again, and decide then.",
    "approval.signature_required": "This rule counts only votes that are signed with a passkey. Add one on the page Me.",
  };
  return (
    <>
      <Problem error={error} />
      {advice[error.code] && <Note tone="wait">{advice[error.code]}</Note>}
      {error.code === "approval.sign_in_too_old" && <><p class="hint">Confirm that it is you, then decide again.</p><StepUp /></>}
    </>
  );
}

/** The fields both forms share. */
function Fields(props: {
  decision: Decision;
  reason: string;
  set_reason: (reason: string) => void;
  signing: Signing;
  sign: boolean;
  set_sign: (sign: boolean) => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const no_key = props.signing === "demanded" && (session.value!.passkeys.length === 0 || !passkeys_possible());
  return (
    <>
      <label class="field">
        {props.decision === "approve" ? "Why is this right?" : "Why not? The agent is told."}
        <textarea ref={field} rows={3} required maxLength={1000} autofocus value={props.reason} onInput={(event) => props.set_reason(event.currentTarget.value)} />
      </label>
      {props.signing === "possible" && (
        <label class="check">
          <input type="checkbox" checked={props.sign} onChange={(event) => props.set_sign(event.currentTarget.checked)} /> Sign it with my passkey, so that it can be verified without this server
        </label>
      )}
      {props.signing === "demanded" && !no_key && <p class="hint"><Icon name="key" size={15} /> This has to be signed with your passkey: your browser asks for it next.</p>}
      {no_key && <Note tone="wait">This counts only when it is signed with a passkey, and you have none here. <a href="/me">Add one</a></Note>}
    </>
  );
}

export function DecideDialog(props: { request: HeldRequest; decision: Decision; viewed: () => number; grants: Grant[]; grant?: string | undefined; close: () => void; done: () => void }) {
  const { request, decision } = props;
  const [reason, set_reason] = useState("");
  // who may approve only in somebody else's name begins with that name
  const only_for_others = decision === "approve" && (request.you?.code ?? "") !== "" && request.you?.code !== "approval.sign_in_too_old";
  const [for_whom, set_for] = useState(only_for_others ? request.you?.for[0] ?? "" : "");
  const [grant, set_grant] = useState(props.grant ?? "");
  const signing = signing_of(request.demands?.signature ?? false);
  const [sign, set_sign] = useState(signing !== "not possible");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  // The request as it stood when the form was opened is what is decided; a live update behind it does not slip in.
  const [shown] = useState(request);
  const changed = shown.preview_sha256 !== request.preview_sha256 || request.state !== "held";

  const send = async (): Promise<void> => {
    set_busy(true);
    set_error(undefined);
    try {
      const text = reason.trim();
      const ballot = {
        reason: text,
        viewed_ms: props.viewed(),
        ...(shown.preview_sha256 ? { preview_sha256: shown.preview_sha256 } : {}),
        ...(for_whom !== "" ? { for: for_whom } : {}),
        ...(grant !== "" ? { grant } : {}),
        ...(sign ? { signature: await signed([shown], decision, text, for_whom, grant) } : {}),
      };
      await api.vote(shown.id, decision, ballot);
      request_changed(shown.id);
      props.done();
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  return (
    <Dialog title={`${verb[decision]} this request`} close={props.close}>
      <form
        onKeyDown={submit_on_ctrl_enter}
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && reason.trim() !== "" && !changed) void send();
        }}
      >
        <div class={`statement ${decision}`}>
          <p class="statement-sentence"><Text value={shown.preview.sentence} fold={600} /></p>
          <p><EffectBadge effect={shown.effect} /> <EnvironmentBadge environment={shown.environment} /> {breaks_glass(shown) ? <>asked by <strong>{plain(glass_terms(shown)?.opened_by ?? "somebody", 60)}</strong> for the agent {plain(shown.agent, 60)}</> : <>{plural(shown.resources.length, "resource")}, asked by <strong>{plain(shown.agent, 60)}</strong></>}</p>
          {breaks_glass(shown) && decision === "approve" && <p><strong>This breaks the glass:</strong> the clock starts with the last signature.</p>}
          <p class="muted small">Fingerprint <Hash value={shown.fingerprint} length={16} />, preview <Hash value={shown.preview_sha256 ?? ""} length={16} /></p>
        </div>
        {changed && <Note tone="bad">The request has changed since you opened this form. Close it and look again.</Note>}
        {(request.you?.for.length ?? 0) > 0 && (
          <label class="field">
            In whose name
            <select value={for_whom} onChange={(event) => set_for(event.currentTarget.value)}>
              <option value="">my own</option>
              {request.you!.for.map((name) => <option key={name} value={name}>for {plain(name)}, who delegated to me</option>)}
            </select>
          </label>
        )}
        {decision === "approve" && props.grants.length > 0 && (
          <fieldset class="choices column">
            <legend>What you approve</legend>
            <label><input type="radio" name="grant" checked={grant === ""} onChange={() => set_grant("")} /> this request, once</label>
            {props.grants.map((one) => (
              <label key={one.id}><input type="radio" name="grant" checked={grant === one.digest} onChange={() => set_grant(one.digest)} /> <span>this request and the grant <GrantTermsLine grant={one} /></span></label>
            ))}
          </fieldset>
        )}
        <Fields decision={decision} reason={reason} set_reason={set_reason} signing={signing} sign={sign} set_sign={set_sign} />
        {error && <Advice error={error} />}
        <div class="actions">
          <button type="button" onClick={props.close}>Cancel</button>
          <button type="submit" class={decision === "deny" ? "danger" : "primary"} disabled={busy || changed || reason.trim() === ""}>
            {sign && <Icon name="key" size={16} />} {busy ? "One moment…" : `${verb[decision]} as ${plain(session.value!.user, 40)}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function NotCounted({ answer }: { answer: BatchAnswer }) {
  const failed = answer.results.filter((one) => one.error);
  return (
    <>
      <p>{plural(answer.results.length - failed.length, "vote")} counted{failed.length > 0 && <>, {failed.length} did not</>}.</p>
      {failed.length > 0 && (
        <ul class="list">{failed.map((one) => <li key={one.id} class="list-row"><code>{plain(one.id)}</code> <span><Text value={one.error!.detail} /> <code class="muted">{plain(one.error!.code)}</code></span></li>)}</ul>
      )}
    </>
  );
}

/** Requests that were held together: exactly these, by their fingerprints, all of them or none. */
export function BurstDialog(props: { burst: BurstPage; requests: BurstMember[]; decision: Decision; viewed: () => number; close: () => void; done: () => void }) {
  const { burst, decision } = props;
  // The list as it stood when the form was opened is what is decided; a live update behind it does not slip in.
  const [all] = useState(props.requests);
  const [reason, set_reason] = useState("");
  const delegators = [...new Set(all.flatMap((request) => request.you.for))];
  const own = all.every((request) => request.you.code === "" || request.you.code === "approval.sign_in_too_old");
  const [for_whom, set_for] = useState(decision === "approve" && !own ? delegators[0] ?? "" : "");
  const signing = signing_of(burst.demands.signature);
  const [sign, set_sign] = useState(signing !== "not possible");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const [answer, set_answer] = useState<BatchAnswer>();
  const requests = sign ? all.slice(0, burst.sign_at_once) : all;

  const send = async (): Promise<void> => {
    set_busy(true);
    set_error(undefined);
    try {
      const text = reason.trim();
      const made = await api.vote_burst(burst.id, decision, {
        reason: text,
        requests: requests.map(({ id, fingerprint, preview_sha256 }) => ({ id, fingerprint, preview_sha256 })),
        viewed_ms: props.viewed(),
        ...(for_whom !== "" ? { for: for_whom } : {}),
        ...(sign ? { signature: await signed(requests, decision, text, for_whom, "") } : {}),
      });
      for (const one of made.results) request_changed(one.id);
      if (made.results.some((one) => one.error)) set_answer(made);
      else props.done();
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  if (answer) {
    return (
      <Dialog title="Not all of them" close={props.done}>
        <NotCounted answer={answer} />
        <div class="actions"><button type="button" class="primary" autofocus onClick={props.done}>Close</button></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`${verb[decision]} ${plural(requests.length, "request")}`} close={props.close} wide>
      <form
        onKeyDown={submit_on_ctrl_enter}
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && reason.trim() !== "") void send();
        }}
      >
        <p class="statement-counts"><EffectCounts counts={effect_counts(requests)} /> <EnvironmentBadge environment={burst.environment} /> by {plain(burst.agent, 60)} on {plain(burst.upstream, 60)}</p>
        <ol class="batch-list numbered" tabIndex={0} aria-label="What is decided">
          {requests.map((request) => (
            <li key={request.id}>
              <p><EffectBadge effect={request.effect} /> <Text value={request.sentence} fold={300} /></p>
              <p class="muted small">{plain(request.id)}, fingerprint <Hash value={request.fingerprint} length={16} /></p>
            </li>
          ))}
        </ol>
        {requests.length < all.length && <Note tone="wait">One signature is good for {burst.sign_at_once} requests: the others stay held, and are decided next.</Note>}
        {delegators.length > 0 && (
          <label class="field">
            In whose name
            <select value={for_whom} onChange={(event) => set_for(event.currentTarget.value)}>
              <option value="">my own</option>
              {delegators.map((name) => <option key={name} value={name}>for {plain(name)}, who delegated to me</option>)}
            </select>
          </label>
        )}
        <Fields decision={decision} reason={reason} set_reason={set_reason} signing={signing} sign={sign} set_sign={set_sign} />
        {error && <Advice error={error} />}
        <div class="actions">
          <button type="button" onClick={props.close}>Cancel</button>
          <button type="submit" class={decision === "deny" ? "danger" : "primary"} disabled={busy || reason.trim() === ""}>
            {sign && <Icon name="key" size={16} />} {busy ? "One moment…" : `${verb[decision]} ${plural(requests.length, "request")} as ${plain(session.value!.user, 40)}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Several requests, one reason, one gesture; each of them answers for itself. */
export function BatchDialog(props: { decision: Decision; ids: string[]; close: () => void; done: (decided: string[]) => void }) {
  const { decision } = props;
  const [ids] = useState(props.ids.slice(0, 100));
  const [requests, set_requests] = useState<HeldRequest[]>();
  const [reason, set_reason] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const [answer, set_answer] = useState<BatchAnswer>();
  useEffect(() => {
    Promise.all(ids.map((id) => api.request(id))).then(set_requests, (failure: unknown) => set_error(as_api_error(failure)));
  }, []);
  const signing = signing_of(requests?.some((request) => request.demands?.signature) ?? false);
  const [sign, set_sign] = useState(true);
  const will_sign = signing === "demanded" || (signing === "possible" && sign);

  const send = async (): Promise<void> => {
    if (!requests) return;
    set_busy(true);
    set_error(undefined);
    try {
      const text = reason.trim();
      const made = await api.vote_batch({
        requests: requests.map((request) => ({ id: request.id, preview_sha256: request.preview_sha256 ?? "" })),
        decision,
        reason: text,
        ...(will_sign ? { signature: await signed(requests, decision, text, "", "") } : {}),
      });
      set_answer(made);
      for (const one of made.results) request_changed(one.id);
      props.done(made.results.filter((one) => !one.error).map((one) => one.id));
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  if (answer) {
    const failed = answer.results.filter((one) => one.error);
    return (
      <Dialog title={failed.length === 0 ? "Done" : "Not all of them"} close={props.close}>
        <NotCounted answer={answer} />
        <div class="actions"><button type="button" class="primary" autofocus onClick={props.close}>Close</button></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`${verb[decision]} ${plural(ids.length, "request")}`} close={props.close} wide>
      {!requests && !error && <Skeleton rows={3} kind="text" />}
      {!requests && error && <Problem error={error} />}
      {requests && (
        <form
          onKeyDown={submit_on_ctrl_enter}
          onSubmit={(event) => {
            event.preventDefault();
            if (!busy && reason.trim() !== "") void send();
          }}
        >
          <ol class="batch-list">
            {requests.map((request) => (
              <li key={request.id}>
                <details>
                  <summary><Text value={request.preview.sentence} /> <EffectBadge effect={request.effect} /> <EnvironmentBadge environment={request.environment} /></summary>
                  <p class="muted small"><a href={`/requests/${request.id}`} target="_blank" rel="noopener">{plain(request.id)}</a> by {plain(request.agent)}, fingerprint <Hash value={request.fingerprint} length={16} /></p>
                  {request.preview.parts.map((part, i) => <Part key={i} part={part} />)}
                  <ul>{request.resources.slice(0, 20).map((resource) => <li key={resource}><code><Text value={resource} /></code></li>)}</ul>
                </details>
              </li>
            ))}
          </ol>
          <Fields decision={decision} reason={reason} set_reason={set_reason} signing={signing} sign={sign} set_sign={set_sign} />
          {error && <Advice error={error} />}
          <div class="actions">
            <button type="button" onClick={props.close}>Cancel</button>
            <button type="submit" class={decision === "deny" ? "danger" : "primary"} disabled={busy || reason.trim() === ""}>
              {will_sign && <Icon name="key" size={16} />} {busy ? "One moment…" : `${verb[decision]} all ${ids.length}`}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
