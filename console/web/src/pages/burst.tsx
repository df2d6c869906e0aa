// Requests that were held together: what each would do, and one decision about those that are chosen.
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, type BurstMember, type BurstPage as Burst, type Decision, type HeldRequest } from "../api";
import { person, plural } from "../lib/format";
import { use_asked, use_keys, use_viewed } from "../lib/hooks";
import { announcement, requests_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Countdown, EffectBadge, EnvironmentBadge, StateBadge } from "../ui/badges";
import { burst_title, effect_counts, EffectCounts, effects_of } from "../ui/burst";
import { BurstDialog } from "../ui/decide";
import { Icon } from "../ui/icons";
import { Page, Section } from "../ui/page";
import { PlanLine, PlanSection } from "../ui/plan";
import { Part } from "../ui/preview";
import { Note, Problem, Skeleton } from "../ui/states";
import { Digest, Text } from "../ui/text";

const kShownResources = 3;

const decidable = (request: BurstMember): boolean => request.state === "held" && (request.you.may_approve || request.you.may_deny);

// Read when it is asked for: each look at a request is on record.
function Details({ member }: { member: BurstMember }) {
  const asked = use_asked<HeldRequest>(() => api.request(member.id), member.id);
  if (asked.error) return <Problem error={asked.error} again={asked.reload} />;
  if (!asked.data) return <Skeleton rows={2} kind="text" />;
  const request = asked.data;
  return (
    <>
      {request.preview_sha256 !== member.preview_sha256 && <Note tone="bad">This has changed since the list was made. Load the page again.</Note>}
      {request.preview.parts.length === 0 && <p class="muted">The upstream's protocol has no more to show than the sentence above.</p>}
      {request.preview.parts.map((part, i) => <Part key={i} part={part} />)}
      <dl class="facts small">
        <div><dt>Fingerprint</dt><dd><Digest value={member.fingerprint} /></dd></div>
        <div><dt>Held by</dt><dd>{request.policies.map((policy) => plain(policy.id, 120)).join(", ")}</dd></div>
      </dl>
    </>
  );
}

function Member(props: { member: BurstMember; chosen: boolean; is_new: boolean; choose: () => void }) {
  const { member } = props;
  const [open, set_open] = useState(false);
  const held = member.state === "held";
  const may = decidable(member);
  const more = member.resources.length - kShownResources;
  return (
    <li class={`member ${held && may && !props.chosen ? "left-out" : ""}`} data-id={member.id}>
      <div class="member-check">
        {may ? <label class="row-check"><input type="checkbox" checked={props.chosen} onChange={props.choose} /><span class="sr">decide {plain(member.sentence, 80)}</span></label> : <span class="row-check" />}
      </div>
      <div class="member-main">
        <p class="member-sentence"><Text value={member.sentence} fold={240} /></p>
        <p class="member-resources">
          {member.resources.slice(0, kShownResources).map((resource) => <code key={resource}><Text value={resource.slice(resource.indexOf("::") < 0 ? 0 : resource.indexOf("::") + 2)} fold={160} /></code>)}
          {more > 0 && <span class="muted">and {more} more</span>}
        </p>
        <p class="member-foot">
          <button type="button" class="link" aria-expanded={open} onClick={() => set_open(!open)}>{open ? "Hide what is sent" : "What is sent"}</button>
          <Link href={`/requests/${member.id}`}>Its own page</Link>
          <code class="muted" title={plain(member.fingerprint)}>{plain(member.fingerprint.slice(0, 16))}…</code>
          {held && !may && member.you.why_not !== "" && <span class="muted"><Text value={member.you.why_not} fold={160} /></span>}
          {!held && member.reason !== "" && <span class="muted"><Text value={member.reason} fold={160} /></span>}
        </p>
        {member.plan && <PlanLine plan={member.plan} />}
        {open && <div class="member-details"><Details member={member} /></div>}
      </div>
      <div class="member-side">
        {props.is_new && <span class="badge tone-wait">new</span>}
        <EffectBadge effect={member.effect} />
        {!held && <StateBadge state={member.state} />}
      </div>
    </li>
  );
}

function Detail({ burst, viewed }: { burst: Burst; viewed: () => number }) {
  const [decision, set_decision] = useState<Decision>();
  const [, go] = useLocation();
  const first_seen = useRef(new Set(burst.requests.map((request) => request.id)));
  // What joins while somebody reads is shown, and is not chosen: they have not read it when they began to decide.
  const [left_out, set_left_out] = useState<Set<string>>(new Set());
  const [taken_in, set_taken_in] = useState<Set<string>>(new Set());
  const shown = burst.requests.filter((request) => request.state !== "superseded");
  const held = shown.filter((request) => request.state === "held");
  const over = shown.filter((request) => request.state !== "held");
  const is_new = (request: BurstMember): boolean => !first_seen.current.has(request.id) && !taken_in.has(request.id);
  const is_chosen = (request: BurstMember): boolean => decidable(request) && !left_out.has(request.id) && !is_new(request);
  const chosen = held.filter(is_chosen);
  const may = held.filter(decidable);
  const arrived = held.filter((request) => decidable(request) && is_new(request));

  const choose = (members: BurstMember[], on: boolean): void => {
    set_left_out((old) => {
      const fresh = new Set(old);
      for (const member of members) on ? fresh.delete(member.id) : fresh.add(member.id);
      return fresh;
    });
    if (on) set_taken_in((old) => new Set([...old, ...members.map((member) => member.id)]));
  };
  const can = (next: Decision): boolean => chosen.length > 0 && chosen.every((request) => (next === "approve" ? request.you.may_approve : request.you.may_deny));
  const decide = (next: Decision): void => {
    if (can(next)) set_decision(next);
  };
  use_keys({ a: () => decide("approve"), d: () => decide("deny"), u: () => go("/") });
  useEffect(() => {
    if (arrived.length > 0) announcement.value = `${plural(arrived.length, "more request")} joined this list.`;
  }, [arrived.length]);

  const missing = [...new Set(held.flatMap((request) => request.missing))];
  const why_not = may.length === 0 ? held[0]?.you.why_not ?? "" : "";
  const expires = held.map((request) => request.expires).sort()[0];
  const created = shown[0]?.created;
  const plan = shown.find((request) => request.plan)?.plan;
  return (
    <Page
      wide
      title={burst_title(burst)}
      heading={<span class="sentence">{burst_title(burst)}</span>}
      above={<div class="crumbs"><Link href="/">Inbox</Link> <span aria-hidden="true">/</span> <code>{plain(burst.id)}</code></div>}
    >
      <p class="lead">
        <span class="narrow-only">{held.length > 0 ? <StateBadge state="held" /> : null}{expires && <Countdown until={expires} />}</span>
        <EffectCounts counts={burst.effects} /> <EnvironmentBadge environment={burst.environment} />{" "}
        Agent <Link href={`/agents/${encodeURIComponent(burst.agent)}`}><strong>{plain(burst.agent, 80)}</strong></Link> asks for <strong>{plain(person(burst.owner), 80)}</strong>
        {created && <>, since <Ago time={created} /></>}
      </p>
      {burst.agent_frozen && <Note tone="bad">This agent is frozen: nothing of it runs, even when it is approved.</Note>}
      <div class="split">
        <div class="split-main">
          {plan && <PlanSection plan={{ ...plan, announced_as: [] }} />}
          {held.length > 0 && (
            <Section title={`${plural(held.length, "request")} to decide`}>
              {may.length > 1 && <div class="choose-effects" role="group" aria-label="Which are decided">
                <button type="button" class="small" onClick={() => choose(may, chosen.length < may.length)}>{chosen.length < may.length ? "Choose all" : "Choose none"}</button>
                {effects_of(effect_counts(may)).length > 1 && effects_of(effect_counts(may)).map(([effect]) => {
                  const of_effect = may.filter((request) => request.effect === effect);
                  const all = of_effect.every(is_chosen);
                  return <button key={effect} type="button" class="quiet small" onClick={() => choose(of_effect, !all)}>{all ? "Leave out" : "Take in"} {plain(effect, 30)}</button>;
                })}
              </div>}
              {arrived.length > 0 && (
                <Note tone="wait"><span class="note-line"><span>{plural(arrived.length, "request")} joined after you opened this page, and {arrived.length === 1 ? "is" : "are"} not chosen.</span>
                  <button type="button" class="small" onClick={() => choose(arrived, true)}>Choose {arrived.length === 1 ? "it" : "them"} too</button></span></Note>
              )}
              <ul class="members">
                {held.map((member) => <Member key={member.id} member={member} chosen={is_chosen(member)} is_new={is_new(member)} choose={() => choose([member], !is_chosen(member))} />)}
              </ul>
            </Section>
          )}
          {over.length > 0 && (
            <Section title={held.length > 0 ? "Not waiting any more" : "What became of them"}>
              <ul class="members">{over.map((member) => <Member key={member.id} member={member} chosen={false} is_new={false} choose={() => undefined} />)}</ul>
            </Section>
          )}
        </div>
        <aside class="decision card" aria-label="Decision">
          <div class="decision-head">
            {held.length > 0 ? <StateBadge state="held" /> : <span class="badge tone-quiet">decided</span>}
            {expires && created && <Countdown until={expires} from={created} />}
          </div>
          {held.length === 0 && <p>Nothing of it waits any more. {Object.entries(burst.states).map(([state, number]) => `${number} ${state}`).join(", ")}.</p>}
          {missing.length > 0 && (
            <div class="rules">{missing.map((sentence) => (
              <div key={sentence} class="rule"><p class="rule-name"><span class="rule-mark"><Icon name="clock" size={15} /></span><Text value={sentence} fold={200} /></p></div>
            ))}</div>
          )}
          {held.length > 0 && (
            <>
              {may.length > 0 && (
                <div class="chosen">
                  <p><strong>{chosen.length} of {held.length}</strong> chosen</p>
                  {chosen.length > 0 && <EffectCounts counts={effect_counts(chosen)} />}
                  {chosen.length > 0 && chosen.length < held.length && <p class="small muted">The others stay held.</p>}
                </div>
              )}
              {burst.demands.signature && <p class="small needs-key"><Icon name="key" size={15} /> Votes here must be signed with a passkey.</p>}
              {why_not !== "" && <Note><Text value={why_not} /></Note>}
              <div class="decide-buttons">
                <button type="button" class="primary large" disabled={!can("approve")} onClick={() => decide("approve")}>Approve {chosen.length}… <kbd>a</kbd></button>
                <button type="button" class="danger-quiet large" disabled={!can("deny")} onClick={() => decide("deny")}>Deny {chosen.length}… <kbd>d</kbd></button>
              </div>
              <p class="small muted">Exactly the requests in the list are decided, by their fingerprints. What joins later is not among them.</p>
            </>
          )}
        </aside>
      </div>
      {decision && (
        <BurstDialog burst={burst} requests={chosen} decision={decision} viewed={viewed} close={() => set_decision(undefined)}
          done={() => { announcement.value = decision === "approve" ? "Your approvals count." : "Denied."; set_decision(undefined); }} />
      )}
    </Page>
  );
}

export function BurstPage({ id }: { id: string }) {
  const asked = use_asked(() => api.burst(id), id, requests_version.value);
  const viewed = use_viewed(id);
  if (asked.data) return <Detail burst={asked.data} viewed={viewed} />;
  if (asked.error) return <Page title="Burst" above={<div class="crumbs"><Link href="/">Inbox</Link></div>}><Problem error={asked.error} again={asked.reload} /></Page>;
  return <Page title="Burst" heading={<span class="muted">{plain(id, 40)}</span>}><Skeleton rows={6} kind="text" /></Page>;
}
