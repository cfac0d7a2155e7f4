// Flushes, and the rulebook that comes back with them. One flush to a FireLog is under way at a time, those to several FireLogs
// are side by side; which one is due, what is in it and what is kept for another try is Wasm's business (`crates/records/src/flush.rs`).

/**
 * @import { DataPlane } from "./data_plane.js"
 * @import { Losses } from "./losses.js"
 */

import { ANSWER_WITHIN_MS, FLUSH_AFTER_MS, MAX_AHEAD_MS, MAX_FIRE_LOGS } from "./bounds.js";
import { now } from "./clock.js";
import { line, readCf } from "./facts.js";
import { log } from "./log.js";
import { readLosses, writeLosses } from "./losses.js";
import { callFireLog } from "./objects_host.js";

const CONFIRMED_FOR_MS = 3500; // with a flush a second, a mode change is effective everywhere in under 5 s
const REFRESH_WAIT_MS = 50; // a pull waits no longer than this for us
const REFRESH_RETRY_MS = 1000;
const MAX_SIDE_BY_SIDE = 6; // Cloudflare makes a request's seventh connection wait

/**
 * A FireLog that answered the last call with a failure.
 * @typedef {object} Failing
 * @property {number} since
 * @property {number} flushes how many of them it did not take
 * @property {string} why
 */

export class Flusher {
  #plane;
  #confirmedAt = 0;
  #refreshedAt = 0;
  #timerAt = 0;
  #colo = "";
  /** By the name of the FireLog, of the last `MAX_FIRE_LOGS`; undefined: it answered. @type {Map<string, Failing | undefined>} */
  #fireLogs = new Map();
  /** What the flushes carry that are under way. @type {Set<Losses>} */
  #underWay = new Set();

  /** @param {Pick<DataPlane, "call" | "flushCall" | "count" | "takeLosses" | "generation">} plane */
  constructor(plane) {
    this.#plane = plane;
  }

  isConfirmed() {
    return isWithin(this.#confirmedAt, CONFIRMED_FOR_MS);
  }

  /** The Wasm instance was made anew: it knows no rulebook. Answers what is under way of the old one. */
  forget() {
    this.#confirmedAt = 0;
    this.#refreshedAt = 0;
    this.#timerAt = 0;
    const underWay = this.#underWay;
    this.#underWay = new Set();
    return underWay;
  }

  /**
   * Asks the FireLog for the rulebook, unless just tried; waits at most REFRESH_WAIT_MS.
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async refresh(request, env, ctx) {
    if (isWithin(this.#refreshedAt, REFRESH_RETRY_MS)) return;
    this.#refreshedAt = Date.now();
    this.#colo = line(readCf(request).colo);
    const asked = this.#ask(env);
    ctx.waitUntil(asked);
    await Promise.race([asked, scheduler.wait(REFRESH_WAIT_MS)]);
  }

  /** @param {Env} env */
  async #ask(env) {
    const { generation } = this.#plane;
    const path = this.#plane.call("decide_trap", env, (wasm) => wasm.rulebook_path(this.#colo));
    if (path === undefined) return;
    try {
      const reply = await askFireLog(env, path, {});
      if (generation === this.#plane.generation) this.#learn(path, reply, env);
    } catch (error) {
      log("warn", "failed to read the rulebook", { fire_log: nameIn(path), cause: error });
      this.#plane.count("rulebook_unread");
      this.#failed(path, error, 0);
    }
  }

  /**
   * What the reply says is known from now on; a rulebook that cannot be used is counted by Wasm and the old one kept.
   * @param {string} path
   * @param {Uint8Array} reply
   * @param {Env} env
   */
  #learn(path, reply, env) {
    const confirmed = this.#plane.flushCall("reply_unread", env, (wasm) => wasm.learn(path, reply, now()));
    if (confirmed === undefined) this.#failed(path, "its answer cannot be read", 0);
    // One that tells the rulebook may refuse to store all the same.
    else if (path.endsWith("/flush") || !this.#fireLogs.get(nameIn(path))?.flushes) this.#know(path, undefined);
    if (confirmed) this.#confirmedAt = Date.now();
  }

  /**
   * @param {string} path
   * @param {unknown} error
   * @param {number} flushes
   */
  #failed(path, error, flushes) {
    const known = this.#fireLogs.get(nameIn(path));
    const why = error instanceof Error ? error.message : `${error}`;
    this.#know(path, { since: known?.since ?? Date.now(), flushes: (known?.flushes ?? 0) + flushes, why });
  }

  /**
   * @param {string} path
   * @param {Failing | undefined} failing
   */
  #know(path, failing) {
    const name = nameIn(path);
    this.#fireLogs.delete(name); // the one that was called last is the last in order
    this.#fireLogs.set(name, failing);
    const [oldest] = this.#fireLogs.keys();
    if (this.#fireLogs.size > MAX_FIRE_LOGS && oldest !== undefined) this.#fireLogs.delete(oldest);
  }

