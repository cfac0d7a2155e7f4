import assert from "node:assert/strict";
import { test } from "node:test";
import { apiAddress, queryText, visible } from "../../src/api/client.ts";

test("marks of direction are written out", () => {
  const json = JSON.stringify({ repository: "a\u202eb\u2066", "\u200f": 1, plain: "é 日本 \\u202e" });
  assert.deepEqual(JSON.parse(visible(json)), { repository: "a\\u202eb\\u2066", "\\u200f": 1, plain: "é 日本 \\u202e" });
});

test("empty parts of a query are left out, lists repeat", () => {
  assert.equal(queryText({ a: "", b: undefined, c: null, d: 0, e: ["1", "2"] }), "?d=0&e=1&e=2");
  assert.equal(queryText({}), "");
  assert.equal(apiAddress("fires", { repository: "a/b&c" }), "/_blobwatch/api/v1/fires?repository=a%2Fb%26c");
});
