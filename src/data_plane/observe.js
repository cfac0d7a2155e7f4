// Observed bodies: for a share of clients (`observe` of the route) the body is piped, so that its end is seen. It costs
// about twice the CPU per byte of a body that is passed through; every other body is never touched.

/** @import { Outcome } from "./said.js" */

import { lengthOf } from "./said.js";

/**
 * A pipe for a body. What can throw is done before the first byte of the body is taken: until `begin`, the answer is whole.
 * @param {Headers} headers of the answer
 */
export function pipeFor(headers) {
  const length = Number(lengthOf(headers) || NaN);
  const { readable, writable } = Number.isSafeInteger(length) ? new FixedLengthStream(length) : new IdentityTransformStream();
  /**
   * Pipes the body and tells how it ended: `completed`, `client_closed` or `origin_failed`.
   * @param {ReadableStream} body
   * @param {AbortSignal} signal of the request
   * @param {ExecutionContext} ctx
   * @param {(outcome: Outcome) => void} ended
   */
  function begin(body, signal, ctx, ended) {
    const end = body.pipeTo(writable).then(
      () => ended("completed"),
      // The error is the same on both sides; the request's signal tells whose connection was lost.
      () => ended(signal.aborted ? "client_closed" : "origin_failed"),
    );
    ctx.waitUntil(end);
  }
  return { readable, begin };
}
