// A clock that was set back, as an object of workerd sees it: `Date.now()` stands still until the machine's time has caught up, and no
// alarm rings meanwhile. What waits for an alarm is then done with the calls that come. SQLite reads the machine's clock itself.

/** Less is the pace of the two clocks. */
const SET_BACK_MS = 2000;

export class Standstill {
  #storage;
  /** The machine's time when the standstill was noticed, or when an alarm was last taken care of. */
  #since = NaN;

  /** @param {DurableObjectStorage} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  isNoticed() {
    const now = this.#machineTime();
    const isBehind = Date.now() - now > SET_BACK_MS;
    if (!isBehind) this.#since = NaN;
    else if (Number.isNaN(this.#since)) this.#since = now;
    return isBehind;
  }

  /** Whether an alarm would have rung by now; it is the caller's to do what it is for, once. */
  async isOverdue() {
    const at = await this.#storage.getAlarm();
    const passed = this.#machineTime() - this.#since;
    if (at === null || !(at <= Date.now() + passed)) return false;
    this.#since = this.#machineTime();
    return true;
  }

  /** In milliseconds since 1970. */
  #machineTime() {
    try {
      return Number(this.#storage.sql.exec("SELECT unixepoch('subsec') * 1000 AS now").one()["now"]);
    } catch {
      return Infinity; // without it nothing is noticed
    }
  }
}
