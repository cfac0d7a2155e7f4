// Flushes, and the rulebook that comes back with them. One flush to a FireLog is under way at a time; which one is due,
// what is in it and what is kept for another try is Wasm's business (`crates/records/src/flush.rs`).

/** @import { DataPlane } from "./data_plane.js" */

const CONFIRMED_FOR_MS = 3500; // with a flush a second, a mode change is effective everywhere in under 5 s
const REFRESH_WAIT_MS = 50; // a pull waits no longer than this for us
const REFRESH_RETRY_MS = 1000;
const FLUSH_AFTER_MS = 1000;
const TIMEOUT_MS = 10_000;

export class Flusher {
  #plane;
  #confirmedAt = 0;
  #refreshedAt = 0;
  #timerAt = 0;
  #colo = "";

  /** @param {Pick<DataPlane, "call" | "count" | "takeLosses" | "generation">} plane */
  constructor(plane) {
    this.#plane = plane;
  }

  isConfirmed() {
    return Date.now() - this.#confirmedAt < CONFIRMED_FOR_MS;
  }

  /** The Wasm instance was made anew: it knows no rulebook. */
  forget() {
    this.#confirmedAt = 0;
    this.#refreshedAt = 0;
    this.#timerAt = 0;
  }

  /**
   * Asks the FireLog for the rulebook, unless just tried; waits at most REFRESH_WAIT_MS.
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async refresh(request, env, ctx) {
    const now = Date.now();
    if (now - this.#refreshedAt < REFRESH_RETRY_MS) return;
    this.#refreshedAt = now;
    this.#colo = request.cf?.colo ?? "";
    const asked = this.#ask(env);
    ctx.waitUntil(asked);
    await Promise.race([asked, scheduler.wait(REFRESH_WAIT_MS)]);
  }

  /** @param {Env} env */
  async #ask(env) {
    const { generation } = this.#plane;
    try {
      const path = this.#plane.call("decide_trap", env, (wasm) => wasm.rulebook_path(this.#colo));
      if (path === undefined) return;
      const reply = await askFireLog(env, path, {});
      if (generation === this.#plane.generation) this.#learn(path, reply, env);
    } catch (error) {
      console.error(`failed to read the rulebook: ${error}`);
      this.#plane.count("rulebook_unread");
    }
  }

  /**
   * What the reply says is known from now on; a rulebook that cannot be used is counted by Wasm and the old one kept.
   * @param {string} path
   * @param {Uint8Array} reply
   * @param {Env} env
   */
  #learn(path, reply, env) {
    const confirmed = this.#plane.call("reply_unread", env, (wasm) => wasm.learn(path, reply, Date.now()));
    if (confirmed) this.#confirmedAt = Date.now();
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
    const now = Date.now();
    if (now - this.#timerAt < 2 * FLUSH_AFTER_MS) return;
    this.#timerAt = now;
    const waited = scheduler.wait(FLUSH_AFTER_MS).then(() => {
      this.#timerAt = 0;
      return this.#flush(env, ctx);
    });
    ctx.waitUntil(waited);
  }

  /**
   * Sends what is due, FireLog by FireLog.
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async #flush(env, ctx) {
    this.#tellLosses(env);
    for (;;) {
      const path = this.#plane.call("flush_trap", env, (wasm) => wasm.next_flush(Date.now()));
      if (path === "") this.later(env, ctx); // something waits: a new batch, or one that failed
      if (!path) return;
      await this.#send(path, env);
    }
  }

  /**
   * What was lost outside of Wasm, or with an instance of it, goes with the next flush.
   * @param {Env} env
   */
  #tellLosses(env) {
    const losses = this.#plane.takeLosses();
    if (losses.size === 0) return;
    const text = Array.from(losses, ([loss, times]) => `${loss} ${times}`).join("\n");
    const told = this.#plane.call("flush_trap", env, (wasm) => {
      wasm.count_losses(text, this.#colo, Date.now());
      return true;
    });
    if (!told) for (const [loss, times] of losses) this.#plane.count(loss, times);
  }

  /**
   * @param {string} path
   * @param {Env} env
   */
  async #send(path, env) {
    const { generation } = this.#plane;
    const body = this.#plane.call("flush_trap", env, (wasm) => wasm.flush_body(path));
    if (body === undefined) return;
    try {
      const reply = await askFireLog(env, path, { method: "POST", body });
      if (generation === this.#plane.generation) this.#learn(path, reply, env);
    } catch (error) {
      console.error(`failed to flush: ${error}`);
      if (generation === this.#plane.generation) this.#plane.call("flush_trap", env, (wasm) => wasm.flush_failed(path, Date.now()));
    }
  }
}

/**
 * A path is `<FireLog's name>/<call>`; the bytes of the answer come back, anything but 200 throws.
 * @param {Env} env
 * @param {string} path
 * @param {RequestInit} init
 */
async function askFireLog(env, path, init) {
  const [name = ""] = path.split("/");
  const stub = env.FIRE_LOG.get(env.FIRE_LOG.idFromName(name));
  const reply = await stub.fetch(`https://fire-log/${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (reply.status !== 200) throw new Error(`${path}: status ${reply.status}`);
  return new Uint8Array(await reply.arrayBuffer());
}
