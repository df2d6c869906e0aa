// Break-glass: what is open now, what must be reviewed, what was; and asking for one.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, session, type Agent, type ApiError, type Emergencies, type Emergency, type GlassRules, type Upstream } from "../api";
import { date_time, duration, person, plural } from "../lib/format";
import { as_api_error, use_asked } from "../lib/hooks";
import { agents_version, announcement, emergencies_version, request_changed } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Countdown, effect_means, EffectBadge } from "../ui/badges";
import { ReasonDialog } from "../ui/dialog";
import { GlassFacts } from "../ui/glass";
import { Icon } from "../ui/icons";
import { Page, Section } from "../ui/page";
import { Empty, Note, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

const kLeast = 10; // characters of a reason and of a review
const kMinute = 60_000;
const kEffects = ["write", "execute", "mint", "administer", "destroy"];
// Uses are counted without an event, and nothing tells that the time is over.
const kAskAgain = 10_000;

const names = (list: string[]): string => list.map((name) => plain(name, 60)).join(", ");
const same = (a: string, b: string): boolean => person(a).toLowerCase() === person(b).toLowerCase();

function Card({ emergency, children }: { emergency: Emergency; children?: ComponentChildren }) {
  const { review } = emergency;
  const open = emergency.state === "open";
  return (
    <li class={`emergency ${open ? "open" : ""} ${review.overdue ? "overdue" : ""}`}>
      <div class="emergency-head">
        <h3><Link href={`/requests/${emergency.request}`}>{plain(emergency.terms.agent, 80)} from {date_time(emergency.started)}</Link></h3>
        {open && <span class="badge glass-mark">open</span>}
        {open && <Countdown until={emergency.until} from={emergency.started} />}
        {emergency.state === "to_be_reviewed" && <span class={`badge ${review.overdue ? "tone-bad" : "tone-wait"}`}>{review.overdue ? "review overdue" : "to be reviewed"}</span>}
        <span class="grow" />
        <strong>{emergency.uses === 0 ? "not used" : `used ${plural(emergency.uses, "time")}`}</strong>
      </div>
      <GlassFacts terms={emergency.terms} />
      <p class="muted small">
        Signed by {names(emergency.signed_by)}.{" "}
        {emergency.closed ? <>Closed by {plain(emergency.closed_by, 60)}, {date_time(emergency.closed)}. </> : !open && <>Over since {date_time(emergency.until)}. </>}
        {emergency.state === "to_be_reviewed" && <>{review.overdue ? "Had to be reviewed" : "To be reviewed"} until {date_time(review.due)}. </>}
        <Link href={`/audit?text=${encodeURIComponent(emergency.request)}`}>Its records</Link>
      </p>
      {children}
    </li>
  );
}

function Review({ emergency, owner, reviewers, done }: { emergency: Emergency; owner: string; reviewers: string; done: () => void }) {
  const [comment, set_comment] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const me = session.value!.user;
  const had_part = emergency.signed_by.some((name) => same(name, me)) ? "you signed it"
    : same(emergency.terms.opened_by, me) ? "you asked for it"
    : owner !== "" && same(owner, me) ? "it is your agent" : "";
  if (had_part !== "") return <Note>Somebody else reviews this one, since {had_part}: whoever asked for it, signed it, or owns the agent cannot.{reviewers !== "" && <> Reviewers are {plain(reviewers, 200)}.</>}</Note>;
  const send = (): void => {
    set_busy(true);
    set_error(undefined);
    api.review_emergency(emergency.request, comment.trim()).then(
      () => {
        announcement.value = "Your review is recorded.";
        done();
      },
      (failure: unknown) => {
        set_error(as_api_error(failure));
        set_busy(false);
      },
    );
  };
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (!busy && comment.trim().length >= kLeast) send(); }}>
      <label class="field">
        Review: what was done, and was it right?
        <textarea rows={3} required minLength={kLeast} maxLength={1000} value={comment} onInput={(event) => set_comment(event.currentTarget.value)} />
      </label>
      <p class="hint">At least {kLeast} characters. Whoever asked for it, signed it, or owns the agent cannot review it.{reviewers !== "" && <> Reviewers are {plain(reviewers, 200)}.</>}</p>
      {error && <Problem error={error} />}
      <div class="actions"><button type="submit" class="primary" disabled={busy || comment.trim().length < kLeast}>{busy ? "One moment…" : "Record the review"}</button></div>
    </form>
  );
}

