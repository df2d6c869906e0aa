// JSON for reading, made from its characters: nothing is parsed into values, so numbers keep their digits and doubled keys stay.

export type TokenKind = "key" | "string" | "number" | "word" | "mark" | "space";
export interface JsonToken { kind: TokenKind; text: string }

const pieces = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]|\s+/gy;

/**
 * Tokens with line breaks and indentation of their own, or nothing when the text does not have JSON's form. The gateway names hidden
 * characters within strings (\u{202E}), which no parser of JSON reads; so only the form is asked for.
 */
export function json_tokens(text: string): JsonToken[] | undefined {
  const all = text.match(pieces) ?? [];
  if (all.reduce((sum, piece) => sum + piece.length, 0) !== text.length) return undefined;
  const open: string[] = [];
  for (const piece of all) {
    if (piece === "{" || piece === "[") open.push(piece);
    else if ((piece === "}" && open.pop() !== "{") || (piece === "]" && open.pop() !== "[")) return undefined;
  }
  if (open.length > 0) return undefined;
  const out: JsonToken[] = [];
  let depth = 0;
  const line = (): void => void out.push({ kind: "space", text: `\n${"  ".repeat(depth)}` });
  const parts = all.filter((part) => !/^\s/.test(part));
  parts.forEach((part, i) => {
    const next = parts[i + 1];
    const previous = parts[i - 1];
    switch (part) {
      case "{":
      case "[":
        out.push({ kind: "mark", text: part });
        depth++;
        if (next !== "}" && next !== "]") line();
        break;
      case "}":
      case "]":
        depth--;
        if (previous !== "{" && previous !== "[") line();
        out.push({ kind: "mark", text: part });
        break;
      case ",":
        out.push({ kind: "mark", text: part });
        line();
        break;
      case ":":
        out.push({ kind: "mark", text: ": " });
        break;
      default:
        out.push({ kind: next === ":" && part.startsWith('"') ? "key" : part.startsWith('"') ? "string" : /^[-\d]/.test(part) ? "number" : "word", text: part });
    }
  });
  return out;
}
