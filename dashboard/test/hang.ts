// Waiting, for events and never for a machine: `tests/e2e/harness/clock.rs` is its twin. How fast something is, `cargo xtask bench`
// measures.

/** What is only slow is over long before; what hangs is not. */
export const HANG_MS = 10 * 60_000;

const FIRST_POLL_MS = 20;
const POLL_MS = 500;

/** Asks until there is an answer; fails with `what` when that hangs. */
export async function until<T>(what: string, ask: () => Promise<T | null | undefined | false>, limit_ms = HANG_MS): Promise<T> {
  const end = Date.now() + limit_ms;
  for (let poll = FIRST_POLL_MS; ; poll = Math.min(1.5 * poll, POLL_MS)) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit_ms / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
}
