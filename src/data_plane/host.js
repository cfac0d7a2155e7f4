// The control plane's place: below `/_blobwatch/` on every host, or on one host of its own. A page that the registry's origin
// serves is then of another origin than the dashboard, and a script in it cannot act with the session of somebody who is signed in.

/**
 * Who answers: the control plane, nobody (a pull at the control plane's own host), or the data plane.
 * @param {URL} url
 * @param {Env} env
 * @returns {"control" | "misdirected" | "data"}
 */
export function planeOf(url, env) {
  const isControl = url.pathname === "/_blobwatch" || url.pathname.startsWith("/_blobwatch/");
  const own = env.BLOBWATCH_HOST;
  if (!own) return isControl ? "control" : "data";
  if (!isHost(url, own)) return "data"; // where `/_blobwatch/` is the origin's, as if Blobwatch were absent
  return isControl ? "control" : "misdirected";
}

/**
 * Names are compared without case and without the root's dot; a port counts where the variable has one.
 * @param {URL} url
 * @param {string} own
 */
function isHost(url, own) {
  const name = url.hostname.replace(/\.$/, "");
  const wanted = own.trim().toLowerCase();
  return wanted === name || wanted === `${name}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

/** 421: a client that pulls here was given the wrong name. */
export function misdirected() {
  const message = "this host is Blobwatch's control plane; pull from the registry's own name";
  const headers = { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" };
  return new Response(JSON.stringify({ errors: [{ code: "UNSUPPORTED", message }] }), { status: 421, headers });
}
