// Text that came from agents is hostile: characters that hide, reorder or imitate are found here, to be shown as marked escapes.

// Bidi controls, zero-width and other invisible characters, fillers, variation selectors, tags, other controls and lone surrogates.
// Newline and tab are left alone; whoever shows a single line escapes them too.
const hidden =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

export interface Run { text: string; escaped: boolean }

function name_of(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text in pieces: as it is, or the name of one character that would not be seen. */
export function runs_of(text: string, lines: "one line" | "many lines"): Run[] {
  const out: Run[] = [];
  let at = 0;
  const pattern = lines === "many lines" ? hidden : new RegExp(`${hidden.source}|[\\n\\t]`, "gu");
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index), escaped: false });
    out.push({ text: name_of(match[0]), escaped: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push({ text: text.slice(at), escaped: false });
  return out;
}

/** The same for places that hold only characters: titles, labels. */
export function plain(text: string, at_most = 200): string {
  const shown = text.length > at_most ? `${text.slice(0, at_most)}…` : text;
  return runs_of(shown, "one line").map((run) => (run.escaped ? `⟨${run.text}⟩` : run.text)).join("");
}
