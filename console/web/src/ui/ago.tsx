// "3 min ago", kept true by itself: only this word is drawn again each second, not the page around it.
import { ago, date_time } from "../lib/format";
import { now } from "../lib/hooks";

export function Ago({ time }: { time: string }) {
  return <time dateTime={time} title={date_time(time)}>{ago(time, now.value)}</time>;
}
