// Drafts that wait for their second person, and what became of earlier ones.
import { Link } from "wouter-preact";
import { api, type Proposal } from "../api";
import { use_asked } from "../lib/hooks";
import { policies_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Page } from "../ui/page";
import { PolicyTabs } from "../ui/policy_tabs";
import { Empty, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

export const tone_of = (state: string): string => (state === "open" ? "wait" : state === "activated" ? "good" : state === "outdated" ? "bad" : "quiet");

export function Proposals() {
  const asked = use_asked(async () => (await api.proposals()).proposals, "proposals", policies_version.value);
  return (
    <Page title="Proposals" heading="Policies">
      <PolicyTabs here="/policies/proposals" />
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={4} />}
      {asked.data?.length === 0 && <Empty title="No proposal" icon="policies">A draft from the editor comes here, for another person to activate.</Empty>}
      <ul class="rows">
        {asked.data?.map((proposal: Proposal) => (
          <li key={proposal.id} class="row">
            <div class="row-main">
              <Link class="row-link" href={`/policies/proposals/${encodeURIComponent(proposal.id)}`}><span class="row-sentence"><Text value={proposal.description} fold={200} /></span></Link>
              <p class="row-who"><strong>{plain(proposal.by, 60)}</strong>, <Ago time={proposal.created} /></p>
            </div>
            <div class="row-side"><span class={`badge tone-${tone_of(proposal.state)}`}>{plain(proposal.state)}</span></div>
          </li>
        ))}
      </ul>
    </Page>
  );
}
