// Around every page: the way to the others, what the connection does, help on keys.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, reachable, session } from "../api";
import { use_asked, use_keys } from "../lib/hooks";
import { announcement, requests_version, stream } from "../lib/live";
import { plain } from "../lib/visible";
import { Dialog } from "./dialog";
import { Icon, Mark, type IconName } from "./icons";

/** How many requests wait for the person who looks; the inbox and the request page keep it true. */
export const waiting = signal<number | undefined>(undefined);

type Theme = "system" | "light" | "dark";
export const theme = signal<Theme>((document.documentElement.dataset["theme"] as Theme | undefined) ?? "system");

export function choose_theme(next: Theme): void {
  theme.value = next;
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  try {
    if (next === "system") localStorage.removeItem("countersign.theme");
    else localStorage.setItem("countersign.theme", next);
  } catch {
    // it holds for this page then
  }
}

const places: { to: string; name: string; icon: IconName; match: RegExp; permission?: string }[] = [
  { to: "/", name: "Inbox", icon: "inbox", match: /^\/($|inbox|requests|grants)/ },
  { to: "/policies", name: "Policies", icon: "policies", match: /^\/policies/ },
  { to: "/audit", name: "Audit", icon: "audit", match: /^\/audit/ },
  { to: "/agents", name: "Agents", icon: "agents", match: /^\/agents/ },
  { to: "/emergencies", name: "Break glass", icon: "glass", match: /^\/emergencies/, permission: "vote" },
  { to: "/people", name: "People", icon: "people", match: /^\/people/, permission: "manage_people" },
  { to: "/overview", name: "Overview", icon: "overview", match: /^\/overview/ },
];

const keys: [string, string][] = [
  ["j / k", "next / previous request"],
  ["Enter", "open the chosen request"],
  ["a", "approve: opens the form, nothing is sent yet"],
  ["d", "deny: opens the form, nothing is sent yet"],
  ["x", "choose a request for a batch"],
  ["u", "back to the inbox"],
  ["/", "search (inbox filter, audit)"],
  ["Ctrl Enter", "send the form"],
  ["Esc", "close"],
  ["?", "this list"],
];

function Help({ close }: { close: () => void }) {
  return (
    <Dialog title="Keyboard" close={close}>
      <dl class="keys">
        {keys.map(([key, means]) => (
          <div key={key}><dt>{key.split(" ").map((part) => (part === "/" && key !== "/" ? " / " : <kbd key={part}>{part}</kbd>))}</dt><dd>{means}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}

/** Asks how many requests wait, wherever one is in the console. */
function Counter() {
  const { data } = use_asked(() => api.requests({ waiting_for: "me", limit: 1 }), "waiting", requests_version.value);
  useEffect(() => {
    if (data) waiting.value = data.waiting ?? data.requests.length;
  }, [data]);
  return null;
}

function Connection() {
  if (reachable.value && stream.value !== "lost") return null;
  return (
    <div class="offline" role="status">
      <Icon name="warning" />
      {reachable.value
        ? "Live updates are interrupted; reconnecting. What you see may be old."
        : "The server cannot be reached. What you see may be old; decisions cannot be sent."}
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [path] = useLocation();
  const [help, set_help] = useState(false);
  use_keys({ "?": () => set_help(true) });
  // on a phone the places are a strip that may be wider than the screen
  useEffect(() => {
    document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  const me = session.value!;
  return (
    <div class="shell">
      <a class="skip" href="#main">Skip to the content</a>
      <header class="side">
        <Link href="/" class="brand"><Mark /><span>Countersign</span></Link>
        <nav aria-label="Console">
          <ul>
            {places.filter((place) => !place.permission || me.permissions.includes(place.permission)).map((place) => (
              <li key={place.to}>
                <Link href={place.to} class="place" aria-current={place.match.test(path) ? "page" : undefined}>
                  <Icon name={place.icon} size={20} />
                  <span>{place.name}</span>
                  {place.to === "/" && !!waiting.value && (
                    <span class="count">{waiting.value >= 100 ? "99+" : waiting.value}<span class="sr"> waiting for you</span></span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div class="side-foot">
          <Link href="/me" class="place" aria-current={path === "/me" ? "page" : undefined}>
            <Icon name="me" size={20} />
            <span class="who">{plain(me.user, 40)}<small>{plain(me.level)}</small></span>
          </Link>
          <div class="side-line">
            <span class={`stream ${stream.value}`}><i aria-hidden="true" />{stream.value === "live" ? "live" : stream.value === "connecting" ? "connecting" : "not live"}</span>
            <button type="button" class="quiet small" onClick={() => set_help(true)}>Keys <kbd>?</kbd></button>
          </div>
        </div>
      </header>
      <div class="content">
        <Connection />
        <main id="main" tabIndex={-1}>{children}</main>
      </div>
      <div class="sr" aria-live="polite">{announcement.value}</div>
      <Counter />
      {help && <Help close={() => set_help(false)} />}
    </div>
  );
}
