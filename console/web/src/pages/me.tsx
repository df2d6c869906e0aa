// The person who is signed in: passkeys, this session, appearance.
import { useState } from "preact/hooks";
import { api, session, type ApiError, type Passkey } from "../api";
import { date_time } from "../lib/format";
import { as_api_error, use_asked } from "../lib/hooks";
import { passkeys_possible } from "../lib/passkeys";
import { plain } from "../lib/visible";
import { Ago } from "../ui/ago";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Page, Section } from "../ui/page";
import { EnrolForm } from "../ui/passkeys";
import { ways } from "../ui/session_ways";
import { choose_theme, theme } from "../ui/shell";
import { Empty, Note, Problem, Skeleton } from "../ui/states";
import { Text } from "../ui/text";
import { StepUp } from "../ui/step_up";

const may: Record<string, string> = {
  read_requests: "see requests",
  vote: "approve and deny",
  read_audit: "read the audit log",
  read_policies: "read policies",
  edit_policies: "propose policies",
  activate_policies: "activate proposals of others",
  manage_tokens: "manage tokens",
  freeze_agents: "freeze agents",
  manage_people: "manage people",
};

function Sessions() {
  const asked = use_asked(api.sessions, "sessions");
  const [error, set_error] = useState<ApiError>();
  if (asked.error) return <Problem error={asked.error} again={asked.reload} />;
  if (!asked.data) return <Skeleton rows={2} kind="text" />;
  return (
    <>
      {error && <Problem error={error} />}
      <ul class="list">
        {asked.data.sessions.map((one) => (
          <li key={one.id} class="list-row">
            <div class="grow"><p>{ways[one.how] ?? plain(one.how)} from {plain(one.peer)} {one.current && <span class="badge tone-good">this one</span>}</p>
              <p class="muted small">signed in <Ago time={one.signed_in} />, seen <Ago time={one.last_seen} /></p></div>
            {!one.current && <button type="button" class="danger-quiet" onClick={() => void api.end_session(one.id).then(asked.reload, (failure: unknown) => set_error(as_api_error(failure)))}>End it</button>}
          </li>
        ))}
      </ul>
    </>
  );
}

function RemoveKey({ passkey, close }: { passkey: Passkey; close: () => void }) {
  const [error, set_error] = useState<ApiError>();
  const remove = (): void => {
    api.remove_passkey(passkey.id).then(() => api.session()).then(
      (fresh) => {
        session.value = fresh;
        close();
      },
      (failure: unknown) => set_error(as_api_error(failure)),
    );
  };
  return (
    <Dialog title="Remove this passkey?" close={close}>
      <p><strong><Text value={passkey.name} /></strong> will not be able to sign in or sign approvals any more. What it signed stays verifiable.</p>
      {error && <Problem error={error} />}
      <div class="actions">
        <button type="button" onClick={close} autofocus>Keep it</button>
        <button type="button" class="danger" onClick={remove}>Remove it</button>
      </div>
    </Dialog>
  );
}

export function Me() {
  const me = session.value!;
  const [adding, set_adding] = useState(false);
  const [removing, set_removing] = useState<Passkey>();
  const [error, set_error] = useState<ApiError>();
  const act = (what: () => Promise<unknown>): void => {
    set_error(undefined);
    what().catch((failure: unknown) => set_error(as_api_error(failure)));
  };
  return (
    <Page title="Me" heading={plain(me.user, 60)}>
      <p class="lead muted">{plain(me.level)}{me.teams.length > 0 && <> in {me.teams.map((team) => plain(team)).join(", ")}</>}</p>
      {error && <Problem error={error} />}
      <Section title="Passkeys" aside={passkeys_possible() && me.passkeys.length > 0 && <button type="button" onClick={() => set_adding(true)}>Add a passkey</button>}>
        {me.passkeys.length === 0 ? (
          <Empty title="You have no passkey" icon="key">
            A passkey signs you in without a password and signs what you approve. Some approvals demand it.
            {passkeys_possible() && <><br /><button type="button" class="primary" onClick={() => set_adding(true)}>Add a passkey</button></>}
          </Empty>
        ) : (
          <ul class="list">
            {me.passkeys.map((passkey) => (
              <li key={passkey.id} class="list-row">
                <Icon name="key" size={22} />
                <div class="grow">
                  <strong><Text value={passkey.name} /></strong>
                  <p class="muted">
                    added <Ago time={passkey.created} />, {passkey.last_used ? <>last used <Ago time={passkey.last_used} /></> : "not used yet"}
                    {passkey.backed_up ? ", synced between devices" : ", on one device only"}
                  </p>
                </div>
                <button type="button" class="quiet" onClick={() => set_removing(passkey)}>Remove<span class="sr"> {plain(passkey.name)}</span></button>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="This session">
        <dl class="facts">
          <div><dt>Signed in</dt><dd>{ways[me.how] ?? plain(me.how)}, {date_time(me.signed_in)}</dd></div>
          <div><dt>Ends at the latest</dt><dd>{date_time(me.expires)}</dd></div>
          <div><dt>Without activity</dt><dd>{date_time(me.idle_expires)}</dd></div>
          <div><dt>You may</dt><dd>{me.permissions.map((name) => may[name] ?? plain(name)).join(", ") || "nothing here"}</dd></div>
        </dl>
        <div class="actions start">
          <button type="button" class="danger-quiet" onClick={() => act(async () => { await api.sign_out(); session.value = null; })}>Sign out</button>
        </div>
      </Section>
      <Section title="Confirm that it is you">
        <p class="muted">Some rules want approvers to have signed in a short while ago.</p>
        <StepUp />
      </Section>
      <Section title="Where you are signed in"><Sessions /></Section>
      <Section title="Appearance">
        <fieldset class="choices">
          <legend class="sr">Theme</legend>
          {(["system", "light", "dark"] as const).map((name) => (
            <label key={name}><input type="radio" name="theme" checked={theme.value === name} onChange={() => choose_theme(name)} /> {name === "system" ? "like the system" : name}</label>
          ))}
        </fieldset>
      </Section>
      <Note>Nothing on these pages is fetched from elsewhere. <a href={document.querySelector<HTMLLinkElement>("link[rel=license]")?.href}>Licences of what they are built with</a></Note>
      {adding && <Dialog title="Add a passkey" close={() => set_adding(false)}><EnrolForm done={() => set_adding(false)} /></Dialog>}
      {removing && <RemoveKey passkey={removing} close={() => set_removing(undefined)} />}
    </Page>
  );
}
