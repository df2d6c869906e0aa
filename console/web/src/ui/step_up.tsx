// Proving once more who one is: for sign-in, and for rules that want it to be recent.
import { useState } from "preact/hooks";
import { api, session, type ApiError } from "../api";
import { as_api_error, use_asked } from "../lib/hooks";
import { assert_sign_in, passkeys_possible } from "../lib/passkeys";
import { plain } from "../lib/visible";
import { Icon } from "./icons";
import { Problem } from "./states";

export async function sign_in_by_passkey(): Promise<void> {
  session.value = await api.sign_in_passkey(await assert_sign_in(await api.passkey_challenge()));
}

export function StepUp({ done }: { done?: () => void }) {
  const ways = use_asked(api.ways, "ways");
  const [password, set_password] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const me = session.value!;
  const attempt = (act: () => Promise<void>): void => {
    set_busy(true);
    set_error(undefined);
    act().then(() => { set_password(""); done?.(); }, (failure: unknown) => set_error(as_api_error(failure))).finally(() => set_busy(false));
  };
  if (!ways.data) return null;
  return (
    <div class="stack">
      {error && <Problem error={error} />}
      {me.passkeys.length > 0 && passkeys_possible() && (
        <button type="button" disabled={busy} onClick={() => attempt(sign_in_by_passkey)}><Icon name="key" /> Confirm with a passkey</button>
      )}
      {ways.data.oidc && <a class="button" href={`/api/v1/sign-in/oidc?fresh=1&return=${encodeURIComponent(location.pathname)}`}>Confirm at {plain(ways.data.oidc.name)}</a>}
      {ways.data.passwords && me.passkeys.length === 0 && (
        <div class="step-up">
          <label class="field grow">Your password<input type="password" autocomplete="current-password" maxLength={1000} value={password} onInput={(event) => set_password(event.currentTarget.value)} /></label>
          <button type="button" disabled={busy || password === ""} onClick={() => attempt(async () => { session.value = await api.sign_in(me.user, password); })}>Confirm</button>
        </div>
      )}
    </div>
  );
}
