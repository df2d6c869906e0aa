// Edit and approve: an approver changes a held request; what it then is, is another request, for somebody else to decide.
import { useEffect, useState } from "preact/hooks";
import { api, type ApiError, type HeldRequest } from "../api";
import { as_api_error } from "../lib/hooks";
import { sha256_hex } from "../lib/passkeys";
import { Dialog } from "./dialog";
import { Note, Problem } from "./states";

interface Editable { text: string; kind: "arguments" | "body" }

// A number that this page cannot hold exactly must not go through it.
function exact(value: unknown): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (value !== null && typeof value === "object") return Object.values(value).every(exact);
  return true;
}

function is_json(text: string): boolean {
  try {
    return exact(JSON.parse(text));
  } catch {
    return false;
  }
}

/** What can be edited with nothing lost unseen: the arguments of a tool call; a body that is shown whole. */
async function editable_of(request: HeldRequest): Promise<Editable | undefined> {
  if (request.protocol === "mcp") {
    const named = (request.input as { arguments?: unknown } | null)?.arguments;
    if (named === null || typeof named !== "object" || !exact(named)) return undefined;
    return { text: JSON.stringify(named, null, 2), kind: "arguments" };
  }
  if (request.protocol !== "http") return undefined;
  for (const part of request.preview.parts) {
    // JSON is shown laid out, and complete when it is JSON; other text only counts when it is the body to the last byte
    const whole = part.media_type === "application/json" ? is_json(part.text) : (await sha256_hex(part.text)) === request.body.sha256;
    if (request.body.bytes > 0 && whole) return { text: part.text, kind: "body" };
  }
  return undefined;
}

export function use_editable(request: HeldRequest): Editable | undefined {
  const [editable, set_editable] = useState<Editable>();
  useEffect(() => {
    let current = true;
    void editable_of(request).then((found) => current && set_editable(found));
    return () => {
      current = false;
    };
  }, [request.fingerprint]);
  return editable;
}

export function EditDialog(props: { request: HeldRequest; editable: Editable; close: () => void; done: (id: string) => void }) {
  const { request, editable } = props;
  const [text, set_text] = useState(editable.text);
  const [reason, set_reason] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  let change: Record<string, unknown> | undefined;
  try {
    const value: unknown = editable.kind === "arguments" ? JSON.parse(text) : text;
    if (editable.kind === "body" || (value !== null && typeof value === "object" && !Array.isArray(value) && exact(value))) change = { [editable.kind]: value };
  } catch {
    // not JSON yet
  }
  const ready = change !== undefined && text !== editable.text && reason.trim() !== "";
  return (
    <Dialog title="Edit this request" close={props.close} wide>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (!ready || busy) return;
        set_busy(true);
        api.edit(request.id, change!, reason.trim(), request.fingerprint).then(
          (made) => props.done(made.id),
          (failure: unknown) => {
            set_error(as_api_error(failure));
            set_busy(false);
          },
        );
      }}>
        <Note>Your version takes the place of this one and carries your name. Somebody else decides about it, and the agent is told what was changed.</Note>
        <label class="field">
          {editable.kind === "arguments" ? "Arguments, JSON" : "Body"}
          <textarea class="mono" rows={14} spellcheck={false} autofocus value={text} onInput={(event) => set_text(event.currentTarget.value)} />
        </label>
        {change === undefined && <p class="hint bad" role="status">This is no JSON object.</p>}
        <label class="field">Why?<textarea rows={2} required maxLength={1000} value={reason} onInput={(event) => set_reason(event.currentTarget.value)} /></label>
        {error && <Problem error={error} />}
        <div class="actions"><button type="button" onClick={props.close}>Cancel</button><button type="submit" class="primary" disabled={!ready || busy}>{busy ? "One moment…" : "Put it in its place"}</button></div>
      </form>
    </Dialog>
  );
}
