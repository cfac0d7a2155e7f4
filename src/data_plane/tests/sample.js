// What several tests of the data plane's JavaScript need, on Node instead of workerd.

/**
 * @import { Plan } from "../plan.js"
 * @import { Calls } from "../wasm.js"
 */

import { readFileSync } from "node:fs";
import { mock } from "node:test";

/** Of the samples in `lines/`. */
export const NOW_MS = 1_593_975_600_000;

/**
 * A text that the JavaScript here and Rust (lines.rs) both are held against: neither side can move a line alone.
 * @param {string} name
 */
export const sample = (name) => readFileSync(`${import.meta.dirname}/lines/${name}.txt`, "utf8").replace(/\n$/, "");

/** Stops the clock; `tick` moves it. */
export function stopClock() {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: NOW_MS });
  return mock.timers;
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @param {Cf} [cf]
 */
export const request = (url, init, cf) => /** @type {ClientRequest} */ (Object.assign(new Request(url, init), { cf }));

/**
 * A plan for a watched request.
 * @param {Partial<Plan>} [changes]
 * @returns {Plan}
 */
export const planned = (changes) => ({
  watched: true,
  origin: "",
  route: "demo",
  follow: false,
  followedTo: "",
  id: "01M85086S2MDP1HBJCFM000006",
  fired: "",
  observe: false,
  cache: "",
  head: false,
  generation: 0,
  ...changes,
});

/**
 * Wasm that has nothing to say, but for what a test has it say. Its constants are not those of the real one, which JavaScript
 * must not know by itself.
 * @param {Partial<Calls>} [changes]
 * @returns {Calls}
 */
export const wasm = (changes) => ({
  Settled: { FlushNow: 2, FlushLater: 4, Lost: 8, Buffered: 32 },
  configure: () => undefined,
  decide: () => "pass\n",
  answered() {},
  settle: () => 0,
  no_answer: () => "502\nproxy status\n{}",
  rulebook_path: () => "fl1-IAD-0/rulebook",
  count_losses() {},
  unacknowledged: () => "",
  next_flush: () => undefined,
  flush_body: () => new Uint8Array(),
  flush_carries: () => "",
  flush_failed() {},
  learn: () => true,
  ...changes,
});

/** A context whose background work can be waited for. */
export function context() {
  /** @type {Promise<unknown>[]} */
  const waited = [];
  const ctx = /** @type {ExecutionContext} */ (/** @type {unknown} */ ({ waitUntil: (/** @type {Promise<unknown>} */ work) => waited.push(work) }));
  return { ctx, waited };
}

/**
 * A deployment whose FireLogs answer as `fetch` does.
 * @param {(url: string, init: RequestInit) => Promise<Response>} fetch
 * @returns {Env}
 */
export const deployment = (fetch) => {
  const namespace = /** @type {DurableObjectNamespace} */ (
    /** @type {unknown} */ ({ idFromName: (/** @type {string} */ name) => name, get: () => ({ fetch }) })
  );
  return { FIRE_LOG: namespace, RULE_BOOK: namespace, DETECTOR: namespace, PREVIEWS: namespace };
};
