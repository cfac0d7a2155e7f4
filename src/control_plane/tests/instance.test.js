// The control plane's instance after a trap, with a module of the test's in place of Rust's.

import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";

// What wasm-bindgen writes, as far as it is called: an object of an instance that is gone refuses, as its own do.
const BUILD = `
  const state = { criticalError: false, instanceId: 0 };
  let instance = 0;
  export const made = [];
  export function initSync() { instance += 1; state.instanceId += 1; }
  export function __wbg_reset_state() { initSync(); }
  export function time_is() {}
  export const __worker_init_state = () => state;
  export const fetch = async (request) => request === "trap" ? trap() : new Response(String(instance));
  const trap = () => { throw new WebAssembly.RuntimeError("unreachable"); };
  export class FireLog {
    constructor(ctx, env) {
      if (env.refuses?.shift()) throw new Error("broken");
      this.instance = instance;
      made.push(ctx);
    }
    async fetch(request) {
      if (this.instance !== instance) throw new Error("stale");
      return request === "trap" ? trap() : instance;
    }
    async alarm() { return this.fetch(); }
  }
  export { FireLog as RuleBook, FireLog as Detector, FireLog as Previews };
`;

registerHooks({
  resolve(specifier, context, next) {
    const isBuilt = specifier.includes("/build/");
    return isBuilt ? { url: `built:${specifier}`, shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith("built:")) return next(url, context);
    return { format: "module", source: url.endsWith(".wasm") ? "export default null" : BUILD, shortCircuit: true };
  },
});

// Of the runtime, where it is global.
const listeners = [];
globalThis.addEventListener = (_, listener) => listeners.push(listener);
console.warn = () => {};

const { control } = await import("../control.js");
const { FireLog, RuleBook } = await import("../objects.js");
const { made } = await import("../../build/index.js");

/** Number of the instance that answers a call of the API. */
const instanceNow = async () => Number(await (await control("request", {}, {}, {})).text());

test("every answer is of the type that it says", async () => {
  const { headers } = await control("request", {}, {}, {});
  assert.equal(headers.get("x-content-type-options"), "nosniff");
});

test("an object is made when it is first called, once", async () => {
  const before = made.length;
  const log = new FireLog("log", {});
  assert.equal(made.length, before);
  await Promise.all([log.fetch(""), log.fetch(""), log.alarm()]);
  assert.equal(made.length, before + 1);
});

test("the call after a trap meets a new instance", async () => {
  const before = await instanceNow();
  await assert.rejects(control("trap", {}, {}), WebAssembly.RuntimeError);
  assert.equal(await instanceNow(), before + 1);
  assert.equal(await instanceNow(), before + 1);
});

test("a trap in one object leaves the others usable, on the new instance", async () => {
  const [log, book] = [new FireLog("log", {}), new RuleBook("book", {})];
  const before = await book.fetch("");
  await assert.rejects(log.fetch("trap"), WebAssembly.RuntimeError);
  assert.equal(await book.fetch(""), before + 1);
  assert.equal(await log.fetch(""), before + 1);
});

test("a trap that nobody awaits is heard of", async () => {
  const before = await instanceNow();
  for (const listener of listeners) listener({ error: new WebAssembly.RuntimeError("unreachable") });
  assert.equal(await instanceNow(), before + 1);
  for (const listener of listeners) listener({ error: new Error("of somebody else") });
  assert.equal(await instanceNow(), before + 1);
});

test("an object that cannot be made is tried on a new instance", async () => {
  const log = new FireLog("log", { refuses: [true] });
  const before = await instanceNow();
  await assert.rejects(log.fetch(""), /broken/);
  assert.equal(await log.fetch(""), before + 1);
});

test("an error that Rust answers with leaves the instance as it is", async () => {
  const before = await instanceNow();
  const { call } = await import("../instance.js");
  await assert.rejects(call(() => Promise.reject(new Error("refused"))), /refused/);
  assert.equal(await instanceNow(), before);
});
