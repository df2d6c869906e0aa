// The inbox: what waits for me, everything that is open, and what was decided lately.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { api, session, type Burst, type State, type Summary } from "../api";
import { duration, person, plural } from "../lib/format";
import { use_asked, use_keys } from "../lib/hooks";
import { announcement, requests_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { burst_title, EffectCounts } from "../ui/burst";
import { BatchDialog } from "../ui/decide";
import { Countdown, EffectBadge, EnvironmentBadge, StateBadge } from "../ui/badges";
import { breaks_glass, GlassMark } from "../ui/glass";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { Empty, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

type View = "mine" | "open" | "decided";
const views: { view: View; name: string }[] = [
  { view: "mine", name: "Waits for me" },
  { view: "open", name: "All open" },
  { view: "decided", name: "Decided" },
];
const kOpen: State[] = ["held", "approved", "executing"];
const kDecided: State[] = ["approved", "executing", "done", "failed", "unknown", "denied", "expired", "cancelled", "withdrawn", "superseded", "stale"];

const asking: Record<View, Record<string, string | number>> = {
  mine: { waiting_for: "me", limit: 100 },
  open: { state: kOpen.join(","), limit: 100 },
  decided: { state: kDecided.join(","), limit: 60 },
};

/** The order of the list, for moving on from one request to the next. */
export const inbox_order: { ids: string[] } = { ids: [] };

// A group of at most so many is not folded.
const kUnfolded = 4;

interface Group { key: string; members: Summary[]; burst?: Burst }
type Bursts = Record<string, Burst>;

/** What this request is shown as part of: of a burst of which several wait, people see one entry. */
function burst_of(request: Summary, bursts: Bursts): Burst | undefined {
  const burst = request.state === "held" && request.burst ? bursts[request.burst] : undefined;
  return burst && burst.held > 1 ? burst : undefined;
}

// Requests that were held together are one entry, those of one kind stand together, where the first of them stands. Each broken glass
// stands for itself.
function grouped(requests: Summary[], bursts: Bursts): Group[] {
  const groups = new Map<string, Group>();
  for (const request of requests) {
    const burst = burst_of(request, bursts);
    if (burst) {
      if (!groups.has(burst.id)) groups.set(burst.id, { key: burst.id, members: [request], burst });
      continue;
    }
    const key = request.group && !breaks_glass(request) ? `group ${request.group}` : request.id;
    const group = groups.get(key);
    if (group) group.members.push(request);
    else groups.set(key, { key, members: [request] });
  }
  return [...groups.values()];
}

function matches(request: Summary, words: string, bursts: Bursts): boolean {
  if (words === "") return true;
  const text = [burst_of(request, bursts)?.sentence ?? "", burst_of(request, bursts)?.id ?? "", request.id, request.summary, request.agent, request.owner, request.upstream, request.action, request.effect, request.environment, ...request.resources]
    .join("\n").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function Row(props: { request: Summary; chosen: boolean; choose: (() => void) | undefined; marked: boolean; view: View }) {
  const { request, view } = props;
  const open = request.state === "held";
  return (
    <li class={`row ${props.marked ? "marked" : ""} ${breaks_glass(request) && open ? "breaks-glass" : ""}`} data-id={request.id}>
      {props.choose && (
        <label class="row-check">
          <input type="checkbox" checked={props.chosen} onChange={props.choose} />
          <span class="sr">choose {plain(request.summary, 80)}</span>
        </label>
      )}
      <div class="row-main">
        <Link href={`/requests/${request.id}`} class="row-link">
          <span class="row-sentence"><Text value={request.summary} fold={180} /></span>
        </Link>
        <p class="row-who">
          {breaks_glass(request) && "for "}<strong>{plain(request.agent, 60)}</strong> {breaks_glass(request) ? "of" : "for"} {plain(person(request.owner), 60)}
          {request.delegates.length > 0 && <> via {request.delegates.map((name) => plain(name, 40)).join(" → ")}</>}
          <span class="dot"> · </span>{plain(request.upstream, 40)}<span class="dot"> · </span><Ago time={request.created} />
        </p>
        {open && request.missing.length > 0 && (
          <p class="row-missing">{request.missing.map((sentence) => <span key={sentence}><Text value={sentence} fold={160} /></span>)}</p>
        )}
        {!open && request.reason !== "" && <p class="row-missing"><Text value={request.reason} fold={160} /></p>}
        {(request.conflicts?.length ?? 0) > 0 && (
          <p class="row-conflict"><Icon name="warning" size={15} /> {plural(request.conflicts!.length, "other open request")} on the same resource</p>
        )}
      </div>
      <div class="row-side">
        <span class="row-badges">{breaks_glass(request) ? <GlassMark /> : <EffectBadge effect={request.effect} />}<EnvironmentBadge environment={request.environment} /></span>
        {open ? <Countdown until={request.expires} from={request.created} /> : <StateBadge state={request.state} />}
        {open && request.demands?.signature && <span class="needs-key"><Icon name="key" size={15} /> passkey</span>}
        {!open && request.decided && (
          <span class="muted small">{request.decided_by !== "" ? `${plain(request.decided_by, 40)}, ` : ""}after {duration(Date.parse(request.decided) - Date.parse(request.created))}</span>
        )}
        {open && view === "open" && <StateBadge state={request.state} />}
      </div>
    </li>
  );
}

function BurstRow(props: { burst: Burst; first: Summary; marked: boolean; view: View }) {
  const { burst, first, view } = props;
  return (
    <li class={`row burst ${props.marked ? "marked" : ""}`} data-id={first.id}>
      <div class="row-main">
        <Link href={`/bursts/${burst.id}`} class="row-link"><span class="row-sentence">{burst_title(burst)}</span></Link>
        <p class="row-counts"><EffectCounts counts={burst.effects} /></p>
        <p class="row-who">
          <strong>{plain(burst.agent, 60)}</strong> for {plain(person(burst.owner), 60)}<span class="dot"> · </span>{plain(burst.upstream, 40)}<span class="dot"> · </span><Ago time={first.created} />
          {burst.held < burst.members && <><span class="dot"> · </span>{burst.members - burst.held} of {burst.members} decided</>}
        </p>
        {first.missing.length > 0 && <p class="row-missing">{first.missing.map((sentence) => <span key={sentence}><Text value={sentence} fold={160} /></span>)}</p>}
      </div>
      <div class="row-side">
        <span class="row-badges"><EnvironmentBadge environment={burst.environment} /></span>
        <Countdown until={first.expires} from={first.created} />
        {first.demands?.signature && <span class="needs-key"><Icon name="key" size={15} /> passkey</span>}
        {view === "open" && <StateBadge state="held" />}
      </div>
    </li>
  );
}

export function Inbox() {
  const search = new URLSearchParams(useSearch());
  const view = (["mine", "open", "decided"].find((name) => name === search.get("view")) ?? "mine") as View;
  const [, go] = useLocation();
  const [words, set_words] = useState("");
  const [chosen, set_chosen] = useState<Set<string>>(new Set());
  const [batch, set_batch] = useState<"approve" | "deny">();
  const [unfolded, set_unfolded] = useState<Set<string>>(new Set());
  const [marked, set_marked] = useState<string>();
  const filter = useRef<HTMLInputElement>(null);
  const asked = use_asked(() => api.requests(asking[view]), view, requests_version.value);

  const bursts = asked.data?.bursts ?? {};
  const shown = useMemo(() => {
    const fitting = (asked.data?.requests ?? []).filter((request) => matches(request, words, bursts));
    // who asks for a broken glass has no time to wait for the end of the list
    const urgent = (request: Summary): boolean => breaks_glass(request) && request.state === "held";
    return [...fitting.filter(urgent), ...fitting.filter((request) => !urgent(request))];
  }, [asked.data, words]);
  const groups = useMemo(() => grouped(shown, bursts), [shown]);
  const folds = (group: Group): boolean => group.members.length > kUnfolded && words === "" && !unfolded.has(group.key);
  const shown_of = (group: Group): Summary[] => (folds(group) ? group.members.slice(0, kUnfolded - 1) : group.members);
  const visible = groups.flatMap(shown_of);
  // a glass is not broken in passing, in a list of others
  const choosable = new Set(shown.filter((request) => !breaks_glass(request) && !burst_of(request, bursts)).map((request) => request.id));
  const may_batch = view === "mine" && session.value!.permissions.includes("vote");

  useEffect(() => {
    inbox_order.ids = shown.filter((request) => !burst_of(request, bursts)).map((request) => request.id);
  }, [shown]);
  useEffect(() => {
    // what has left the list cannot stay chosen
    const there = new Set(shown.map((request) => request.id));
    set_chosen((old) => ([...old].every((id) => there.has(id)) ? old : new Set([...old].filter((id) => there.has(id)))));
  }, [shown]);
  const before = useRef<number>();
  useEffect(() => {
    if (!asked.data || view !== "mine") return;
    const size = asked.data.requests.length;
    if (before.current !== undefined && before.current !== size) announcement.value = `${plural(size, "entry", "entries")} waiting for you.`;
    before.current = size;
  }, [asked.data]);

  const move = (step: number): void => {
    const at = visible.findIndex((request) => request.id === marked);
    const next = visible[Math.min(visible.length - 1, Math.max(0, at + step))];
    if (!next) return;
    set_marked(next.id);
    const row = document.querySelector(`[data-id="${CSS.escape(next.id)}"]`);
    row?.scrollIntoView({ block: "nearest" });
    row?.querySelector<HTMLElement>(".row-link")?.focus({ preventScroll: true });
  };
  const toggle = (ids: string[]): void =>
    set_chosen((old) => {
      const fresh = new Set(old);
      const all = ids.every((id) => fresh.has(id));
      for (const id of ids) all ? fresh.delete(id) : fresh.add(id);
      return fresh;
    });
  use_keys({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => {
      const request = visible.find((one) => one.id === marked);
      if (request) go(burst_of(request, bursts) ? `/bursts/${request.burst}` : `/requests/${request.id}`);
    },
    x: () => may_batch && marked && choosable.has(marked) && toggle([marked]),
    a: () => may_batch && chosen.size > 0 && set_batch("approve"),
    d: () => may_batch && chosen.size > 0 && set_batch("deny"),
    "/": () => filter.current?.focus(),
  });

  const row = (request: Summary) => (
    <Row key={request.id} request={request} view={view} marked={marked === request.id} chosen={chosen.has(request.id)}
      choose={may_batch && choosable.has(request.id) ? () => toggle([request.id]) : undefined} />
  );

  return (
    <Page
      title="Inbox"
      aside={<input ref={filter} type="search" class="filter" placeholder="Filter" aria-label="Filter the list" value={words} onInput={(event) => set_words(event.currentTarget.value)} />}
    >
      <nav class="tabs" aria-label="Which requests">
        {views.map((entry) => (
          <Link key={entry.view} href={entry.view === "mine" ? "/" : `/?view=${entry.view}`} aria-current={entry.view === view ? "page" : undefined}>{entry.name}</Link>
        ))}
        <Link href="/grants">Grants</Link>
      </nav>
      {chosen.size > 0 && (
        <div class="batch-bar" role="region" aria-label="Chosen requests">
          <span>{plural(chosen.size, "request")} chosen</span>
          <button type="button" class="quiet" onClick={() => set_chosen(new Set())}>Choose none</button>
          <span class="grow" />
          <button type="button" class="danger-quiet" onClick={() => set_batch("deny")}>Deny…</button>
          <button type="button" class="primary" onClick={() => set_batch("approve")}>Approve…</button>
        </div>
      )}
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={5} />}
      {asked.data && shown.length === 0 && (
        words !== "" ? <Empty title="Nothing fits this filter" icon="inbox" />
        : view === "mine" ? <Empty title="Nothing waits for you">When an agent asks for something you may decide, it appears here at once.</Empty>
        : view === "open" ? <Empty title="Nothing is open">No agent waits for anybody.</Empty>
        : <Empty title="Nothing was decided yet" icon="clock" />
      )}
      {shown.length > 0 && (
        <div class="groups">
          {groups.map((group) => {
            if (group.burst) return <ul key={group.key} class="rows"><BurstRow burst={group.burst} first={group.members[0]!} marked={marked === group.members[0]!.id} view={view} /></ul>;
            if (group.members.length <= 1) return <ul key={group.key} class="rows">{group.members.map(row)}</ul>;
            const open = !folds(group);
            const ids = group.members.map((request) => request.id);
            return (
              <div key={group.key} class="group" role="group" aria-label={`${group.members.length} of one kind: ${plain(group.members[0]!.action, 60)} by ${plain(group.members[0]!.agent, 60)}`}>
                <div class="group-head">
                  {may_batch && (
                    <label class="row-check"><input type="checkbox" checked={ids.every((id) => chosen.has(id))} onChange={() => toggle(ids)} /><span class="sr">choose all of this kind</span></label>
                  )}
                  <span class="grow"><strong>{plural(group.members.length, "request")}</strong> of one kind: <code>{plain(group.members[0]!.action, 60)}</code> by {plain(group.members[0]!.agent, 60)}</span>
                  {group.members.length > kUnfolded && words === "" && (
                    <button type="button" class="quiet small" aria-expanded={open}
                      onClick={() => set_unfolded((old) => { const fresh = new Set(old); open ? fresh.delete(group.key) : fresh.add(group.key); return fresh; })}>
                      {open ? "Fold" : `Show all ${group.members.length}`}
                    </button>
                  )}
                </div>
                <ul class="rows">{shown_of(group).map(row)}</ul>
              </div>
            );
          })}
        </div>
      )}
      {asked.data?.before && <p class="muted center">Older ones are in the <Link href="/audit?phase=approval">audit log</Link>.</p>}
      {batch && (
        <BatchDialog decision={batch} ids={[...chosen]} close={() => set_batch(undefined)}
          done={(decided) => set_chosen((old) => new Set([...old].filter((id) => !decided.includes(id))))} />
      )}
    </Page>
  );
}
