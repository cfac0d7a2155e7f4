import assert from "node:assert/strict";
import { test } from "node:test";
import type { Preview } from "../../src/api/types.ts";
import { type Candidate, isOutdated, PreviewRunner, type PreviewState } from "../../src/rulebook/preview_runner.ts";

/** Previews that are done after so many looks; waiting takes no time, but others get their turn. */
function runner(looks: number) {
  const log: string[] = [];
  const running = new Map<string, number>();
  const states: PreviewState[] = [];
  let most = 0;
  const calls = {
    begin: async ({ expression }: Candidate) => {
      log.push(`begin ${expression}`);
      running.set(expression, looks);
      most = Math.max(most, running.size);
      return { id: expression, status: "running" } as Preview;
    },
    look: async (id: string) => {
      const left = (running.get(id) ?? 0) - 1;
      if (left > 0) running.set(id, left);
      else running.delete(id);
      return { id, status: left > 0 ? "running" : "done" } as Preview;
    },
    cancel: async (id: string) => {
      log.push(`cancel ${id}`);
      running.delete(id);
    },
    wait: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  return { runner: new PreviewRunner(calls, (state) => states.push(state)), calls, log, states, most: () => most, running };
}

const candidate = (expression: string): Candidate => ({ expression, action: "tag", volume: null, route: "default" });

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("only what stands there in the end is previewed", async () => {
  const { runner: one, log, states } = runner(2);
  for (const text of ["s", "ss", "ssl"]) one.want(candidate(text));
  await one.settled();
  assert.deepEqual(log, ["begin ssl"]);
  assert.deepEqual([states.at(-1)?.item?.id, states.at(-1)?.of?.expression, states.at(-1)?.isRunning], ["ssl", "ssl", false]);
});

test("a preview that is no longer wanted is cancelled before the next begins", async () => {
  const { runner: one, log, most, states } = runner(1_000);
  one.want(candidate("a"));
  await turns(6);
  one.want(candidate("b"));
  await turns(12);
  one.want(null);
  await one.settled();
  assert.deepEqual(log, ["begin a", "cancel a", "begin b", "cancel b"]);
  assert.equal(most(), 1);
  assert.equal(states.at(-1)?.isRunning, false);
});

test("however somebody types, one runs at a time and none is left", async () => {
  for (let seed = 1; seed < 40; seed += 1) {
    const { runner: one, most, running, states } = runner(seed % 5);
    for (let key = 0; key < 20; key += 1) {
      one.want((seed * key) % 7 === 3 ? null : candidate(`${key}`));
      await turns((seed * key) % 4);
    }
    one.want(candidate("end"));
    await one.settled();
    assert.ok(most() <= 1);
    assert.equal(running.size, 0);
    assert.equal(states.at(-1)?.item?.id, "end");
  }
});

test("a refusal is shown, and the next preview goes on", async () => {
  const { runner: one, calls, states } = runner(1);
  const begin = calls.begin;
  calls.begin = () => Promise.reject(new Error("8 previews are waiting"));
  one.want(candidate("a"));
  await one.settled();
  assert.equal(states.at(-1)?.problem?.detail, "8 previews are waiting");
  calls.begin = begin;
  one.want(candidate("b"));
  await one.settled();
  assert.deepEqual([states.at(-1)?.problem, states.at(-1)?.item?.id], [null, "b"]);
});

test("a preview of another action, volume or route is out of date", () => {
  const of = candidate("ssl");
  const state: PreviewState = { item: {} as Preview, of, isRunning: false, problem: null };
  assert.equal(isOutdated(state, candidate("ssl")), false);
  const volume = { by: "client" as const, requests: 600, seconds: 60 };
  for (const other of [null, candidate("not ssl"), { ...of, action: "block" as const }, { ...of, volume }, { ...of, route: "hub" }]) {
    assert.equal(isOutdated(state, other), true, JSON.stringify(other));
  }
  assert.equal(isOutdated({ ...state, item: null, of: null }, of), false, "nothing is shown");
});
