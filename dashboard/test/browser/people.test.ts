// Who may do what, on made-up answers: viewers, analysts, operators of a route, tokens, a second person, people without an account.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { HOSTILE } from "../fixture/data.ts";
import { open } from "./chromium.ts";
import { axe } from "./look.ts";
import { fixture, visit } from "./on_fixture.ts";
import { browser } from "./one_browser.ts";
import { asOperator, confirm, editor, sent } from "./writing.ts";

asOperator();

test("a viewer reads a rule and writes nothing", async () => {
  fixture.state.role = "viewer";
  const { page, faults, close } = await visit("rule/botnet-sig");
  await page.getByText("You are a viewer").waitFor();
  await page.getByText("Changed since version 2").waitFor();
  assert.equal(await page.getByRole("button", { name: /Save|Retire|Write version|draft/ }).count(), 0);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(fixture.calls, []);
  assert.deepEqual(faults, []);
  await close();
});

test("an analyst writes a rule, sees whom it would hit, and leaves publishing to somebody else", async () => {
  fixture.state.role = "analyst";
  const { page, faults, close } = await visit("rules");
  await page.getByRole("link", { name: "New rule" }).click();
  await editor(page).click();
  await page.keyboard.insertText('client.family eq "curl"');
  await page.getByText("would deny 100 % of docker on amzn2").waitFor();
  await page.getByLabel("Name").fill("curls");
  await page.getByText("You are an analyst: you can write a rule").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save…" }).count(), 0);
  // Enter in a field is no way around it.
  await page.getByLabel("Name").press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.getByRole("link", { name: "draft", exact: true }).click();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/curls").waitFor();
  await page.getByText("You are an analyst: an operator of every route can publish this").waitFor();
  assert.equal(await page.getByRole("button", { name: "Publish as one revision" }).count(), 0);
  assert.deepEqual(await axe(page), []);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the rulebook" }).click()]);
  assert.equal(file.suggestedFilename(), `rulebook-${fixture.rulebook.book.revision}.json`);
  const wanted = JSON.parse(await readFile(await file.path(), "utf8")) as { rules: { id: string }[] };
  assert.ok(wanted.rules.some(({ id }) => id === "curls"));
  await page.reload();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/curls").waitFor();
  const changes = fixture.calls.filter(({ method, path }) => !(method === "POST" && /^(previews|rules\/check)/.test(path)) && !path.startsWith("previews/") && path !== "rulebook");
  assert.deepEqual(changes, []);
  assert.ok(!fixture.rulebook.book.rules.some(({ id }) => id === "curls"));
  assert.deepEqual(faults, []);
  await close();
});

test("a token is made, shown once, given an end and revoked", async () => {
  fixture.state.role = "admin";
  const { page, faults, close } = await visit("settings");
  const list = page.getByRole("region", { name: "Tokens" });
  await list.getByText("operator of hub").waitFor();
  await page.getByRole("button", { name: "New token…" }).click();
  await page.getByLabel("Name, for the audit log").fill("bob");
  await page.getByLabel("Role").selectOption("operator");
  await page.getByRole("checkbox", { name: "default" }).check();
  assert.deepEqual(await axe(page), []);
  await confirm(page, "on call", "Make the token");
  await page.getByLabel("Token", { exact: true }).getByText("0123abcd".repeat(8)).waitFor();
  const [made] = sent("POST", "tokens");
  assert.ok(made);
  const { expires, ...body } = made.body as { expires: string };
  assert.deepEqual(body, { name: "bob", role: "operator", routes: ["default"], reason: "on call" });
  assert.ok(Date.parse(expires) > Date.now());
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Change… bob" }).click();
  await page.getByLabel("Expires").selectOption("never");
  await confirm(page, "stays", "Set the end");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(sent("PUT", "tokens/bob")[0]?.body, { expires: null, reason: "stays" });
  await page.getByRole("button", { name: "Change… bob" }).click();
  await confirm(page, "left", "Revoke it now");
  await list.getByText("bob").first().waitFor({ state: "detached" });
  assert.equal(await page.getByText("0123abcd").count(), 0, "the token is shown once");
  assert.deepEqual(faults, []);
  await close();
});

