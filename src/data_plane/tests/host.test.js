import assert from "node:assert/strict";
import { test } from "node:test";

import { misdirected, planeOf } from "../host.js";

/**
 * @param {string} address
 * @param {string | null} [own]
 */
const plane = (address, own) => {
  const env = /** @type {Env} */ (/** @type {unknown} */ ({ BLOBWATCH_HOST: own }));
  return planeOf(new URL(address), env);
};

test("without a host of its own the control plane is below its path on every host", () => {
  for (const own of [undefined, null, ""]) {
    assert.equal(plane("https://registry.example/_blobwatch/", own), "control");
    assert.equal(plane("https://registry.example/_blobwatch", own), "control");
    assert.equal(plane("https://registry.example/_blobwatchx", own), "data");
    assert.equal(plane("https://registry.example/v2/", own), "data");
  }
});

test("with a host of its own it is there and nowhere else, and nothing else is there", () => {
  const own = "blobwatch.example";
  /** @type {[string, string][]} */
  const cases = [
    ["https://blobwatch.example/_blobwatch/api/v1/rules", "control"],
    ["https://BLOBWATCH.example./_blobwatch", "control"],
    ["http://blobwatch.example:8443/_blobwatch/healthz", "control"],
    ["https://blobwatch.example/", "misdirected"],
    ["https://blobwatch.example/v2/a/blobs/sha256:00", "misdirected"],
    ["https://blobwatch.example/_Blobwatch/", "misdirected"],
    ["https://registry.example/_blobwatch/session", "data"],
    ["https://registry.example/v2/", "data"],
    ["https://blobwatch.example.evil.example/_blobwatch/", "data"],
    ["https://xblobwatch.example/_blobwatch/", "data"],
  ];
  for (const [address, expected] of cases) {
    assert.equal(plane(address, own), expected, address);
  }
});

test("a port counts where the variable has one", () => {
  assert.equal(plane("http://127.0.0.1:8787/_blobwatch/", "127.0.0.1:8787"), "control");
  assert.equal(plane("http://127.0.0.1:8788/_blobwatch/", "127.0.0.1:8787"), "data");
  assert.equal(plane("https://blobwatch.example/_blobwatch/", "Blobwatch.Example:443"), "control");
  assert.equal(plane("http://[::1]:8787/_blobwatch/", "[::1]:8787"), "control");
});

test("a variable that names no host opens nothing", () => {
  for (const own of ["https://blobwatch.example", "blobwatch.example/", "*", " "]) {
    assert.equal(plane("https://blobwatch.example/_blobwatch/", own), "data", own);
  }
});

test("a pull at the control plane's host is told where it is", async () => {
  const answer = misdirected();
  assert.equal(answer.status, 421);
  assert.match(await answer.text(), /"UNSUPPORTED"/);
});
