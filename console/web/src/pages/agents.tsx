// Who acts with our tokens: agents, what they may still do, and the switch that stops them.
import { Link } from "wouter-preact";
import { api, type Agent } from "../api";
import { person } from "../lib/format";
import { use_asked } from "../lib/hooks";
import { agents_version } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { Empty, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

export function Frozen({ agent }: { agent: Pick<Agent, "frozen"> }) {
  if (!agent.frozen) return null;
  return <span class="badge tone-frozen"><Icon name="snow" size={13} /> frozen</span>;
}

export function Agents() {
  const asked = use_asked(api.agents, "agents", agents_version.value);
  return (
    <Page title="Agents" aside={<p class="muted small">Frozen agents are refused everywhere, at once.</p>}>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={5} />}
      {asked.data?.agents.length === 0 && <Empty title="No agent has a token yet" icon="agents">Issue one with <code>countersign token issue --agent NAME --owner WHO</code>.</Empty>}
      {(asked.data?.agents.length ?? 0) > 0 && (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Agents">
          <table class="table">
            <caption class="sr">Agents</caption>
            <thead><tr><th scope="col">Agent</th><th scope="col">Owner</th><th scope="col" class="right">Active tokens</th><th scope="col" class="right">Open requests</th><th scope="col">Last seen</th><th scope="col">State</th></tr></thead>
            <tbody>
              {asked.data!.agents.map((agent) => (
                <tr key={agent.name}>
                  <td><Link href={`/agents/${encodeURIComponent(agent.name)}`}><strong>{plain(agent.name, 80)}</strong></Link>{!agent.listed && <span class="muted small"> not in entities.yaml</span>}</td>
                  <td>{plain(person(agent.owner), 80)}</td>
                  <td class="right">{agent.tokens}</td>
                  <td class="right">{agent.open_requests}</td>
                  <td>{agent.last_seen ? <Ago time={agent.last_seen} /> : <span class="muted">never</span>}</td>
                  <td>{agent.frozen ? <><Frozen agent={agent} /> <span class="muted small"><Text value={agent.frozen.reason} fold={80} /></span></> : <span class="muted">active</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}
