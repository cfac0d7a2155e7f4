// The Durable Objects by the names that the platform knows them by; the objects themselves are Rust's, and loaded with the
// control plane's module when they are first called. Exports must be there when the script starts, what they do need not.

/** @import { ObjectName, RustObject } from "./wasm.js" */
/** @import { Made } from "./instance.js" */

import { load } from "./control.js";
import { checkStorage, isStorageCheck } from "./storage_check.js";
import { Standstill, bringsRecords, isBell, keepRinging, remember } from "./standstill.js";

/**
 * A class of that name in the control plane's module, made when it is first called.
 * @param {ObjectName} name
 */
function lazy(name) {
  return class {
    #ctx;
    #env;
    #standstill;
    /** @type {Made | undefined} */
    #made;

    /**
     * @param {DurableObjectState} ctx
     * @param {Env} env
     */
    constructor(ctx, env) {
      this.#ctx = ctx;
      this.#env = env;
      this.#standstill = new Standstill(ctx.storage, env);
    }

    /** @param {Request} request */
    async fetch(request) {
      if (isStorageCheck(request)) return checkStorage(request, this.#ctx.storage);
      const isSetBack = this.#standstill.isNoticed();
      if (bringsRecords(request)) this.#standstill.note();
      if (!isSetBack) return this.#call((object) => object.fetch(request));
      if (isBell(request)) return this.#ringOverdue();
      if (name === "FireLog") remember(request.url);
      const answer = await this.#call((object) => object.fetch(request));
      this.#ctx.waitUntil(keepRinging(this.#env));
      return answer;
    }

    async #ringOverdue() {
      if (await this.#standstill.takeOverdue()) await this.#call((object) => object.alarm());
      return new Response(null, { status: 204 });
    }

    /** @param {AlarmInvocationInfo} info */
    alarm(info) {
      this.#standstill.isNoticed();
      return this.#call((object) => object.alarm(info));
    }

    /**
     * @template T
     * @param {(object: RustObject) => Promise<T>} body
     */
    async #call(body) {
      const module = await load();
      const made = (this.#made ??= new module.Made(name, this.#ctx, this.#env)); // another call may have come first
      return module.call(() => body(made.current()));
    }
  };
}

export const RuleBook = lazy("RuleBook");
export const FireLog = lazy("FireLog");
export const Detector = lazy("Detector");
export const Previews = lazy("Previews");
