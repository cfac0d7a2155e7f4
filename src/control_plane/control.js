// Requests under `/_blobwatch/`, which the control plane's module answers: the API and the Durable Objects in Rust. It is loaded
// when it is first called, so that an isolate that only serves pulls never makes an instance of it.

/** @import { State } from "../data_plane/data_plane.js" */

/** How the module is called. Not kept: a promise belongs to the request that made it, the module is loaded once anyway. */
export const load = () => import("./instance.js");

/**
 * @param {ClientRequest} request
 * @param {Env} env
 * @param {ExecutionContext} ctx
 * @param {State} state of the isolate that was asked
 */
export async function control(request, env, ctx, state) {
  const { call } = await load();
  const told = { ...env, ISOLATE_STATE: JSON.stringify(state) };
  return typed(await call((exports) => exports.fetch(request, told, ctx)));
}

/**
 * Every answer of ours is of the type that it says, whoever wrote it.
 * @param {Response} answer
 */
function typed(answer) {
  if (answer.headers.has("x-content-type-options")) return answer;
  const copy = new Response(answer.body, answer);
  copy.headers.set("X-Content-Type-Options", "nosniff");
  return copy;
}
