// The data plane of one isolate: the two synchronous Wasm calls of the walk, and what to do when they trap. Nothing in
// here may fail a pull: whatever breaks means "forward as if Blobwatch were absent", and one count of it.

import { Flusher } from "./flusher.js";
import { observe } from "./observe.js";
import { readFacts } from "./facts.js";
import { readPlan } from "./plan.js";
import { calls, renew } from "./wasm.js";
import { withHeaders } from "./answer.js";

const BUFFERED_SHIFT = 2; // of what `settle` answers: the lower bits say when to flush, the others what is buffered

// Text is encoded here: the generated glue would read a string of this length character by character.
const encoder = new TextEncoder();

export class DataPlane {
  #configured = false;
  #buffered = 0;
  generation = 0; // of the Wasm instance: what one instance began, another cannot end
  #losses = {};

  constructor() {
    this.flusher = new Flusher(this);
  }

  count(loss, times = 1) {
    this.#losses[loss] = (this.#losses[loss] ?? 0) + times;
  }

  takeLosses() {
    const losses = this.#losses;
    this.#losses = {};
    return losses;
  }

  /** Runs a synchronous Wasm call. One that fails is counted and gives undefined; a trap makes the instance anew. */
  call(loss, env, body) {
    try {
      if (!this.#configured) this.#configure(env);
      return body(calls);
    } catch (error) {
      console.error(`${loss}: ${error}`);
      this.count(loss);
      // What Rust refuses is a plain Error and leaves the instance whole; all else is a trap, or as bad as one.
      if (error?.constructor !== Error) this.#reset();
    }
  }

  #configure(env) {
    const random = crypto.getRandomValues(new Uint8Array(6));
    const isolate = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
    calls.configure(isolate, env.BLOBWATCH_CLIENT_SECRET ?? "", env.BLOBWATCH_TOKENS ?? "", env.ORIGIN ?? "");
    this.#configured = true;
  }

  // After a trap the instance stays broken until it is made anew; the answers of origins that are under way are
  // JavaScript's and go on (docs/request-handling.md, "When we break").
  #reset() {
    if (this.#buffered > 0) this.count("records_lost", this.#buffered);
    this.#configured = false;
    this.#buffered = 0;
    this.generation += 1;
    this.flusher.forget();
    try {
      renew();
    } catch (error) {
      console.error(`failed to make the Wasm instance anew: ${error}`);
    }
  }

  /** Facts in, plan out; the absent plan when anything breaks. */
  decide(request, url, env) {
    const text = this.call("decide_trap", env, (wasm) =>
      wasm.decide(encoder.encode(readFacts(request, url, env)), this.flusher.isConfirmed()),
    );
    if (text === undefined) return { watched: false, origin: env.ORIGIN ?? "", follow: false, head: request.method === "HEAD" };
    return { ...readPlan(text, request), generation: this.generation };
  }

  /** The origin's answer becomes the client's, and a record. */
  settle(plan, answer, request, env, ctx) {
    if (!plan.watched) return answer;
    try {
      return this.#settle(plan, answer, request, env, ctx);
    } catch (error) {
      console.error(`failed to settle: ${error}`);
      this.count("settle_trap");
      return answer;
    }
  }

  #settle(plan, answer, request, env, ctx) {
    // A coded body would be decoded on its way through the pipe, so it is left alone.
    const observed = plan.observe && !plan.head && answer.body && !answer.headers.has("content-encoding");
    const body = observed ? this.#observe(plan, answer, request, env, ctx) : answer.body;
    const copy = withHeaders(answer, body, plan);
    if (!observed) this.#ended(plan, describe(answer.status, copy.headers), "not_observed", env, ctx);
    return copy;
  }

  #observe(plan, answer, request, env, ctx) {
    const said = describe(answer.status, answer.headers);
    this.call("settle_trap", env, (wasm) => wasm.answered(plan.id, lines(said, "not_observed")));
    return observe(answer, request, ctx, (outcome) => this.#ended(plan, said, outcome, env, ctx));
  }

  /** An answer that is ours. */
  settleOwn(plan, status, outcome, env, ctx) {
    if (plan.watched) this.#ended(plan, [status, "", "", ""], outcome, env, ctx);
  }

  /** Status, Proxy-Status and body where the origin gave no answer. */
  noAnswer(plan, env) {
    const text = this.call("settle_trap", env, (wasm) => wasm.no_answer(plan.id ?? ""));
    return text?.split("\n") ?? [502, "blobwatch; error=destination_unavailable", ""];
  }

  #ended(plan, said, outcome, env, ctx) {
    if (plan.generation !== this.generation) return this.count("records_lost"); // it was in flight when Wasm trapped
    const due = this.call("settle_trap", env, (wasm) => wasm.settle(plan.id, lines(said, outcome)));
    if (due === undefined) return;
    this.#buffered = due >> BUFFERED_SHIFT;
    this.flusher.due(due, env, ctx);
  }
}

/** What a record keeps of an answer. */
const describe = (status, headers) => [
  status,
  headers.get("content-range") ?? "",
  headers.get("content-length") ?? "",
  headers.get("content-type") ?? "",
];

/** The lines that `crates/pull/src/settle.rs` reads. */
const lines = (said, outcome) => [...said, outcome, Date.now()].join("\n");
