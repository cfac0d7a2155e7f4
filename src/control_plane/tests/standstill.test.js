import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { isAhead, isStandstill, now, tick } from "../../data_plane/clock.js";
import { Standstill, bringsRecords, isBell, keepRinging, remember } from "../standstill.js";

let start = 1_593_975_600_000;
let machine = start;
/** @type {number | null} */
let alarm = null;
/** @type {number[]} what was written, the newest last */
let written = [];

const storage = /** @type {DurableObjectStorage} */ (
  /** @type {unknown} */ ({
    getAlarm: async () => alarm,
    deleteAlarm: async () => void (alarm = null),
    sql: { exec: () => ({ one: () => ({ now: machine }) }) },
    kv: { get: () => written.at(-1), put: (/** @type {string} */ _, /** @type {number} */ time) => void written.push(time) },
  })
);

const env = /** @type {Env} */ ({});

// A process has one clock: each test begins days after the one before, when nothing is ahead.
beforeEach(() => {
  start += 10 * 86_400_000;
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: start });
  machine = start;
  tick(start);
  alarm = null;
  written = [];
});

test("while the clock runs an alarm is the platform's", () => {
  const standstill = new Standstill(storage, env);
  for (const behind of [1_999, 1, 0, -1, -60_000]) {
    machine = start + 60_000 - behind;
    assert.equal(standstill.isNoticed(), false, `${behind}`);
  }
});

test("where the clock was set back time goes on, and an alarm is due once", async () => {
  const standstill = new Standstill(storage, env);
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true);
  assert.equal(now(), start);
  assert.equal(await standstill.takeOverdue(), false, "there is none");
  alarm = start + 9_000;
  machine += 9_999; // of which a tenth is paid back
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), false);
  machine += 1;
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), true);
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), false);
});

test("a process that starts goes on from where the one before it was", async () => {
  written = [start + 3_600_000];
  alarm = start + 3_600_000 + 500;
  const standstill = new Standstill(storage, env);
  assert.equal(standstill.isNoticed(), true);
  assert.equal(now(), start + 3_600_000);
  assert.equal(new Standstill(storage, env).isNoticed(), true, "the next object of it");
  assert.equal(now(), start + 3_600_000);
  machine += 600;
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), true, "what was set an hour ahead is due");
});

test("a clock that was wrong by days is believed once it is right", () => {
  written = [start + 27 * 3_600_000];
  const standstill = new Standstill(storage, env);
  assert.equal(standstill.isNoticed(), false);
  standstill.note();
  assert.deepEqual(written.slice(1), [start], "and so it is by the process after");
});

test("what the time is is written once in a while", () => {
  const standstill = new Standstill(storage, env);
  for (let second = 0; second <= 20; second += 1) {
    machine = start + second * 1_000;
    mock.timers.setTime(machine);
    assert.equal(standstill.isNoticed(), false);
    standstill.note();
  }
  new Standstill(storage, { ...env, PLATFORM: "cloudflare" }).note();
  assert.deepEqual(written, [0, 10, 20].map((second) => start + second * 1_000));
});

test("a clock that is set forward again is believed at once", () => {
  const standstill = new Standstill(storage, env);
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true);
  machine = start + 5_000;
  assert.equal(standstill.isNoticed(), false);
  mock.timers.setTime(machine);
  assert.equal(now(), machine);
});

test("time never goes back, whatever the clock does, and the lead ends", () => {
  let before = now();
  for (const passed of [-3_600_000, 1, 999, -60_000, 1_000, 86_400_000, -1_999, -5_000, 10_000, 3_000_000, -10_000_000]) {
    machine += passed;
    tick(machine);
    assert.ok(now() >= before, `${passed}`);
    before = now();
  }
  assert.equal(isAhead(), true);
  for (let minutes = 0; minutes < 2_000; minutes += 1) tick((machine += 60_000));
  assert.equal(isAhead(), false);
});

test("a call that brings records is known by its address", () => {
  const urls = ["https://fire-log/fl1-IAD-0/flush", "https://fire-log/fl1-IAD-0/upstream", "https://fire-log/fl1-IAD-0/losses", "https://detector/cells", "https://bell/"];
  assert.deepEqual(urls.map((url) => bringsRecords(new Request(url))), [true, true, false, false, false]);
});

