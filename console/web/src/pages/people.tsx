// Accounts, for whoever manages them: what lets somebody in, where they are signed in, and an end to either.
import { useState } from "preact/hooks";
import { api, session, type Person } from "../api";
import { date_time, plural, short_time } from "../lib/format";
import { now, use_asked } from "../lib/hooks";
import { announcement } from "../lib/live";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Dialog, ReasonDialog } from "../ui/dialog";
import { Page } from "../ui/page";
import { ways } from "../ui/session_ways";
import { Empty, Note, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";

type Act = "sessions" | "sign out" | "reset";

const later = (time: string | null): time is string => time !== null && Date.parse(time) > now.value;

// An issuer is an https address whose host says enough.
function host_of(issuer: string): string {
  return URL.canParse(issuer) ? new URL(issuer).host : issuer;
}

function ways_in(person: Person): string {
  const list = [
    ...(person.password ? ["password"] : []),
    ...(person.passkeys > 0 ? [plural(person.passkeys, "passkey")] : []),
    ...person.identity_providers.map((issuer) => plain(host_of(issuer), 60)),
  ];
  return list.join(", ");
}

function Standing({ person }: { person: Person }) {
  return (
    <>
      {!person.listed && <span class="badge tone-bad">not in entities.yaml</span>}
      {later(person.locked_until) && <span class="badge tone-wait" title={date_time(person.locked_until)}>locked until {short_time(person.locked_until)}</span>}
      {later(person.invited_until) && <span class="badge tone-quiet" title={date_time(person.invited_until)}>invited until {short_time(person.invited_until)}</span>}
    </>
  );
}

function Sessions({ user, close, end }: { user: string; close: () => void; end: () => void }) {
  const asked = use_asked(() => api.person_sessions(user), user);
  return (
    <Dialog title={`Where ${plain(user, 60)} is signed in`} close={close}>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={2} kind="text" />}
      {asked.data?.sessions.length === 0 && <p class="muted">Nowhere at the moment.</p>}
      <ul class="list">
        {asked.data?.sessions.map((one) => (
          <li key={one.id} class="list-row">
            <div class="grow"><p>{ways[one.how] ?? plain(one.how)} from <Text value={one.peer} fold={80} /></p>
              <p class="muted small">signed in <Ago time={one.signed_in} />, seen <Ago time={one.last_seen} />, ends {date_time(one.expires)}</p></div>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={close}>Back</button>
        {(asked.data?.sessions.length ?? 0) > 0 && <button type="button" class="danger-quiet" onClick={end}>Sign {plain(user, 40)} out…</button>}
      </div>
    </Dialog>
  );
}

export function People() {
  const may = session.value!.permissions.includes("manage_people");
  const [chosen, set_chosen] = useState<{ user: string; act: Act }>();
  const asked = use_asked(() => (may ? api.people() : Promise.resolve({ people: [] })), "people");
  const close = (): void => set_chosen(undefined);
  const mine = (user: string): boolean => user === session.value!.user;
  const finish = async (said: string): Promise<void> => {
    announcement.value = said;
    asked.reload();
    // whoever has ended their own sessions finds out at once
    if (chosen && mine(chosen.user)) await api.session().catch(() => undefined);
  };
  if (!may) return <Page title="People"><Empty title="This page is for whoever manages people" icon="people">Roles are given in the policy folder.</Empty></Page>;
  return (
    <Page title="People" wide>
      <p class="lead muted">Levels and teams stand in <code>entities.yaml</code>. People are invited on the gateway's machine, with <code>countersign person invite NAME</code>: no page can make an invitation.</p>
      {asked.error && <Problem error={asked.error} again={asked.reload} />}
      {!asked.data && !asked.error && <Skeleton rows={6} />}
      {asked.data?.people.length === 0 && <Empty title="Nobody is listed" icon="people">Add people to <code>entities.yaml</code> and invite them on the gateway's machine.</Empty>}
      {(asked.data?.people.length ?? 0) > 0 && (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="People">
          <table class="table stack">
            <caption class="sr">People</caption>
            <thead><tr><th scope="col">Person</th><th scope="col">Level and teams</th><th scope="col">Ways in</th><th scope="col">Last signed in</th><th scope="col" class="right">Sessions</th><th scope="col"><span class="sr">Actions</span></th></tr></thead>
            <tbody>
              {asked.data!.people.map((person) => (
                <tr key={person.user}>
                  <td><strong>{plain(person.user, 80)}</strong>{mine(person.user) && <span class="muted small"> you</span>} <Standing person={person} /></td>
                  <td data-label="level">{plain(person.level)}{person.teams.length > 0 && <span class="muted small"> {person.teams.map((team) => plain(team, 60)).join(", ")}</span>}</td>
                  <td data-label="ways in">{ways_in(person) || <span class="muted">none</span>}</td>
                  <td data-label="signed in">{person.last_signed_in ? <Ago time={person.last_signed_in} /> : <span class="muted">never</span>}</td>
                  <td class="right nowrap" data-label="sessions">{person.sessions === 0 ? <span class="muted">0</span>
                    : <button type="button" class="link" onClick={() => set_chosen({ user: person.user, act: "sessions" })}>{plural(person.sessions, "session")}<span class="sr"> of {plain(person.user, 40)}</span></button>}</td>
                  <td class="nowrap acts">
                    <button type="button" class="quiet small" disabled={person.sessions === 0} onClick={() => set_chosen({ user: person.user, act: "sign out" })}>Sign out…<span class="sr"> {plain(person.user, 40)}</span></button>
                    <button type="button" class="danger-quiet small" onClick={() => set_chosen({ user: person.user, act: "reset" })}>Reset…<span class="sr"> {plain(person.user, 40)}</span></button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {chosen?.act === "sessions" && <Sessions user={chosen.user} close={close} end={() => set_chosen({ user: chosen.user, act: "sign out" })} />}
      {chosen?.act === "sign out" && (
        <ReasonDialog title={`Sign ${plain(chosen.user, 60)} out?`} act="Sign out everywhere" danger close={close}
          done={async (reason) => { const done = await api.sign_out_person(chosen.user, reason); await finish(`${plural(done.sessions, "session")} ended.`); }}>
          <p>All sessions end at once, on every device. Password and passkeys stay: they can sign in again.</p>
        </ReasonDialog>
      )}
      {chosen?.act === "reset" && (
        <ReasonDialog title={`Reset the account of ${plain(chosen.user, 60)}?`} act="Reset the account" danger close={close}
          done={async (reason) => { await api.reset_person(chosen.user, reason); await finish(`The account of ${plain(chosen.user, 40)} is reset.`); }}>
          <Note tone="bad">This takes away whatever lets them in: password, passkeys, the tie to the identity provider, sessions and invitations. What they signed stays verifiable. To get in again they need a new invitation, which is made on the gateway's machine: <code>countersign person invite {plain(chosen.user, 60)}</code></Note>
        </ReasonDialog>
      )}
    </Page>
  );
}
