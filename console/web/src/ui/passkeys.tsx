// Adding a passkey: a name, and the browser's own prompt.
import { useState } from "preact/hooks";
import { api, session, type ApiError } from "../api";
import { as_api_error } from "../lib/hooks";
import { create_passkey } from "../lib/passkeys";
import { Icon } from "./icons";
import { Problem } from "./states";

export function EnrolForm({ done }: { done: () => void }) {
  const [name, set_name] = useState("");
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState<ApiError>();
  const enrol = async (): Promise<void> => {
    set_busy(true);
    set_error(undefined);
    try {
      const made = await create_passkey(await api.enrol_challenge());
      await api.enrol(name.trim(), made.client_data, made.attestation_object);
      session.value = await api.session();
      done();
    } catch (failure) {
      set_error(as_api_error(failure));
    } finally {
      set_busy(false);
    }
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void enrol();
      }}
    >
      {error && <Problem error={error} />}
      <label class="field">
        Name of the passkey
        <input required maxLength={60} placeholder="laptop, phone, key on my ring…" value={name} onInput={(event) => set_name(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary large" disabled={busy || name.trim() === ""}>
        <Icon name="key" /> {busy ? "Follow your browser…" : "Add a passkey"}
      </button>
    </form>
  );
}