test("a storage that cannot be written or read costs nothing but the note", () => {
  const refuse = () => {
    throw new Error("database or disk is full");
  };
  const full = /** @type {DurableObjectStorage} */ (/** @type {unknown} */ ({ ...storage, kv: { get: refuse, put: refuse } }));
  const standstill = new Standstill(full, env);
  standstill.isNoticed();
  standstill.note();
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true, "the clock is looked at all the same");
});

test("a storage without SQL notices nothing, nor does Cloudflare, whose clocks are not ours", () => {
  assert.equal(new Standstill(/** @type {DurableObjectStorage} */ ({}), env).isNoticed(), false);
  machine -= 3_600_000;
  assert.equal(new Standstill(storage, { ...env, PLATFORM: "cloudflare" }).isNoticed(), false);
});

/**
 * The bindings of all objects.
 * @param {(object: string, url: string) => void} called
 */
function allObjects(called) {
  const namespace = (/** @type {string} */ binding) => ({
    idFromName: (/** @type {string} */ name) => `${binding} ${name}`,
    get: (/** @type {string} */ id) => ({ fetch: async (/** @type {string} */ url) => called(id, url) }),
  });
  const bindings = ["RULE_BOOK", "DETECTOR", "PREVIEWS", "FIRE_LOG"].map((binding) => [binding, namespace(binding)]);
  return /** @type {Env} */ (/** @type {unknown} */ (Object.fromEntries(bindings)));
}

/** @param {(ms: number) => void} wait */
const timers = (wait) => void Object.assign(globalThis, { scheduler: { wait: async (/** @type {number} */ ms) => wait(ms) } });

test("a round comes to every object, and again after a moment", async () => {
  /** @type {string[]} */
  const rung = [];
  const all = allObjects((object, url) => {
    assert.equal(isBell(new Request(url)), true);
    rung.push(object);
    if (object.startsWith("DETECTOR")) throw new Error("broken");
  });
  for (const url of ["https://fire-log/fl1-IAD-0/flush", "https://fire-log/fl1-IAD-0/losses", "https://fire-log/fl1-FRA-0/flush", ""]) remember(url);
  await keepRinging(all);
  const names = ["RULE_BOOK rulebook", "DETECTOR detector", "PREVIEWS previews", "FIRE_LOG fl1-IAD-0", "FIRE_LOG fl1-FRA-0"];
  assert.deepEqual(rung, names);
  /** @type {number[]} */
  const waits = [];
  timers((ms) => waits.push(ms));
  await Promise.all([keepRinging(all), keepRinging(all), keepRinging(all)]);
  assert.deepEqual([rung.length, waits], [10, [250, 250, 250]], "one of them, a moment later");
  mock.timers.tick(250);
  await keepRinging(all);
  assert.deepEqual([rung.length, waits.length], [15, 3]);
});

test("in a process that started behind, objects look again although nobody calls, until the clock is right", async () => {
  written = [start + 3_600_000];
  const standstill = new Standstill(storage, env);
  assert.equal(standstill.isNoticed(), true);
  assert.equal(isStandstill(), false, "its timers ring");
  let rounds = 0;
  const all = allObjects((object) => {
    rounds += Number(object === "RULE_BOOK rulebook");
    standstill.isNoticed(); // as every object that is called
  });
  timers((ms) => {
    assert.ok(rounds < 100, "it does not end");
    machine += rounds === 20 ? 3_600_000 : ms;
    mock.timers.setTime(machine);
  });
  await Promise.all([keepRinging(all), keepRinging(all)]);
  assert.equal(isAhead(), false);
  assert.ok(rounds >= 20, `${rounds}`);
});

test("where the clock was set back while everything ran nobody waits for a timer that does not ring", async () => {
  const standstill = new Standstill(storage, env);
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true);
  assert.equal(isStandstill(), true);
  timers(() => assert.fail("it waits"));
  await keepRinging(allObjects(() => {}));
});
