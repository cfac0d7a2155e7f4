// The plan: what Wasm decided about one request, in the lines that `crates/rulebook/src/plan.rs` writes.

export function readPlan(text, request) {
  const [kind, origin, follow, id, fired, observe, status, proxyStatus, retryAfter, ...body] = text.split("\n");
  const watched = kind !== "pass";
  const plan = { watched, origin, follow: follow === "1", id, fired, observe: observe === "1", head: request.method === "HEAD" };
  if (kind === "refuse") plan.refusal = { status: Number(status), proxyStatus, retryAfter, body: body.join("\n") };
  return plan;
}
