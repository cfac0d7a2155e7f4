import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, noHost } from "../address.js";
import { request } from "./sample.js";

/**
 * As the runtime makes it: the header and the address say the same.
 * @param {string | null} host
 */
function asked(host, target = "/v2/") {
  const headers = host === null ? {} : { host };
  const made = request("http://registry.example/v2/", { headers }, undefined);
  Object.defineProperty(made, "url", { value: `http://${host ?? "registry.example"}${target}` });
  return addressOf(made);
}

test("a host is taken as it is", () => {
  for (const host of ["registry.example", "REGISTRY.example.", "registry.example:8787", "192.0.2.7", "[2001:db8::7]:80", null]) {
    assert.equal(asked(host)?.pathname, "/v2/", String(host));
  }
});

test("what is more than a host is refused", () => {
  for (const host of [
    "",
    "h/_blobwatch/healthz?",
    "h/_blobwatch/api/v1/settings#",
    "h/",
    "h?",
    "h#",
    "a@h",
    "a:b@h",
    "h\\_blobwatch",
    "h h",
    "h\th",
    "h, h",
    "h%2f_blobwatch",
    "h%3f",
    "h:80:80",
    "h:x",
    "[::1",
  ]) {
    assert.equal(asked(host), undefined, host);
  }
});

test("a target is not taken for a host", () => {
  const made = request("http://registry.example/", {}, undefined);
  Object.defineProperty(made, "url", { value: "http:///x/_blobwatch/healthz" });
  assert.equal(addressOf(made), undefined);
});

test("the answer says what is wrong", async () => {
  const answer = noHost();
  assert.deepEqual([answer.status, answer.headers.get("proxy-status")], [400, "blobwatch;error=http_request_error"]);
  assert.match(await answer.text(), /Host/);
});

test("whatever a proxy says of the scheme, there is an address", () => {
  const is = (/** @type {string} */ scheme, /** @type {string} */ expected) => {
    const made = Object.defineProperty(request("http://registry.example/v2/a"), "url", { value: `${scheme}://registry.example/v2/a?b=:///c` });
    assert.equal(addressOf(made)?.href, `${expected}://registry.example/v2/a?b=:///c`, scheme);
  };
  is("https", "https");
  is("http", "http");
  is("https, http", "https");
  is("HTTPS,http", "https");
  is("http, https", "http");
  is("", "http");
  is("a b", "http");
  is("javascript", "http");
  is("ftp", "http");
});

test("a scheme that is an address leads to no other host", () => {
  const asked = (/** @type {string} */ scheme, host = "registry.example") => {
    const made = request("http://registry.example/v2/a", { headers: { host } }, undefined);
    return addressOf(Object.defineProperty(made, "url", { value: `${scheme}://${host}/v2/a?b=https://c.example/` }));
  };
  for (const scheme of ["https://other.example/_blobwatch/x?", "https://other.example/#", "http://a@registry.example.evil/", "x://other.example/"]) {
    assert.equal(asked(scheme), undefined, scheme);
  }
  assert.equal(asked("https")?.hostname, "registry.example");
  assert.equal(asked("https", "REGISTRY.example:8443")?.host, "registry.example:8443");
  assert.equal(asked("x", "REGISTRY.example")?.hostname, "registry.example");
});
