// The data plane of one isolate: the two synchronous Wasm calls of the walk, and what to do when they trap. Nothing in
// here may fail a pull: whatever breaks means "forward as if Blobwatch were absent", and one count of it.

/**
 * @import { Failing } from "./flusher.js"
 * @import { Plan, Refusal } from "./plan.js"
 * @import { Outcome, Said } from "./said.js"
 * @import { Losses } from "./losses.js"
 * @import { Calls, Loss } from "./wasm.js"
 */

import { canCarryHeaders, passedOn } from "./answer.js";
import { readFacts } from "./facts.js";
import { Flusher } from "./flusher.js";
import { Health } from "./health.js";
import { hexOf } from "./hex.js";
import { log } from "./log.js";
import { readLosses } from "./losses.js";
import { pipeFor } from "./observe.js";
import { absentPlan, readPlan } from "./plan.js";
import { describe, describeOwn, writeSaid } from "./said.js";

/**
 * Of one isolate; `src/control_plane/isolate_state.rs` reads it.
 * @typedef {object} State
 * @property {string[]} reasons sentences for `healthz`
 * @property {string[]} fire_logs names of those that it calls
 * @property {Record<string, number>} untold losses, by name
 */

// Text is encoded here: the generated glue would read a string of this length character by character.
const encoder = new TextEncoder();

export class DataPlane {
  #calls;
  #renew;
  #cloudPrefixes;
  #configured = false;
  /** What is lost where the Wasm instance traps now. @type {Losses} */
  #unacknowledged = new Map();
  health = new Health();
  generation = 0; // of the Wasm instance: what one instance began, another cannot end
  /** @type {Losses} */
  #losses = new Map();

  /**
   * @param {Calls} calls
   * @param {() => void} renew
   * @param {Uint8Array} cloudPrefixes
   */
  constructor(calls, renew, cloudPrefixes = new Uint8Array()) {
    this.#calls = calls;
    this.#renew = renew;
    this.#cloudPrefixes = cloudPrefixes;
    this.flusher = new Flusher(this);
  }

  /** @param {Loss} loss */
  count(loss, times = 1) {
    this.#losses.set(loss, (this.#losses.get(loss) ?? 0) + times);
  }

  takeLosses() {
    const losses = this.#losses;
    this.#losses = new Map();
    return losses;
  }

  /**
   * What this isolate knows of its own faults, for `healthz`, and what it counted and could not tell a FireLog.
   * @returns {State}
   */
  state() {
    const fireLogs = this.flusher.fireLogs();
    const reasons = fireLogs.flatMap(({ name, failing }) => (failing ? [unstored(name, failing)] : []));
    const failed = fireLogs.reduce((flushes, { failing }) => flushes + (failing?.flushes ?? 0), 0);
    const untold = Object.fromEntries(this.#losses);
    if (failed > 0) untold["flush_failed"] = failed;
    return { reasons: [...this.health.reasons(), ...reasons], fire_logs: fireLogs.map(({ name }) => name), untold };
  }

  /**
   * Runs a synchronous Wasm call. One that fails is counted and gives undefined; a trap makes the instance anew.
   * @template T
   * @param {Loss} loss
   * @param {Env} env
   * @param {(calls: Calls) => T} body
   * @returns {T | undefined}
   */
  call(loss, env, body) {
    try {
      if (!this.#configured) this.#configure(env);
      return body(this.#calls);
    } catch (error) {
      log("error", "a call of the data plane's Wasm module failed", { loss, cause: error });
      this.count(loss);
      if (!isPlain(error)) this.#reset();
      return undefined;
    }
  }

  /**
   * `call`, where what no FireLog has acknowledged may be another afterwards.
   * @template T
   * @param {Loss} loss
   * @param {Env} env
   * @param {(calls: Calls) => T} body
   */
  flushCall(loss, env, body) {
    return this.call(loss, env, (wasm) => {
      const result = body(wasm);
      this.#unacknowledged = readLosses(wasm.unacknowledged());
      return result;
    });
  }

  /** @param {Env} env */
  #configure(env) {
    const isolate = hexOf(crypto.getRandomValues(new Uint8Array(6)));
    const { BLOBWATCH_CLIENT_SECRET: secret, BLOBWATCH_TOKENS: tokens, ORIGIN: origin } = env;
    const unusable = this.#calls.configure(isolate, secret ?? "", tokens ?? "", origin ?? "", this.#cloudPrefixes);
    if (unusable !== undefined) log("error", "failed to configure the data plane", { cause: unusable });
    this.#configured = true;
  }

  // After a trap the instance stays broken until it is made anew; the answers of origins that are under way are
  // JavaScript's and go on (docs/request-handling.md, "When we break").
  #reset() {
    const lost = this.#unacknowledged;
    this.#unacknowledged = new Map();
    this.#configured = false;
    this.generation += 1;
    for (const carried of this.flusher.forget()) {
      for (const [loss, times] of carried) lost.set(loss, (lost.get(loss) ?? 0) - times); // its answer decides
    }
    for (const [loss, times] of lost) if (times > 0) this.count(loss, times);
    try {
      this.#renew();
    } catch (error) {
      log("error", "failed to make the data plane's Wasm instance anew", { cause: error });
    }
  }

  /**
   * Facts in, plan out; the absent plan when anything breaks.
   * @param {ClientRequest} request
   * @param {URL} url
   * @param {Env} env
   */
  decide(request, url, env) {
    const head = request.method === "HEAD";
    const facts = this.#facts(request, url, env);
    const text = facts && this.call("decide_trap", env, (wasm) => wasm.decide(facts, this.flusher.isConfirmed()));
    return text === undefined ? absentPlan(env.ORIGIN ?? "", head) : readPlan(text, head, this.generation);
  }

  /**
   * None where they cannot be read: that is the request's fault, and leaves the Wasm instance whole.
   * @param {ClientRequest} request
   * @param {URL} url
   * @param {Env} env
   */
  #facts(request, url, env) {
    try {
      return encoder.encode(readFacts(request, url, env));
    } catch (error) {
      log("error", "failed to read a request", { loss: "decide_trap", cause: error });
      this.count("decide_trap");
      return undefined;
    }
  }

