// Requests under `/_blobwatch/`, which the control plane's module answers.

import { load } from "./wasm.js";

/**
 * @param {ClientRequest} request
 * @param {Env} env
 * @param {ExecutionContext} ctx
 */
export async function control(request, env, ctx) {
  const { default: Control } = await load();
  return new Control(ctx, env).fetch(request);
}
