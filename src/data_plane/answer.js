// Answers: the origin's own with our headers beside its own, or one of ours.

/**
 * @import { DataPlane } from "./data_plane.js"
 * @import { Plan, Refusal } from "./plan.js"
 */

/**
 * The origin's answer with our headers; its body stays native.
 * @param {Response | ResponseInit} answer
 * @param {BodyInit | null} body
 * @param {Plan} plan
 */
export function withHeaders(answer, body, plan) {
  const copy = new Response(body, answer);
  copy.headers.set("Blobwatch-Id", plan.id);
  if (plan.fired) copy.headers.set("Blobwatch-Fired", plan.fired);
  return copy;
}

/**
 * An enforced rule's answer.
 * @param {DataPlane} plane
 * @param {Plan} plan
 * @param {Refusal} refusal of the plan
 * @param {Env} env
 * @param {ExecutionContext} ctx
 */
export function refuse(plane, plan, refusal, env, ctx) {
  plane.settleOwn(plan, refusal.status, "completed", env, ctx);
  return ours(plan, refusal);
}

/**
 * No answer came from the origin.
 * @param {DataPlane} plane
 * @param {Plan} plan
 * @param {unknown} error
 * @param {Env} env
 * @param {ExecutionContext} ctx
 */
export function unreachable(plane, plan, error, env, ctx) {
  console.error(`failed to reach the origin: ${error}`);
  plane.settleOwn(plan, 0, "origin_failed", env, ctx);
  return ours(plan, plane.noAnswer(plan, env));
}

/**
 * The OCI error envelope.
 * @param {Plan} plan
 * @param {Refusal} refusal
 */
function ours(plan, { status, proxyStatus, retryAfter, body }) {
  const headers = new Headers({ "Content-Type": "application/json", "Proxy-Status": proxyStatus });
  if (retryAfter) headers.set("Retry-After", retryAfter);
  const sent = plan.head ? null : body;
  return plan.watched ? withHeaders({ status, headers }, sent, plan) : new Response(sent, { status, headers });
}