  /**
   * The origin's answer becomes the client's, and a record.
   * @param {Plan} plan
   * @param {Response} answer
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  settle(plan, answer, request, env, ctx) {
    if (!plan.watched) return answer;
    try {
      return this.#settle(plan, answer, request, env, ctx);
    } catch (error) {
      this.#unsettled(error);
      return answer;
    }
  }

  /** @param {unknown} error */
  #unsettled(error) {
    log("error", "failed to settle a record", { loss: "settle_trap", cause: error });
    this.count("settle_trap");
  }

  /**
   * Nothing of the body is taken before all that can throw is done.
   * @param {Plan} plan
   * @param {Response} answer
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  #settle(plan, answer, request, env, ctx) {
    if (!canCarryHeaders(answer)) {
      this.#ended(plan, describe(answer.status, answer.headers, plan.followedTo), "not_observed", env, ctx);
      return answer;
    }
    // A coded body would be decoded on its way through the pipe, so it is left alone.
    const observed = plan.observe && !plan.head && !answer.headers.has("content-encoding") ? answer.body : null;
    if (observed) return this.#observe(plan, answer, observed, request, env, ctx);
    const copy = passedOn(answer, answer.body, plan, env);
    this.#ended(plan, describe(answer.status, copy.headers, plan.followedTo), "not_observed", env, ctx);
    return copy;
  }

  /**
   * @param {Plan} plan
   * @param {Response} answer
   * @param {ReadableStream} body of the answer
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  #observe(plan, answer, body, request, env, ctx) {
    const said = describe(answer.status, answer.headers, plan.followedTo);
    const pipe = pipeFor(answer.headers);
    const copy = passedOn(answer, pipe.readable, plan, env);
    this.call("settle_trap", env, (wasm) => wasm.answered(plan.id, writeSaid(said, "not_observed")));
    try {
      pipe.begin(body, request.signal, ctx, (outcome) => this.#ended(plan, said, outcome, env, ctx));
    } catch (error) {
      if (!body.locked) throw error;
      this.#unsettled(error); // the body is on its way through the pipe
    }
    return copy;
  }

  /**
   * An answer that is ours.
   * @param {Plan} plan
   * @param {number} status
   * @param {Outcome} outcome
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  settleOwn(plan, status, outcome, env, ctx) {
    if (plan.watched) this.#ended(plan, describeOwn(status), outcome, env, ctx);
  }

  /**
   * What the client gets where the origin gave no answer.
   * @param {Plan} plan
   * @param {Env} env
   * @returns {Refusal}
   */
  noAnswer(plan, env) {
    const text = this.call("settle_trap", env, (wasm) => wasm.no_answer(plan.id));
    const [status = "502", proxyStatus = "blobwatch; error=destination_unavailable", body = ""] = text?.split("\n") ?? [];
    return { status: Number(status), proxyStatus, retryAfter: "", body };
  }

  /**
   * @param {Plan} plan
   * @param {Said} said
   * @param {Outcome} outcome
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  #ended(plan, said, outcome, env, ctx) {
    if (plan.generation !== this.generation) return this.count("records_lost"); // it was in flight when Wasm trapped
    const settled = this.call("settle_trap", env, (wasm) => wasm.settle(plan.id, writeSaid(said, outcome)));
    if (settled === undefined) return;
    const { FlushNow, FlushLater, Lost, Buffered } = this.#calls.Settled;
    this.#unacknowledged.set("records_lost", Math.floor(settled / Buffered));
    if (settled & Lost) this.flushCall("settle_trap", env, () => {});
    if (env.BLOBWATCH_FLUSH === "off") return;
    if (settled & FlushNow) this.flusher.now(env, ctx);
    else if (settled & FlushLater) this.flusher.later(env, ctx);
  }
}

/**
 * @param {string} name
 * @param {Failing} failing
 */
const unstored = (name, { since, why }) => `FireLog ${name} stores nothing since ${new Date(since).toISOString()}: ${why}`;

/**
 * What Rust refuses is a plain Error and leaves the instance whole; all else is a trap, or as bad as one.
 * @param {unknown} error
 */
const isPlain = (error) => error instanceof Error && error.constructor === Error;
