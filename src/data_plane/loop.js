// Loops: a request whose origin leads back to us would be forwarded until no socket is left. Each pass appends a member of ours
// to `CDN-Loop` (RFC 8586); the members of other proxies stay as they are.

/** @import { Plan } from "./plan.js" */

import { hexOf } from "./hex.js";

/**
 * A request may come back on another way: a redirect that is followed leads to another route of this deployment. This many
 * passes end a loop that changes the path each time.
 */
const MAX_PASSES = 4;

const encoder = new TextEncoder();

let token = "";

/**
 * A name that all isolates of this deployment have and no other deployment has: one Blobwatch may stand before another.
 * @param {Env} env
 */
async function ownToken(env) {
  if (token) return token;
  const own = JSON.stringify(["CDN-Loop", env.BLOBWATCH_CLIENT_SECRET ?? "", env.BLOBWATCH_TOKENS ?? ""]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(own)));
  token = `blobwatch-${hexOf(hash, 8)}`;
  return token;
}

/**
 * `CDN-Loop` for the origin; undefined where the request was sent to this origin with this path before.
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Plan} plan
 * @param {Env} env
 */
export async function pass(request, url, plan, env) {
  const own = token || (await ownToken(env));
  const member = `${own};way=${hash32(plan.origin + url.pathname)}`;
  const before = request.headers.get("cdn-loop");
  if (!before) return member;
  const ours = before.replaceAll(/[ \t]/g, "").split(",").filter((known) => known.startsWith(own));
  return ours.includes(member) || ours.length >= MAX_PASSES ? undefined : `${before}, ${member}`;
}

/**
 * FNV-1a.
 * @param {string} text
 */
function hash32(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
