// What the types of the document and openapi-fetch make of it: rules are listed, one is written, fires are read, the rule is retired.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "../../dashboard/src/api/schema.ts";

const environment = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);

/** Lists are repeated, and the fields of `excluded` are parameters themselves; the library's own serialiser has no lists in objects. */
function querySerializer(query: Record<string, unknown>): string {
  const pairs = new URLSearchParams();
  const put = (name: string, value: unknown): void => {
    if (Array.isArray(value)) value.forEach((one) => put(name, one));
    else if (typeof value === "object" && value !== null) Object.entries(value).forEach(([inner, one]) => put(inner, one));
    else if (value !== undefined) pairs.append(name, String(value));
  };
  Object.entries(query).forEach(([name, value]) => put(name, value));
  return pairs.toString();
}

const client = createClient<paths>({
  baseUrl: environment("EDGE"),
  querySerializer,
  headers: { Authorization: `Bearer ${environment("OPERATOR")}` },
});

const RULE = "typescript-client";

const ids = async (): Promise<string[]> => {
  const { data, error } = await client.GET("/_blobwatch/api/v1/rules", { params: { query: { limit: 1000 } } });
  assert.equal(error, undefined);
  return data.items.map(({ id }) => id);
};

assert.ok(!(await ids()).includes(RULE));

const body: components["schemas"]["RuleBody"] = { description: "of a client", expression: 'client.family eq "curl"', action: "tag" };
const address = { path: { id: RULE }, query: { reason: "round trip" } };
const put = await client.PUT("/_blobwatch/api/v1/rules/{id}", { params: address, body });
assert.equal(put.response.status, 201);
assert.equal(put.data?.changed, true);
assert.ok((await ids()).includes(RULE));

const fires = await client.GET("/_blobwatch/api/v1/fires", {
  params: { query: { verdict: ["none", "tag"], excluded: { "os!": ["amzn2"] }, since: "-1h", limit: 10 } },
});
assert.equal(fires.error, undefined);
// With `format=ndjson` it would be text.
assert.ok(typeof fires.data === "object");
assert.ok(fires.data.items.every(({ fired }) => fired.length > 0));

const wrong = await client.PUT("/_blobwatch/api/v1/rules/{id}", { params: address, body: { ...body, expression: "no" } });
assert.equal(wrong.response.status, 422);
assert.equal(wrong.error?.errors?.[0]?.place, "body.expression");

const retired = await client.DELETE("/_blobwatch/api/v1/rules/{id}", { params: address });
assert.equal(retired.data?.retired, RULE);
assert.ok(!(await ids()).includes(RULE));
