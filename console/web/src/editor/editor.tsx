// CodeMirror in a shadow root: its styles are adopted style sheets there, which a content security policy without inline styles allows.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";
import type { PolicyProblem } from "../api";
import { completion_of, type Words } from "./cedar";
import { language_of } from "./language";
import { appearance } from "./style";

// Everything that hides or reorders, beside what CodeMirror marks by itself.
const special = highlightSpecialChars({ addSpecialChars: /[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]/g });

function shadow_of(host: HTMLElement): { root: ShadowRoot; parent: HTMLElement } {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  root.replaceChildren();
  const parent = document.createElement("div");
  parent.className = "host";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".host{height:100%} .host>.cm-editor{height:100%} .cm-mergeView{height:100%}");
  // CodeMirror adds its own sheets beside this one
  root.adoptedStyleSheets = [sheet];
  root.append(parent);
  return { root, parent };
}

function diagnostics_of(state: EditorState, problems: PolicyProblem[]): Diagnostic[] {
  const out: Diagnostic[] = [];
  for (const problem of problems) {
    const number = Math.min(Math.max(1, problem.line ?? 1), state.doc.lines);
    const line = state.doc.line(number);
    const from = Math.min(line.to, line.from + Math.max(0, (problem.column ?? 1) - 1));
    const to = problem.length ? Math.min(state.doc.length, from + problem.length) : line.to;
    out.push({
      from,
      to: Math.max(from, to),
      severity: problem.severity === "warning" ? "warning" : problem.severity === "info" ? "info" : "error",
      message: problem.help ? `${problem.message}\n${problem.help}` : problem.message,
      source: problem.code,
    });
  }
  return out;
}

export function Editor(props: {
  path: string;
  text: string;
  read_only: boolean;
  problems: PolicyProblem[];
  words: Words | undefined;
  line?: number | undefined;
  change: (text: string) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>();
  const current = useRef(props);
  current.current = props;
  useEffect(() => {
    const { root, parent } = shadow_of(host.current!);
    const made = new EditorView({
      root,
      parent,
      state: EditorState.create({
        doc: props.text,
        extensions: [
          lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), special, history(), drawSelection(), indentOnInput(),
          bracketMatching(), closeBrackets(), search({ top: true }), highlightSelectionMatches(), lintGutter(),
          autocompletion({ override: props.path.endsWith(".cedar") ? [completion_of(() => current.current.words)] : [] }),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
          language_of(props.path),
          EditorState.readOnly.of(props.read_only),
          EditorView.contentAttributes.of({ "aria-label": `${props.path}, editor. Escape, then Tab leaves it.`, "aria-multiline": "true" }),
          EditorView.updateListener.of((update) => update.docChanged && current.current.change(update.state.doc.toString())),
          EditorView.lineWrapping,
          appearance,
        ],
      }),
    });
    view.current = made;
    if (props.line && props.line <= made.state.doc.lines) {
      const line = made.state.doc.line(props.line);
      made.dispatch({ selection: { anchor: line.from, head: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    }
    return () => made.destroy();
  }, [props.path, props.read_only]);
  useEffect(() => {
    const made = view.current;
    if (made) made.dispatch(setDiagnostics(made.state, diagnostics_of(made.state, props.problems)));
  }, [props.problems, props.path]);
  return <div ref={host} class="editor" />;
}

/** Before and after: side by side where there is room, one below the other where there is not. */
export function Merge({ path, before, after }: { path: string; before: string; after: string }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { root, parent } = shadow_of(host.current!);
    const common = (label: string): Extension[] => [
      lineNumbers(), special, language_of(path), EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.lineWrapping, appearance,
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-multiline": "true" }),
    ];
    const collapse = { margin: 3, minSize: 6 };
    if (host.current!.clientWidth >= 760) {
      const made = new MergeView({
        root,
        parent,
        a: { doc: before, extensions: common(`${path} before`) },
        b: { doc: after, extensions: common(`${path} after`) },
        collapseUnchanged: collapse,
        gutter: true,
      });
      return () => made.destroy();
    }
    const made = new EditorView({
      root,
      parent,
      doc: after,
      extensions: [...common(`${path}, changes`), unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: collapse, gutter: true })],
    });
    return () => made.destroy();
  }, [path, before, after]);
  return <div ref={host} class="merge" />;
}
