// What an isolate knows of its own faults. `healthz` says it: the faults are an operator's to mend, and none of them fails a pull
// that could be served.

import { SET_BACK_MS, aheadBy } from "./clock.js";
import { log } from "./log.js";

/** A fault that was not met again for this long is no longer said. */
const SAID_FOR_MS = 300_000;

/** One sentence each; a deployment has few routes that are wrong at a time. */
const MAX_FAULTS = 16;

export class Health {
  /** When each fault was met last. @type {Map<string, number>} */
  #faults = new Map();
  #latest = 0;

  /**
   * Notes a fault, and logs it where it is new.
   * @param {string} fault
   * @param {Record<string, unknown>} [fields] of its line
   */
  note(fault, fields) {
    const met = this.#faults.get(fault);
    if (met === undefined || Date.now() - met >= SAID_FOR_MS) log("error", fault, fields);
    this.#faults.delete(fault); // the one that was met last is the last in order
    this.#faults.set(fault, Date.now());
    for (const [oldest] of this.#faults) {
      if (this.#faults.size <= MAX_FAULTS) break;
      this.#faults.delete(oldest);
    }
  }

  /** A request begins: what its clock says is the machine's time. */
  seen() {
    this.#latest = Math.max(this.#latest, Date.now());
  }

  /** Faults that were met lately. */
  reasons() {
    const now = Date.now();
    const behind = Math.max(this.#latest - now, aheadBy()); // of this process, and of the one before
    const clock = behind < SET_BACK_MS ? [] : [`the clock was set back: it is ${Math.round(behind / 1000)} s behind what it said before`];
    return [...clock, ...this.#met(now)];
  }

  /** @param {number} now */
  #met(now) {
    return Array.from(this.#faults).filter(([, met]) => now - met < SAID_FOR_MS).map(([fault]) => fault);
  }
}
