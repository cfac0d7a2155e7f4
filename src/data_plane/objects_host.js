// Where the objects are: in this process, or on another host that one binding leads to (docs/many-hosts.md). A data plane without
// objects sends its flushes and asks for rulebooks there, and hands on what the control plane is asked. That host may be dead, slow,
// or answer nonsense: a pull does not notice, and `healthz` says it.

/** @import { State } from "./data_plane.js" */

import { OBJECTS_HOST_LIMIT_MS } from "./bounds.js";
import { hexOf } from "./hex.js";
import { log } from "./log.js";

/** Where a FireLog is at the objects' host; `src/control_plane/objects_port.js` answers. */
export const FIRE_LOGS = "/fire-logs/";

/** Proves that a data plane is one of ours, where no certificate does. */
export const SECRET_HEADER = "blobwatch-objects-secret";

const NO_ANSWER = "the objects' host does not answer";

const HEALTH = "/_blobwatch/healthz";

/** Health checks wait a second by default: an answer of our own must come within it. */
const HEALTH_LIMIT_MS = 800;

/** Who asks whether traffic may come waits for the whole answer. */
const READY_LIMIT_MS = 5000;

/**
 * A call of a FireLog; a path is `<FireLog's name>/<call>`.
 * @param {Env} env
 * @param {string} path
 * @param {RequestInit} init
 */
export function callFireLog(env, path, init) {
  const { OBJECTS, FIRE_LOG } = env;
  const headers = { [SECRET_HEADER]: env.OBJECTS_SECRET ?? "" };
  if (OBJECTS) return OBJECTS.fetch(`https://objects${FIRE_LOGS}${path}`, { ...init, headers, redirect: "manual" });
  const name = path.slice(0, path.indexOf("/"));
  return FIRE_LOG.get(FIRE_LOG.idFromName(name)).fetch(`https://fire-log/${path}`, init);
}

/**
 * A request for the control plane, answered by the objects' host; what this isolate knows goes with it.
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Env} env
 * @param {Fetcher} objects
 * @param {State} state
 */
export async function controlElsewhere(request, url, env, objects, state) {
  const isHealth = url.pathname === HEALTH;
  const mustBeReady = url.searchParams.has("ready");
  const limit = isHealth ? (mustBeReady ? READY_LIMIT_MS : HEALTH_LIMIT_MS) : OBJECTS_HOST_LIMIT_MS;
  try {
    const answer = await within(limit, (signal) => handOn(request, env, objects, state, signal));
    if (!isHealth || isWordOnHealth(answer, mustBeReady)) return answer;
    return healthAlone(state, `the objects' host answered ${answer.status}`, mustBeReady);
  } catch (error) {
    const cause = error instanceof Error ? error.message : `${error}`;
    log("error", NO_ANSWER, { cause });
    return isHealth ? healthAlone(state, `${NO_ANSWER}: ${cause}`, mustBeReady) : unavailable();
  }
}

/**
 * Not of a host that cannot read its rulebook, does not know this data plane, or is something else.
 * @param {Response} answer
 * @param {boolean} mustBeReady
 */
function isWordOnHealth({ status }, mustBeReady) {
  return status === 200 || [401, 405, 429].includes(status) || (status === 503 && mustBeReady);
}

/**
 * @param {ClientRequest} request
 * @param {Env} env
 * @param {Fetcher} objects
 * @param {State} state
 * @param {AbortSignal} signal
 */
async function handOn(request, env, objects, state, signal) {
  const isolate = { ...state, client_secret: await sameSecret(env) };
  const cf = { clientIp: request.cf?.["clientIp"], isolate };
  const asked = new Request(request, /** @type {RequestInit} */ ({ redirect: "manual", signal, cf }));
  asked.headers.set(SECRET_HEADER, env.OBJECTS_SECRET ?? "");
  return objects.fetch(asked);
}

/**
 * The head of an answer, which has that long; its body has all the time it needs.
 * @template T
 * @param {number} limitMs
 * @param {(signal: AbortSignal) => Promise<T>} ask
 */
async function within(limitMs, ask) {
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(new Error(`not within ${limitMs} ms`)), limitMs);
  try {
    return await ask(gone.signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What two hosts compare to know whether they make the same client keys. It tells nothing of a random secret.
 * @param {Env} env
 */
export async function sameSecret(env) {
  const text = JSON.stringify(["client secret", env.BLOBWATCH_CLIENT_SECRET ?? ""]);
  return (await digestOf(text)).slice(0, 16);
}

/** @param {string} text */
export async function digestOf(text) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/**
 * Pulls go on without the objects' host: whoever takes this one out of service for it would fail them.
 * @param {State} state
 * @param {string} why
 * @param {boolean} mustBeReady
 */
const healthAlone = (state, why, mustBeReady) =>
  answer(mustBeReady ? 503 : 200, "application/json", { status: "degraded", reasons: [...state.reasons, why] });

/** As `Problem` of `crates/wire`. */
const unavailable = () =>
  answer(503, "application/problem+json", {
    type: "urn:blobwatch:problem:unavailable",
    title: "Unavailable",
    status: 503,
    detail: "the objects' host does not answer; pulls go on; what was asked may still be done; try again",
  });

/**
 * @param {number} status
 * @param {string} type
 * @param {object} body
 */
function answer(status, type, body) {
  const headers = { "Content-Type": type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
  return new Response(JSON.stringify(body), { status, headers });
}
