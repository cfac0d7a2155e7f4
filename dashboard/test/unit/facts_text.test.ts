import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf } from "../../src/facts_text.ts";

test("facts are read as they are typed", () => {
  for (const [text, facts] of [
    ["", {}],
    ["ip.src.country = US", { "ip.src.country": "US" }],
    ["ip.src.asnum: 16509\nssl=true\n\n# nothing\ncf.colo.name IAD # a data centre", { "ip.src.asnum": 16509, ssl: true, "cf.colo.name": "IAD" }],
    ["ip.src = 2001:db8::7", { "ip.src": "2001:db8::7" }],
    ['client.key = "00c0ffee00c0ffee"', { "client.key": "00c0ffee00c0ffee" }],
    ["ip.src.country = null", { "ip.src.country": null }],
    ["range.start = -007", { "range.start": -7 }],
    ["ip.src.country", { "ip.src.country": "" }],
  ] as [string, Record<string, unknown>][]) {
    assert.deepEqual(factsOf(text), facts, text);
  }
});
