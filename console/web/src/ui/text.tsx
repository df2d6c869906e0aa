// Text from elsewhere: text nodes only, invisible characters marked, very long strings folded.
import { useState } from "preact/hooks";
import { count } from "../lib/format";
import { plain, runs_of } from "../lib/visible";

function Runs({ text, lines }: { text: string; lines: "one line" | "many lines" }) {
  return (
    <>
      {runs_of(text, lines).map((run, i) =>
        run.escaped ? <span key={i} class="escape" title="a character that would not be seen">{run.text}</span> : run.text,
      )}
    </>
  );
}

/** One line of text. Folds past `fold` characters. */
export function Text({ value, fold = 300 }: { value: string; fold?: number }) {
  const [open, set_open] = useState(false);
  const folded = value.length > fold && !open;
  return (
    <bdi class="text">
      <Runs text={folded ? value.slice(0, fold) : value} lines="one line" />
      {folded && (
        <>
          …{" "}
          <button type="button" class="link" onClick={() => set_open(true)}>
            show all {count(value.length)} characters
          </button>
        </>
      )}
    </bdi>
  );
}

/** Several lines, as they are. Folds past `lines` lines or 20,000 characters. */
export function Block({ value, lines = 60, label }: { value: string; lines?: number; label: string }) {
  const [open, set_open] = useState(false);
  const all = value.split("\n");
  const too_long = all.length > lines || value.length > 20_000;
  const shown = too_long && !open ? all.slice(0, lines).join("\n").slice(0, 20_000) : value;
  return (
    <div class="block">
      <pre tabIndex={0} role="group" aria-label={label}>
        <Runs text={shown} lines="many lines" />
      </pre>
      {too_long && !open && (
        <button type="button" class="fold" onClick={() => set_open(true)}>
          Show everything: {count(all.length)} lines, {count(value.length)} characters
        </button>
      )}
    </div>
  );
}

export function Hash({ value, length = 12 }: { value: string; length?: number }) {
  if (value === "") return <span class="muted">none</span>;
  return (
    <code class="hash" title={plain(value)}>
      {plain(value.slice(0, length))}
      {value.length > length && "…"}
    </code>
  );
}

/** A digest in full, with a button that copies it. */
export function Digest({ value }: { value: string }) {
  const [copied, set_copied] = useState(false);
  return (
    <span class="digest">
      <code><Text value={value} /></code>
      <button
        type="button"
        class="link"
        onClick={() => void navigator.clipboard?.writeText(value).then(() => set_copied(true), () => undefined)}
      >
        {copied ? "copied" : "copy"}
      </button>
    </span>
  );
}
