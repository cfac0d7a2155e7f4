import assert from "node:assert/strict";
import { test } from "node:test";
import { sought } from "../../src/sought.ts";

const ID = "01M850PVFCHPH3JAR69G00000Q";
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

test("an id is found in whatever somebody pastes", () => {
  for (const text of [ID, ` ${ID}\n`, ID.toLowerCase(), `Blobwatch-Id: ${ID}`, `to ask the registry's operator why, quote ${ID}`, `{"id":"${ID}"}`])
    assert.deepEqual(sought(text), { kind: "request", name: ID }, text);
  for (const text of ["", "81M850PVFCHPH3JAR69G00000Q", "01M850PVFCHPH3JAR69G0000IL", `x${ID}`]) assert.notEqual(sought(text)?.kind, "request", text);
});

test("a ray is found with and without its data centre", () => {
  for (const text of ["5ae0c4d1e8b2a3f4-FRA", "CF-Ray: 5ae0c4d1e8b2a3f4-FRA", "5AE0C4D1E8B2A3F4", "Ray ID: 5ae0c4d1e8b2a3f4 •"])
    assert.deepEqual(sought(text), { kind: "ray", name: "5ae0c4d1e8b2a3f4" }, text);
  for (const text of [DIGEST, "5ae0c4d1e8b2a3f", "5ae0c4d1e8b2a3f4ff"]) assert.notEqual(sought(text)?.kind, "ray", text);
});

test("an anomaly, a digest and a rule are told apart", () => {
  const told = (text: string, kind: string | undefined, name?: string) => assert.deepEqual(sought(text), kind === undefined ? null : { kind, name: name ?? text.trim() }, text);
  told("an-000012", "anomaly");
  told("Blobwatch: an-000012 opened: docker on amzn2", "anomaly", "an-000012");
  told(DIGEST, "digest");
  told(`GET /v2/library/alpine/blobs/${DIGEST} HTTP/1.1`, "digest", DIGEST);
  told(" botnet-sig ", "rule");
  told("cloudflare:3b64", "rule");
  told("what is this", undefined);
  told("<script>", undefined);
});
