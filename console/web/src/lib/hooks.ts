// What pages share: asking the server, the time of day, titles and keys.
import { signal, type Signal } from "@preact/signals";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api";

/** The time of day, told once a second while somebody looks. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

export interface Asked<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

/** Asks when `key` changes and, without showing a skeleton again, when `version` does. An answer that was overtaken is dropped. */
export function use_asked<T>(ask: () => Promise<T>, key: string, version: number = 0): Asked<T> {
  const [state, set_state] = useState<{ key: string; data?: T; error?: ApiError; loading: boolean }>({ key, loading: true });
  const [again, set_again] = useState(0);
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    set_state((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    ask().then(
      (data) => mine === turn.current && set_state({ key, data, loading: false }),
      (error: unknown) => {
        if (mine !== turn.current) return;
        set_state((old) => ({ ...old, key, error: as_api_error(error), loading: false }));
      },
    );
  }, [key, version, again]);
  const reload = useCallback(() => set_again((n) => n + 1), []);
  const current = state.key === key ? state : { loading: true };
  return { data: (current as typeof state).data, error: (current as typeof state).error, loading: current.loading, reload };
}

export function as_api_error(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "console.error", "", error instanceof Error ? error.message : String(error));
}

/** A document title that follows the page. */
export function use_title(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Countersign" : `${title} · Countersign`;
  }, [title]);
}

const ticks = (target: EventTarget | null): boolean => target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type);
const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && !ticks(target) && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.shadowRoot !== null);

/** Single keys while nobody is typing and no dialog is open. */
export function use_keys(keys: Record<string, () => void>): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (typing(event.target) || document.querySelector("dialog[open]")) return;
      const act = current.current[event.key];
      if (!act) return;
      if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.closest("a,button,summary")) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

/** How long this page has really been in sight, in milliseconds. */
export function use_viewed(key: string): () => number {
  const seen = useRef({ total: 0, since: 0 });
  useEffect(() => {
    seen.current = { total: 0, since: document.hidden ? 0 : performance.now() };
    const turn = (): void => {
      const state = seen.current;
      if (document.hidden && state.since > 0) {
        state.total += performance.now() - state.since;
        state.since = 0;
      } else if (!document.hidden && state.since === 0) {
        state.since = performance.now();
      }
    };
    document.addEventListener("visibilitychange", turn);
    return () => document.removeEventListener("visibilitychange", turn);
  }, [key]);
  return () => Math.round(seen.current.total + (seen.current.since > 0 ? performance.now() - seen.current.since : 0));
}

/** A value that follows another one once it has been still for a while. */
export function use_settled<T>(value: T, ms: number): T {
  const [settled, set_settled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set_settled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

export type { Signal };