function Choices(props: { legend: string; all: string[]; chosen: string[]; choose: (chosen: string[]) => void; says?: (name: string) => string }) {
  const toggle = (name: string): void => props.choose(props.chosen.includes(name) ? props.chosen.filter((one) => one !== name) : [...props.chosen, name]);
  return (
    <fieldset class="choices column">
      <legend>{props.legend}</legend>
      {props.all.length === 0 && <p class="hint">There is nothing to choose.</p>}
      {props.all.map((name) => (
        <label key={name}>
          <input type="checkbox" checked={props.chosen.includes(name)} onChange={() => toggle(name)} />
          <span>{plain(name, 120)}{props.says && <span class="muted small"> {props.says(name)}</span>}</span>
        </label>
      ))}
    </fieldset>
  );
}

const within = (all: string[], allowed: string[]): string[] => (allowed.length === 0 ? all : all.filter((name) => allowed.includes(name)));

/** Environments that can be chosen: those the rules name, else what the upstreams say; what says nothing is production. */
function environments_of(rules: GlassRules, upstreams: Upstream[]): string[] {
  if (rules.environments.length > 0) return rules.environments;
  const found = upstreams.map((upstream) => upstream.labels["environment"]).filter((name): name is string => typeof name === "string" && name !== "");
  return [...new Set(["production", ...found])];
}

function Ask({ rules, debt, agents, upstreams }: { rules: GlassRules; debt: number; agents: Agent[]; upstreams: Upstream[] }) {
  const longest = Math.floor(rules.longest_ms / kMinute);
  const [agent, set_agent] = useState("");
  const [on, set_on] = useState<string[]>([]);
  const [effects, set_effects] = useState<string[]>([]);
  const [environments, set_environments] = useState<string[]>([]);
  const [others, set_others] = useState("");
  const [minutes, set_minutes] = useState(Math.min(15, longest));
  const [reason, set_reason] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const [, go] = useLocation();
  const where = [...new Set([...environments, ...others.split(",").map((name) => name.trim()).filter((name) => name !== "")])];
  const ready = agent !== "" && on.length > 0 && effects.length > 0 && where.length > 0 && reason.trim().length >= kLeast
    && Number.isInteger(minutes) && minutes >= 1 && minutes <= longest;
  const send = (): void => {
    set_busy(true);
    set_error(undefined);
    api.break_glass({ agent, upstreams: on, effects, environments: where, duration_ms: minutes * kMinute, reason: reason.trim() }).then(
      (held) => {
        request_changed(held.request);
        announcement.value = "It is asked for. Now people sign.";
        go(`/requests/${held.request}`);
      },
      (failure: unknown) => {
        set_error(as_api_error(failure));
        set_busy(false);
      },
    );
  };
  return (
    <form class="fields" onSubmit={(event) => { event.preventDefault(); if (ready && !busy) send(); }}>
      <p>When something burns and there is nobody to wait for. Nothing opens yet: this makes a request that people sign with their passkeys
        (rule <code>{plain(rules.rule, 80)}</code>). You may be one of them; the agent's owner may not.</p>
      {debt > 0 && <Note tone="bad">{plural(debt, "review is", "reviews are")} overdue.{rules.in_debt !== "" && <> Until that is done, <code>{plain(rules.in_debt, 80)}</code> has to agree too.</>}</Note>}
      <label class="field">
        Agent
        <select required value={agent} onChange={(event) => set_agent(event.currentTarget.value)}>
          <option value="">choose one</option>
          {agents.map((one) => <option key={one.name} value={one.name}>{plain(one.name, 80)}{one.frozen ? " (frozen)" : ""}</option>)}
        </select>
      </label>
      <Choices legend="Upstreams" all={within(upstreams.map((one) => one.name), rules.upstreams)} chosen={on} choose={set_on} />
      <Choices legend="Effects" all={within(kEffects, rules.effects)} chosen={effects} choose={set_effects} says={effect_means} />
      <Choices legend="Environments" all={environments_of(rules, upstreams)} chosen={environments} choose={set_environments} />
      {rules.environments.length === 0 && (
        <label class="field">Other environments, with commas between them<input type="text" maxLength={400} value={others} onInput={(event) => set_others(event.currentTarget.value)} /></label>
      )}
      <label class="field">
        Minutes, {longest} at most
        <input type="number" min={1} max={longest} step={1} required value={minutes} onInput={(event) => set_minutes(Number(event.currentTarget.value))} />
      </label>
      <label class="field">
        What is burning?
        <textarea rows={3} required minLength={kLeast} maxLength={1000} value={reason} onInput={(event) => set_reason(event.currentTarget.value)} />
      </label>
      <p class="hint">At least {kLeast} characters. Everybody who signs and reviews reads it.</p>
      {error && <Problem error={error} />}
      <div class="actions start"><button type="submit" class="danger" disabled={busy || !ready}><Icon name="glass" size={16} /> {busy ? "One moment…" : "Ask people to sign it"}</button></div>
    </form>
  );
}

