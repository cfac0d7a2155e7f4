// Observed bodies: for a share of clients (`observe` of the route) the body is piped, so that its end is seen. It costs
// about twice the CPU per byte of a body that is passed through; every other body is never touched.

/** @import { Outcome } from "./said.js" */

/**
 * Pipes the body and tells how it ended: `completed`, `client_closed` or `origin_failed`.
 * @param {ReadableStream} body
 * @param {Headers} headers of the answer
 * @param {AbortSignal} signal of the request
 * @param {ExecutionContext} ctx
 * @param {(outcome: Outcome) => void} ended
 */
export function observe(body, headers, signal, ctx, ended) {
  const length = Number(headers.get("content-length") ?? NaN);
  const { readable, writable } = Number.isSafeInteger(length) ? new FixedLengthStream(length) : new IdentityTransformStream();
  ctx.waitUntil(
    body.pipeTo(writable).then(
      () => ended("completed"),
      // The error is the same on both sides; the request's signal tells whose connection was lost.
      () => ended(signal.aborted ? "client_closed" : "origin_failed"),
    ),
  );
  return readable;
}
