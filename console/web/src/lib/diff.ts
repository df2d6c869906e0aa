// Unified diffs (`text/x-diff`) read line by line. Every line of the text becomes exactly one line of the result, in order:
// whatever the text holds, nothing in it can make a line disappear from the view.

export type LineKind = "file" | "meta" | "hunk" | "add" | "remove" | "same" | "other";
export interface DiffLine { kind: LineKind; text: string; before?: number; after?: number }
export interface DiffFile { name: string; lines: DiffLine[]; added: number; removed: number }

const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const meta = /^(index |new file|deleted file|old mode|new mode|similarity |dissimilarity |rename |copy |Binary files |GIT binary patch)/;

function name_of(line: string): string {
  const found = line.match(/^diff --git (?:"?a\/.*?"?) "?b\/(.*?)"?$/);
  return found?.[1] ?? line.replace(/^diff --git /, "");
}

export function read_diff(text: string): DiffFile[] {
  const files: DiffFile[] = [];
  let file: DiffFile | undefined;
  // what the hunk header promised and is not there yet: only within it do + and − mean added and removed
  let before_left = 0;
  let after_left = 0;
  let before = 0;
  let after = 0;
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  const lines = body.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const first = line[0];
    const inside = before_left > 0 || after_left > 0;
    if (!inside && line.startsWith("diff --git ")) {
      file = { name: name_of(line), lines: [], added: 0, removed: 0 };
      files.push(file);
      file.lines.push({ kind: "file", text: line });
      continue;
    }
    if (!inside && line.startsWith("--- ") && lines[i + 1]?.startsWith("+++ ") && !(file && !file.lines.some((l) => l.kind === "hunk"))) {
      file = { name: lines[i + 1]!.slice(4).replace(/^b\//, ""), lines: [], added: 0, removed: 0 };
      files.push(file);
    }
    if (!file) {
      file = { name: "", lines: [], added: 0, removed: 0 };
      files.push(file);
    }
    if (inside && first === "+" && after_left > 0) {
      after_left--;
      file.added++;
      file.lines.push({ kind: "add", text: line.slice(1), after: after++ });
    } else if (inside && first === "-" && before_left > 0) {
      before_left--;
      file.removed++;
      file.lines.push({ kind: "remove", text: line.slice(1), before: before++ });
    } else if (inside && (first === " " || line === "") && before_left > 0 && after_left > 0) {
      before_left--;
      after_left--;
      file.lines.push({ kind: "same", text: line.slice(1), before: before++, after: after++ });
    } else {
      const header = line.match(hunk);
      if (header && !inside) {
        before = Number(header[1]);
        after = Number(header[3]);
        before_left = Number(header[2] ?? 1);
        after_left = Number(header[4] ?? 1);
        file.lines.push({ kind: "hunk", text: line });
      } else if (!inside && (meta.test(line) || line.startsWith("--- ") || line.startsWith("+++ "))) {
        file.lines.push({ kind: "meta", text: line });
      } else {
        // "\ No newline at end of file", a cut, or something that is no diff: shown as it is
        if (inside && first !== "\\") before_left = after_left = 0;
        file.lines.push({ kind: "other", text: line });
      }
    }
  }
  return files;
}
