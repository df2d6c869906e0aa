// What a page shows while it has nothing to show.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api";
import { plain } from "../lib/visible";
import { Icon, type IconName } from "./icons";
import { Text } from "./text";

export function Skeleton({ rows = 5, kind = "rows" }: { rows?: number; kind?: "rows" | "text" | "tiles" }) {
  return (
    <div class={`skeleton ${kind}`} role="status">
      <span class="sr">Loading…</span>
      {Array.from({ length: rows }, (_, i) => <span key={i} class="bone" />)}
    </div>
  );
}

export function Problem({ error, again }: { error: ApiError; again?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <div>
        <p><Text value={error.detail || error.title || "Something went wrong."} fold={600} /></p>
        <p class="muted"><code>{plain(error.code)}</code></p>
      </div>
      {again && <button type="button" onClick={again}>Try again</button>}
    </div>
  );
}

export function Empty({ title, icon = "check", children }: { title: string; icon?: IconName; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-mark"><Icon name={icon} size={26} /></span>
      <p class="empty-title">{title}</p>
      {children && <p class="muted">{children}</p>}
    </div>
  );
}

export function Note({ tone = "quiet", children }: { tone?: "quiet" | "wait" | "bad" | "good"; children: ComponentChildren }) {
  return <div class={`note tone-${tone}`}>{children}</div>;
}
