// Requests that were held together: how many of what.
import type { Burst } from "../api";
import { plural } from "../lib/format";
import { plain } from "../lib/visible";
import { effect_means } from "./badges";

// Mild ones first: the eye stops at the last.
const kOrder = ["read", "write", "execute", "mint", "administer", "destroy"];

/** The effects that are counted, in their order. */
export function effects_of(counts: Record<string, number>): [string, number][] {
  const rank = (effect: string): number => (kOrder.indexOf(effect) + 1 || kOrder.length + 1);
  return Object.entries(counts).sort(([a], [b]) => rank(a) - rank(b));
}

export function effect_counts(requests: { effect: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { effect } of requests) counts[effect] = (counts[effect] ?? 0) + 1;
  return counts;
}

/** One chip for each effect, with its number. */
export function EffectCounts({ counts }: { counts: Record<string, number> }) {
  return (
    <span class="effect-counts">
      {effects_of(counts).map(([effect, number]) => (
        <span key={effect} class={`badge effect-${kOrder.includes(effect) ? effect : "other"}`} title={effect_means(effect)}>{number} {plain(effect, 30)}</span>
      ))}
    </span>
  );
}

/** "14 changes by agent builder on aws": what stands in chips beside it is left out. */
export function burst_title(burst: Burst): string {
  const number = burst.held > 0 ? burst.held : burst.members;
  return `${plural(number, "change")} by agent ${plain(burst.agent, 60)} on ${plain(burst.upstream, 60)}`;
}
