// The replay: what a draft would have decided on recorded operations, and where that differs from what was decided.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, type ApiError, type Flip, type PolicyFile, type Replay } from "../api";
import { count, date_time, plural } from "../lib/format";
import { as_api_error } from "../lib/hooks";
import { plain } from "../lib/visible";
import { DecisionBadge } from "../ui/badges";
import { JsonView } from "../ui/json_view";
import { Empty, Note, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

// The direction people look for first: what would pass that did not.
const rank: Record<string, number> = { allow: 0, hold: 1, deny: 2 };
const opens = (flip: Flip): boolean => (rank[flip.to] ?? 2) < (rank[flip.from] ?? 2);

function Row({ flip }: { flip: Flip }) {
  return (
    <tr class={opens(flip) ? "opens" : ""}>
      <td class="nowrap"><DecisionBadge decision={flip.from} /> <span aria-hidden="true">→</span><span class="sr"> becomes </span> <DecisionBadge decision={flip.to} /></td>
      <td class="right">{count(flip.count)}</td>
      <td class="nowrap">{plain(flip.agent, 60)}</td>
      <td><code>{plain(flip.action, 80)}</code><span class="row-missing"><Text value={flip.resource} fold={100} /></span></td>
      <td class="small">
        {flip.policies_before.map((id) => <span key={`b${id}`} class="policy-before"><span aria-hidden="true">−</span><span class="sr">before: </span> {plain(id, 80)}</span>)}
        {flip.policies_after.map((id) => <span key={`a${id}`} class="policy-after"><span aria-hidden="true">+</span><span class="sr">after: </span> {plain(id, 80)}</span>)}
      </td>
      <td>{flip.example !== undefined && flip.example !== null && <details class="example"><summary class="nowrap">example</summary><JsonView label="Example" text={JSON.stringify(flip.example)} /></details>}</td>
    </tr>
  );
}

export function ReplayPanel({ files, ready }: { files: PolicyFile[]; ready: boolean }) {
  const [days, set_days] = useState(7);
  const [state, set_state] = useState<{ busy: boolean; replay?: Replay; error?: ApiError; text?: string }>({ busy: false });
  const text = JSON.stringify(files);
  const run = (): void => {
    set_state({ busy: true });
    api.replay(files, days, 1_000_000).then(
      (replay) => set_state({ busy: false, replay, text }),
      (failure: unknown) => set_state({ busy: false, error: as_api_error(failure) }),
    );
  };
  const { replay } = state;
  const flips = [...(replay?.flips ?? [])].sort((a, b) => Number(opens(b)) - Number(opens(a)) || b.count - a.count);
  const opened = flips.filter(opens).reduce((sum, flip) => sum + flip.count, 0);
  return (
    <div class="replay">
      <form class="actions start" onSubmit={(event) => { event.preventDefault(); run(); }}>
        <label>Decide again what was recorded in the last <select aria-label="days" value={days} onChange={(event) => set_days(Number(event.currentTarget.value))}>{[1, 7, 14, 30, 90].map((one) => <option key={one} value={one}>{plural(one, "day")}</option>)}</select></label>
        <button type="submit" class="primary" disabled={!ready || state.busy}>{state.busy ? "Deciding…" : "Replay"}</button>
        {!ready && <span class="muted small">a draft with errors decides nothing</span>}
      </form>
      {state.error && <Problem error={state.error} again={run} />}
      {state.busy && <Skeleton rows={4} />}
      {!replay && !state.busy && !state.error && <Empty title="What would this draft have decided?" icon="policies">The replay takes the operations that were recorded, decides them with the draft, and shows each that comes out otherwise.</Empty>}
      {replay && (
        <>
          {state.text !== text && <Note tone="wait">The draft has changed since this replay.</Note>}
          <dl class="tiles" aria-live="polite">
            <div><dt>operations</dt><dd>{count(replay.operations)}</dd></div>
            <div><dt>decided the same</dt><dd>{count(replay.same)}</dd></div>
            <div class={flips.length > 0 ? "wait" : ""}><dt>come out otherwise</dt><dd>{count(flips.reduce((sum, flip) => sum + flip.count, 0))}</dd></div>
            <div class={opened > 0 ? "bad" : ""}><dt>would pass more easily</dt><dd>{count(opened)}</dd></div>
          </dl>
          <p class="muted">From {date_time(replay.since)} to {date_time(replay.until)}.{Object.keys(replay.unanswerable).length > 0 && <> {count(replay.operations - replay.answerable)} cannot be decided again: {Object.entries(replay.unanswerable).map(([why, n]) => `${plain(why)} (${count(n)})`).join(", ")}.</>}</p>
          {(replay.flips_not_listed ?? 0) > 0 && <Note tone="wait">{plural(replay.flips_not_listed!, "more kind")} of flips are not listed.</Note>}
          {(replay.more || (replay.lost ?? 0) > 0) && <Note tone="wait">Not everything was decided again: {replay.more && "there are more operations than were looked at"}{replay.more && (replay.lost ?? 0) > 0 && "; "}{(replay.lost ?? 0) > 0 && `${plural(replay.lost!, "operation")} could not be recorded`}.</Note>}
          {flips.length === 0 ? <Empty title="Nothing comes out otherwise">On what was recorded, this draft decides like what is in force.</Empty> : (
            <div class="table-scroll" tabIndex={0} role="group" aria-label="Flips">
              <table class="table flips">
                <caption class="sr">Decisions that come out otherwise</caption>
                <thead><tr><th scope="col">Decision</th><th scope="col" class="right">Times</th><th scope="col">Agent</th><th scope="col">Operation</th><th scope="col">Policies</th><th scope="col">Example</th></tr></thead>
                <tbody>{flips.map((flip, i) => <Row key={i} flip={flip} />)}</tbody>
              </table>
            </div>
          )}
          <p class="muted small">The replay knows what passed through the gateway, not what agents will do with new permissions. <Link href="/audit">Audit log</Link></p>
        </>
      )}
    </div>
  );
}
