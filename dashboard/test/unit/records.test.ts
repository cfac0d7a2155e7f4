import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestRecord } from "../../src/api/types.ts";
import { PAGE, Records } from "../../src/records.ts";

const never = new AbortController().signal;

/** An API that holds records by number, newest last; a page of them at a time. */
function server(): { ids: number[] } {
  const held = { ids: [] as number[] };
  const record = (id: number) => ({ id: String(id), time: new Date(id * 1000).toISOString() }) as RequestRecord;
  globalThis.fetch = (async (address: string) => {
    const query = new URL(address, "http://x").searchParams;
    const since = Date.parse(query.get("since") ?? "") || 0;
    const found = held.ids.filter((id) => id * 1000 >= since).sort((a, b) => b - a);
    const from = Number(query.get("cursor") ?? 0);
    const limit = Number(query.get("limit"));
    const items = found.slice(from, from + limit).map(record);
    return new Response(JSON.stringify({ items, next_cursor: from + limit < found.length ? String(from + limit) : null }));
  }) as typeof fetch;
  return held;
}

test("every record is there once, whatever comes when", async () => {
  const held = server();
  held.ids = Array.from({ length: PAGE + 500 }, (_, at) => at + 100);
  const records = new Records({ path: "fires", query: { since: "-1h" } });
  await records.older(never);
  assert.equal(records.items.length, PAGE);
  held.ids.push(1_700, 1_701);
  assert.equal(await records.newer(never), 2);
  assert.equal(await records.newer(never), 0);
  await records.older(never);
  assert.ok(records.isEnd);
  const ids = records.items.map((record) => Number(record.id));
  assert.equal(new Set(ids).size, PAGE + 502);
  assert.deepEqual(ids, [...ids].sort((a, b) => b - a));
});

test("a record that arrives late is put where its time is", async () => {
  const held = server();
  held.ids = [100, 110];
  const records = new Records({ path: "fires", query: {} });
  await records.older(never);
  held.ids.push(105);
  assert.equal(await records.newer(never), 1);
  assert.deepEqual(records.items.map((record) => record.id), ["110", "105", "100"]);
});
