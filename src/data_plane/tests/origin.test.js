import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { forward, loopFault, originFault } from "../origin.js";
import { deployment, planned, request } from "./sample.js";

const CLIENT = "https://registry.example/v2/demo/hello/blobs/sha256:00?ns=docker.io";
const ORIGIN = "https://origin.example:5000";
const PASSES = "a, blobwatch-0000000000000000;way=00000000";

/**
 * What the origin is asked.
 * @param {ClientRequest} asked
 * @param {Parameters<typeof planned>[0]} plan
 */
async function forwarded(asked, plan) {
  let seen = { url: "", headers: {}, redirect: "" };
  mock.method(globalThis, "fetch", async (/** @type {string | Request} */ target, /** @type {RequestInit} */ init) => {
    const { url, headers } = typeof target === "string" ? new Request(target, init) : target;
    seen = { url, headers: Object.fromEntries(headers), redirect: init.redirect ?? "" };
    return new Response();
  });
  await forward(asked, new URL(asked.url), planned(plan), PASSES);
  return seen;
}

afterEach(() => mock.restoreAll());

test("path and query go to the route's origin as they came", async () => {
  const { url } = await forwarded(request(CLIENT), { origin: ORIGIN });
  assert.equal(url, "https://origin.example:5000/v2/demo/hello/blobs/sha256:00?ns=docker.io");
  assert.equal((await forwarded(request(CLIENT), { origin: "" })).url, CLIENT);
});

test("a query is forwarded as it came, also an empty one", async () => {
  const path = "/v2/demo/hello/blobs/sha256:00";
  for (const watched of [true, false]) {
    for (const query of ["", "?", "??", "?a", "?a=", "?a=b?", "?%3f", "?&"]) {
      const { url } = await forwarded(request(`https://registry.example${path}${query}`), { watched, origin: ORIGIN });
      assert.equal(url, `${ORIGIN}${path}${query}`);
    }
  }
  const { url } = await forwarded(request(`https://registry.example${path}#b?`), { origin: ORIGIN });
  assert.equal(url, `${ORIGIN}${path}`);
});

test("the platform's cache is asked for what the route says", async () => {
  /** @type {RequestInit[]} */
  const asked = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ _, /** @type {RequestInit} */ init) => asked.push(init) && new Response());
  for (const cache of ["", "off", "immutable", "of a newer build"]) await forward(request(CLIENT), new URL(CLIENT), planned({ origin: ORIGIN, cache }), PASSES);
  const cf = { cacheEverything: true, cacheTtlByStatus: { "200-206": 31_536_000, "300-599": -1 } };
  assert.deepEqual(asked.map(({ cache, cf }) => ({ cache, cf })), [{}, { cache: "no-store" }, { cf }, {}].map((init) => ({ cache: undefined, cf: undefined, ...init })));
});

test("redirects are the client's unless the route follows them", async () => {
  for (const watched of [true, false]) {
    assert.equal((await forwarded(request(CLIENT), { watched })).redirect, "manual");
  }
  const { plan, asked } = await followed(request(CLIENT), ["https://cdn.example:8443/x?sig=1", "", "y"]);
  assert.deepEqual(asked.map(({ url }) => url), [`${ORIGIN}/v2/demo/hello/blobs/sha256:00?ns=docker.io`, "https://cdn.example:8443/x?sig=1"]);
  assert.equal(plan.followedTo, "https://cdn.example:8443", "without the signature");
});

/**
 * What hosts are asked while redirects are followed, each answering with a redirect to the next of `locations`, or with a body where
 * that is empty.
 * @param {ClientRequest} from
 * @param {string[]} locations
 */
async function followed(from, locations) {
  /** @type {{ url: string, headers: Record<string, string> }[]} */
  const asked = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ url, /** @type {RequestInit} */ init) => {
    const location = locations[asked.length];
    asked.push({ url, headers: Object.fromEntries(new Headers(init.headers)) });
    return location ? new Response("elsewhere", { status: 307, headers: { location } }) : new Response("blob");
  });
  const plan = planned({ follow: true, origin: ORIGIN });
  const answer = await forward(from, new URL(from.url), plan, PASSES);
  return { plan, asked, answer };
}

test("what is meant for one host is sent to no other", async () => {
  const headers = { authorization: "Bearer secret", cookie: "session=secret", range: "bytes=5-" };
  const { asked, answer } = await followed(request(CLIENT, { headers }), ["/storage/x", "https://cdn.example/x", `${ORIGIN}/y`]);
  const names = asked.map(({ headers }) => Object.keys(headers).filter((name) => ["authorization", "cookie", "range"].includes(name)));
  const all = ["authorization", "cookie", "range"];
  assert.deepEqual(names, [all, all, ["range"], ["range"]]);
  assert.equal(await answer.text(), "blob");
});

test("a redirect without end, or to nowhere, is no answer", async () => {
  await assert.rejects(followed(request(CLIENT), Array(30).fill("/again")), /at most 20 redirects/);
  await assert.rejects(followed(request(CLIENT), ["http://"]));
});

