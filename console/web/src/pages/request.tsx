// One request: what it would do, as large as it deserves; who asks; what holds it; and the decision.
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, type Decision, type Grant, type HeldRequest, type Summary } from "../api";
import { bytes, date_time, duration, person, plural } from "../lib/format";
import { use_asked, use_keys, use_viewed } from "../lib/hooks";
import { announcement, request_changed, request_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Countdown, EffectBadge, effect_means, EnvironmentBadge, StateBadge } from "../ui/badges";
import { DecideDialog } from "../ui/decide";
import { ReasonDialog } from "../ui/dialog";
import { EditDialog, use_editable } from "../ui/edit";
import { breaks_glass, glass_terms, GlassBanner } from "../ui/glass";
import { GrantDialog, GrantTermsLine, may_be_granted } from "../ui/grant";
import { Icon } from "../ui/icons";
import { Page, Section } from "../ui/page";
import { PlanSection } from "../ui/plan";
import { Part } from "../ui/preview";
import { Note, Problem, Skeleton } from "../ui/states";
import { Digest, Text } from "../ui/text";
import { inbox_order } from "./inbox";

function Touches({ request }: { request: HeldRequest }) {
  const [all, set_all] = useState(false);
  const shown = all ? request.resources : request.resources.slice(0, 8);
  return (
    <Section title="What it touches">
      <dl class="facts">
        <div><dt>Effect</dt><dd><EffectBadge effect={request.effect} /> {effect_means(request.effect)}</dd></div>
        <div><dt>Where</dt><dd><EnvironmentBadge environment={request.environment} /> {plain(request.upstream)} <span class="muted">({plain(request.protocol)})</span>, <code>{plain(request.action)}</code></dd></div>
        <div>
          <dt>{plural(request.resources.length, "resource")}</dt>
          <dd>
            <ul class="resources">{shown.map((resource) => {
              const cut = resource.indexOf("::");
              return <li key={resource}>{cut > 0 && <span class="muted">{plain(resource.slice(0, cut))} </span>}<code><Text value={cut > 0 ? resource.slice(cut + 2) : resource} /></code></li>;
            })}</ul>
            {request.resources.length > shown.length && <button type="button" class="link" onClick={() => set_all(true)}>show all {request.resources.length}</button>}
          </dd>
        </div>
      </dl>
    </Section>
  );
}

function Documentation({ request }: { request: HeldRequest }) {
  const documentation = request.documentation;
  const missing = request.documentation_missing ?? [];
  if (!documentation && missing.length === 0) return null;
  return (
    <Section title="What the agent says about it">
      {missing.length > 0 && <Note tone="wait">Not complete: {missing.map((sentence) => <Text key={sentence} value={sentence} />)}. Until it is, nobody can approve.</Note>}
      {documentation && (
        <dl class="facts">
          {documentation.intent && <div><dt>Intent</dt><dd class="prose"><Text value={documentation.intent} fold={800} /></dd></div>}
          {documentation.ticket && <div><dt>Ticket</dt><dd><Text value={documentation.ticket} /></dd></div>}
          {documentation.rollback && <div><dt>Way back</dt><dd class="prose"><Text value={documentation.rollback} fold={800} /></dd></div>}
          {(documentation.references?.length ?? 0) > 0 && (
            <div><dt>References</dt><dd><ul class="resources">{documentation.references!.map((reference) => <li key={reference.url}><Text value={reference.url} /> <span class="muted">of {plain(reference.updated)}</span></li>)}</ul></dd></div>
          )}
        </dl>
      )}
    </Section>
  );
}

