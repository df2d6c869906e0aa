// The audit log: a form that asks, a table that answers, newest first.
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { api, query, type ApiError, type AuditRecord } from "../api";
import { date_time, person, plural } from "../lib/format";
import { as_api_error, use_keys } from "../lib/hooks";
import { plain } from "../lib/visible";
import { DecisionBadge, EffectBadge } from "../ui/badges";
import { Page } from "../ui/page";
import { Empty, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

const phases = ["intent", "outcome", "refused", "approval", "admin", "recovered", "heartbeat"];
const effects = ["read", "write", "execute", "mint", "administer", "destroy"];
const decisions = ["allow", "hold", "deny"];
const outcomes = ["ok", "client_error", "server_error", "timeout", "cancelled", "unknown", "not_forwarded"];
const fields = ["text", "agent", "owner", "actor", "upstream", "action", "resource", "effect", "decision", "outcome", "phase", "request", "operation", "since", "until", "looks"] as const;
type Fields = Partial<Record<(typeof fields)[number], string>>;
const kPage = 100;
const kLook = "admin:GET"; // somebody has read something: most records of a log that people work with

export const word = (record: AuditRecord, name: string): string => {
  const value = record[name];
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
};
export const words = (record: AuditRecord, name: string): string[] => {
  const value = record[name];
  return Array.isArray(value) ? value.map(String) : [];
};

// "2026-11-21T10:00" of this browser's clock, as the API wants it.
function instant(local: string | undefined): string | undefined {
  if (!local) return undefined;
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? local : time.toISOString();
}

function filter_of(values: Fields): Record<string, string | undefined> {
  const { looks, ...rest } = values;
  return { ...rest, since: instant(values.since), until: instant(values.until), looks: looks === "true" || values.action === kLook ? undefined : "false" };
}

function Select({ name, values, value }: { name: string; values: string[]; value: string }) {
  return (
    <label class="field">
      {name}
      <select name={name} defaultValue={value}>
        <option value="">any</option>
        {values.map((one) => <option key={one} value={one} selected={one === value}>{one.replaceAll("_", " ")}</option>)}
      </select>
    </label>
  );
}

function Search({ values, search }: { values: Fields; search: (values: Fields) => void }) {
  const more = (["owner", "actor", "action", "resource", "outcome", "request", "operation", "since", "until"] as const).some((name) => values[name]);
  const first = useRef<HTMLInputElement>(null);
  use_keys({ "/": () => first.current?.focus() });
  const input = (name: (typeof fields)[number], label: string, type = "text") => (
    <label class="field">{label}<input name={name} type={type} defaultValue={values[name] ?? ""} autocapitalize="none" spellcheck={false} maxLength={300} /></label>
  );
  return (
    <form
      class="search card"
      role="search"
      aria-label="Search the audit log"
      onSubmit={(event) => {
        event.preventDefault();
        const next: Fields = {};
        const data = new FormData(event.currentTarget);
        for (const name of fields) {
          const value = String(data.get(name) ?? "").trim();
          if (value !== "") next[name] = value;
        }
        search(next);
      }}
    >
      <div class="search-line">
        <label class="field grow">Text<input ref={first} name="text" type="search" defaultValue={values.text ?? ""} placeholder="anywhere in a record" maxLength={300} /></label>
        {input("agent", "agent")}
        {input("upstream", "upstream")}
        <Select name="effect" values={effects} value={values.effect ?? ""} />
        <Select name="decision" values={decisions} value={values.decision ?? ""} />
        <Select name="phase" values={phases} value={values.phase ?? ""} />
      </div>
      <details open={more}>
        <summary>More fields</summary>
        <div class="search-grid">
          {input("owner", "owner")}
          {input("actor", "person who acted")}
          {input("action", "action, exactly")}
          {input("resource", "resource, part of one")}
          <Select name="outcome" values={outcomes} value={values.outcome ?? ""} />
          {input("request", "request")}
          {input("operation", "operation")}
          {input("since", "since", "datetime-local")}
          {input("until", "until", "datetime-local")}
        </div>
      </details>
      <div class="actions start">
        <button type="submit" class="primary">Search</button>
        <button type="button" class="quiet" onClick={() => search({})}>Clear</button>
        <label class="check"><input type="checkbox" name="looks" value="true" defaultChecked={values.looks === "true"} onChange={(event) => event.currentTarget.form?.requestSubmit()} /> Show looks <span class="muted small">(who has read what)</span></label>
        <span class="grow" />
        <a class="button" href={`/api/v1/audit/export${query(filter_of(values))}`} download="countersign-audit.jsonl">Export these as JSON lines</a>
      </div>
    </form>
  );
}

/** What happened, in a few words. */
function What({ record }: { record: AuditRecord }) {
  const resources = words(record, "resources");
  const said = word(record, "comment") || word(record, "reason") || word(record, "detail");
  return (
    <>
      <span class="what"><code>{plain(word(record, "action") || word(record, "code") || record.phase, 80)}</code> {word(record, "effect") !== "" && <EffectBadge effect={word(record, "effect")} />}</span>
      {resources.length > 0 && <span class="row-missing"><Text value={resources[0]!} fold={100} />{resources.length > 1 && ` and ${plural(resources.length - 1, "more", "more")}`}</span>}
      {said !== "" && <span class="row-missing"><Text value={said} fold={120} /></span>}
    </>
  );
}

export function Audit() {
  const search = useSearch();
  const [, go] = useLocation();
  const parameters = new URLSearchParams(search);
  const values: Fields = {};
  for (const name of fields) if (parameters.get(name)) values[name] = parameters.get(name)!;
  const [records, set_records] = useState<AuditRecord[]>([]);
  const [before, set_before] = useState<number | null>(null);
  const [state, set_state] = useState<"loading" | "idle">("loading");
  const [error, set_error] = useState<ApiError>();
  const turn = useRef(0);
  const end = useRef<HTMLDivElement>(null);

  const load = (from: number | null): void => {
    const mine = ++turn.current;
    set_state("loading");
    set_error(undefined);
    api.audit({ ...filter_of(values), limit: kPage, ...(from === null ? {} : { before: from }) }).then(
      (page) => {
        if (mine !== turn.current) return;
        set_records((old) => (from === null ? page.records : [...old, ...page.records]));
        set_before(page.before);
        set_state("idle");
      },
      (failure: unknown) => {
        if (mine !== turn.current) return;
        set_error(as_api_error(failure));
        set_state("idle");
      },
    );
  };
  useEffect(() => {
    set_records([]);
    set_before(null);
    load(null);
  }, [search]);
  useEffect(() => {
    if (!end.current || before === null || state === "loading") return;
    const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(before), { rootMargin: "400px" });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [before, state, search]);

  return (
    <Page title="Audit log" wide aside={<p class="muted small">Every request leaves a record that anyone can verify.</p>}>
      <Search key={search} values={values} search={(next) => go(`/audit${query(next)}`)} />
      {records.length > 0 && (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Audit records">
          <table class="table audit stack">
            <caption class="sr">Audit records, newest first</caption>
            <thead><tr><th scope="col">When</th><th scope="col">Record</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Where</th><th scope="col">Decision</th></tr></thead>
            <tbody>
              {records.map((record) => (
                <tr key={record.seq}>
                  <td class="nowrap beside"><Link href={`/audit/${record.seq}`}>{date_time(record.ts)}</Link></td>
                  <td class="nowrap beside"><span class="muted">#{record.seq}</span> {plain(record.phase)}</td>
                  <td>{word(record, "actor") !== "" && <strong>{plain(word(record, "actor"), 60)}</strong>} {word(record, "agent") !== "" && <>{plain(word(record, "agent"), 60)}{word(record, "owner") !== "" && <span class="muted"> for {plain(person(word(record, "owner")), 60)}</span>}</>}</td>
                  <td class="what-cell"><What record={record} /></td>
                  <td>{plain(word(record, "upstream"), 60)} {word(record, "environment") !== "" && <span class="muted">{plain(word(record, "environment"))}</span>}</td>
                  <td>{word(record, "decision") !== "" && <DecisionBadge decision={word(record, "decision")} />}{word(record, "outcome") !== "" && <span class="muted nowrap"> {plain(word(record, "outcome").replaceAll("_", " "))}</span>}{word(record, "decision") === "" && word(record, "outcome") === "" && word(record, "action") !== "" && <code class="muted nowrap">{plain(word(record, "code"), 60)}</code>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {error && <Problem error={error} again={() => load(before)} />}
      {state === "loading" && <Skeleton rows={records.length > 0 ? 3 : 8} />}
      {state === "idle" && !error && records.length === 0 && <Empty title="No record fits" icon="audit">Search for less, or clear the search. Records of people reading come with Show looks.</Empty>}
      <div ref={end} />
      {before !== null && state === "idle" && <p class="center"><button type="button" onClick={() => load(before)}>Older records</button></p>}
      {before === null && state === "idle" && records.length > 0 && <p class="muted center">{plural(records.length, "record")}, and no older one fits.</p>}
    </Page>
  );
}
