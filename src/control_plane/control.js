// Requests under `/_blobwatch/`, which the control plane's module answers: the API and the Durable Objects in Rust. It is loaded
// when it is first called, so that an isolate that only serves pulls never makes an instance of it.

/** How the module is called. Not kept: a promise belongs to the request that made it, the module is loaded once anyway. */
export const load = () => import("./instance.js");

/**
 * @param {ClientRequest} request
 * @param {Env} env
 * @param {ExecutionContext} ctx
 */
export async function control(request, env, ctx) {
  const { call } = await load();
  return call((exports) => exports.fetch(request, env, ctx));
}
