// What a draft or a proposal changes: policies by name, then the files.
import { api, type PolicyDiff, type PolicyFile } from "../api";
import { Merge } from "../editor/editor";
import { plural } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { plain } from "../lib/visible";
import { Empty, Problem, Skeleton } from "../ui/states";

export function Changes({ diff }: { diff: PolicyDiff }) {
  const changed = diff.files.filter((file) => file.before !== file.after);
  if (changed.length === 0) return <Empty title="Nothing is changed" icon="policies">The text is what is in force.</Empty>;
  return (
    <>
      {diff.policies && diff.policies.length > 0 && (
        <ul class="policy-changes" aria-label="Policies that change">
          {diff.policies.map((policy) => (
            <li key={`${policy.id}${policy.change}`}><span class={`badge tone-${policy.change === "added" ? "good" : policy.change === "removed" ? "bad" : "wait"}`}>{policy.change}</span> <code>{plain(policy.id, 120)}</code></li>
          ))}
        </ul>
      )}
      <p class="muted">{plural(changed.length, "file")}</p>
      {changed.map((file) => (
        <section key={file.path} class="file-diff" aria-label={plain(file.path)}>
          <p class="file-name"><code>{plain(file.path)}</code> {file.before === null ? <span class="badge tone-good">new</span> : file.after === null ? <span class="badge tone-bad">removed</span> : null}</p>
          <Merge path={file.path} before={file.before ?? ""} after={file.after ?? ""} />
        </section>
      ))}
    </>
  );
}

export function DiffPanel({ files }: { files: PolicyFile[] }) {
  const asked = use_asked(() => api.diff(files), JSON.stringify(files));
  if (asked.error) return <Problem error={asked.error} again={asked.reload} />;
  if (!asked.data) return <Skeleton rows={5} />;
  return <Changes diff={asked.data} />;
}
