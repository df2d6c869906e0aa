// Terraform plans: which one announced a request, and what all of it does.
import { useState } from "preact/hooks";
import { api, type AnnouncedBy, type Plan } from "../api";
import { plural } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { plain } from "../lib/visible";
import { Ago } from "./ago";
import { Section } from "./page";
import { Note, Problem, Skeleton } from "./states";
import { Digest, Text } from "./text";

const kShown = 12;
const states: Record<Plan["state"], string> = {
  in_force: "in force",
  withdrawn: "withdrawn by its agent since",
  superseded: "superseded by another plan since",
  expired: "expired since",
};

const tone = (action: string): string => (action === "delete" || action === "replace" ? "destroy" : action === "update" ? "write" : "read");

/** One line: what the plan calls this request. */
export function PlanLine({ plan }: { plan: AnnouncedBy }) {
  return (
    <p class="small muted">
      Announced by plan <code>{plain(plan.plan)}</code> as {plan.announced_as.map((address, i) => <span key={address}>{i > 0 && ", "}<code><Text value={address} fold={160} /></code></span>)}
    </p>
  );
}

function Changes({ plan }: { plan: Plan }) {
  const [all, set_all] = useState(false);
  const shown = all ? plan.changes : plan.changes.slice(0, kShown);
  return (
    <>
      <p>
        <strong>{plain(plan.summary)}</strong>, {states[plan.state]}; submitted by {plain(plan.agent, 60)} <Ago time={plan.submitted} />.
        {" "}<span class="muted">While it is in force, what it does not announce is refused.</span>
      </p>
      <ul class="resources">
        {shown.map((change) => (
          <li key={`${change.address}${change.deposed ?? ""}`}>
            <span class={`badge effect-${tone(change.action)}`}>{plain(change.action, 20)}</span> <code><Text value={change.address} fold={200} /></code>
            {change.reason && <span class="muted small"> {plain(change.reason.replaceAll("_", " "), 120)}</span>}
          </li>
        ))}
      </ul>
      {plan.changes.length > shown.length && <button type="button" class="link" onClick={() => set_all(true)}>show all {plan.changes.length}</button>}
      {all && plan.left_out > 0 && <p class="muted small">and {plural(plan.left_out, "more change")}</p>}
      <p class="muted small">SHA-256 of what was submitted: <Digest value={plan.sha256} /></p>
    </>
  );
}

/** The plan as a section of a request's or a burst's page: what is destroyed comes first. */
export function PlanSection({ plan }: { plan: AnnouncedBy }) {
  const asked = use_asked<Plan>(() => api.plan(plan.plan), plan.plan);
  return (
    <Section title="The plan it belongs to">
      {plan.announced_as.length > 0 && <PlanLine plan={plan} />}
      {asked.data && asked.data.state !== "in_force" && <Note tone="wait">This plan is not in force any more: {states[asked.data.state]} the request was made.</Note>}
      {asked.data ? <Changes plan={asked.data} /> : asked.error ? <Problem error={asked.error} again={asked.reload} /> : <Skeleton rows={3} kind="text" />}
    </Section>
  );
}
