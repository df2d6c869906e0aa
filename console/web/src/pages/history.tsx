// Which policies were in force when, and the way back to them.
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, session, type HistoryEntry } from "../api";
import { date_time } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { policies_version } from "../lib/live";
import { plain } from "../lib/visible";
import { ReasonDialog } from "../ui/dialog";
import { Page } from "../ui/page";
import { PolicyTabs } from "../ui/policy_tabs";
import { Empty, Problem, Skeleton } from "../ui/states";
import { Hash, Text } from "../ui/text";

export function History() {
  const asked = use_asked(async () => (await api.history()).history, "history", policies_version.value);
  const [back, set_back] = useState<HistoryEntry>();
  const [, go] = useLocation();
  const may = session.value!.permissions.includes("edit_policies");
  return (
    <Page title="History of policies" heading="Policies">
      <PolicyTabs here="/policies/history" />
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={4} />}
      {asked.data?.length === 0 && <Empty title="Nothing was activated here yet" icon="policies">The policies in force came from the folder when the gateway started.</Empty>}
      {(asked.data?.length ?? 0) > 0 && (
        <ol class="timeline">
          {asked.data!.map((entry, i) => (
            <li key={`${entry.digest}${entry.activated}`} class={i === 0 ? "now" : ""}>
              <div class="grow">
                <p><strong><Text value={entry.description || "policies as found in the folder"} fold={200} /></strong> {i === 0 && <span class="badge tone-good">in force</span>}</p>
                <p class="muted">{date_time(entry.activated)}{entry.by !== "" && <>, activated by {plain(entry.by)}</>}{entry.proposed_by && <>, proposed by {plain(entry.proposed_by)}</>}, <Hash value={entry.digest} /></p>
              </div>
              {i > 0 && may && <button type="button" onClick={() => set_back(entry)}>Go back to this…</button>}
            </li>
          ))}
        </ol>
      )}
      {back && (
        <ReasonDialog title="Go back to these policies?" act="Propose going back" close={() => set_back(undefined)} done={async (reason) => {
          const made = await api.rollback(back.digest, reason);
          policies_version.value += 1;
          go(`/policies/proposals/${made.id}`);
        }}>
          <p>This makes a proposal with the policies of {date_time(back.activated)}. Another person activates it, like every change.</p>
        </ReasonDialog>
      )}
    </Page>
  );
}
