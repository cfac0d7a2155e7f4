import assert from "node:assert/strict";
import { test } from "node:test";

import { pass } from "../loop.js";
import { deployment, planned, request } from "./sample.js";

const BLOB = "https://registry.example/v2/demo/hello/blobs/sha256:00";
const env = { ...deployment(async () => new Response()), BLOBWATCH_CLIENT_SECRET: "secret" };

/**
 * `CDN-Loop` for the origin of a request that carries this one.
 * @param {string} [before]
 * @param {string} [address]
 * @param {string} [origin]
 */
async function passed(before, address = BLOB, origin = "http://127.0.0.1:5000") {
  /** @type {Record<string, string>} */
  const headers = before === undefined ? {} : { "cdn-loop": before };
  return pass(request(address, { headers }), new URL(address), planned({ origin }), env);
}

const member = (await passed()) ?? "";

test("a member is a token with a parameter, and tells nothing of the deployment", () => {
  assert.match(member, /^blobwatch-[0-9a-f]{16};way=[0-9a-f]{8}$/);
});

test("members of others stay, and ours is appended", async () => {
  assert.equal(await passed("cloudflare; loops=1, \"a,b\";c"), `cloudflare; loops=1, "a,b";c, ${member}`);
  const another = "blobwatch-0000000000000000;way=00000000";
  assert.equal(await passed(another), `${another}, ${member}`, "another deployment's");
});

test("a request that was sent this way before comes back", async () => {
  for (const seen of [member, `a, ${member}`, `${member},b`, `a , ${member.replace(";", " ; ")} , b`]) {
    assert.equal(await passed(seen), undefined, seen);
  }
});

test("another origin or path is another way, but not for ever", async () => {
  const [origin, path] = [await passed(member, BLOB, "http://127.0.0.1:5001"), await passed(member, `${BLOB}1`)];
  assert.ok(origin?.startsWith(`${member}, blobwatch-`) && path?.startsWith(`${member}, blobwatch-`));
  assert.equal(await passed(member, `${BLOB}?other=query`), undefined);
  let passes = await passed();
  let times = 0;
  while (passes !== undefined) passes = await passed(passes, `${BLOB}${(times += 1)}`);
  assert.equal(times, 4);
});
