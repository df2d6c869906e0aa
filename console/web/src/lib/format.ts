// Times, durations and numbers in words.

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export function duration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < minute) return `${Math.floor(value / 1000)} s`;
  if (value < hour) {
    const seconds = Math.floor((value % minute) / 1000);
    return value < 10 * minute && seconds > 0 ? `${Math.floor(value / minute)} min ${seconds} s` : `${Math.floor(value / minute)} min`;
  }
  if (value < 2 * day) {
    const minutes = Math.floor((value % hour) / minute);
    return minutes > 0 ? `${Math.floor(value / hour)} h ${minutes} min` : `${Math.floor(value / hour)} h`;
  }
  return `${Math.floor(value / day)} days`;
}

export function ago(time: string, now: number): string {
  const ms = now - Date.parse(time);
  if (ms < 45_000) return "just now";
  if (ms < hour) return `${Math.round(ms / minute)} min ago`;
  if (ms < day) return `${Math.round(ms / hour)} h ago`;
  return `${Math.round(ms / day)} days ago`;
}

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

export const date_time = (time: string): string => full.format(new Date(time));
export const short_time = (time: string): string => short.format(new Date(time));
export const count = (value: number): string => new Intl.NumberFormat().format(value);

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1024) return plural(value, "byte");
  if (value < 1024 * 1024) return `${(value / 1024).toFixed(1)} KiB`;
  return `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

export const short_hash = (hash: string): string => hash.slice(0, 12);
/** "user:olivia" and "olivia" are the same person. */
export const person = (owner: string): string => owner.replace(/^user:/, "");
