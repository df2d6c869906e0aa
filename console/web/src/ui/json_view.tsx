// JSON laid out for reading; long strings fold, hidden characters show.
import { useMemo } from "preact/hooks";
import { json_tokens } from "../lib/json";
import { Block, Text } from "./text";

export function JsonView({ text, label }: { text: string; label: string }) {
  const tokens = useMemo(() => (text.length <= 200_000 ? json_tokens(text) : undefined), [text]);
  if (!tokens || tokens.length > 20_000) return <Block value={text} label={label} />;
  return (
    <pre class="json" tabIndex={0} role="group" aria-label={label}>
      {tokens.map((token, i) =>
        token.kind === "space" || token.kind === "mark" ? token.text : (
          <span key={i} class={`json-${token.kind}`}><Text value={token.text} fold={400} /></span>
        ),
      )}
    </pre>
  );
}
