// A moment in UTC; the reader's own time is in its title.

import { local, utc } from "../format.ts";

export function Time({ at, seconds = false }: { at: string | number; seconds?: boolean }) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{String(at)}</span>;
  return (
    <time dateTime={date.toISOString()} title={local(date)}>
      {utc(date, new Date(), seconds)}
    </time>
  );
}
