// Server-sent events: a change anywhere makes the pages that show it ask again.
import { effect, signal } from "@preact/signals";
import { reachable, session } from "../api";

export const requests_version = signal(0);
export const policies_version = signal(0);
export const agents_version = signal(0);
/** What the stream is doing, for the line that says so. */
export const stream = signal<"off" | "connecting" | "live" | "lost">("off");
/** The last thing worth telling a screen reader. */
export const announcement = signal("");

let source: EventSource | undefined;
let opened_before = false;

function bump(): void {
  requests_version.value += 1;
  policies_version.value += 1;
  agents_version.value += 1;
}

function open(): void {
  source?.close();
  stream.value = "connecting";
  source = new EventSource("/api/v1/events");
  source.onopen = () => {
    stream.value = "live";
    reachable.value = true;
    // what happened while nobody listened is not told again: ask anew
    if (opened_before) bump();
    opened_before = true;
  };
  source.onerror = () => {
    stream.value = "lost";
    if (source?.readyState === EventSource.CLOSED) setTimeout(() => session.value && stream.value === "lost" && open(), 5000);
  };
  source.addEventListener("request", (event) => {
    requests_version.value += 1;
    try {
      const moved = JSON.parse((event as MessageEvent<string>).data) as { state?: string; from?: string };
      if (moved.state === "held" && !moved.from) announcement.value = "A new request is waiting.";
    } catch {
      // an event that cannot be read is still a reason to ask again
    }
  });
  source.addEventListener("policies", () => (policies_version.value += 1));
  source.addEventListener("agents", () => (agents_version.value += 1));
}

/** Follows the session: a stream while somebody is signed in. */
export function follow_events(): void {
  let user: string | undefined;
  effect(() => {
    const next = session.value?.user;
    if (next === user) return;
    user = next;
    if (next) open();
    else {
      source?.close();
      source = undefined;
      stream.value = "off";
    }
  });
}
