// Grants: the same kind of operation again, so many times, until then, without being asked.
import { useState } from "preact/hooks";
import { api, type ApiError, type Grant, type HeldRequest } from "../api";
import { date_time, plural } from "../lib/format";
import { as_api_error } from "../lib/hooks";
import { plain } from "../lib/visible";
import { Dialog } from "./dialog";
import { Note, Problem } from "./states";
import { Text } from "./text";

const kNeverOnProduction = new Set(["destroy", "administer", "mint"]);
const spans: [string, number][] = [["one hour", 1], ["8 hours", 8], ["one day", 24], ["7 days", 168], ["30 days", 720]];

export const may_be_granted = (request: HeldRequest): boolean =>
  !(request.environment === "production" && kNeverOnProduction.has(request.effect));

/** What a grant allows, in one sentence. */
export function GrantTermsLine({ grant }: { grant: Grant }) {
  const fixed = Object.entries(grant.arguments);
  return (
    <span>
      <code>{plain(grant.action, 80)}</code> by {plain(grant.agent, 60)} on{" "}
      {grant.resources.slice(0, 5).map((resource, i) => <span key={resource}>{i > 0 && ", "}<code><Text value={resource} fold={120} /></code></span>)}
      {grant.resources.length > 5 && ` and ${grant.resources.length - 5} more`}
      {fixed.length > 0 && <> with {fixed.map(([pointer, value]) => `${plain(pointer)} = ${plain(JSON.stringify(value), 60)}`).join(", ")}</>}
      , {plural(grant.max_uses, "time")} at most, until {date_time(grant.until)}
    </span>
  );
}

export function GrantDialog(props: { request: HeldRequest; close: () => void; done: (grant: Grant) => void }) {
  const { request } = props;
  const [wide, set_wide] = useState<Record<string, boolean>>({});
  const [uses, set_uses] = useState(10);
  const [hours, set_hours] = useState(8);
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  // "File::files/production/a/b.json" → "File::files/production/a/*"
  const folder_of = (resource: string): string | undefined => {
    const cut = resource.lastIndexOf("/");
    return cut > resource.indexOf("::") + 2 ? `${resource.slice(0, cut)}/*` : undefined;
  };
  const send = (): void => {
    set_busy(true);
    const resources = [...new Set(request.resources.map((resource) => (wide[resource] ? folder_of(resource)! : resource)))];
    api.propose_grant(request.id, { resources, arguments: {}, max_uses: uses, until: new Date(Date.now() + hours * 3_600_000).toISOString() }).then(
      props.done,
      (failure: unknown) => {
        set_error(as_api_error(failure));
        set_busy(false);
      },
    );
  };
  return (
    <Dialog title="Approve repeats too" close={props.close}>
      <form onSubmit={(event) => { event.preventDefault(); send(); }}>
        <p>A grant lets <strong>{plain(request.agent, 60)}</strong> do this kind of operation again without asking: <code>{plain(request.action)}</code> on {plain(request.upstream)}. It needs the same approvals as this request, is listed under Grants, and anybody who may vote can revoke it.</p>
        <fieldset class="choices column">
          <legend>On what</legend>
          {request.resources.slice(0, 20).map((resource) => (
            <label key={resource}>
              <input type="checkbox" checked={!!wide[resource]} disabled={folder_of(resource) === undefined} onChange={(event) => set_wide({ ...wide, [resource]: event.currentTarget.checked })} />
              <span><code><Text value={wide[resource] ? folder_of(resource)! : resource} /></code> <span class="muted small">{wide[resource] ? "everything beside it too" : "only this; tick for everything beside it"}</span></span>
            </label>
          ))}
        </fieldset>
        <div class="search-grid">
          <label class="field">How often at most<input type="number" min={1} max={1000} required value={uses} onInput={(event) => set_uses(Math.trunc(Number(event.currentTarget.value)))} /></label>
          <label class="field">For how long<select value={hours} onChange={(event) => set_hours(Number(event.currentTarget.value))}>{spans.map(([name, value]) => <option key={value} value={value}>{name}</option>)}</select></label>
        </div>
        {Object.values(wide).some(Boolean) && <Note tone="wait">Wider than what the agent asked for: what else lies there can be changed without anybody being asked.</Note>}
        {error && <Problem error={error} />}
        <div class="actions"><button type="button" onClick={props.close}>Cancel</button><button type="submit" class="primary" disabled={busy}>Propose it and approve…</button></div>
      </form>
    </Dialog>
  );
}
