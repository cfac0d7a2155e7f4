// The walk of one request, as docs/request-handling.md numbers it. JavaScript awaits, Wasm decides: a trap in Wasm
// then cannot take another pull with it, and the body of an answer never passes through our memory.

import { control } from "../control_plane/control.js";
import { addressOf, noHost } from "./address.js";
import { misconfigured, refuse, unreachable } from "./answer.js";
import { tick } from "./clock.js";
import { DataPlane } from "./data_plane.js";
import { misdirected, planeOf } from "./host.js";
import { pass } from "./loop.js";
import { controlElsewhere } from "./objects_host.js";
import { forward, loopFault, originFault } from "./origin.js";
import { calls, cloudPrefixes, renew } from "./wasm.js";

export { Detector, FireLog, Previews, RuleBook } from "../control_plane/objects.js";
export { objectsPort } from "../control_plane/objects_port.js";

const plane = new DataPlane(calls, renew, cloudPrefixes);

export default {
  /**
   * @param {ClientRequest} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async fetch(request, env, ctx) {
    const url = addressOf(request);
    if (!url) return noHost();
    plane.health.seen();
    tick(Date.now());
    const wanted = planeOf(url, env);
    if (wanted === "control") {
      const { OBJECTS } = env;
      return OBJECTS ? controlElsewhere(request, url, env, OBJECTS, plane.state()) : control(request, env, ctx, plane.state());
    }
    if (wanted === "misdirected") return misdirected();
    if (!plane.flusher.isConfirmed()) await plane.flusher.refresh(request, env, ctx);
    const plan = plane.decide(request, url, env);
    if (plan.refusal) return refuse(plane, plan, plan.refusal, env, ctx);
    const fault = originFault(plan, env);
    if (fault) return misconfigured(request, plane, plan, fault, env, ctx);
    const passes = await pass(request, url, plan, env);
    if (passes === undefined) return misconfigured(request, plane, plan, loopFault(plan, url), env, ctx);
    let answer;
    try {
      answer = await forward(request, url, plan, passes);
    } catch (error) {
      return unreachable(plane, plan, error, env, ctx);
    }
    return plane.settle(plan, answer, request, env, ctx);
  },
};
