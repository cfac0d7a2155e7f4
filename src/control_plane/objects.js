// The Durable Objects by the names that the platform knows them by; the objects themselves are Rust's, and loaded with the
// control plane's module when they are first called. Exports must be there when the script starts, what they do need not.

/** @import { ControlPlane, ObjectName, RustObject } from "./wasm.js" */

import { load } from "./wasm.js";

/**
 * A class of that name in the control plane's module, made when it is first called.
 * @param {ObjectName} name
 */
function lazy(name) {
  return class {
    /** @type {RustObject | undefined} */
    #object;
    /** @type {(module: ControlPlane) => RustObject} */
    #make;

    /**
     * @param {DurableObjectState} ctx
     * @param {Env} env
     */
    constructor(ctx, env) {
      this.#make = (module) => new module[name](ctx, env);
    }

    /** @param {Request} request */
    async fetch(request) {
      return (await this.#loaded()).fetch(request);
    }

    /** @param {AlarmInvocationInfo} info */
    async alarm(info) {
      return (await this.#loaded()).alarm(info);
    }

    async #loaded() {
      if (this.#object) return this.#object;
      const module = await load();
      return (this.#object ??= this.#make(module)); // another call may have come first
    }
  };
}

export const RuleBook = lazy("RuleBook");
export const FireLog = lazy("FireLog");
export const Detector = lazy("Detector");
export const Previews = lazy("Previews");
