import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { readFacts } from "../facts.js";
import { request, sample, stopClock } from "./sample.js";

/** Every fact has a value of its own. */
const cf = {
  httpProtocol: "HTTP/2",
  clientIp: "192.0.2.7",
  ray: "ray",
  colo: "IAD",
  country: "US",
  continent: "NA",
  asn: 64_496,
  tlsVersion: "TLSv1.3",
  tlsCipher: "cipher",
  tlsClientCiphersSha1: "ciphers-sha1",
  tlsClientExtensionsSha1: "extensions-sha1",
  tlsClientExtensionsSha1Le: "extensions-sha1-le",
  tlsClientHelloLength: "508",
  clientAcceptEncoding: "gzip",
  botManagement: { ja4: "ja4", ja3Hash: "ja3", score: 30, verifiedBot: false },
  city: "Seattle",
  isEUCountry: "1",
  clientTcp: "4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df:0",
  clientTcpRtt: 12,
  edgeL4: { deliveryRate: 1_250_000 },
};
const URL_OF_BLOB = "https://registry.example/v2/demo/hello/blobs/sha256%3A00?ns=docker.io";
const [ADDRESS, RAY, ACCEPT_ENCODING, RTT] = [7, 8, 19, 22];

/**
 * @param {string} platform
 * @param {Cf | undefined} facts
 * @param {Record<string, string>} headers
 */
function read(platform, facts, headers) {
  const asked = request(URL_OF_BLOB, { headers }, facts);
  const env = /** @type {Env} */ ({ PLATFORM: platform });
  return readFacts(asked, new URL(asked.url), env);
}

beforeEach(stopClock);

test("every fact is on its line", () => {
  const headers = { "user-agent": "docker/19.03.6-ce", range: "bytes=5-", "accept-encoding": "br" };
  assert.equal(read("cloudflare", cf, headers), sample("facts"));
});

test("headers of the edge are believed on Cloudflare only", () => {
  const headers = { "cf-connecting-ip": "203.0.113.99", "cf-ray": "forged", "accept-encoding": "zstd" };
  const onCloudflare = read("cloudflare", { clientAcceptEncoding: "br" }, headers).split("\n");
  assert.deepEqual([onCloudflare[ADDRESS], onCloudflare[RAY], onCloudflare[ACCEPT_ENCODING]], ["203.0.113.99", "forged", "br"]);
  for (const platform of ["workerd", ""]) {
    const elsewhere = read(platform, { clientAcceptEncoding: "br" }, headers).split("\n");
    assert.deepEqual([elsewhere[ADDRESS], elsewhere[RAY], elsewhere[ACCEPT_ENCODING]], ["", "", "zstd"], platform);
  }
});

test("the platform's own word goes before a header", () => {
  const facts = read("cloudflare", { clientIp: "192.0.2.7", ray: "ray" }, { "cf-connecting-ip": "203.0.113.99", "cf-ray": "forged" });
  assert.deepEqual(facts.split("\n").slice(ADDRESS, RAY + 1), ["192.0.2.7", "ray"]);
});

test("what is kept for a host of Cloudflare for SaaS is one text of JSON", () => {
  const told = (/** @type {unknown} */ hostMetadata) => read("cloudflare", { hostMetadata }, {}).split("\n").at(-1);
  assert.equal(told({ tier: "gold", note: "a\nb\u001f" }), 'cf.hostname.metadata\u001f{"tier":"gold","note":"a\\nb\\u001f"}\u001f');
  assert.equal(told(undefined), "");
});

test("what is not known is an empty line", () => {
  const known = ["1593975600000", "GET", "https", "registry.example", "/v2/demo/hello/blobs/sha256%3A00", "ns=docker.io"];
  assert.deepEqual(read("workerd", undefined, {}).split("\n"), [...known, ...Array.from({ length: 20 }, () => "")]);
});

test("nginx's names of HTTP's versions are the field's", () => {
  const is = (/** @type {string} */ said, /** @type {string} */ expected) =>
    assert.equal(read("workerd", { httpProtocol: said }, {}).split("\n")[6], expected);
  is("HTTP/2.0", "HTTP/2");
  is("HTTP/3.0", "HTTP/3");
  is("HTTP/1.0", "HTTP/1.0");
  is("HTTP/1.1", "HTTP/1.1");
  is("HTTP/2", "HTTP/2");
});

test("a round trip is that of the transport which the client used", () => {
  const is = (/** @type {Cf} */ said, /** @type {string} */ expected) => assert.equal(read("cloudflare", said, {}).split("\n")[RTT], expected);
  is({ clientTcpRtt: 12 }, "12");
  is({ clientQuicRtt: 7 }, "7");
  is({ clientTcpRtt: 0, clientQuicRtt: 7 }, "7");
  is({ clientTcpRtt: 12, clientQuicRtt: 0 }, "12");
  is({}, "");
});

test("who says that TLS was ended says that the scheme is https", () => {
  const asked = request("http://registry.example/v2/", {}, { tlsVersion: "TLSv1.2" });
  const env = /** @type {Env} */ ({ PLATFORM: "workerd" });
  assert.equal(readFacts(asked, new URL(asked.url), env).split("\n")[2], "https");
  assert.equal(readFacts(request("http://registry.example/v2/"), new URL(asked.url), env).split("\n")[2], "http");
});

test("whatever a front proxy says, a fact has one line and the others theirs", () => {
  const known = read("workerd", undefined, { "user-agent": "docker" });
  const odd = [null, 5, "text", [], true, { colo: null }, { colo: {} }, { colo: ["IAD"] }, { clientIp: "192.0.2.7\n192.0.2.8" },
    { country: "US\r\nUS" }, { asn: {} }, { asn: true }, { tlsVersion: {} }, { botManagement: null }, { botManagement: 5 }, { botManagement: { ja4: [] } },
    { edgeL4: null }, { edgeL4: 5 }, { edgeL4: { deliveryRate: {} } }, { clientTcpRtt: [] }, { clientTcpRtt: "1\n2" }, { clientTcp: {} }, { clientTcp: "4:64\n0" }];
  for (const cf of odd) {
    assert.equal(read("workerd", /** @type {Cf} */ (cf), { "user-agent": "docker" }), known, JSON.stringify(cf));
  }
  const malformed = Object.defineProperty(request(URL_OF_BLOB, { headers: { "user-agent": "docker" } }), "cf", { get: () => JSON.parse("not json") });
  assert.equal(readFacts(malformed, new URL(URL_OF_BLOB), /** @type {Env} */ ({ PLATFORM: "workerd" })), known);
});
