// Small marks that say effect, environment and state in a word; colour only repeats it.
import { Fragment } from "preact";
import type { State } from "../api";
import { duration } from "../lib/format";
import { now } from "../lib/hooks";
import { plain } from "../lib/visible";
import { Icon } from "./icons";

const effects: Record<string, string> = {
  read: "changes nothing",
  write: "changes data",
  execute: "runs code or commands: what they do is not known",
  mint: "creates or reveals credentials",
  administer: "changes permissions or visibility",
  destroy: "removes something",
};

export const effect_means = (effect: string): string => effects[effect] ?? "an effect this console does not know";

export function EffectBadge({ effect }: { effect: string }) {
  return (
    <span class={`badge effect-${effect in effects ? effect : "other"}`} title={effect_means(effect)}>
      {plain(effect)}
    </span>
  );
}

/** One badge for each: where production is among several, it is as loud as by itself. */
export function EnvironmentBadge({ environment }: { environment: string }) {
  const names = environment.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return <>{names.map((name, i) => <Fragment key={name}>{i > 0 && " "}<span class={`badge outline ${name === "production" ? "production" : ""}`}>{plain(name)}</span></Fragment>)}</>;
}

const states: Record<State, { word: string; tone: string }> = {
  held: { word: "waiting", tone: "wait" },
  approved: { word: "approved", tone: "good" },
  denied: { word: "denied", tone: "bad" },
  expired: { word: "expired", tone: "quiet" },
  cancelled: { word: "cancelled", tone: "quiet" },
  withdrawn: { word: "withdrawn", tone: "quiet" },
  superseded: { word: "superseded", tone: "quiet" },
  stale: { word: "stale", tone: "quiet" },
  executing: { word: "running", tone: "wait" },
  done: { word: "done", tone: "good" },
  failed: { word: "failed", tone: "bad" },
  unknown: { word: "outcome unknown", tone: "bad" },
};

export function StateBadge({ state }: { state: State }) {
  const known = states[state] ?? { word: state, tone: "quiet" };
  return <span class={`badge tone-${known.tone}`}>{plain(known.word)}</span>;
}

export function DecisionBadge({ decision }: { decision: string }) {
  const tone = decision === "allow" ? "good" : decision === "hold" ? "wait" : decision === "deny" ? "bad" : "quiet";
  return <span class={`badge tone-${tone}`}>{plain(decision)}</span>;
}

/** What is left until `until`; alarming towards the end. */
export function Countdown({ until, from }: { until: string; from?: string }) {
  const left = Date.parse(until) - now.value;
  const whole = from ? Date.parse(until) - Date.parse(from) : 0;
  const soon = left < 10 * 60_000 || (whole > 0 && left < whole / 10);
  return (
    <span class={`countdown ${soon ? "soon" : ""}`} title={new Date(until).toLocaleString()}>
      <Icon name="clock" size={15} />
      <span class="sr">expires in </span>
      {left <= 0 ? "expired" : left < 60_000 ? `${Math.ceil(left / 1000)} s left` : `${duration(Math.floor(left / 60_000) * 60_000)} left`}
    </span>
  );
}
