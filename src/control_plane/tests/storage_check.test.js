import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { checkStorage, isStorageCheck } from "../storage_check.js";

const DATABASE = new Request("https://storage-check/database");
const ALARM = new Request("https://storage-check/alarm");

/**
 * A storage that notes what is done, and may fail.
 * @param {Partial<Record<keyof DurableObjectStorage, (...given: unknown[]) => unknown>>} own
 */
function storageWith(own) {
  /** @type {string[]} */
  const done = [];
  const names = /** @type {const} */ (["put", "delete", "sync", "getAlarm", "setAlarm", "deleteAlarm"]);
  const note = (/** @type {(typeof names)[number]} */ name) => async (/** @type {unknown[]} */ ...given) => {
    done.push(name === "setAlarm" ? `${name} ${given[0]}` : name);
    return own[name]?.(...given);
  };
  const storage = Object.fromEntries(names.map((name) => [name, note(name)]));
  return { done, storage: /** @type {DurableObjectStorage} */ (/** @type {unknown} */ (storage)) };
}

const fails = () => Promise.reject(new Error("database or disk is full: SQLITE_FULL"));

test("what asks whether an object can store is known by its address", () => {
  const urls = [DATABASE.url, ALARM.url, "https://storage-check/", "https://fire-log/fl1-IAD-0/flush", "https://bell/"];
  assert.deepEqual(urls.map((url) => isStorageCheck(new Request(url))), [true, true, false, false, false]);
});

test("the answer comes when all is written, and nothing is left", async () => {
  const { done, storage } = storageWith({});
  assert.equal((await checkStorage(DATABASE, storage)).status, 204);
  assert.deepEqual(done, ["put", "sync", "delete", "sync"]);
  await assert.rejects(checkStorage(DATABASE, storageWith({ sync: fails }).storage), /SQLITE_FULL/);
});

test("the alarm stays where it was, but for a millisecond", async () => {
  const { done, storage } = storageWith({ getAlarm: () => 5_000 });
  assert.equal((await checkStorage(ALARM, storage)).status, 204);
  assert.deepEqual(done, ["getAlarm", "setAlarm 4999", "sync"]);
  await assert.rejects(checkStorage(ALARM, storageWith({ getAlarm: () => 5_000, sync: fails }).storage));
});

test("where no alarm was set none is left", async () => {
  mock.timers.enable({ apis: ["Date"], now: 1_000 });
  const { done, storage } = storageWith({ getAlarm: () => null });
  await checkStorage(ALARM, storage);
  assert.deepEqual(done, ["getAlarm", "setAlarm 3600999", "sync", "deleteAlarm"]);
});
