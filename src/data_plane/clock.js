// The time of this isolate and its objects. Where the machine's clock is set back, time goes on from where it was: what waits for a
// time would wait until the clock has caught up. `Date.now()` tells neither: a request that begins reads the machine's clock, what
// began before reads the time at which the clock was set back.

/** Less is the pace of requests: each reads the clock by itself. */
export const SET_BACK_MS = 2000;

/** No request and no call for so long: either nobody asked, or the clock was set forward again. */
const LEAP_MS = 60_000;

/** The share of the time that passes by which our lead shrinks: an hour is gone after ten hours. */
const PAID_BACK = 0.1;

/** What the machine's clock said last. */
let machine = 0;

/** By how much our time is ahead of the machine's. */
let lead = 0;

/** Whether the clock was set back while this process ran. */
let wasSetBack = false;

let latest = 0;

/**
 * Takes in what the machine's clock says.
 * @param {number} said in milliseconds since 1970
 */
export function tick(said) {
  const passed = said - machine;
  if (passed < -SET_BACK_MS) {
    lead -= passed;
    wasSetBack = true;
  } else if (passed > 0) lead = Math.max(0, lead - (passed > LEAP_MS ? passed : passed * PAID_BACK));
  else return;
  machine = said;
  latest = Math.max(latest, Math.floor(said + lead));
  if (lead === 0) wasSetBack = false;
}

/**
 * A process that starts with its clock set back goes on from the time at which the one before it was.
 * @param {number} time of that process
 * @param {number} said by the machine's clock
 */
export function goOnFrom(time, said) {
  tick(said);
  if (time <= now()) return;
  lead = time - machine;
  latest = time;
}

/** Whether our time is ahead of the machine's; it moves with the requests and calls that come then. */
export const isAhead = () => lead > 0;

/** By how much. */
export const aheadBy = () => lead;

/** Whether the platform's timers and alarms ring only when the machine's clock has caught up: those of a process that began behind do ring. */
export const isStandstill = () => isAhead() && wasSetBack;

/** In milliseconds since 1970; never less than before. */
export function now() {
  if (!isAhead()) latest = Math.max(latest, Date.now());
  return latest;
}
