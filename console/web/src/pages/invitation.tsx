// The page behind a one-time link: choose a password, then, if one likes, a passkey.
import { useState } from "preact/hooks";
import { api, session, type ApiError } from "../api";
import { as_api_error, use_title } from "../lib/hooks";
import { passkeys_possible } from "../lib/passkeys";
import { plain } from "../lib/visible";
import { Mark } from "../ui/icons";
import { EnrolForm } from "../ui/passkeys";
import { Note, Problem } from "../ui/states";

const kShortest = 12;

// The code stands behind the #, so that it is not sent anywhere before it is used; it leaves the address at once.
const code = location.pathname === "/invitation" ? location.hash.slice(1) : "";
if (code !== "") history.replaceState(null, "", "/invitation");

function done(): void {
  location.assign("/");
}

function ChoosePassword({ next }: { next: () => void }) {
  const [password, set_password] = useState("");
  const [again, set_again] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const differs = again !== "" && again !== password;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        set_busy(true);
        api.invitation(code, password).then(
          (made) => {
            session.value = made;
            next();
          },
          (failure: unknown) => {
            set_error(as_api_error(failure));
            set_busy(false);
          },
        );
      }}
    >
      {error && <Problem error={error} />}
      <label class="field">
        New password
        <input type="password" autocomplete="new-password" required minLength={kShortest} maxLength={1000} value={password}
          aria-describedby="password-hint" onInput={(event) => set_password(event.currentTarget.value)} />
      </label>
      <p class="hint" id="password-hint">At least {kShortest} characters. A few unrelated words are good.</p>
      <label class="field">
        The same again
        <input type="password" autocomplete="new-password" required maxLength={1000} value={again} aria-invalid={differs}
          onInput={(event) => set_again(event.currentTarget.value)} />
      </label>
      {differs && <p class="hint bad" role="status">The two are not the same.</p>}
      <button type="submit" class="primary large" disabled={busy || password.length < kShortest || again !== password}>
        {busy ? "One moment…" : "Set the password"}
      </button>
    </form>
  );
}

export function Invitation() {
  const [step, set_step] = useState<"password" | "passkey">("password");
  use_title("Invitation");
  return (
    <main class="alone">
      <div class="card sign-in">
        <div class="alone-brand"><Mark size={40} /><h1>{step === "password" ? "Welcome to Countersign" : `Hello ${plain(session.value?.user ?? "", 40)}`}</h1></div>
        {step === "password" ? (
          code === "" ? (
            <Note tone="wait">This link has no invitation in it any more. Open it again from where you got it, or ask for a new one.</Note>
          ) : (
            <ChoosePassword next={() => set_step("passkey")} />
          )
        ) : (
          <>
            <p>Add a passkey now? With it you sign what you approve, so that everybody can verify later that it was you. Some approvals demand it.</p>
            {passkeys_possible() ? <EnrolForm done={done} /> : <Note>This browser cannot use passkeys here.</Note>}
            <button type="button" class="large" onClick={done}>Not now</button>
          </>
        )}
      </div>
    </main>
  );
}
