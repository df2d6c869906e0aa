// Cedar for CodeMirror: a tokenizer for colours, and completion from what the server says there is.
import { type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { StreamLanguage, type StreamParser } from "@codemirror/language";

const effects = new Set(["permit", "forbid"]);
const controls = new Set(["when", "unless", "if", "then", "else"]);
const operators = new Set(["in", "is", "has", "like"]);
const variables = new Set(["principal", "action", "resource", "context"]);
const constants = new Set(["true", "false"]);
const functions = new Set(["ip", "decimal", "datetime", "duration"]);

interface Place { annotation: boolean }

const parser: StreamParser<Place> = {
  name: "cedar",
  startState: () => ({ annotation: false }),
  token(stream, place) {
    if (stream.eatSpace()) return null;
    if (stream.match("//")) {
      stream.skipToEnd();
      return "comment";
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return place.annotation ? "meta" : "string";
    if (stream.match(/^@[A-Za-z_][A-Za-z0-9_]*/)) {
      place.annotation = true;
      return "annotation";
    }
    if (stream.match(/^-?\d+/)) return "number";
    if (stream.match(/^\?(principal|resource)\b/)) return "variableName";
    const word = stream.match(/^[A-Za-z_][A-Za-z0-9_]*/) as RegExpMatchArray | null;
    if (word) {
      const name = word[0];
      if (effects.has(name)) {
        place.annotation = false;
        return name === "forbid" ? "modifier" : "keyword";
      }
      if (controls.has(name)) return "controlKeyword";
      if (operators.has(name)) return "operatorKeyword";
      if (variables.has(name)) return "variableName.special";
      if (constants.has(name)) return "bool";
      if (stream.match(/^::/, false) || /^[A-Z]/.test(name)) return "typeName";
      if (functions.has(name) && stream.match(/^\s*\(/, false)) return "function";
      return "propertyName";
    }
    if (stream.match(/^(==|!=|<=|>=|&&|\|\||::|[<>!+\-*])/)) return "operator";
    if (stream.match(")")) {
      place.annotation = false;
      return "punctuation";
    }
    stream.next();
    return "punctuation";
  },
  languageData: { commentTokens: { line: "//" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
};

export const cedar = StreamLanguage.define(parser);

/** What may be completed. Read from GET /api/v1/policies/schema whatever its details: names are gathered where they stand. */
export interface Words {
  actions: string[];
  entities: string[];
  ids: Record<string, string[]>; // of Agent, User, Team, Upstream
  rules: string[]; // names for @approval
  attributes: Record<string, string[]>; // principal, resource, context, context.input …
}

const snippets: Completion[] = [
  { label: "permit", type: "keyword", detail: "a policy", apply: 'permit (\n  principal is Agent,\n  action in Action::"read",\n  resource\n);' },
  { label: "forbid", type: "keyword", detail: "a policy", apply: 'forbid (\n  principal is Agent,\n  action in Action::"change",\n  resource\n)\nwhen { resource.environment == "production" };' },
  { label: "@id", type: "keyword", apply: '@id("")' },
  { label: "@approval", type: "keyword", detail: "hold instead of refuse", apply: '@approval("")' },
  { label: "@reason", type: "keyword", detail: "what people read", apply: '@reason("")' },
  { label: "@shadow", type: "keyword", detail: "evaluated, does not count" },
  ...["when", "unless", "principal", "action", "resource", "context", "in", "is", "has", "like"].map((label) => ({ label, type: "keyword" })),
];

export function completion_of(words: () => Words | undefined) {
  return (context: CompletionContext): CompletionResult | null => {
    const known = words();
    const action = context.matchBefore(/Action::"[^"\n]*/);
    if (action) {
      return {
        from: action.from + 'Action::"'.length,
        options: (known?.actions ?? []).map((label) => ({ label, type: "enum" })),
        validFor: /^[^"\n]*$/,
      };
    }
    const rule = context.matchBefore(/@approval\("[^"\n]*/);
    if (rule) return { from: rule.from + '@approval("'.length, options: (known?.rules ?? []).map((label) => ({ label, type: "enum" })), validFor: /^[^"\n]*$/ };
    const id = context.matchBefore(/\b[A-Z]\w*::"[^"\n]*/);
    if (id) {
      const type = id.text.slice(0, id.text.indexOf("::"));
      return { from: id.from + type.length + 3, options: (known?.ids[type] ?? []).map((label) => ({ label, type: "constant" })), validFor: /^[^"\n]*$/ };
    }
    const path = context.matchBefore(/\b(principal|resource|context)(\.\w+)*\.\w*/);
    if (path) {
      const at = path.text.lastIndexOf(".");
      const names = known?.attributes[path.text.slice(0, at)] ?? [];
      return { from: path.from + at + 1, options: names.map((label) => ({ label, type: "property" })), validFor: /^\w*$/ };
    }
    const has = context.matchBefore(/\b(principal|resource|context)(\.\w+)* has \w*/);
    if (has) {
      const at = has.text.lastIndexOf(" ");
      const names = known?.attributes[has.text.slice(0, has.text.indexOf(" "))] ?? [];
      return { from: has.from + at + 1, options: names.map((label) => ({ label, type: "property" })), validFor: /^\w*$/ };
    }
    const is = context.matchBefore(/\bis \w*/);
    if (is) return { from: is.from + 3, options: (known?.entities ?? []).map((label) => ({ label, type: "class" })), validFor: /^\w*$/ };
    const word = context.matchBefore(/@?\w+/);
    if (!word && !context.explicit) return null;
    return {
      from: word?.from ?? context.pos,
      options: [...snippets, ...(known?.entities ?? []).map((label) => ({ label, type: "class" }))],
      validFor: /^@?\w*$/,
    };
  };
}
