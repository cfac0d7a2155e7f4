/** Longest wait between two attempts that fail. */
const MAX_WAIT_MS = 60_000;

/** Wait before the next attempt after so many failures in a row: doubled each time, with a third of chance in it. */
export function backoff(every: number, failures: number, chance: number): number {
  const wait = Math.min(every * 2 ** failures, Math.max(every, MAX_WAIT_MS));
  return wait * (1 - chance / 3);
}
