// Grants in force, with what is left of them, and the one click that ends them.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, session, type Grant } from "../api";
import { use_asked } from "../lib/hooks";
import { requests_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Countdown, EffectBadge, EnvironmentBadge } from "../ui/badges";
import { ReasonDialog } from "../ui/dialog";
import { GrantTermsLine } from "../ui/grant";
import { Page } from "../ui/page";
import { Empty, Problem, Skeleton } from "../ui/states";

export function Grants() {
  const [all, set_all] = useState(false);
  const [revoking, set_revoking] = useState<Grant>();
  const asked = use_asked(() => api.grants({ limit: 200, ...(all ? { state: "all" } : {}) }), String(all), requests_version.value);
  const may = session.value!.permissions.includes("vote");
  return (
    <Page title="Grants" heading="Inbox" aside={<label class="check"><input type="checkbox" checked={all} onChange={(event) => set_all(event.currentTarget.checked)} /> with those that are over</label>}>
      <nav class="tabs" aria-label="Which requests">
        <Link href="/">Waits for me</Link><Link href="/?view=open">All open</Link><Link href="/?view=decided">Decided</Link><Link href="/grants" aria-current="page">Grants</Link>
      </nav>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={4} />}
      {asked.data?.grants.length === 0 && <Empty title="No grant is in force" icon="key">When approvers allow an agent to repeat something, it stands here until it is used up, over or revoked.</Empty>}
      <ul class="rows">
        {asked.data?.grants.map((grant) => (
          <li key={grant.id} class="row">
            <div class="row-main">
              <p><GrantTermsLine grant={grant} /></p>
              <p class="row-who">proposed by <strong>{plain(grant.proposed_by, 60)}</strong> with <Link href={`/requests/${grant.request}`}>this request</Link>, used {grant.uses} of {grant.max_uses} times</p>
            </div>
            <div class="row-side">
              <span class="row-badges"><EffectBadge effect={grant.effect} /><EnvironmentBadge environment={grant.environment} /></span>
              {grant.state === "active" ? <Countdown until={grant.until} {...(grant.activated ? { from: grant.activated } : {})} /> : <span class="badge tone-quiet">{grant.state.replace("_", " ")}</span>}
              {(grant.state === "active" || grant.state === "proposed") && may && <button type="button" class="danger-quiet small" onClick={() => set_revoking(grant)}>Revoke…</button>}
            </div>
          </li>
        ))}
      </ul>
      {revoking && (
        <ReasonDialog title="Revoke this grant?" act="Revoke it now" danger close={() => set_revoking(undefined)} done={async (reason) => { await api.revoke_grant(revoking.id, reason); requests_version.value += 1; }}>
          <p><GrantTermsLine grant={revoking} /></p>
        </ReasonDialog>
      )}
    </Page>
  );
}
