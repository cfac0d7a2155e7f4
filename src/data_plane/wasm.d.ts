// The typed face of `wasm.js`, whose own imports exist only where the module is built. tests/boundary.rs holds it against
// calls.rs.

/** What an isolate can lose: `LOSSES` of `crates/isolate`. */
export type Loss =
  | "decide_trap"
  | "settle_trap"
  | "flush_trap"
  | "reply_unread"
  | "records_lost"
  | "rulebook_unread"
  | "rulebook_refused"
  | "flush_failed"
  | "records_dropped"
  | "volume_keys_dropped"
  | "addresses_dropped"
  | "answers_unrecorded"
  | "history_evicted";

/** The synchronous calls of calls.rs, which says what each of them does. One that throws a plain Error left the instance whole. */
export interface Calls {
  readonly Settled: { readonly FlushNow: number; readonly FlushLater: number; readonly Lost: number; readonly Buffered: number };
  configure(isolate: string, secret: string, tokens: string, origin: string, cloud_prefixes: Uint8Array): string | undefined;
  decide(facts: Uint8Array, confirmed: boolean): string;
  answered(id: string, said: string): void;
  settle(id: string, said: string): number;
  no_answer(id: string): string;
  rulebook_path(colo: string): string;
  count_losses(losses: string, colo: string, now_ms: number): void;
  unacknowledged(): string;
  next_flush(now_ms: number): string | undefined;
  flush_body(path: string): Uint8Array<ArrayBuffer>;
  flush_carries(path: string): string;
  flush_failed(path: string, now_ms: number): void;
  learn(path: string, reply: Uint8Array, now_ms: number): boolean;
}

export const calls: Calls;

/** The table that `cargo xtask prefixes` makes; no bytes are an empty one. */
export const cloudPrefixes: Uint8Array;

/** After a trap an instance stays broken: this makes a new one, which knows nothing of the old. */
export function renew(): void;
