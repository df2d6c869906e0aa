// Server-sent events: a change anywhere makes the pages that show it ask again.
import { effect, signal, type Signal } from "@preact/signals";
import { api, reachable, session } from "../api";

export const requests_version = signal(0);
export const policies_version = signal(0);
export const agents_version = signal(0);
export const emergencies_version = signal(0);
/** Of one request: its page asks again only when something happened to it, since each look at a request is on record. */
const of_requests = new Map<string, Signal<number>>();
export function request_version(id: string): Signal<number> {
  let found = of_requests.get(id);
  if (!found) of_requests.set(id, (found = signal(0)));
  return found;
}
/** What this page has done itself is not waited for. */
export function request_changed(id: string): void {
  request_version(id).value += 1;
  requests_version.value += 1;
}
/** What the stream is doing, for the line that says so. */
export const stream = signal<"off" | "connecting" | "live" | "lost">("off");
/** The last thing worth telling a screen reader. */
export const announcement = signal("");

// Many changes at once are one reason to ask again.
const kPause = 250;
const kPatience = 3000;
const waiting = new Map<Signal<number>, number>();
function soon(version: Signal<number>): void {
  if (waiting.has(version)) return;
  waiting.set(version, setTimeout(() => {
    waiting.delete(version);
    version.value += 1;
  }, kPause));
}

let source: EventSource | undefined;
let opened_before = false;

function bump(): void {
  for (const version of of_requests.values()) version.value += 1;
  requests_version.value += 1;
  policies_version.value += 1;
  agents_version.value += 1;
  emergencies_version.value += 1;
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
    if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    // refused: perhaps the session is over, which asking for it finds out
    setTimeout(() => {
      if (!session.value || stream.value !== "lost") return;
      api.session().then(open, () => session.value && stream.value === "lost" && setTimeout(open, kPatience));
    }, kPatience);
  };
  source.addEventListener("request", (event) => {
    soon(requests_version);
    try {
      const moved = JSON.parse((event as MessageEvent<string>).data) as { id?: string; state?: string; from?: string };
      if (moved.id !== undefined && of_requests.has(moved.id)) soon(request_version(moved.id));
      if (moved.state === "held" && !moved.from) announcement.value = "A new request is waiting.";
    } catch {
      // an event that cannot be read is still a reason to ask again
    }
  });
  source.addEventListener("policies", () => soon(policies_version));
  source.addEventListener("agents", () => soon(agents_version));
  source.addEventListener("emergency", () => soon(emergencies_version));
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
