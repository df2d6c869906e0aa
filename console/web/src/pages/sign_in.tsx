// Sign-in: a passkey, a password, or the company's identity provider; whichever of them the server offers.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError, session, type SignInWays } from "../api";
import { as_api_error, use_asked, use_title } from "../lib/hooks";
import { passkeys_possible } from "../lib/passkeys";
import { plain } from "../lib/visible";
import { Icon, Mark } from "../ui/icons";
import { Problem, Skeleton } from "../ui/states";
import { sign_in_by_passkey } from "../ui/step_up";

// The way back from the identity provider carries a code when it did not work.
function told_by_the_provider(): ApiError | undefined {
  const code = new URLSearchParams(location.search).get("error");
  if (location.pathname !== "/sign-in" || !code || !/^[a-z_.]{1,60}$/.test(code)) return undefined;
  return new ApiError(0, code, "", "Signing in at the identity provider did not work. An administrator finds the reason in the audit log.");
}

function Forms({ ways }: { ways: SignInWays }) {
  const [user, set_user] = useState("");
  const [password, set_password] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError | undefined>(told_by_the_provider);
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    set_busy(true);
    set_error(undefined);
    try {
      await act();
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  // a path of this server only; an address of another one is never followed
  const back = location.pathname === "/sign-in" ? "/" : location.pathname + location.search;
  const passkeys = ways.passkeys && passkeys_possible();
  return (
    <>
      {error && <Problem error={error} />}
      {passkeys && (
        <button type="button" class="primary large" disabled={busy} onClick={() => void attempt(sign_in_by_passkey)}>
          <Icon name="key" /> Sign in with a passkey
        </button>
      )}
      {ways.oidc && (
        <a class="button large" href={`/api/v1/sign-in/oidc?return=${encodeURIComponent(back)}`}>{plain(ways.oidc.name)}</a>
      )}
      {ways.passwords && (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void attempt(async () => {
              session.value = await api.sign_in(user.trim(), password);
            });
          }}
        >
          {(passkeys || ways.oidc) && <p class="or"><span>or with a password</span></p>}
          <label class="field">
            User
            <input name="username" autocomplete="username webauthn" autocapitalize="none" spellcheck={false} required maxLength={100}
              value={user} onInput={(event) => set_user(event.currentTarget.value)} />
          </label>
          <label class="field">
            Password
            <input name="password" type="password" autocomplete="current-password" required maxLength={1000}
              value={password} onInput={(event) => set_password(event.currentTarget.value)} />
          </label>
          <button type="submit" class={passkeys ? "large" : "primary large"} disabled={busy}>{busy ? "One moment…" : "Sign in"}</button>
        </form>
      )}
      {!ways.passwords && !ways.oidc && !passkeys && <p>No way to sign in is configured. An administrator finds it under <code>sign_in</code> in the documentation.</p>}
    </>
  );
}

export function SignIn() {
  use_title("Sign in");
  const heading = useRef<HTMLHeadingElement>(null);
  const { data, error, reload } = use_asked(api.ways, "ways");
  useEffect(() => heading.current?.focus(), []);
  return (
    <main class="alone">
      <div class="card sign-in">
        <div class="alone-brand"><Mark size={40} /><h1 ref={heading} tabIndex={-1}>Sign in to Countersign</h1></div>
        <p class="muted">The second signature on what agents do.</p>
        {error ? <Problem error={error} again={reload} /> : data ? <Forms ways={data} /> : <Skeleton rows={3} />}
      </div>
    </main>
  );
}