test("an enforcement waits for a second person, who approves it", async () => {
  fixture.state.role = "admin";
  const { page, faults, close } = await visit("settings");
  await page.getByRole("button", { name: "Change… when a second person is needed" }).click();
  await page.getByRole("checkbox", { name: /Another person approves/ }).check();
  await page.getByLabel("More than this percentage of them").fill("2.5");
  await confirm(page, "four eyes", "Save");
  await page.getByText("more than 2.5 % of the clients that pull cleanly").waitFor();
  assert.deepEqual(sent("PUT", "second-person")[0]?.body, { above: 2.5 });
  const item = { id: "pm-1", rule: "botnet-sig", route: "hub", actor: "ada", reason: HOSTILE, expires: "2099-01-01T00:00:00.000Z", sentence: "ada wants to enforce it" };
  fixture.state.pending = [item, { ...item, id: "pm-2", route: "default", actor: "olga" }];
  await page.goto(`${fixture.url}rules`);
  const waiting = page.getByRole("region", { name: "Waits for a second person" });
  await waiting.getByText("ada wants to enforce it").first().waitFor();
  assert.deepEqual(await axe(page), []);
  assert.equal(await waiting.getByRole("button", { name: /^Approve/ }).count(), 1, "not one's own");
  await waiting.getByRole("button", { name: "Approve… botnet-sig on hub" }).click();
  await confirm(page, "seen", "Enforce it");
  await waiting.waitFor({ state: "detached" });
  assert.deepEqual(sent("POST", "rules/botnet-sig/modes/hub/approve")[0]?.body, { id: "pm-1", reason: "seen" });
  assert.deepEqual(faults, []);
  await close();
});

test("an operator of a route is offered that route", async () => {
  fixture.state.routes = ["default"];
  const { page, faults, close } = await visit("rules");
  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  const offered = page.getByLabel("Where").getByRole("option");
  await offered.first().waitFor({ state: "attached" });
  assert.deepEqual(await offered.allInnerTexts(), ["on default"]);
  await page.goto(`${fixture.url}settings`);
  await page.getByText("You are an operator of default").waitFor();
  assert.equal(await page.getByRole("button", { name: "New token…" }).count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test("an operator of a route who is faster than the list of routes stops what acts on theirs", async () => {
  fixture.state.routes = ["default"];
  const { page, faults, close } = await open(browser);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/_blobwatch/api/v1/routes*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${fixture.url}rules`);
  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  const stop = page.getByRole("button", { name: "Put everything to monitor" });
  await stop.waitFor();
  assert.ok(await stop.isDisabled(), "not before it is known where");
  release();
  await confirm(page, "they hang", "Put everything to monitor");
  await page.getByText("No longer acting").or(page.getByText("Nothing was enforced")).waitFor();
  assert.deepEqual(sent("POST", "panic-off")[0]?.body, { reason: "they hang", route: "default" });
  assert.deepEqual(faults, []);
  await close();
});

test("a link to the report is made, copied once and revoked", async () => {
  const { page, faults, close } = await visit("anomalies/an-000012");
  const share = page.getByRole("region", { name: "Share" });
  await share.getByText("No link opens this anomaly.").waitFor();
  await share.getByLabel("Works for").selectOption("1 day");
  await share.getByLabel("Reason, for the audit log").fill("for the CDN");
  await share.getByRole("button", { name: "Make a link" }).click();
  const link = await share.getByRole("textbox", { name: "Link" }).inputValue();
  assert.equal(link, new URL(`/_blobwatch/shared/${"5f".repeat(32)}`, fixture.url).href);
  assert.deepEqual(fixture.calls.at(-1), { method: "POST", path: "anomalies/an-000012/shares", body: { until: "+1d" }, csrf: "csrf" });
  const list = share.getByRole("list", { name: "Links that work" });
  await list.getByText("Made by olga").waitFor();
  assert.deepEqual(await axe(page), []);
  await list.getByRole("button", { name: "Revoke" }).click();
  await share.getByText("No link opens this anomaly.").waitFor();
  assert.deepEqual(faults, []);
  await close();
});
