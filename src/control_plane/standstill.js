// A clock that was set back, as an object of workerd sees it: no alarm rings until the machine's time has caught up. What waits for an
// alarm is then done with the calls that come: each call of an object has all objects look whether theirs is due. An object's own
// `Date.now()` stands still meanwhile; SQLite reads the machine's clock itself. In a process that started behind what is stored timers
// do ring, and objects look again without a call.

import { MAX_FIRE_LOGS } from "../data_plane/bounds.js";
import { goOnFrom, isAhead, isStandstill, now, tick } from "../data_plane/clock.js";

/** Between two rounds. */
const RING_EVERY_MS = 250;

/** Between two rounds where nobody calls. */
const RING_AGAIN_MS = 1000;

/** A turn that did not come for so long does not come: the object that waited for it is gone. */
const TURN_LOST_MS = 5000;

/** FireLogs write down so often what the time is: a process that starts goes on from there. */
const NOTED_EVERY_MS = 10_000;

/** A clock that is further behind what was written was wrong before, and is believed now: no time zone is further from another. */
const MAX_SET_BACK_MS = 26 * 3_600_000;

const NOTED = "time";

/** Of this process: as many as an isolate calls. @type {Set<string>} */
const fireLogs = new Set();

let rounds = 0;
let rungAt = 0;

/** Of those that wait for the next round where nobody calls: the newest goes on. */
let turns = 0;
let waitingSince = 0;

const NAME = /^https:\/\/[^/]+\/([^/]+)\//;

const RECORDS = /^https:\/\/fire-log\/[^/]+\/(flush|upstream)$/;

const BELL = "https://bell/";

/** What one object's alarm may take of a round. */
const TIMEOUT_MS = 10_000;

/**
 * Whether a call comes from `ringAll`.
 * @param {Request} request
 */
export const isBell = ({ url }) => url === BELL;

/**
 * Whether a call brings records.
 * @param {Request} request
 */
export const bringsRecords = ({ url }) => RECORDS.test(url);

/**
 * A FireLog's name is in the address of each call.
 * @param {string} url
 */
export function remember(url) {
  const name = NAME.exec(url)?.[1];
  if (name && fireLogs.size < MAX_FIRE_LOGS) fireLogs.add(name);
}

/**
 * Has every object that is known look whether its alarm is due: now, and as long as time is ahead also where nobody calls again.
 * @param {Env} env
 */
export async function keepRinging(env) {
  await ringAll(env);
  if (isStandstill() || now() - waitingSince < TURN_LOST_MS) return;
  const turn = (turns += 1);
  const isNewest = () => turn === turns;
  while (isAhead() && isNewest()) {
    waitingSince = now();
    await scheduler.wait(RING_AGAIN_MS);
    await ringAll(env);
  }
}

/** @param {Env} env */
async function ringAll(env) {
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
  /** @type {number | undefined} what was written last; undefined before the first call */
  #noted;

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
      const said = Number(this.#storage.sql.exec("SELECT unixepoch('subsec') * 1000 AS now").one()["now"]);
      if (this.#noted === undefined) this.#goOn(said);
      tick(said);
    } catch {
      // Without it nothing is noticed.
    }
    return isAhead();
  }

  /**
   * What is stored has times of the process before: what waits for one would wait until the clock has caught up.
   * @param {number} said by the machine's clock
   */
  #goOn(said) {
    this.#noted = 0;
    this.#noted = Number(this.#storage.kv.get(NOTED) ?? 0);
    if (this.#noted - said <= MAX_SET_BACK_MS) goOnFrom(this.#noted, said);
  }

  /** With a call that writes anyway: where nothing can be written, what reads goes on. */
  note() {
    const noted = this.#noted ?? 0;
    if (this.#isCloudflare || (noted <= now() && now() - noted < NOTED_EVERY_MS)) return;
    this.#noted = now();
    try {
      this.#storage.kv.put(NOTED, this.#noted);
    } catch {
      // The call itself says that nothing can be written.
    }
  }

  /** Whether the alarm would have rung by now, which it then does no more. */
  async takeOverdue() {
    const at = await this.#storage.getAlarm();
    if (at === null || at > now()) return false;
    await this.#storage.deleteAlarm();
    return true;
  }
}
