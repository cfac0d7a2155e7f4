import assert from "node:assert/strict";
import { test } from "node:test";

import { absentPlan, readPlan } from "../plan.js";
import { planned, sample } from "./sample.js";

const watched = planned({ origin: "https://origin.example", generation: 3 });

test("a request that is not watched has an origin", () => {
  const passed = readPlan(sample("plan_pass"), false, 3);
  assert.deepEqual(passed, { ...watched, watched: false, id: "" });
});

test("a watched request goes on as its route says", () => {
  const going = readPlan(sample("plan_go"), true, 3);
  assert.deepEqual(going, { ...watched, follow: true, fired: "sweep;v=1", observe: true, cache: "immutable", head: true });
});

test("a refusal has an answer of its own", () => {
  const refused = readPlan(sample("plan_refuse"), false, 3);
  const refusal = { status: 429, proxyStatus: "blobwatch;error=http_request_denied", retryAfter: "60", body: "first line\nsecond line" };
  assert.deepEqual(refused, { ...watched, refusal });
});

test("without a decision the request goes on as if Blobwatch were absent", () => {
  assert.deepEqual(absentPlan("https://origin.example", true), { ...watched, watched: false, route: "", id: "", head: true, generation: 0 });
});
