// What must hold whatever agents send: no line of a diff disappears, no hidden character stays hidden, no digit of a number changes.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

async function load(name) {
  const built = buildSync({ entryPoints: [join(here, "..", "src", name)], bundle: true, format: "esm", write: false, target: "es2022" });
  return import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`);
}

const { read_diff } = await load("lib/diff.ts");
const { runs_of, plain } = await load("lib/visible.ts");
const { json_tokens } = await load("lib/json.ts");

const mark = { add: "+", remove: "-", same: " " };
const written = (files) => files.flatMap((file) => file.lines.map((line) => (mark[line.kind] ?? "") + line.text));

// A small generator with a seed, so that a failure can be repeated.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

test("a diff is read into files, with the lines' numbers", () => {
  const files = read_diff("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -3,3 +3,4 @@ here\n a\n-b\n+c\n+d\n e\n\\ No newline at end of file\ndiff --git a/y b/y\nnew file mode 100644\n");
  assert.deepEqual(files.map((file) => [file.name, file.added, file.removed]), [["x", 2, 1], ["y", 0, 0]]);
  const lines = files[0].lines;
  assert.deepEqual(lines.find((line) => line.text === "c"), { kind: "add", text: "c", after: 4 });
  assert.deepEqual(lines.find((line) => line.text === "b"), { kind: "remove", text: "b", before: 4 });
  assert.deepEqual(lines.find((line) => line.text === "e"), { kind: "same", text: "e", before: 5, after: 6 });
});

test("content that looks like a diff's own lines stays content", () => {
  const text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,4 @@\n a\n+diff --git a/evil b/evil\n--- a/looks like a header\n++++ b/evil\n+@@ -1 +1 @@\n";
  const files = read_diff(text);
  assert.equal(files.length, 1);
  assert.equal(files[0].added, 3);
  assert.equal(files[0].removed, 1);
});

test("every line is shown, once and in order, whatever the text is", () => {
  const pieces = ["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1,2 +1,2 @@", "@@ -1 +1,999999 @@", "+added", "-removed", " same", "", "\\ No newline at end of file", "garbage", "index 1..2", "@@ nonsense @@", "+", "-", "rename from x", "\u202e+hidden"];
  for (let seed = 1; seed <= 3000; seed++) {
    const next = random(seed);
    const lines = Array.from({ length: 1 + next(25) }, () => pieces[next(pieces.length)]);
    if (lines.at(-1) === "") lines.push("end");
    const out = written(read_diff(lines.join("\n")));
    assert.equal(out.length, lines.length, `seed ${seed}`);
    // an empty line within a hunk is a context line whose space was lost
    out.forEach((line, i) => assert.ok(line === lines[i] || (lines[i] === "" && line === " "), `seed ${seed}, line ${i}: ${JSON.stringify(line)} for ${JSON.stringify(lines[i])}`));
  }
});

test("characters that hide or reorder are named", () => {
  for (const code of [0x202e, 0x202a, 0x2066, 0x2069, 0x200b, 0x200d, 0xfeff, 0xad, 0x61c, 0x3164, 0xe0041, 0x1b, 0x7f, 0x85, 0x2028, 0xfe0f, 0xd800]) {
    const runs = runs_of(`a${String.fromCodePoint(code)}b`, "many lines");
    assert.deepEqual(runs.map((run) => run.escaped), [false, true, false], code.toString(16));
    assert.equal(runs[1].text, `U+${code.toString(16).toUpperCase().padStart(4, "0")}`);
  }
  assert.equal(plain("a\u202eb\nc"), "a⟨U+202E⟩b⟨U+000A⟩c");
  assert.deepEqual(runs_of("plain ünï 漢字 text 🙂\n\tindented", "many lines"), [{ text: "plain ünï 漢字 text 🙂\n\tindented", escaped: false }]);
});

test("JSON is laid out without being changed", () => {
  const text = '{"n":12345678901234567890.10,"a":1,"a":2,"s":"x, {y}: \\" [","l":[],"o":{},"t":[true,null,-1e-9]}';
  const out = json_tokens(text).map((token) => token.text).join("");
  assert.equal(out.replace(/\n\s*/g, "").replaceAll(": ", ":"), text.replaceAll(": ", ":"));
  assert.match(out, /12345678901234567890\.10/);
  assert.equal(json_tokens('{"a":'), undefined);
  assert.deepEqual(json_tokens('{"a":"b"}').filter((token) => token.kind === "key").map((token) => token.text), ['"a"']);
});