  /** FireLogs that this isolate calls, and what keeps them from storing. */
  fireLogs() {
    return Array.from(this.#fireLogs, ([name, failing]) => ({ name, failing }));
  }

  /**
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  now(env, ctx) {
    ctx.waitUntil(this.#flush(env, ctx));
  }

  /**
   * The timer belongs to the request that set it and can die with it: one that is overdue is set again.
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  later(env, ctx) {
    if (isWithin(this.#timerAt, 2 * FLUSH_AFTER_MS)) return;
    this.#timerAt = Date.now();
    const waited = scheduler.wait(FLUSH_AFTER_MS).then(() => {
      this.#timerAt = 0;
      return this.#flush(env, ctx);
    });
    ctx.waitUntil(waited);
  }

  /**
   * Sends what is due, until nothing is.
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async #flush(env, ctx) {
    this.#tellLosses(env);
    /** @type {Set<Promise<boolean>>} */
    const sending = new Set();
    for (let mayBeDue = true; mayBeDue; ) {
      while (mayBeDue && sending.size < MAX_SIDE_BY_SIDE) {
        const path = this.#plane.flushCall("flush_trap", env, (wasm) => wasm.next_flush(now()));
        if (path) {
          const sent = this.#send(path, env, ctx).finally(() => sending.delete(sent));
          sending.add(sent);
        } else {
          mayBeDue = false;
          if (path === "" && sending.size === 0) this.later(env, ctx); // a new batch waits
        }
      }
      while (!mayBeDue && sending.size > 0) mayBeDue = await Promise.race(sending); // one that is stored may have a next one
      if (sending.size >= MAX_SIDE_BY_SIDE) await Promise.race(sending);
    }
  }

  /**
   * What was lost outside of Wasm, or with an instance of it, goes with the next flush.
   * @param {Env} env
   */
  #tellLosses(env) {
    const losses = this.#plane.takeLosses();
    if (losses.size === 0) return;
    const told = this.#plane.flushCall("flush_trap", env, (wasm) => {
      wasm.count_losses(writeLosses(losses), this.#colo, now());
      return true;
    });
    if (!told) for (const [loss, times] of losses) this.#plane.count(loss, times);
  }

  /**
   * Whether the FireLog has it.
   * @param {string} path
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async #send(path, env, ctx) {
    const { generation } = this.#plane;
    const taken = this.#plane.call("flush_trap", env, (wasm) => ({ body: wasm.flush_body(path), carried: wasm.flush_carries(path) }));
    if (taken === undefined) return false;
    const carried = readLosses(taken.carried);
    this.#underWay.add(carried);
    try {
      const reply = await askFireLog(env, path, { method: "POST", body: taken.body });
      if (generation === this.#plane.generation) this.#learn(path, reply, env);
      return true;
    } catch (error) {
      log("warn", "failed to flush", { fire_log: nameIn(path), cause: error });
      this.#failed(path, error, 1);
      if (generation === this.#plane.generation) {
        this.#plane.flushCall("flush_trap", env, (wasm) => wasm.flush_failed(path, now()));
        this.later(env, ctx); // it is kept
      } else {
        for (const [loss, times] of carried) this.#plane.count(loss, times); // it was not, with the instance that made it
      }
      return false;
    } finally {
      this.#underWay.delete(carried);
    }
  }
}

/**
 * Whether it is less than `ms` since then. Where the clock was set back nobody knows, and it is not.
 * @param {number} since
 * @param {number} ms
 */
function isWithin(since, ms) {
  const passed = Date.now() - since;
  return passed > -MAX_AHEAD_MS && passed < ms;
}

/** @param {string} path */
const nameIn = (path) => path.slice(0, path.indexOf("/"));

/**
 * A path is `<FireLog's name>/<call>`; the bytes of the answer come back, anything but 200 throws.
 * @param {Env} env
 * @param {string} path
 * @param {RequestInit} init
 */
async function askFireLog(env, path, init) {
  const reply = await callFireLog(env, path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  if (reply.status !== 200) throw new Error(`${path}: status ${reply.status}${await detailOf(reply)}`);
  return new Uint8Array(await reply.arrayBuffer());
}

/**
 * What the FireLog says of its failure, where it says something.
 * @param {Response} reply
 */
async function detailOf(reply) {
  try {
    const { detail } = /** @type {{ detail?: unknown }} */ (await reply.json());
    return typeof detail === "string" ? `: ${detail.slice(0, MAX_DETAIL)}` : "";
  } catch {
    return "";
  }
}

const MAX_DETAIL = 200;
