// One part of a preview, shown as what it is.
import type { PreviewPart } from "../api";
import { plain } from "../lib/visible";
import { DiffView } from "./diff_view";
import { JsonView } from "./json_view";
import { Block } from "./text";

export function Part({ part }: { part: PreviewPart }) {
  const title = plain(part.title, 120);
  return (
    <div class="part">
      <h3 class={/^[a-z]/i.test(title) ? "word" : "path"}>{title}</h3>
      {part.media_type === "text/x-diff" ? <DiffView text={part.text} />
        : part.media_type === "application/json" ? <JsonView text={part.text} label={title} />
        : <Block value={part.text} label={title} />}
    </div>
  );
}
