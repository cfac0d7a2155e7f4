// Observed bodies: for a share of clients (`observe` of the route) the body is piped, so that its end is seen. It costs
// about twice the CPU per byte of a body that is passed through; every other body is never touched.

/** Pipes the body and tells how it ended: `completed`, `client_closed` or `origin_failed`. */
export function observe(answer, request, ctx, ended) {
  const length = Number(answer.headers.get("content-length") ?? NaN);
  const { readable, writable } = Number.isSafeInteger(length) ? new FixedLengthStream(length) : new IdentityTransformStream();
  ctx.waitUntil(
    answer.body.pipeTo(writable).then(
      () => ended("completed"),
      // The error is the same on both sides; the request's signal tells whose connection was lost.
      () => ended(request.signal.aborted ? "client_closed" : "origin_failed"),
    ),
  );
  return readable;
}
