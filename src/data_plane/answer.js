// Answers: the origin's own with our headers beside its own, or one of ours.

/**
 * @import { DataPlane } from "./data_plane.js"
 * @import { Fault } from "./origin.js"
 * @import { Plan, Refusal } from "./plan.js"
 */

import { log } from "./log.js";

/** With a body, the constructor of Response refuses these; an answer that `fetch` made may have them all the same. */
const BODILESS = [204, 205, 304];

/**
 * Whether the answer can be made again with our headers. One that cannot reaches the client as the origin sent it: the
 * constructor of Response knows 200 to 599 only.
 * @param {Response} answer
 */
export const canCarryHeaders = ({ status, body }) => status !== 101 && status <= 599 && !(body && BODILESS.includes(status));

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
 * The same for a client of Cloudflare, which codes what looks like text anew behind the worker, without its length: a blob is
 * its bytes.
 * @param {Response | ResponseInit} answer
 * @param {BodyInit | null} body
 * @param {Plan} plan
 * @param {Env} env
 */
export function passedOn(answer, body, plan, env) {
  const copy = withHeaders(answer, body, plan);
  if (env.PLATFORM === "cloudflare" && !/\bno-transform\b/i.test(copy.headers.get("cache-control") ?? "")) copy.headers.append("Cache-Control", "no-transform");
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
  log("error", "failed to reach the origin", { route: plan.route, id: plan.id, cause: withoutQuery(error) });
  plane.settleOwn(plan, 0, "origin_failed", env, ctx);
  return ours(plan, plane.noAnswer(plan, env));
}

/**
 * An error may name the address that was asked, whose query may be signed.
 * @param {unknown} error
 */
const withoutQuery = (error) => `${error}`.replaceAll(/[?#][^\s"']*/g, "?…");

/**
 * The request came back to us, or has no origin that could be asked: our own deployment is at fault, and says so.
 * @param {ClientRequest} request
 * @param {DataPlane} plane
 * @param {Plan} plan
 * @param {Fault} fault
 * @param {Env} env
 * @param {ExecutionContext} ctx
 */
export async function misconfigured(request, plane, plan, { status, error, message }, env, ctx) {
  plane.health.note(message, { route: plan.route });
  await readBody(request);
  plane.settleOwn(plan, 0, "origin_failed", env, ctx);
  const body = JSON.stringify({ errors: [{ code: "UNAVAILABLE", message, detail: plan.id ? { id: plan.id } : null }] });
  return ours(plan, { status, proxyStatus: `blobwatch;error=${error}`, retryAfter: "", body });
}

/**
 * Takes a body that nobody wants, up to a bound: workerd resets the connection of an answer that comes before the body was sent, and
 * the answer is lost, where we are our own origin.
 * @param {ClientRequest} request
 */
async function readBody({ body }) {
  let left = MAX_UNWANTED_BYTES;
  try {
    for await (const chunk of body ?? []) if ((left -= chunk.byteLength) < 0) return;
  } catch {
    // The client is gone.
  }
}

const MAX_UNWANTED_BYTES = 1 << 20;

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
