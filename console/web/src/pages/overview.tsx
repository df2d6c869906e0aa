// How approving goes: what agents did, what waits, who decides, and whether anybody reads.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, type Overview } from "../api";
import { count, duration, plural, short_time } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { requests_version } from "../lib/live";
import { plain } from "../lib/visible";
import { DecisionsChart } from "../ui/chart";
import { Page, Section } from "../ui/page";
import { Empty, Problem, Skeleton } from "../ui/states";

const time = (ms: number | null): string => (ms === null ? "–" : duration(ms));

function Rate({ yes, no }: { yes: number; no: number }) {
  const all = yes + no;
  if (all === 0) return <span class="muted">–</span>;
  const percent = Math.round((100 * yes) / all);
  return (
    <span class="rate">
      <svg width="72" height="8" viewBox="0 0 72 8" aria-hidden="true"><rect class="rate-all" width="72" height="8" rx="2" /><rect class="rate-yes" width={(72 * yes) / all} height="8" rx="2" /></svg>
      {percent} %
    </span>
  );
}

function Decisions({ overview, days }: { overview: Overview; days: number }) {
  const sums = overview.decisions.reduce((sum, at) => ({ allow: sum.allow + at.allow, hold: sum.hold + at.hold, deny: sum.deny + at.deny }), { allow: 0, hold: 0, deny: 0 });
  return (
    <Section title="Decisions">
      {overview.decisions.length === 0 ? <Empty title="Nothing was decided" icon="overview" /> : (
        <>
          <DecisionsChart points={overview.decisions} label={`Decisions of the last ${plural(days, "day")}: ${count(sums.allow)} allowed, ${count(sums.hold)} held, ${count(sums.deny)} denied. The table below has every value.`} />
          <details class="section-details">
            <summary>The same as a table</summary>
            <div class="table-scroll" tabIndex={0} role="group" aria-label="Decisions over time">
              <table class="table">
                <caption class="sr">Decisions over time</caption>
                <thead><tr><th scope="col">From</th><th scope="col" class="right">allowed</th><th scope="col" class="right">held</th><th scope="col" class="right">denied</th></tr></thead>
                <tbody>{overview.decisions.map((at) => <tr key={at.at}><td>{short_time(at.at)}</td><td class="right">{count(at.allow)}</td><td class="right">{count(at.hold)}</td><td class="right">{count(at.deny)}</td></tr>)}</tbody>
              </table>
            </div>
          </details>
        </>
      )}
    </Section>
  );
}

export function OverviewPage() {
  const [days, set_days] = useState(7);
  const asked = use_asked(() => api.overview(days), String(days), requests_version.value);
  const data = asked.data;
  return (
    <Page title="Overview" aside={
      <label>last <select aria-label="Time span" value={days} onChange={(event) => set_days(Number(event.currentTarget.value))}>{[1, 7, 30, 90].map((one) => <option key={one} value={one}>{plural(one, "day")}</option>)}</select></label>
    }>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!data && !asked.error && <Skeleton kind="tiles" rows={4} />}
      {data && (
        <>
          <dl class="tiles">
            <div class={data.held.now > 0 ? "wait" : ""}><dt>waiting now</dt><dd>{count(data.held.now)}</dd><dd class="tile-foot">{data.held.now > 0 ? `the oldest for ${time(data.held.oldest_ms)}` : "nothing waits"}</dd></div>
            <div><dt>time to decision</dt><dd>{time(data.time_to_decision.p50_ms)}</dd><dd class="tile-foot">19 of 20 within {time(data.time_to_decision.p95_ms)}</dd></div>
            <div class={data.expired > 0 ? "bad" : ""}><dt>expired undecided</dt><dd>{count(data.expired)}</dd><dd class="tile-foot">nobody decided in time</dd></div>
            <div class={data.approvers.some((one) => one.unread > 0) ? "wait" : ""}><dt>faster than one can read</dt><dd>{count(data.approvers.reduce((sum, one) => sum + one.unread, 0))}</dd><dd class="tile-foot">votes on unread previews</dd></div>
          </dl>
          <Decisions overview={data} days={days} />
          <Section title="Approvers">
            {data.approvers.length === 0 ? <Empty title="Nobody voted" icon="me" /> : (
              <div class="table-scroll" tabIndex={0} role="group" aria-label="Approvers">
                <table class="table">
                  <caption class="sr">Approvers</caption>
                  <thead><tr><th scope="col">Person</th><th scope="col" class="right">approved</th><th scope="col" class="right">denied</th><th scope="col">approval rate</th><th scope="col" class="right">median time</th><th scope="col" class="right">faster than one can read</th></tr></thead>
                  <tbody>{data.approvers.map((one) => (
                    <tr key={one.name}><td><Link href={`/audit?actor=${encodeURIComponent(one.name)}`}>{plain(one.name, 60)}</Link></td><td class="right">{count(one.approved)}</td><td class="right">{count(one.denied)}</td><td><Rate yes={one.approved} no={one.denied} /></td><td class="right">{time(one.median_ms)}</td><td class="right">{one.unread > 0 ? <strong class="wait-text">{count(one.unread)}</strong> : 0}</td></tr>
                  ))}</tbody>
                </table>
              </div>
            )}
          </Section>
          <Section title="Approval rules">
            {data.rules.length === 0 ? <Empty title="No rule held anything" icon="policies" /> : (
              <div class="table-scroll" tabIndex={0} role="group" aria-label="Approval rules">
                <table class="table">
                  <caption class="sr">Approval rules</caption>
                  <thead><tr><th scope="col">Rule</th><th scope="col" class="right">held</th><th scope="col" class="right">approved</th><th scope="col" class="right">denied</th><th scope="col" class="right">expired</th><th scope="col">approval rate</th><th scope="col" class="right">p50</th><th scope="col" class="right">p95</th></tr></thead>
                  <tbody>{data.rules.map((rule) => (
                    <tr key={rule.name}><td><code>{plain(rule.name, 80)}</code></td><td class="right">{count(rule.held)}</td><td class="right">{count(rule.approved)}</td><td class="right">{count(rule.denied)}</td><td class="right">{count(rule.expired)}</td><td><Rate yes={rule.approved} no={rule.denied} /></td><td class="right">{time(rule.p50_ms)}</td><td class="right">{time(rule.p95_ms)}</td></tr>
                  ))}</tbody>
                </table>
              </div>
            )}
          </Section>
        </>
      )}
    </Page>
  );
}
