// The policy editor: files, text with errors as one types, tests, the diff, the replay, and the proposal that another person activates.
import { useEffect, useMemo, useState } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { api, session, type ApiError, type PolicyCheck, type PolicyProblem } from "../api";
import { base, began_with, changed, discard, files, is_changed, load_base, resets, set_text, undo } from "../editor/draft";
import { Editor } from "../editor/editor";
import { words_of } from "../editor/words";
import { plural } from "../lib/format";
import { use_asked, use_settled } from "../lib/hooks";
import { policies_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Dialog, ReasonDialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { PolicyTabs } from "../ui/policy_tabs";
import { Note, Problem, Skeleton } from "../ui/states";
import { Hash, Text } from "../ui/text";
import { DiffPanel } from "./policy_diff";
import { ReplayPanel } from "./policy_replay";

type Checking = { state: "checking" | "done"; check?: PolicyCheck; error?: ApiError };

/** Asks the server's own validator about the draft, a moment after the last key. */
function use_check(may_ask: boolean): Checking {
  const text = JSON.stringify(files.value);
  const settled = use_settled(text, 350);
  const asked = use_asked(async () => (may_ask && settled !== "[]" ? api.check(JSON.parse(settled) as typeof files.value) : undefined), settled);
  const [last, set_last] = useState<PolicyCheck>();
  useEffect(() => {
    if (asked.data) set_last(asked.data);
  }, [asked.data]);
  const check = asked.data ?? last;
  return { state: asked.loading || settled !== text ? "checking" : "done", ...(check ? { check } : {}), ...(asked.error ? { error: asked.error } : {}) };
}

function Problems({ problems, open }: { problems: PolicyProblem[]; open: (path: string, line: number | undefined) => void }) {
  if (problems.length === 0) return null;
  return (
    <ul class="problems">
      {problems.slice(0, 100).map((problem, i) => (
        <li key={i} class={problem.severity === "warning" ? "warning" : "error"}>
          <span class="badge outline">{plain(problem.severity)}</span>
          <div class="grow">
            <p><Text value={problem.message} fold={400} /></p>
            {problem.help && <p class="muted small"><Text value={problem.help} /></p>}
            <p class="muted small">
              {problem.file && <button type="button" class="link" onClick={() => open(problem.file!, problem.line)}>{plain(problem.file)}{problem.line ? `:${problem.line}` : ""}</button>} <code>{plain(problem.code)}</code>
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Tests({ check }: { check: PolicyCheck | undefined }) {
  if (!check?.tests) return null;
  const { passed, failed, failures } = check.tests;
  return (
    <div class="tests">
      <p><span class={failed === 0 ? "yes" : "no"}><Icon name={failed === 0 ? "check" : "cross"} size={15} /></span> {plural(passed, "test")} passed{failed > 0 && `, ${failed} failed`}</p>
      {failures.length > 0 && (
        <ul class="problems">
          {failures.slice(0, 50).map((failure, i) => (
            <li key={i} class="error"><div class="grow">
              <p><strong><Text value={String(failure.name ?? "test")} /></strong></p>
              <p><Text value={String(failure.message ?? Object.entries(failure).filter(([key]) => key !== "name" && key !== "file").map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", "))} fold={500} /></p>
              {failure.file && <p class="muted small"><code>{plain(String(failure.file))}</code></p>}
            </div></li>
          ))}
        </ul>
      )}
    </div>
  );
}

function NewFile({ close, open }: { close: () => void; open: (path: string) => void }) {
  const [path, set_path] = useState("");
  const there = files.value.some((file) => file.path === path);
  const fits = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*\.(cedar|json|yaml|cedarschema)$/.test(path);
  return (
    <Dialog title="New file" close={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (!fits || there) return;
        set_text(path, path.endsWith(".json") ? "{}\n" : "");
        open(path);
        close();
      }}>
        <label class="field">Path in the policy folder<input autofocus spellcheck={false} placeholder="50-payments.cedar" value={path} onInput={(event) => set_path(event.currentTarget.value)} /></label>
        <p class="hint">Policies end in <code>.cedar</code>; what stands in <code>floor/</code> no approval releases; tests are <code>tests/*.json</code>.</p>
        {there && <p class="hint bad">There is such a file already.</p>}
        <div class="actions"><button type="button" onClick={close}>Cancel</button><button type="submit" class="primary" disabled={!fits || there}>Create</button></div>
      </form>
    </Dialog>
  );
}

function Files({ path, open, may_edit, problems }: { path: string; open: (path: string) => void; may_edit: boolean; problems: PolicyProblem[] }) {
  const [making, set_making] = useState(false);
  const removed = Object.entries(changed.value).filter(([, text]) => text === null).map(([name]) => name);
  const before = new Set(base.value?.files.map((file) => file.path));
  return (
    <nav class="files" aria-label="Policy files">
      <ul>
        {files.value.map((file) => {
          const bad = problems.some((problem) => problem.file === file.path && problem.severity !== "warning");
          const mark = file.path in changed.value ? (before.has(file.path) ? "changed" : "new") : "";
          return (
            <li key={file.path}>
              <button type="button" class="file" aria-current={file.path === path ? "true" : undefined} onClick={() => open(file.path)}>
                <span class="grow">{plain(file.path)}</span>
                {bad && <span class="badge tone-bad">errors</span>}
                {mark !== "" && <span class="badge outline">{mark}</span>}
              </button>
            </li>
          );
        })}
        {removed.map((name) => <li key={name}><span class="file gone"><s>{plain(name)}</s> <button type="button" class="link" onClick={() => undo(name)}>restore</button></span></li>)}
      </ul>
      {may_edit && <button type="button" class="quiet small" onClick={() => set_making(true)}>New file…</button>}
      {making && <NewFile close={() => set_making(false)} open={open} />}
    </nav>
  );
}

type Panel = "edit" | "diff" | "replay";

export function Policies() {
  const search = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const asked = use_asked(async () => { await load_base(); return true; }, "base", policies_version.value);
  const schema = use_asked(api.policy_schema, "schema", policies_version.value);
  const words = useMemo(() => (schema.data ? words_of(schema.data) : undefined), [schema.data]);
  const [panel, set_panel] = useState<Panel>("edit");
  const [proposing, set_proposing] = useState(false);
  const [discarding, set_discarding] = useState(false);
  const may_edit = session.value!.permissions.includes("edit_policies");
  const checking = use_check(may_edit);
  const path = search.get("file") ?? files.value.find((file) => file.path.endsWith(".cedar"))?.path ?? files.value[0]?.path ?? "";
  const line = Number(search.get("line")) || undefined;
  const file = files.value.find((one) => one.path === path);
  const open = (next: string, at?: number): void => {
    set_panel("edit");
    go(`/policies?file=${encodeURIComponent(next)}${at ? `&line=${at}` : ""}`, { replace: true });
  };
  const problems = checking.check?.problems ?? [];
  const own = useMemo(() => problems.filter((problem) => problem.file === path), [checking.check, path]);
  const overtaken = is_changed.value && base.value && began_with.value !== base.value.digest;
  return (
    <Page
      title="Policies"
      wide
      aside={
        <div class="draft-state" role="status">
          {!may_edit ? null : checking.state === "checking" && base.value ? <span class="muted">checking…</span>
            : checking.error ? <span class="bad-text">not checked</span>
            : checking.check && (checking.check.ok ? <span class="good-text"><Icon name="check" size={15} /> valid</span> : <span class="bad-text"><Icon name="cross" size={15} /> {plural(problems.filter((problem) => problem.severity !== "warning").length + (checking.check.tests?.failed ?? 0), "problem")}</span>)}
          {is_changed.value && <button type="button" class="quiet" onClick={() => set_discarding(true)}>Discard draft</button>}
          {may_edit && <button type="button" class="primary" disabled={!is_changed.value || !!base.value?.read_only || !checking.check?.ok || checking.state === "checking"} onClick={() => set_proposing(true)}>Propose…</button>}
        </div>
      }
    >
      <PolicyTabs here="/policies" />
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!base.value && !asked.error && <Skeleton rows={8} />}
      {base.value && (
        <>
          <div class="subtabs" role="tablist" aria-label="Draft">
            {([["edit", "Text"], ["diff", "Changes"], ["replay", "Replay"]] as const).filter(([name]) => may_edit || name === "edit").map(([name, label]) => (
              <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={panel === name} aria-controls="draft-panel" onClick={() => set_panel(name)}>
                {label}{name === "diff" && is_changed.value && <span class="count">{Object.keys(changed.value).length}</span>}
              </button>
            ))}
            <span class="grow" />
            <span class="muted small">in force <Hash value={base.value.digest} /></span>
          </div>
          {base.value.read_only && <Note>{<Text value={base.value.read_only} />} You can try changes here, and propose them where they are edited.</Note>}
          {overtaken && <Note tone="wait">Other policies were activated since this draft began. Look at the changes before you propose: what you did not touch would go back.</Note>}
          {!may_edit && <Note>You may read policies; changing them is for policy editors.</Note>}
          <div id="draft-panel" role="tabpanel" aria-labelledby={`tab-${panel}`}>
            {panel === "edit" && (
              <div class="workbench">
                <Files path={path} open={(next) => open(next)} may_edit={may_edit} problems={problems} />
                <div class="work">
                  <div class="work-head">
                    <code class="grow">{plain(path)}</code>
                    {file && path in changed.value && <button type="button" class="quiet small" onClick={() => undo(path)}>Undo changes here</button>}
                    {file && may_edit && <button type="button" class="quiet small" onClick={() => set_text(path, null)}>Remove file</button>}
                  </div>
                  {file ? (
                    <Editor key={`${path} ${resets.value}`} path={path} text={file.text} read_only={!may_edit} problems={own} words={words} line={line} change={(text) => set_text(path, text)} />
                  ) : (
                    <Note>There is no such file in the draft.</Note>
                  )}
                  {checking.error && <Problem error={checking.error} />}
                  <Problems problems={problems} open={open} />
                  <Tests check={checking.check} />
                </div>
              </div>
            )}
            {panel === "diff" && <DiffPanel files={files.value} />}
            {panel === "replay" && <ReplayPanel files={files.value} ready={!!checking.check?.ok} />}
          </div>
        </>
      )}
      {discarding && (
        <Dialog title="Discard the draft?" close={() => set_discarding(false)}>
          <p>Your changes to {plural(Object.keys(changed.value).length, "file")} are lost.</p>
          <div class="actions"><button type="button" autofocus onClick={() => set_discarding(false)}>Keep it</button><button type="button" class="danger" onClick={() => { discard(); set_discarding(false); }}>Discard it</button></div>
        </Dialog>
      )}
      {proposing && (
        <ReasonDialog title="Propose these policies" act="Propose" label="What changes, and why?" close={() => set_proposing(false)}
          done={async (description) => {
            const made = await api.propose(files.value, base.value!.digest, description);
            discard();
            go(`/policies/proposals/${made.id}`);
          }}>
          <p>Nothing changes yet: another person has to look at it and activate it.</p>
        </ReasonDialog>
      )}
    </Page>
  );
}

