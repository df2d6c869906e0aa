// One audit record in full, its neighbours in the story, and the proof that it is in the log.
import { Link } from "wouter-preact";
import { api, type AuditRecord } from "../api";
import { date_time } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { json_tokens } from "../lib/json";
import { check_receipt } from "../lib/proof";
import { plain } from "../lib/visible";
import { DecisionBadge, EffectBadge } from "../ui/badges";
import { Icon } from "../ui/icons";
import { JsonView } from "../ui/json_view";
import { Page, Section } from "../ui/page";
import { Note, Problem, Skeleton } from "../ui/states";
import { Block, Digest, Text } from "../ui/text";
import { word, words } from "./audit";

const groups: [string, string[]][] = [
  ["Who", ["actor", "agent", "owner", "chain", "peer"]],
  ["What", ["action", "effect", "environment", "upstream", "protocol", "resources", "input_sha256", "input_bytes"]],
  ["Decision", ["decision", "code", "reason", "policies", "shadow", "policy_digest", "fingerprint", "comment", "detail"]],
  ["Outcome", ["outcome", "status", "output_sha256", "output_bytes", "latency_us"]],
];
const elsewhere = new Set(["v", "seq", "ts", "phase", "operation", "request", "signature", ...groups.flatMap(([, names]) => names)]);
const digests = new Set(["input_sha256", "output_sha256", "policy_digest", "fingerprint"]);

function Value({ record, name }: { record: AuditRecord; name: string }) {
  const list = words(record, name);
  if (list.length > 0) return <ul class="resources">{list.map((one) => <li key={one}><code><Text value={one} /></code></li>)}</ul>;
  const plain_value = record[name];
  if (plain_value !== null && typeof plain_value === "object") return <JsonView label={name} text={JSON.stringify(plain_value)} />;
  const text = typeof plain_value === "boolean" ? String(plain_value) : word(record, name);
  if (name === "detail" && text.startsWith("{") && json_tokens(text)) return <JsonView label={name} text={text} />;
  if (name === "effect") return <EffectBadge effect={text} />;
  if (name === "decision") return <DecisionBadge decision={text} />;
  if (name === "agent") return <Link href={`/agents/${encodeURIComponent(text)}`}>{plain(text)}</Link>;
  if (digests.has(name)) return <Digest value={text} />;
  return <Text value={text} fold={1000} />;
}

const there = (record: AuditRecord, name: string): boolean => record[name] !== undefined && record[name] !== "";

function Proof({ seq, record }: { seq: string; record: string }) {
  const asked = use_asked(async () => {
    const [proof, key] = await Promise.all([api.audit_proof(seq), api.audit_key()]);
    return { proof, key, checked: await check_receipt(proof, key.vkey, record, Number(seq)) };
  }, seq);
  if (asked.error) return <Problem error={asked.error} again={asked.reload} />;
  if (!asked.data) return <Skeleton rows={3} kind="text" />;
  const { proof, key, checked } = asked.data;
  return (
    <>
      <p>This receipt proves that the record is in the log. Your browser has just checked it:</p>
      <ul class="checks">
        {checked.steps.map((step) => (
          <li key={step.name}><span class={step.fits === false ? "no" : step.fits ? "yes" : "muted"}><Icon name={step.fits === false ? "cross" : step.fits ? "check" : "clock"} size={16} /></span> {step.name}{step.fits === false ? ": this does not fit" : step.fits === undefined ? ": this browser cannot check it" : ""}</li>
        ))}
      </ul>
      {checked.steps.some((step) => step.fits === false) && <Note tone="bad">The receipt does not prove this record. Keep it, and tell whoever runs this gateway.</Note>}
      <p>Save it, and check it wherever you like; this server is not asked:</p>
      <Block label="How to verify" value={`countersign audit verify --receipt record-${seq}.tlog-proof --key '${key.vkey.trim()}'`} />
      <Note>Keep the key somewhere else, as it is today: whoever can change the log can change what is shown here too.</Note>
      <details class="section-details"><summary>The receipt</summary><Block label="Receipt" value={proof} lines={40} /></details>
      <p class="section-details"><a class="button" href={`/api/v1/audit/${encodeURIComponent(seq)}/proof`} download={`record-${seq}.tlog-proof`}>Save the receipt</a></p>
    </>
  );
}

// A signed vote's own words, which are JSON within JSON.
function Signature({ value }: { value: unknown }) {
  let parts: Record<string, unknown> | undefined;
  try {
    parts = (typeof value === "string" ? JSON.parse(value) : value) as Record<string, unknown>;
  } catch {
    return <Block label="Signature" value={String(value)} />;
  }
  return (
    <>
      <p>Signed with a passkey. <code>countersign audit verify</code> checks it with the key that was enrolled in this log before.</p>
      <JsonView label="Signed statement" text={String(parts?.["statement"] ?? "")} />
      <dl class="facts">{["credential", "authenticator_data", "client_data", "signature"].map((name) => (
        <div key={name}><dt>{name.replaceAll("_", " ")}</dt><dd><code><Text value={String(parts?.[name] ?? "")} fold={200} /></code></dd></div>
      ))}</dl>
    </>
  );
}

export function RecordPage({ seq }: { seq: string }) {
  const asked = use_asked(() => api.audit_record(seq), seq);
  const above = <div class="crumbs"><Link href="/audit">Audit log</Link> <span aria-hidden="true">/</span> <code>#{plain(seq, 20)}</code></div>;
  if (asked.error) return <Page title={`Record ${seq}`} above={above}><Problem error={asked.error} again={asked.reload} /></Page>;
  if (!asked.data) return <Page title={`Record ${plain(seq, 20)}`} above={above}><Skeleton rows={8} kind="text" /></Page>;
  const record = JSON.parse(asked.data) as AuditRecord;
  const request = word(record, "request");
  const operation = word(record, "operation");
  return (
    <Page title={`Record ${plain(seq, 20)}`} above={above} heading={<>{plain(word(record, "action") || word(record, "code") || record.phase, 120)}</>}>
      <p class="lead muted">{plain(record.phase)}, {date_time(record.ts)}</p>
      {(request !== "" || operation !== "") && (
        <p class="links">
          {request !== "" && <><Link href={`/requests/${request}`}>The request it belongs to</Link> <Link href={`/audit?request=${encodeURIComponent(request)}`}>All records of that request</Link></>}
          {operation !== "" && <Link href={`/audit?operation=${encodeURIComponent(operation)}`}>Before and after: all records of this operation</Link>}
        </p>
      )}
      {[...groups, ["More", Object.keys(record).filter((name) => !elsewhere.has(name))] as [string, string[]]].filter(([, names]) => names.some((name) => there(record, name))).map(([title, names]) => (
        <Section key={title} title={title}>
          <dl class="facts">
            {names.filter((name) => there(record, name)).map((name) => <div key={name}><dt>{name.replaceAll("_", " ")}</dt><dd><Value record={record} name={name} /></dd></div>)}
          </dl>
        </Section>
      ))}
      {there(record, "signature") && <Section title="Signature"><Signature value={record["signature"]} /></Section>}
      <Section title="Proof"><Proof seq={seq} record={asked.data} /></Section>
      <Section title="The record itself"><JsonView label="The record" text={asked.data} /></Section>
    </Page>
  );
}