test("an operator's token stays here", async () => {
  for (const watched of [true, false]) {
    const asked = request(CLIENT, { headers: { "blobwatch-token": "secret", range: "bytes=5-" } });
    const { headers } = await forwarded(asked, { watched });
    const scheme = watched ? { "x-forwarded-proto": "https" } : {};
    assert.deepEqual(headers, { "cdn-loop": PASSES, range: "bytes=5-", ...scheme });
    assert.equal(asked.headers.get("blobwatch-token"), "secret", "the client's own headers are left alone");
  }
});

test("the name that the client knows goes with what is not watched", async () => {
  const headers = { "x-forwarded-host": "forged.example", "x-forwarded-proto": "forged" };
  const forged = await forwarded(request(CLIENT, { headers }), { watched: false, origin: ORIGIN });
  assert.deepEqual(forged.headers, { "cdn-loop": PASSES, "x-forwarded-host": "registry.example", "x-forwarded-proto": "https" });
  const watched = await forwarded(request(CLIENT.replace("https", "http")), { watched: true, origin: ORIGIN });
  assert.deepEqual(watched.headers, { "cdn-loop": PASSES });
});

test("what is watched says the scheme where the runtime took it away", async () => {
  const watched = await forwarded(request(CLIENT), { watched: true, origin: ORIGIN });
  assert.deepEqual(watched.headers, { "cdn-loop": PASSES, "x-forwarded-proto": "https" });
  const said = await forwarded(request(CLIENT, { headers: { "x-forwarded-proto": "a proxy's" } }), { watched: true, origin: ORIGIN });
  assert.deepEqual(said.headers, { "cdn-loop": PASSES, "x-forwarded-proto": "a proxy's" });
});

test("the scheme is the client's, also behind a proxy that ended TLS", async () => {
  const PLAIN = CLIENT.replace("https", "http");
  /**
   * @param {string} address
   * @param {string} said
   * @param {Cf} [cf]
   */
  async function scheme(address, said, cf) {
    const asked = request(address, { headers: { "x-forwarded-proto": said } }, cf);
    const { headers } = await forwarded(asked, { watched: false, origin: ORIGIN });
    return /** @type {Record<string, string>} */ (headers)["x-forwarded-proto"];
  }
  for (const said of ["https", "HTTPS", "https, http", " https"]) assert.equal(await scheme(PLAIN, said), "https", said);
  for (const said of ["http", "", "ftp", "http, https", "httpsx"]) assert.equal(await scheme(PLAIN, said), "http", said);
  assert.equal(await scheme(CLIENT, "http"), "https");
  assert.equal(await scheme(PLAIN, "http", { tlsVersion: "TLSv1.3" }), "https");
});

test("a request whose `cf` cannot be read goes to the origin all the same", async () => {
  const asked = request(CLIENT, { method: "PUT", headers: { range: "bytes=5-" } });
  const { proxy, revoke } = Proxy.revocable(asked, {
    get: (target, name) => (name === "cf" ? JSON.parse("not json") : Reflect.get(target, name, target)),
  });
  const seen = await forwarded(proxy, { watched: false, origin: ORIGIN });
  revoke();
  assert.deepEqual([seen.url, Object.keys(seen.headers)], [`${ORIGIN}/v2/demo/hello/blobs/sha256:00?ns=docker.io`, ["cdn-loop", "range", "x-forwarded-host", "x-forwarded-proto"]]);
});

test("only Cloudflare has an origin for what names none", () => {
  /**
   * @param {string} origin
   * @param {string} platform
   */
  const fault = (origin, platform) => originFault(planned({ origin }), { ...deployment(async () => new Response()), PLATFORM: platform });
  assert.equal(fault("", "cloudflare"), undefined);
  for (const platform of ["workerd", ""]) {
    const { status, error, message } = fault("", platform) ?? assert.fail();
    assert.deepEqual([status, error], [503, "proxy_configuration_error"]);
    assert.equal(message, "no origin for requests of route demo: ORIGIN is not set, and the route has no origin");
  }
  for (const origin of ["127.0.0.1:5000", "localhost:5000", "http://", "https:///v2", "http:// ", "ftp://a", " "]) {
    assert.equal(fault(origin, "workerd")?.status, 503, origin);
    assert.equal(fault(origin, "cloudflare")?.status, 503, origin);
  }
  for (const origin of ["http://127.0.0.1:5000", "https://origin.example", "HTTP://[::1]:5000"]) {
    assert.equal(fault(origin, "workerd"), undefined, origin);
  }
});

test("a loop names the route and where it leads", () => {
  const [origin, own] = [loopFault(planned({ origin: ORIGIN }), new URL(CLIENT)), loopFault(planned({ route: "" }), new URL(CLIENT))];
  assert.deepEqual([origin.status, origin.error], [508, "proxy_loop_detected"]);
  assert.equal(origin.message, `requests of route demo come back: its origin ${ORIGIN} leads to this Blobwatch`);
  assert.equal(own.message, "requests of a route come back: its origin https://registry.example leads to this Blobwatch");
});