function NotConfigured() {
  return (
    <Empty title="Break-glass is not configured" icon="glass">
      It is off until <code>approvals.yaml</code> in the policy folder has a section <code>break_glass</code> that names a rule with <code>signature: required</code>.
      The manual's chapter on approvals shows one. It is proposed like every other change: <Link href="/policies?file=approvals.yaml">Policies</Link>.
    </Empty>
  );
}

function Found({ data, reload }: { data: Emergencies; reload: () => void }) {
  const [closing, set_closing] = useState<Emergency>();
  const agents = use_asked(api.agents, "agents", agents_version.value);
  const upstreams = use_asked(api.upstreams, "upstreams");
  const of = (state: Emergency["state"]): Emergency[] => data.emergencies.filter((one) => one.state === state);
  const open = of("open");
  // the longest overdue first
  const due = of("to_be_reviewed").sort((a, b) => Date.parse(a.review.due) - Date.parse(b.review.due));
  const over = of("reviewed");
  const may = session.value!.permissions.includes("vote");
  const owner_of = (name: string): string => agents.data?.agents.find((one) => one.name === name)?.owner ?? "";
  const soonest = open.length > 0 ? Math.min(...open.map((one) => Date.parse(one.until))) : 0;
  useEffect(() => {
    if (soonest === 0) return;
    const again = setInterval(() => { if (!document.hidden) reload(); }, kAskAgain);
    const end = setTimeout(reload, Math.max(0, soonest - Date.now()) + 500);
    return () => {
      clearInterval(again);
      clearTimeout(end);
    };
  }, [soonest]);
  const { rules } = data;
  return (
    <>
      <Section title="Open now">
        {open.length === 0 ? <p class="muted">No glass is broken.</p> : (
          <ul class="emergencies">
            {open.map((one) => (
              <Card key={one.request} emergency={one}>
                {may && <div class="actions"><button type="button" class="danger" onClick={() => set_closing(one)}>Close…<span class="sr"> what is open for {plain(one.terms.agent, 60)}</span></button></div>}
              </Card>
            ))}
          </ul>
        )}
      </Section>
      {due.length > 0 && (
        <Section title="To be reviewed" aside={data.debt > 0 && <span class="badge tone-bad">{data.debt} overdue</span>}>
          <ul class="emergencies">
            {due.map((one) => <Card key={one.request} emergency={one}>{may && <Review emergency={one} owner={owner_of(one.terms.agent)} reviewers={rules?.reviewers ?? ""} done={reload} />}</Card>)}
          </ul>
        </Section>
      )}
      {may && (
        <Section title="Break the glass">
          {rules === null ? <NotConfigured />
            : agents.error ?? upstreams.error ? <Problem error={(agents.error ?? upstreams.error)!} again={() => { agents.reload(); upstreams.reload(); }} />
            : agents.data && upstreams.data ? <Ask rules={rules} debt={data.debt} agents={agents.data.agents} upstreams={upstreams.data.upstreams} />
            : <Skeleton rows={4} kind="text" />}
        </Section>
      )}
      {over.length > 0 && (
        <Section title="History">
          <ul class="list">
            {over.map((one) => (
              <li key={one.request} class="list-row">
                <Icon name="check" size={20} />
                <div class="grow">
                  <p><Link href={`/requests/${one.request}`}><strong>{plain(one.terms.agent, 80)}</strong>, {date_time(one.started)}</Link> for {duration(one.terms.duration_ms)}
                    {one.closed && <>, closed after {duration(Date.parse(one.closed) - Date.parse(one.started))}</>}, {one.uses === 0 ? "not used" : `used ${plural(one.uses, "time")}`}{" "}
                    {one.terms.effects.map((effect) => <span key={effect}><EffectBadge effect={effect} /> </span>)}</p>
                  <p class="muted small">asked for by {plain(one.terms.opened_by, 60)}, signed by {names(one.signed_by)}: <Text value={one.terms.reason} fold={200} /></p>
                  <p>{plain(one.review.by ?? "", 60)}{one.review.at && <>, <Ago time={one.review.at} /></>}: <Text value={one.review.comment ?? ""} fold={400} /></p>
                </div>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {closing && (
        <ReasonDialog title="Close it now?" act="Close it now" danger close={() => set_closing(undefined)}
          done={async (reason) => { await api.close_emergency(closing.request, reason); announcement.value = "It is closed."; reload(); }}>
          <p>From this moment on <strong>{plain(closing.terms.agent, 60)}</strong> asks again like everybody. It cannot be opened again, only asked for anew.</p>
        </ReasonDialog>
      )}
    </>
  );
}

export function EmergenciesPage() {
  const asked = use_asked(api.emergencies, "emergencies", emergencies_version.value);
  return (
    <Page title="Break glass" aside={<p class="muted small">For a short time an agent does at once what policies would hold.</p>}>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={4} />}
      {asked.data && <Found data={asked.data} reload={asked.reload} />}
    </Page>
  );
}
