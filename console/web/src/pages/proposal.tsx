// One proposal: what it changes, what it would have decided, and the second person's decision.
import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, session } from "../api";
import { base, load_base, take_over } from "../editor/draft";
import { use_asked } from "../lib/hooks";
import { policies_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { ReasonDialog } from "../ui/dialog";
import { Page, Section } from "../ui/page";
import { Note, Problem, Skeleton } from "../ui/states";
import { Hash, Text } from "../ui/text";
import { Changes, DiffPanel } from "./policy_diff";
import { ReplayPanel } from "./policy_replay";
import { tone_of } from "./proposals";

export function ProposalPage({ id }: { id: string }) {
  const asked = use_asked(() => api.proposal(id), id, policies_version.value);
  const [asking, set_asking] = useState<"activate" | "withdraw">();
  const [, go] = useLocation();
  const above = <div class="crumbs"><Link href="/policies/proposals">Proposals</Link> <span aria-hidden="true">/</span> <code>{plain(id, 40)}</code></div>;
  if (asked.error) return <Page title="Proposal" above={above}><Problem error={asked.error} again={asked.reload} /></Page>;
  if (!asked.data) return <Page title="Proposal" above={above}><Skeleton rows={6} /></Page>;
  const proposal = asked.data;
  const me = session.value!;
  const own = proposal.by === me.user;
  const open = proposal.state === "open";
  const unfinished = open || proposal.state === "outdated";
  const may = open && !own && me.permissions.includes("activate_policies");
  return (
    <Page wide title="Proposal" above={above} heading={<Text value={proposal.description} fold={200} />}
      aside={
        <div class="draft-state">
          <span class={`badge tone-${tone_of(proposal.state)}`}>{plain(proposal.state)}</span>
          {unfinished && (own || me.permissions.includes("activate_policies")) && <button type="button" onClick={() => set_asking("withdraw")}>Withdraw…</button>}
          {may && <button type="button" class="primary" onClick={() => set_asking("activate")}>Activate…</button>}
        </div>
      }>
      <p class="lead muted">proposed by <strong>{plain(proposal.by)}</strong> <Ago time={proposal.created} />, digest <Hash value={proposal.digest} />, made from <Hash value={proposal.base} /></p>
      {proposal.reason && <Note>{plain(proposal.activated_by ?? proposal.withdrawn_by ?? "")}: <Text value={proposal.reason} /></Note>}
      {open && own && <Note>Another person has to activate it.</Note>}
      {open && !own && !may && <Note>You may look at it; activating is for policy editors.</Note>}
      {proposal.state === "outdated" && <Note tone="wait">Other policies are in force than those it was made from, so it cannot be activated as it is.</Note>}
      {proposal.files && (
        <>
          <Section title="What it changes" aside={me.permissions.includes("edit_policies") && (
            <button type="button" class="quiet" onClick={() => void (base.value ? Promise.resolve() : load_base()).then(() => { take_over(proposal.files!); go("/policies"); })}>Take it into the editor</button>
          )}>
            {proposal.diff ? <Changes diff={proposal.diff} /> : <DiffPanel files={proposal.files} />}
          </Section>
          {open && me.permissions.includes("edit_policies") && <Section title="Replay"><ReplayPanel files={proposal.files} ready /></Section>}
        </>
      )}
      {asking === "activate" && (
        <ReasonDialog title="Activate this proposal?" act="Activate" close={() => set_asking(undefined)} done={async (reason) => { await api.activate(id, reason); policies_version.value += 1; }}>
          <p>It decides every request from then on, and what waits for approval is decided again with it.</p>
        </ReasonDialog>
      )}
      {asking === "withdraw" && (
        <ReasonDialog title="Withdraw this proposal?" act="Withdraw it" danger close={() => set_asking(undefined)} done={async (reason) => { await api.withdraw(id, reason); policies_version.value += 1; }}>
          <p>It stays in the list, and cannot be activated any more.</p>
        </ReasonDialog>
      )}
    </Page>
  );
}
