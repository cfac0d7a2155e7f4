// The instance of the control plane's module. A trap leaves an instance broken: the next call is answered by a new one, and
// what was made of the old one is made anew (docs/request-handling.md, "When we break").

/** @import { ControlPlane, ObjectName, RustObject } from "./wasm.js" */

import { isAhead, isStandstill, now } from "../data_plane/clock.js";
import { log } from "../data_plane/log.js";
import { exports } from "./wasm.js";

// V8's, and not in the types: most of the ten frames that it keeps are the panic's own.
/** @type {ErrorConstructor & { stackTraceLimit: number }} */ (Error).stackTraceLimit = 100;

const state = exports.__worker_init_state();

// A trap in Rust code that runs by itself, because what it waited for came: no call of ours throws it.
/** @type {{ addEventListener(type: "error", listener: (event: { error: unknown }) => void): void }} */ (
  /** @type {unknown} */ (globalThis)
).addEventListener("error", (event) => broken(event.error));

/** @param {unknown} error */
function broken(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

function renew() {
  if (!state.criticalError) return;
  log("warn", "the control plane's Wasm instance is made anew");
  exports.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

/**
 * Awaits what `body` makes of the exports of an instance that is whole.
 * @template T
 * @param {(exports: ControlPlane) => Promise<T>} body
 */
export async function call(body) {
  renew();
  try {
    exports.time_is(isAhead() ? now() : 0, isStandstill());
    return await body(exports);
  } catch (error) {
    broken(error);
    throw error;
  }
}

/** An object of a class of the module, which is made when it is first asked for, and for each instance anew. */
export class Made {
  #name;
  #ctx;
  #env;
  /** @type {RustObject | undefined} */
  #object;
  /** @type {number | undefined} */
  #instanceId;

  /**
   * @param {ObjectName} name
   * @param {DurableObjectState} ctx
   * @param {Env} env
   */
  constructor(name, ctx, env) {
    this.#name = name;
    this.#ctx = ctx;
    this.#env = env;
  }

  /** To be asked for within a call. */
  current() {
    if (!this.#object || this.#instanceId !== state.instanceId) {
      this.#object = this.#make();
      this.#instanceId = state.instanceId;
    }
    return this.#object;
  }

  #make() {
    try {
      return new exports[this.#name](this.#ctx, this.#env);
    } catch (error) {
      state.criticalError = true; // whatever it is: an object that cannot be made answers nothing
      throw error;
    }
  }
}
