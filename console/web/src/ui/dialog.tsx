// Modal dialogs on the browser's own <dialog>: focus stays inside, Escape closes, focus returns to where it was.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api";
import { as_api_error } from "../lib/hooks";
import { Problem } from "./states";

export function Dialog(props: { title: string; close: () => void; wide?: boolean; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide ? "wide" : ""}
      aria-labelledby={title}
      onClose={props.close}
      onCancel={(event) => {
        event.preventDefault();
        props.close();
      }}
    >
      <div class="dialog-head">
        <h2 id={title}>{props.title}</h2>
        <button type="button" class="quiet" onClick={props.close} aria-label="Close">×</button>
      </div>
      {props.children}
    </dialog>
  );
}

/** A dialog that asks for a reason and does one thing with it. */
export function ReasonDialog(props: {
  title: string;
  act: string;
  danger?: boolean;
  label?: string;
  children?: ComponentChildren;
  close: () => void;
  done: (reason: string) => Promise<void>;
}) {
  const [reason, set_reason] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const send = async (): Promise<void> => {
    set_busy(true);
    set_error(undefined);
    try {
      await props.done(reason.trim());
      props.close();
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  return (
    <Dialog title={props.title} close={props.close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {props.children}
        <label class="field">
          {props.label ?? "Reason"}
          <textarea rows={3} maxLength={1000} required value={reason} autofocus onInput={(event) => set_reason(event.currentTarget.value)} />
        </label>
        {error && <Problem error={error} />}
        <div class="actions">
          <button type="button" onClick={props.close}>Cancel</button>
          <button type="submit" class={props.danger ? "danger" : "primary"} disabled={busy || reason.trim() === ""}>
            {busy ? "One moment…" : props.act}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
