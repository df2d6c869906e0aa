// A broken glass: for a while an agent does at once what policies would hold. Wherever one is shown, it is shown loudly.
import type { GlassTerms, HeldRequest, Summary } from "../api";
import { duration } from "../lib/format";
import { plain } from "../lib/visible";
import { EffectBadge, EnvironmentBadge } from "./badges";
import { Icon } from "./icons";
import { Text } from "./text";

export const breaks_glass = (request: Pick<Summary, "action">): boolean => request.action === "break_glass:open";

export function GlassMark() {
  return <span class="badge glass-mark"><Icon name="glass" size={13} /> break glass</span>;
}

const is_names = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === "string");

/** The terms a request asks for; undefined when they cannot be read, and then nothing is made up. */
export function glass_terms(request: HeldRequest): GlassTerms | undefined {
  const terms = request.input as Partial<GlassTerms> | null;
  if (terms === null || typeof terms !== "object") return undefined;
  const whole = typeof terms.agent === "string" && typeof terms.opened_by === "string" && typeof terms.reason === "string"
    && typeof terms.duration_ms === "number" && is_names(terms.upstreams) && is_names(terms.effects) && is_names(terms.environments);
  return whole ? (terms as GlassTerms) : undefined;
}

function Names({ names }: { names: string[] }) {
  return <>{names.map((name, i) => <span key={name}>{i > 0 && ", "}<Text value={name} fold={80} /></span>)}</>;
}

export function GlassFacts({ terms }: { terms: GlassTerms }) {
  return (
    <dl class="facts">
      <div><dt>Why</dt><dd class="prose"><strong><Text value={terms.reason} fold={600} /></strong></dd></div>
      <div><dt>Agent</dt><dd><Text value={terms.agent} fold={120} />, asked for by <Text value={terms.opened_by} fold={120} /></dd></div>
      <div><dt>Upstreams</dt><dd><Names names={terms.upstreams} /></dd></div>
      <div><dt>Effects</dt><dd>{terms.effects.map((effect) => <span key={effect}><EffectBadge effect={effect} /> </span>)}</dd></div>
      <div><dt>Environments</dt><dd>{terms.environments.map((name) => <span key={name}><EnvironmentBadge environment={name} /> </span>)}</dd></div>
      <div><dt>For</dt><dd>{duration(terms.duration_ms)}</dd></div>
    </dl>
  );
}

/** What stands above everything else on the page of such a request. */
export function GlassBanner({ request }: { request: HeldRequest }) {
  const terms = glass_terms(request);
  return (
    <section class="glass" aria-label="Break-glass">
      <p class="glass-title"><Icon name="glass" size={22} /> This breaks the glass</p>
      {request.state === "held" && (
        <p>Once it is approved the clock starts by itself. From then on <strong>{plain(request.agent, 80)}</strong> does at once, without asking, what
          policies would hold and even what a freeze would refuse, as far as the terms name it. Floors and denials stay. Every use is recorded, and
          somebody else must review it afterwards.</p>
      )}
      {terms ? <GlassFacts terms={terms} /> : <p>Its terms cannot be shown as a list: read them under Preview before you decide.</p>}
    </section>
  );
}
