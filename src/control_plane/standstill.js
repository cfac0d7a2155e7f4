// A clock that was set back, as an object of workerd sees it: no alarm rings until the machine's time has caught up. What waits for an
// alarm is then done with the calls that come: each call of an object has all objects look whether theirs is due. An object's own
// `Date.now()` stands still meanwhile; SQLite reads the machine's clock itself.

import { isAhead, now, tick } from "../data_plane/clock.js";

/** Between two rounds. */
const RING_EVERY_MS = 250;

/** FireLogs of one process: as many as an isolate calls. */
const MAX_FIRE_LOGS = 64;

/** @type {Set<string>} */
const fireLogs = new Set();

let rounds = 0;
let rungAt = 0;

const NAME = /^https:\/\/[^/]+\/([^/]+)\//;

const BELL = "https://bell/";

/** What one object's alarm may take of a round. */
const TIMEOUT_MS = 10_000;

/**
 * Whether a call comes from `ringAll`.
 * @param {Request} request
 */
export const isBell = ({ url }) => url === BELL;

/**
 * A FireLog's name is in the address of each call.
 * @param {string} url
 */
export function remember(url) {
  const name = NAME.exec(url)?.[1];
  if (name && fireLogs.size < MAX_FIRE_LOGS) fireLogs.add(name);
}

/**
 * Has every object that is known look whether its alarm is due, also where nobody calls again.
 * @param {Env} env
 */
export async function ringAll(env) {
  const round = rounds;
  if (now() - rungAt < RING_EVERY_MS) {
    await scheduler.wait(RING_EVERY_MS);
    if (rounds !== round) return; // another call rang meanwhile
  }
  rounds += 1;
  rungAt = now();
  const { RULE_BOOK, DETECTOR, PREVIEWS, FIRE_LOG } = env;
  /** @type {[DurableObjectNamespace, string][]} */
  const objects = [[RULE_BOOK, "rulebook"], [DETECTOR, "detector"], [PREVIEWS, "previews"]];
  for (const name of fireLogs) objects.push([FIRE_LOG, name]);
  await Promise.allSettled(objects.map(([namespace, name]) => namespace.get(namespace.idFromName(name)).fetch(BELL, { signal: AbortSignal.timeout(TIMEOUT_MS) })));
}

export class Standstill {
  #storage;
  #isCloudflare;

  /**
   * @param {DurableObjectStorage} storage
   * @param {Env} env
   */
  constructor(storage, env) {
    this.#storage = storage;
    this.#isCloudflare = env.PLATFORM === "cloudflare"; // whose clocks are not ours to judge
  }

  /** Takes in the machine's time; whether alarms have to be looked after. */
  isNoticed() {
    if (this.#isCloudflare) return false;
    try {
      tick(Number(this.#storage.sql.exec("SELECT unixepoch('subsec') * 1000 AS now").one()["now"]));
    } catch {
      // Without it nothing is noticed.
    }
    return isAhead();
  }

  /** Whether the alarm would have rung by now, which it then does no more. */
  async takeOverdue() {
    const at = await this.#storage.getAlarm();
    if (at === null || at > now()) return false;
    await this.#storage.deleteAlarm();
    return true;
  }
}
