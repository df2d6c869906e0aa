// The draft a policy editor works on: the files in force, and what was changed in them. It survives a reload of the tab.
import { computed, signal } from "@preact/signals";
import { api, type PolicyFile } from "../api";

export const base = signal<{ digest: string; files: PolicyFile[]; read_only?: string } | undefined>(undefined);
/** Path → text, or null for a file that the draft removes. Only what differs from the base. */
export const changed = signal<Record<string, string | null>>({});
/** The digest the draft began with; another one is in force now when it differs from the base's. */
export const began_with = signal("");

/** Counts what replaces texts from outside of an editor, which then begins anew. While somebody types, the editor's own text leads. */
export const resets = signal(0);

const kKey = "countersign.draft";

function store(): void {
  try {
    if (Object.keys(changed.value).length === 0) sessionStorage.removeItem(kKey);
    else sessionStorage.setItem(kKey, JSON.stringify({ digest: began_with.value, changed: changed.value }));
  } catch {
    // too large or switched off: the draft lives in this page then
  }
}

export async function load_base(): Promise<void> {
  const fresh = await api.policy_files();
  if (base.value && base.value.digest !== fresh.digest) resets.value += 1;
  base.value = fresh;
  if (began_with.value === "") {
    began_with.value = fresh.digest;
    try {
      const kept = JSON.parse(sessionStorage.getItem(kKey) ?? "null") as { digest: string; changed: Record<string, string | null> } | null;
      if (kept) {
        began_with.value = kept.digest;
        changed.value = kept.changed;
      }
    } catch {
      // not ours
    }
  }
  if (Object.keys(changed.value).length === 0) began_with.value = fresh.digest;
}

export function set_text(path: string, text: string | null): void {
  const before = base.value?.files.find((file) => file.path === path)?.text;
  const next = { ...changed.value };
  if (text === before || (text === null && before === undefined)) delete next[path];
  else next[path] = text;
  changed.value = next;
  store();
}

export function discard(): void {
  changed.value = {};
  began_with.value = base.value?.digest ?? "";
  resets.value += 1;
  store();
}

export function take_over(files: PolicyFile[]): void {
  const next: Record<string, string | null> = {};
  const there = new Map(base.value?.files.map((file) => [file.path, file.text]));
  for (const file of files) {
    if (there.get(file.path) !== file.text) next[file.path] = file.text;
    there.delete(file.path);
  }
  for (const path of there.keys()) next[path] = null;
  changed.value = next;
  resets.value += 1;
  store();
}

/** The file as it is in force. */
export function undo(path: string): void {
  set_text(path, base.value?.files.find((file) => file.path === path)?.text ?? null);
  resets.value += 1;
}

/** All files as the draft has them, in order of their paths. */
export const files = computed<PolicyFile[]>(() => {
  const out = new Map<string, string>();
  for (const file of base.value?.files ?? []) out.set(file.path, file.text);
  for (const [path, text] of Object.entries(changed.value)) text === null ? out.delete(path) : out.set(path, text);
  return [...out].map(([path, text]) => ({ path, text })).sort((a, b) => (a.path < b.path ? -1 : 1));
});

export const is_changed = computed(() => Object.keys(changed.value).length > 0);
