import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf, textsOf } from "../../src/rulebook/route_fields.ts";
import { settingsOf, settingsTexts } from "../../src/rulebook/settings_fields.ts";
import { isSame } from "../../src/rulebook/types.ts";

test("a route that nobody changed is the same, with what the page does not know", () => {
  for (const route of [
    { repository: "**", redirects: "pass", observe: 0, disclose: "operators" },
    { repository: "library/**", host: "a.example", blobs: ["oci", "/layers/{hex}"], origin: "https://a.example", detour: "http://b.example:80", redirects: "follow", cache: "off", keep: 0.125, observe: 0.07, disclose: "never", later: { field: 1 }, anomaly_breadth: { clients: 3, networks: 1 } },
    { repository: "**", redirects: "pass", observe: 1e-4, disclose: "always" },
  ]) {
    assert.deepEqual(routeOf(textsOf(route), route), route);
  }
});

test("what is emptied is the default again", () => {
  const route = { repository: "a", host: "a.example", blobs: ["oci"], origin: "https://a.example", detour: "https://b.example", redirects: "follow", observe: 0.5, disclose: "never" };
  const emptied = { ...textsOf(route), host: " ", repository: "", blobs: "\n", origin: "", detour: "", observe: "" };
  assert.deepEqual(routeOf(emptied, route), { repository: "**", redirects: "follow", observe: 0, disclose: "never" });
  const narrow = { ...route, anomaly_breadth: { clients: 3, networks: 1 } };
  assert.ok(!("anomaly_breadth" in routeOf({ ...textsOf(narrow), clients: " ", networks: "" }, narrow)));
  assert.deepEqual(routeOf({ ...textsOf(route), networks: "2" }, route).anomaly_breadth, { networks: 2 });
});

test("settings that nobody changed are the same, with what the page does not know", () => {
  for (const settings of [
    { fire_logs: {}, retry_after_s: 30, retention_hours: 168, retention_bytes: 5_000_000_000 },
    { fire_logs: { IAD: 4, FRA: { least: 2, most: 16 }, "*": { least: 1, most: 8 } }, retry_after_s: 5, retention_hours: 24, retention_bytes: 1_000_000, anomaly_breadth: { clients: 1, networks: 5 }, later: true, keep_addresses: "network", address_hours: 24, archive: "s3://bucket/prefix", max_records_per_s: 2_000 },
  ]) {
    assert.ok(isSame(settingsOf(settingsTexts(settings), settings), settings));
  }
  const base = { fire_logs: {}, retry_after_s: 30, retention_hours: 168, retention_bytes: 5_000_000_000, anomaly_breadth: { clients: 3, networks: 3 } };
  const usual = settingsOf({ ...settingsTexts(base), clients: "10", networks: "5", fire_logs: "iad:4; fra=2" }, base);
  assert.deepEqual([usual["anomaly_breadth"], usual["fire_logs"]], [undefined, { IAD: 4, FRA: 2 }]);
  const both = settingsOf({ ...settingsTexts(base), fire_logs: "fra=2-16" }, base);
  assert.deepEqual(both["fire_logs"], { FRA: { least: 2, most: 16 } });
});

test("fields in another order are the same, other values are not", () => {
  assert.ok(isSame({ a: 1, b: { c: [1, 2], d: null } }, { b: { d: null, c: [1, 2] }, a: 1 }));
  assert.ok(!isSame({ a: [1, 2] }, { a: [2, 1] }));
  assert.ok(!isSame(null, {}));
});
