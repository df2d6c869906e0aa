// A unified diff as a table: line numbers, a column of + and −, and the words that changed within a line.
import { diff as changes } from "@codemirror/merge";
import { useMemo, useState } from "preact/hooks";
import { read_diff, type DiffFile, type DiffLine } from "../lib/diff";
import { count, plural } from "../lib/format";
import { plain, runs_of } from "../lib/visible";

const sign: Record<string, string> = { add: "+", remove: "−", same: " " };
const word: Record<string, string> = { add: "added", remove: "removed" };
const kFirstLines = 400;

type Ranges = { from: number; to: number }[];

/** For a removed line that is answered by an added one: what differs between the two. */
function words_of(lines: DiffLine[]): Map<DiffLine, Ranges> {
  const out = new Map<DiffLine, Ranges>();
  for (let i = 0; i < lines.length; ) {
    let removed = i;
    while (lines[removed]?.kind === "remove") removed++;
    let added = removed;
    while (lines[added]?.kind === "add") added++;
    if (removed > i && added - removed === removed - i && removed - i <= 20) {
      for (let k = 0; k < removed - i; k++) {
        const before = lines[i + k]!;
        const after = lines[removed + k]!;
        if (before.text.length > 500 || after.text.length > 500) continue;
        const found = changes(before.text, after.text, { scanLimit: 200 });
        const changed = found.reduce((sum, c) => sum + c.toA - c.fromA + c.toB - c.fromB, 0);
        if (changed > 0.6 * (before.text.length + after.text.length)) continue;
        out.set(before, found.map((c) => ({ from: c.fromA, to: c.toA })).filter((r) => r.to > r.from));
        out.set(after, found.map((c) => ({ from: c.fromB, to: c.toB })).filter((r) => r.to > r.from));
      }
    }
    i = Math.max(added, i + 1);
  }
  return out;
}

function Shown({ text }: { text: string }) {
  const long = text.length > 2000;
  const [open, set_open] = useState(false);
  return (
    <>
      {runs_of(long && !open ? text.slice(0, 2000) : text, "many lines").map((run, i) =>
        run.escaped ? <span key={i} class="escape" title="a character that would not be seen">{run.text}</span> : run.text,
      )}
      {long && !open && <button type="button" class="link" onClick={() => set_open(true)}>… {count(text.length)} characters</button>}
    </>
  );
}

function Line({ line, ranges }: { line: DiffLine; ranges: Ranges | undefined }) {
  if (line.kind === "hunk" || line.kind === "meta" || line.kind === "file" || line.kind === "other") {
    return (
      <tr class={`diff-${line.kind}`}>
        <td class="number" /><td class="number" /><td class="sign" />
        <td class="code"><Shown text={line.text} /></td>
      </tr>
    );
  }
  const pieces = [];
  let at = 0;
  for (const [i, range] of (ranges ?? []).entries()) {
    if (range.from > at) pieces.push(<Shown key={`t${i}`} text={line.text.slice(at, range.from)} />);
    pieces.push(<mark key={i}><Shown text={line.text.slice(range.from, range.to)} /></mark>);
    at = range.to;
  }
  if (at < line.text.length) pieces.push(<Shown key="end" text={line.text.slice(at)} />);
  return (
    <tr class={`diff-${line.kind}`}>
      <td class="number">{line.before}</td>
      <td class="number">{line.after}</td>
      <td class="sign">{word[line.kind] && <span class="sr">{word[line.kind]} </span>}<span aria-hidden="true">{sign[line.kind]}</span></td>
      <td class="code">{pieces}</td>
    </tr>
  );
}

function File({ file, room }: { file: DiffFile; room: number }) {
  const [open, set_open] = useState(false);
  const shown = open ? file.lines : file.lines.slice(0, room);
  const words = useMemo(() => words_of(shown), [file, shown.length]);
  const rest = file.lines.length - shown.length;
  const name = file.name === "" ? "lines" : plain(file.name, 300);
  return (
    <details class="diff-file" open>
      <summary>
        <code>{name}</code>
        <span class="diff-sums"><span class="plus">+{count(file.added)}</span> <span class="minus">−{count(file.removed)}</span></span>
      </summary>
      <div class="diff-scroll" tabIndex={0} role="group" aria-label={`Changes in ${name}`}>
        <table class="diff">
          <caption class="sr">Changes in {name}: {plural(file.added, "line")} added, {plural(file.removed, "line")} removed</caption>
          <thead class="sr"><tr><th scope="col">old line</th><th scope="col">new line</th><th scope="col">change</th><th scope="col">text</th></tr></thead>
          <tbody>{shown.map((line, i) => <Line key={i} line={line} ranges={words.get(line)} />)}</tbody>
        </table>
      </div>
      {rest > 0 && <button type="button" class="fold" onClick={() => set_open(true)}>Show {plural(rest, "more line")} of {name}</button>}
    </details>
  );
}

export function DiffView({ text }: { text: string }) {
  const files = useMemo(() => read_diff(text), [text]);
  const added = files.reduce((sum, file) => sum + file.added, 0);
  const removed = files.reduce((sum, file) => sum + file.removed, 0);
  return (
    <div class="diff-view">
      <p class="muted">{plural(files.length, "file")}: {plural(added, "line")} added, {plural(removed, "line")} removed</p>
      {files.map((file, i) => <File key={i} file={file} room={Math.max(20, Math.floor(kFirstLines / Math.min(files.length, 20)))} />)}
    </div>
  );
}
