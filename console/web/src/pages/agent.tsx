// One agent: its tokens as they were narrowed, and the ways to take power away.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, session, type Token } from "../api";
import { person, plural } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { agents_version, requests_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { ReasonDialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Page, Section } from "../ui/page";
import { Empty, Note, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";
import { Frozen } from "./agents";

/** Tokens under those they were narrowed from. One whose parent is not known stands at the top. */
export function tree_of(tokens: Token[]): Token[] {
  const by_id = new Map<string, Token>();
  const flat = (list: Token[], parent?: string): void => {
    for (const token of list) {
      const above = token.parent ?? parent;
      by_id.set(token.id, { ...token, ...(above ? { parent: above } : {}), children: [] });
      flat(token.children ?? [], token.id);
    }
  };
  flat(tokens);
  const roots: Token[] = [];
  for (const token of by_id.values()) {
    const above = token.parent ? by_id.get(token.parent) : undefined;
    if (above && above !== token) above.children!.push(token);
    else roots.push(token);
  }
  return roots;
}

function size_of(token: Token): number {
  return 1 + (token.children ?? []).reduce((sum, child) => sum + size_of(child), 0);
}

function Branch({ token, revoke, may }: { token: Token; revoke: (token: Token) => void; may: boolean }) {
  const dead = token.state === "revoked" || token.state === "expired" || token.revoked === true;
  const seen = token.seen ?? (token.first_seen && token.last_seen ? { first: token.first_seen, last: token.last_seen, uses: token.uses ?? 0 } : null);
  return (
    <li>
      <div class={`token ${dead ? "dead" : ""}`}>
        <Icon name="key" size={18} />
        <div class="grow">
          <p><code>{plain(token.id.slice(0, 16))}…</code> <span class={`badge tone-${token.state === "revoked" || token.revoked === true ? "bad" : dead ? "quiet" : "good"}`}>{plain(token.revoked === true ? "revoked" : token.state ?? "narrowed")}</span></p>
          {token.scope && <p><Text value={token.scope} fold={240} /></p>}
          <p class="muted small">
            {token.issued && <>issued <Ago time={token.issued} />{token.issued_by ? ` by ${plain(token.issued_by)}` : ""}</>}
            {token.expires && !dead && <>, ends {new Date(token.expires).toLocaleString()}</>}
            {seen ? <>{token.issued && ", "}first seen <Ago time={seen.first} />, last seen <Ago time={seen.last} />, {plural(seen.uses, "use")}</> : <>{token.issued && ", "}not used yet</>}
          </p>
          {typeof token.revoked === "object" && <p class="small">Revoked by {plain(token.revoked.by)} <Ago time={token.revoked.at} />: <Text value={token.revoked.reason} /></p>}
        </div>
        {!dead && may && <button type="button" class="danger-quiet" onClick={() => revoke(token)}>Revoke…<span class="sr"> token {plain(token.id.slice(0, 8))}</span></button>}
      </div>
      {(token.children?.length ?? 0) > 0 && <ul class="tree">{token.children!.map((child) => <Branch key={child.id} token={child} revoke={revoke} may={may} />)}</ul>}
    </li>
  );
}

export function AgentPage({ name }: { name: string }) {
  const asked = use_asked(() => api.agent(name), name, agents_version.value);
  const open = use_asked(() => api.requests({ agent: name, limit: 10 }), name, requests_version.value);
  const [asking, set_asking] = useState<"freeze" | "unfreeze">();
  const [revoking, set_revoking] = useState<Token>();
  const me = session.value!;
  const above = <div class="crumbs"><Link href="/agents">Agents</Link></div>;
  if (asked.error) return <Page title="Agent" above={above}><Problem error={asked.error} again={asked.reload} /></Page>;
  if (!asked.data) return <Page title={plain(name, 80)} above={above}><Skeleton rows={5} /></Page>;
  const agent = asked.data;
  const tokens = tree_of(agent.tokens);
  const may_revoke = agent.you.may_revoke || person(agent.owner) === me.user;
  return (
    <Page title={plain(name, 80)} above={above} aside={
      agent.frozen
        ? agent.you.may_thaw && <button type="button" onClick={() => set_asking("unfreeze")}>Unfreeze…</button>
        : agent.you.may_freeze && <button type="button" class="danger" onClick={() => set_asking("freeze")}><Icon name="snow" size={16} /> Freeze…</button>
    }>
      <p class="lead muted">acts for {plain(person(agent.owner), 80)}{agent.last_seen && <>, last seen <Ago time={agent.last_seen} /></>}{!agent.listed && ", not listed in entities.yaml"}</p>
      {agent.frozen && <Note tone="bad"><Frozen agent={agent} /> by <strong>{plain(agent.frozen.by)}</strong> <Ago time={agent.frozen.at} />: <Text value={agent.frozen.reason} /> Everything it asks is refused, and nothing of it that was approved runs.</Note>}
      <Section title="Tokens">
        {agent.seen_since && <p class="muted small">Use is counted since <Ago time={agent.seen_since} />.</p>}
        {tokens.length === 0 ? <Empty title="It has no token" icon="key" /> : <ul class="tree root">{tokens.map((token) => <Branch key={token.id} token={token} revoke={set_revoking} may={may_revoke} />)}</ul>}
      </Section>
      <Section title="Its latest requests" aside={<Link href={`/audit?agent=${encodeURIComponent(name)}`}>in the audit log</Link>}>
        {open.data?.requests.length === 0 && <p class="muted">Nothing of it was ever held.</p>}
        <ul class="list">{open.data?.requests.map((request) => (
          <li key={request.id} class="list-row"><div class="grow"><Link href={`/requests/${request.id}`}><Text value={request.summary} fold={140} /></Link> <span class="muted small"><Ago time={request.created} /></span></div><span class="muted">{request.state}</span></li>
        ))}</ul>
      </Section>
      {asking && (
        <ReasonDialog title={asking === "freeze" ? `Freeze ${plain(name, 60)}?` : `Unfreeze ${plain(name, 60)}?`} act={asking === "freeze" ? "Freeze it now" : "Unfreeze it"} danger={asking === "freeze"}
          close={() => set_asking(undefined)} done={async (reason) => { await (asking === "freeze" ? api.freeze(name, reason) : api.unfreeze(name, reason)); agents_version.value += 1; }}>
          <p>{asking === "freeze" ? "All its tokens are refused within a second, and nothing of it that was approved runs. Its requests stay where they are." : "Its tokens work again, as far as they are neither expired nor revoked."}</p>
        </ReasonDialog>
      )}
      {revoking && (
        <ReasonDialog title="Revoke this token?" act={size_of(revoking) > 1 ? `Revoke all ${size_of(revoking)}` : "Revoke it"} danger close={() => set_revoking(undefined)}
          done={async (reason) => { await api.revoke(revoking.id, reason); agents_version.value += 1; }}>
          <p><code>{plain(revoking.id)}</code>{size_of(revoking) > 1 && <>, and the {plural(size_of(revoking) - 1, "token")} narrowed from it</>}. This cannot be undone.</p>
        </ReasonDialog>
      )}
    </Page>
  );
}