function Others({ title, requests, warn }: { title: string; requests: Summary[]; warn?: string }) {
  if (requests.length === 0) return null;
  return (
    <Section title={title}>
      {warn && <Note tone="wait"><Icon name="warning" size={16} /> {warn}</Note>}
      <ul class="list">
        {requests.map((request) => (
          <li key={request.id} class="list-row">
            <div class="grow"><Link href={`/requests/${request.id}`}><Text value={request.summary} fold={140} /></Link>
              <p class="muted">{plain(request.agent)} for {plain(person(request.owner))}, <Ago time={request.created} /></p></div>
            <StateBadge state={request.state} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Progress({ request }: { request: HeldRequest }) {
  return (
    <div class="rules">
      {request.approvals.map((rule) => (
        <div key={rule.rule} class={`rule ${rule.satisfied ? "satisfied" : ""}`}>
          <p class="rule-name">
            <span class="rule-mark"><Icon name={rule.satisfied ? "check" : "clock"} size={15} /></span>
            <strong>{plain(rule.rule)}</strong><span class="sr">{rule.satisfied ? " is satisfied" : " is not satisfied yet"}</span>
          </p>
          {rule.description && <p class="muted small"><Text value={rule.description} /></p>}
          <p class="small"><Text value={rule.progress} /></p>
          {rule.open && (
            <div class="meter" role="img" aria-label={`${rule.open.have} of ${rule.open.need} approvals`}>
              {Array.from({ length: Math.min(rule.open.need, 20) }, (_, i) => <i key={i} class={i < rule.open!.have ? "have" : ""} />)}
            </div>
          )}
          {!rule.satisfied && request.state === "held" && (
            <p class="small muted">
              {rule.may_approve.length === 0 ? "Nobody can approve this now." : <>May approve: {rule.may_approve.slice(0, 12).map((name) => plain(name, 40)).join(", ")}{rule.may_approve.length > 12 && ` and ${rule.may_approve.length - 12} more`}</>}
            </p>
          )}
        </div>
      ))}
    </div>
  );
}

function Votes({ request }: { request: HeldRequest }) {
  if (request.votes.length === 0) return null;
  // one vote may count for several rules: people read it once
  const seen = new Map<string, HeldRequest["votes"][number] & { stages: string[] }>();
  for (const vote of request.votes) {
    const key = `${vote.by} ${vote.at} ${vote.approves}`;
    const stage = `${vote.rule} / ${vote.stage}`;
    const known = seen.get(key);
    if (known) known.stages.push(stage);
    else seen.set(key, { ...vote, stages: [stage] });
  }
  return (
    <ol class="votes">
      {[...seen.values()].map((vote) => (
        <li key={`${vote.by}${vote.at}`}>
          <p><span class={vote.approves ? "yes" : "no"}><Icon name={vote.approves ? "check" : "cross"} size={15} /></span> <strong>{plain(vote.by, 60)}</strong>
            {vote.for ? <> for {plain(vote.for, 60)}</> : ""} {vote.approves ? "approved" : "denied"} <span class="muted"><Ago time={vote.at} /></span>
            {vote.signed && <span class="signed" title="signed with a passkey"><Icon name="key" size={14} /> signed</span>}</p>
          {vote.reason !== "" && <blockquote><Text value={vote.reason} fold={400} /></blockquote>}
          <p class="muted small">{plain(vote.level)}, counts for {vote.stages.map((stage) => plain(stage)).join(", ")}{(vote.viewed_ms ?? -1) >= 0 && <>, looked at it for {duration(vote.viewed_ms!)}</>}</p>
        </li>
      ))}
    </ol>
  );
}

const outcomes: Partial<Record<HeldRequest["state"], string>> = {
  approved: "Approved. It runs as soon as the gateway has decided once more on today's policies.",
  executing: "Approved and running now.",
  done: "It ran, once, from the gateway's stored copy.",
  failed: "It ran and the upstream said no.",
  unknown: "It was sent, and nobody knows what came of it. It is never sent again by itself.",
  denied: "Denied. It will not run.",
  expired: "Nobody decided in time. It will not run; the agent was told that it expired, not that it was denied.",
  cancelled: "Cancelled by a person. It will not run.",
  withdrawn: "The agent took it back. It will not run.",
  superseded: "Another request took its place, or policies allow it by now.",
  stale: "The world has changed since it was asked. It will not run.",
};

const glass_outcomes: Partial<Record<HeldRequest["state"], string>> = {
  approved: "Approved. The clock starts now.",
  executing: "Approved. The clock starts now.",
  done: "The glass was broken: the clock has started.",
  failed: "Approved, but the glass could not be broken.",
  denied: "Denied. Nothing was opened.",
  expired: "Not enough people signed in time. Nothing was opened.",
  cancelled: "Cancelled by a person. Nothing was opened.",
};

function Decision_({ request, grants, decide, cancel, grant, edit }: { request: HeldRequest; grants: Grant[]; decide: (decision: Decision) => void; cancel: () => void; grant: () => void; edit: (() => void) | undefined }) {
  const open = request.state === "held";
  const you = request.you;
  return (
    <aside class="decision card" aria-label="Decision">
      <div class="decision-head">
        <StateBadge state={request.state} />
        {open && <Countdown until={request.expires} from={request.created} />}
      </div>
      {!open && <p>{(breaks_glass(request) ? glass_outcomes : outcomes)[request.state] ?? ""}{request.reason !== "" && <> <Text value={request.reason} fold={300} /></>}</p>}
      {request.reply && <p class="muted small">The upstream answered {request.reply.status}, {bytes(request.reply.bytes)}{request.reply.truncated && " (cut)"}. The answer itself is for the agent only{request.delivered ? ", and it has it" : ""}.</p>}
      {breaks_glass(request) && !open && <p><Link href="/emergencies">What is open, and what must be reviewed</Link></p>}
      <Progress request={request} />
      {open && request.demands?.signature && <p class="small needs-key"><Icon name="key" size={15} /> Votes here must be signed with a passkey.</p>}
      {open && request.demands?.max_sign_in_age_ms != null && <p class="small muted">Approvers must have signed in within {duration(request.demands.max_sign_in_age_ms)}.</p>}
      {open && you && you.why_not !== "" && <Note>{<Text value={you.why_not} />}</Note>}
      {open && (
        <div class="decide-buttons">
          <button type="button" class="primary large" disabled={you ? !you.may_approve : false} onClick={() => decide("approve")}>Approve… <kbd>a</kbd></button>
          <button type="button" class="danger-quiet large" disabled={you ? !you.may_deny : false} onClick={() => decide("deny")}>Deny… <kbd>d</kbd></button>
        </div>
      )}
      {open && (
        <div class="decide-more">
          {you?.may_approve && edit && <button type="button" class="quiet small" onClick={edit}>Edit it first…</button>}
          {you?.may_approve && !breaks_glass(request) && may_be_granted(request) && <button type="button" class="quiet small" onClick={grant}>Approve repeats too…</button>}
          {you?.own && <button type="button" class="quiet small" onClick={cancel}>Cancel my agent's request…</button>}
        </div>
      )}
      <Votes request={request} />
      <GrantList request={request} grants={grants} />
    </aside>
  );
}

function GrantList({ request, grants }: { request: HeldRequest; grants: Grant[] }) {
  if (grants.length === 0) return null;
  return (
    <div class="votes">
      {grants.map((grant) => (
        <div key={grant.id} class="rule">
          <p class="small"><span class="badge tone-quiet">grant {grant.state.replace("_", " ")}</span> <GrantTermsLine grant={grant} /></p>
          <p class="small muted">proposed by {plain(grant.proposed_by)}. It comes into force when this request is approved by votes that all name it.</p>
        </div>
      ))}
      {request.state === "held" && <p class="small muted"><Link href="/grants">All grants</Link></p>}
    </div>
  );
}

function Detail({ request, viewed }: { request: HeldRequest; viewed: () => number }) {
  const [decision, set_decision] = useState<Decision>();
  const [cancelling, set_cancelling] = useState(false);
  const [granting, set_granting] = useState(false);
  const [editing, set_editing] = useState(false);
  const editable = use_editable(request);
  const [proposed, set_proposed] = useState<string>();
  const asked_grants = use_asked(async () => (await api.grants({ request: request.id, state: "all" })).grants, request.id, request_version(request.id).value);
  const grants = asked_grants.data ?? [];
  const [, go] = useLocation();
  const open = request.state === "held";
  const decide = (next: Decision): void => {
    if (!open || (request.you && !(next === "approve" ? request.you.may_approve : request.you.may_deny))) return;
    set_decision(next);
  };
  const at = inbox_order.ids.indexOf(request.id);
  const neighbour = (step: number): string | undefined => inbox_order.ids[at + step] ?? (at < 0 ? inbox_order.ids[0] : undefined);
  const move = (step: number): void => {
    const next = neighbour(step);
    if (next && next !== request.id) go(`/requests/${next}`);
  };
  use_keys({ j: () => move(1), k: () => move(-1), a: () => decide("approve"), d: () => decide("deny"), u: () => go("/") });
  const history = request.agent_history;
  const glass = breaks_glass(request);
  return (
    <Page
      wide
      title={plain(request.preview.sentence, 80)}
      heading={<span class="sentence"><Text value={request.preview.sentence} fold={500} /></span>}
      above={
        <div class="crumbs">
          <Link href="/">Inbox</Link> <span aria-hidden="true">/</span> <code>{plain(request.id)}</code>
          <span class="grow" />
          {at >= 0 && inbox_order.ids.length > 1 && (
            <span class="steps">
              <button type="button" class="quiet small" disabled={at <= 0} onClick={() => move(-1)}><Icon name="previous" size={16} /> Previous</button>
              <span class="muted small">{at + 1} of {inbox_order.ids.length}</span>
              <button type="button" class="quiet small" disabled={at + 1 >= inbox_order.ids.length} onClick={() => move(1)}>Next <Icon name="next" size={16} /></button>
            </span>
          )}
        </div>
      }
    >
      <p class="lead">
        <span class="narrow-only"><StateBadge state={request.state} />{open && <Countdown until={request.expires} from={request.created} />}</span>
        <EffectBadge effect={request.effect} /> <EnvironmentBadge environment={request.environment} />{" "}
        {glass ? (
          <><strong>{plain(glass_terms(request)?.opened_by ?? "Somebody", 80)}</strong> asks, for the agent <Link href={`/agents/${encodeURIComponent(request.agent)}`}><strong>{plain(request.agent, 80)}</strong></Link> of {plain(person(request.owner), 80)}</>
        ) : (
          <>Agent <Link href={`/agents/${encodeURIComponent(request.agent)}`}><strong>{plain(request.agent, 80)}</strong></Link> asks for <strong>{plain(person(request.owner), 80)}</strong></>
        )}
        {request.delegates.length > 0 && <>, through {request.delegates.map((name) => plain(name, 60)).join(" → ")}</>}
        , <Ago time={request.created} />
      </p>
      {glass && <GlassBanner request={request} />}
      {request.agent_frozen && <Note tone="bad">{glass ? "This agent is frozen. What the terms name would run in spite of that." : "This agent is frozen: nothing of it runs, even when it is approved."}</Note>}
      {request.burst && <Note>It was held together with others: <Link href={`/bursts/${request.burst}`}>all of them in one list</Link>.</Note>}
      {request.edited_by && <Note>This is an edited copy by {plain(request.edited_by)}{request.supersedes && <> of <Link href={`/requests/${request.supersedes}`}>another request</Link></>}.</Note>}
      {request.superseded_by && <Note>Its place was taken by <Link href={`/requests/${request.superseded_by}`}>this request</Link>.</Note>}
      <div class="split">
        <div class="split-main">
          {(request.conflicts?.length ?? 0) > 0 && (
            <Others title="Conflicts" requests={request.conflicts!} warn="Another agent wants to change the same thing. Deciding one changes what the other means." />
          )}
          <Documentation request={request} />
          <Touches request={request} />
          {request.plan && <PlanSection plan={request.plan} />}
          <Section title="Preview" class="preview">
            {request.preview.parts.length === 0 && <p class="muted">The upstream's protocol has no more to show than the sentence above.</p>}
            {request.preview.parts.map((part, i) => <Part key={i} part={part} />)}
          </Section>
          <Section title="Why it is held">
            {glass && <p>Nobody breaks a glass alone: <code>break_glass</code> in <code>approvals.yaml</code> says who has to sign.</p>}
            <ul class="list">
              {request.policies.map((policy) => (
                <li key={policy.id} class="list-row">
                  <Icon name="policies" size={20} />
                  <div class="grow"><strong>{plain(policy.id, 120)}</strong>
                    <p><Text value={policy.says} fold={400} /></p>
                    {policy.source !== "" && <p class="muted small"><Link href={`/policies?file=${encodeURIComponent(policy.source.replace(/:\d+$/, ""))}&line=${policy.source.match(/:(\d+)$/)?.[1] ?? ""}`}><code>{plain(policy.source)}</code></Link></p>}
                  </div>
                </li>
              ))}
            </ul>
          </Section>
          {history && (
            <Section title={`${plain(request.agent, 60)} so far`}>
              <p>{plural(history.requests, "request")}: {history.approved} approved, {history.denied} denied.</p>
              {history.last.length > 0 && (
                <ul class="list">
                  {history.last.map((past) => (
                    <li key={past.id} class="list-row"><div class="grow"><Link href={`/requests/${past.id}`}><Text value={past.summary} fold={120} /></Link> <span class="muted small"><Ago time={past.created} /></span></div><StateBadge state={past.state} /></li>
                  ))}
                </ul>
              )}
            </Section>
          )}
          <Section title="For the record">
            <dl class="facts">
              <div><dt>Fingerprint</dt><dd><Digest value={request.fingerprint} /></dd></div>
              {request.preview_sha256 && <div><dt>Preview</dt><dd><Digest value={request.preview_sha256} /></dd></div>}
              <div><dt>Body</dt><dd>{bytes(request.body.bytes)}{request.body.sha256 !== "" && <>, <Digest value={request.body.sha256} /></>}</dd></div>
              <div><dt>Policies</dt><dd><Digest value={request.policy_digest} /></dd></div>
              <div><dt>Held</dt><dd>{date_time(request.created)}, until {date_time(request.expires)}</dd></div>
              <div><dt>Records</dt><dd><Link href={`/audit?request=${request.id}`}>everything in the audit log about it</Link></dd></div>
            </dl>
          </Section>
        </div>
        <Decision_ request={request} grants={grants} decide={decide} cancel={() => set_cancelling(true)} grant={() => set_granting(true)} edit={editable && (() => set_editing(true))} />
      </div>
      {decision && (
        <DecideDialog request={request} decision={decision} viewed={viewed} grants={grants.filter((grant) => grant.state === "proposed")} grant={proposed} close={() => { set_decision(undefined); set_proposed(undefined); }}
          done={() => { announcement.value = decision === "approve" ? "Your approval counts." : "Denied."; set_decision(undefined); }} />
      )}
      {editing && editable && (
        <EditDialog request={request} editable={editable} close={() => set_editing(false)} done={(next) => { request_changed(request.id); go(`/requests/${next}`); }} />
      )}
      {granting && (
        <GrantDialog request={request} close={() => set_granting(false)}
          done={(grant) => { set_granting(false); asked_grants.reload(); set_proposed(grant.digest); set_decision("approve"); }} />
      )}
      {cancelling && (
        <ReasonDialog title="Cancel this request?" act="Cancel the request" danger close={() => set_cancelling(false)}
          done={async (reason) => { await api.cancel(request.id, reason); request_changed(request.id); }}>
          <p>It will not run, and your agent is told why.</p>
        </ReasonDialog>
      )}
    </Page>
  );
}

export function RequestPage({ id }: { id: string }) {
  const asked = use_asked(() => api.request(id), id, request_version(id).value);
  const viewed = use_viewed(id);
  const state = asked.data?.state;
  const [first, set_first] = useState<string>();
  useEffect(() => {
    if (!state) return;
    if (first && first !== state) announcement.value = `This request is now ${state}.`;
    set_first(state);
  }, [state]);
  if (asked.data) return <Detail request={asked.data} viewed={viewed} />;
  if (asked.error) return <Page title="Request" above={<div class="crumbs"><Link href="/">Inbox</Link></div>}><Problem error={asked.error} again={asked.reload} /></Page>;
  return <Page title="Request" heading={<span class="muted">Request {plain(id, 40)}</span>}><Skeleton rows={6} kind="text" /></Page>;
}

