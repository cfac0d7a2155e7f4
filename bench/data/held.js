// Between workerd and Blobwatch: what an object of the class that `PUT /held` names is asked, it is asked when another class is
// named, or none. Everything else is handed on untouched.
import { DurableObject } from "cloudflare:workers";
import worker, * as blobwatch from "./worker.js";

const LOOK_MS = 5;
const state = { held: "" };

function behind(kind) {
  return class extends DurableObject {
    constructor(ctx, env) {
      super(ctx, env);
      this.object = new blobwatch[kind](ctx, env);
    }
    async fetch(request) {
      while (state.held === kind) await scheduler.wait(LOOK_MS);
      return this.object.fetch(request);
    }
    async alarm(info) {
      await this.object.alarm(info);
    }
  };
}

export const Detector = behind("Detector");
export const Previews = behind("Previews");
export const FireLog = behind("FireLog");
export const RuleBook = behind("RuleBook");

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/held") return worker.fetch(request, env, ctx);
    state.held = await request.text();
    return Response.json(state);
  },
};
