// The port of the objects' host, where data planes of other hosts connect: an entrypoint of its own, which a socket of its own leads to
// (docs/many-hosts.md). It takes flushes, tells rulebooks, and answers what a data plane hands on of the control plane's calls, in which
// everybody is who the token says. What objects call each other for is not reached through it.

/** @import { State } from "../data_plane/data_plane.js" */

import { addressOf, noHost } from "../data_plane/address.js";
import { tick } from "../data_plane/clock.js";
import { planeOf } from "../data_plane/host.js";
import { FIRE_LOGS, SECRET_HEADER, digestOf, sameSecret } from "../data_plane/objects_host.js";
import { control } from "./control.js";

/** A data plane's calls of a FireLog, by the end of their path. @type {Record<string, string>} */
const CALLS = { flush: "POST", rulebook: "GET" };

/** As `fire_log_name` of `crates/records` makes it; `tests/lines/fire_log_calls.txt` has some. */
const CALL = /^(fl1-[a-z0-9]{1,8}-[0-9]{1,4})\/([a-z]+)$/;

export const objectsPort = {
  /**
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async fetch(request, env, ctx) {
    tick(Date.now());
    if (!(await isOurs(request, env))) return refused(403, "this port is for Blobwatch's own data planes");
    const url = addressOf(request);
    if (!url) return noHost();
    if (url.pathname.startsWith(FIRE_LOGS)) return ofFireLog(request, url, env);
    // The path alone says which of the two it is: a client chooses the rest of what a data plane hands on.
    if (planeOf(url, env) === "control") return control(request, env, ctx, await stateOf(request, env));
    return refused(404, "expected a call of a FireLog or of the control plane");
  },
};

/**
 * Whoever connects proved with a certificate who it is, or knows the secret. Digests are compared: the time that it takes tells nothing
 * of the secret. Where neither is set up nobody is let in.
 * @param {ClientRequest} request
 * @param {Env} env
 */
async function isOurs(request, env) {
  const { OBJECTS_SECRET: secret, OBJECTS_CERTIFICATES: certificates } = env;
  if (!secret) return certificates === "required";
  return (await digestOf(request.headers.get(SECRET_HEADER) ?? "")) === (await digestOf(secret));
}

/**
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Env} env
 */
function ofFireLog(request, url, env) {
  const path = url.pathname.slice(FIRE_LOGS.length);
  const [, name = "", call = ""] = CALL.exec(path) ?? [];
  if (CALLS[call] !== request.method) return refused(404, "expected POST <FireLog>/flush or GET <FireLog>/rulebook");
  return env.FIRE_LOG.get(env.FIRE_LOG.idFromName(name)).fetch(new Request(`https://fire-log/${path}${url.search}`, request));
}

/**
 * What the data plane that was asked knows of itself, and whether its clients are ours.
 * @param {ClientRequest} request
 * @param {Env} env
 * @returns {Promise<State>}
 */
async function stateOf(request, env) {
  const told = /** @type {Partial<State> & { client_secret?: unknown } | undefined} */ (request.cf?.["isolate"]);
  const { reasons = [], fire_logs = [], untold = {}, client_secret } = told ?? {};
  const isSame = client_secret === (await sameSecret(env));
  return { reasons: isSame ? reasons : [...reasons, OTHER_SECRET], fire_logs, untold };
}

const OTHER_SECRET = "the data plane's BLOBWATCH_CLIENT_SECRET is not that of the objects' host: the same client counts as another one there";

/**
 * @param {number} status
 * @param {string} detail
 */
const refused = (status, detail) => Response.json({ detail }, { status, headers: { "Cache-Control": "no-store" } });
