// From values, ids and names to what has them, on made-up answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KNOWN } from "../fixture/data.ts";
import { axe } from "./look.ts";
import { fixture, visit } from "./on_fixture.ts";
import { asOperator } from "./writing.ts";

asOperator();

test("a value leads to the requests that have it, beside the filters that are there", async () => {
  const { page, close } = await visit("fires?family=docker&all=yes&open=01M850MDRGD6ZQ9TZR58000002");
  await page.getByRole("dialog").getByRole("link", { name: /^2168b2053f3f9380/ }).click();
  await page.waitForURL(/client=2168b2053f3f9380/);
  const query = new URL(page.url()).searchParams;
  assert.deepEqual([query.get("family"), query.get("all"), query.get("open")], ["docker", "yes", null]);
  await page.goto(`${fixture.url}cohorts`);
  await page.locator(".heat td a").first().click();
  await page.waitForURL(/fires\?.*all=yes.*(colo=.*os=|os=.*colo=)/);
  await close();
});

test("a value is excluded, and taken out again", async () => {
  const { page, faults, close } = await visit("fires?family=docker&all=yes&open=01M850MDRGD6ZQ9TZR58000002");
  await page.getByRole("dialog").getByRole("link", { name: "Exclude 2168b2053f3f9380" }).click();
  await page.waitForURL(/client%21=2168b2053f3f9380/);
  const asked = await page.waitForRequest((request) => request.url().includes("/requests?") && request.url().includes("client%21=2168b2053f3f9380"));
  assert.ok(asked.url().includes("family=docker"));
  assert.deepEqual(await axe(page), []);
  assert.match((await page.getByRole("link", { name: "Make a rule of these filters" }).getAttribute("href")) ?? "", /not\+client\.key/);
  await page.getByRole("button", { name: "Do not exclude 2168b2053f3f9380" }).click();
  await page.getByRole("list", { name: "Excluded" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
  await close();
});

test("a Blobwatch-Id opens its request from every view", async () => {
  for (const path of ["", "audit", "fires?since=-15m&family=docker"]) {
    const { page, faults, close } = await visit(path);
    const box = page.getByRole("search").getByRole("textbox");
    await box.fill("what is this");
    await box.press("Enter");
    await page.getByText("Expected a Blobwatch-Id, a CF-Ray").waitFor();
    assert.deepEqual(await axe(page), [], path);
    await box.fill("quote 01M850PVFCHPH3JAR69G00000Q");
    await box.press("Enter");
    await page.getByRole("dialog", { name: "Request 01M850PVFCHPH3JAR69G00000Q" }).getByText("Rules that fired").waitFor();
    assert.deepEqual(faults, []);
    await close();
  }
});

test("a ray, an anomaly, a rule and a digest are found whatever the window, and what is not found says where it was looked for", async () => {
  const { page, faults, close } = await visit("fires?since=-15m");
  const search = async (text: string) => {
    const box = page.getByRole("search").getByRole("textbox");
    await box.fill(text);
    await box.press("Enter");
  };
  const [ray = "", digest = "", upstream = ""] = KNOWN;
  await search("CF-Ray: 0000c4d1e8b2a3f4-FRA");
  await page.getByText("No request has the CF-Ray 0000c4d1e8b2a3f4 in all that the FireLogs keep.").waitFor();
  assert.deepEqual(await axe(page), []);
  await search(`${ray}-FRA`);
  await page.waitForURL(/fires\?open=01M8/);
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await search(digest);
  await page.waitForURL((url) => url.searchParams.get("digest") === digest && url.searchParams.get("since") === "-90d");
  await search("an-000012");
  await page.waitForURL(/anomalies\/an-000012$/);
  await search("old-docker");
  await page.waitForURL(/rule\/old-docker$/);
  await search(upstream);
  await page.waitForURL((url) => url.searchParams.get("rule") === upstream);
  await search("no-such-rule");
  await page.getByText("No rule is called no-such-rule").waitFor();
  // The browser's own line about each call that was answered with 404.
  assert.deepEqual(faults.filter((fault) => !fault.includes("404")), []);
  await close();
});
