// How the page says things: words, colours, marks and cards that somebody who never saw it reads rightly.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Locator } from "playwright-core";
import { PHONE } from "./chromium.ts";
import { fixture, onFixture, visit } from "./on_fixture.ts";

onFixture(() => {
  fixture.rulebook.reset();
  fixture.state.usualDays = 7;
});

const colour = (of: Locator): Promise<string> => of.evaluate((element) => getComputedStyle(element).color);

test("what a verdict of none is called on the page stands beside its filter", async () => {
  const { page, close } = await visit("fires?verdict=none");
  await page.getByLabel("Verdict").getByRole("option", { name: "none (passed)" }).waitFor({ state: "attached" });
  assert.equal(await page.getByLabel("Verdict").inputValue(), "none");
  await close();
});

test("a mode that is not set is said to be the rule's, not the route's", async () => {
  const { page, close } = await visit("rules");
  await page.getByRole("button", { name: /the rule's default$/ }).first().waitFor();
  await close();
});

test("an expression is wrapped in the switch", async () => {
  const { page, close } = await visit("rules?rule=botnet-sig&route=hub", { viewport: PHONE });
  const expression = page.getByRole("dialog").getByLabel("Expression");
  await expression.waitFor();
  assert.ok(await expression.evaluate((element) => element.scrollWidth <= element.clientWidth));
  await close();
});

test("marks have numbers that lead from the plots to what happened", async () => {
  const { page, close } = await visit("timeline");
  const events = page.getByRole("region", { name: "Events" }).getByRole("listitem");
  await events.first().waitFor();
  const numbers = (await events.locator("b").allTextContents()).map(Number);
  assert.deepEqual(numbers, numbers.map((_, at) => numbers.length - at), "newest first, as they are counted on the plots");
  await close();
});

test("that a clause holds is no fault", async () => {
  const { page, close } = await visit("fires?open=01M850MDRGD6ZQ9TZR58000002");
  const held = page.locator(".truth-true").first();
  await held.waitFor();
  const ink = await colour(page.locator("main"));
  assert.equal(await colour(held), ink);
  await close();
});

test("on a phone each rule is a card, and its routes are below it", async () => {
  const { page, close } = await visit("rules", { viewport: PHONE });
  const rules = page.getByRole("region", { name: "Modes of rules on routes" });
  await rules.getByText("hub", { exact: true }).first().waitFor();
  assert.ok(await rules.evaluate((element) => element.scrollWidth <= element.clientWidth), "nothing scrolls sideways");
  await close();
});

test("a filter that hardly any record can match is told", async () => {
  const { page, close } = await visit("fires?family=dokcer");
  await page.getByText('Filter family: no list of clients has "dokcer" (did you mean `docker`?)').waitFor();
  await page.getByText("No record matches").waitFor();
  await close();
});

test("numbers have what is usual at this hour beside them, or how much of it is known", async () => {
  const { page, close } = await visit("");
  const figure = (name: string) => page.getByRole("listitem").filter({ hasText: name });
  await figure("blob requests").getByText("usually 36,000").waitFor();
  await figure("acted on by a rule").getByText("usually 2 %").waitFor();
  await figure("acted on by upstream rules").getByText("usually 540").waitFor();
  await page.goto(`${fixture.url}rules`);
  await page.getByRole("columnheader", { name: /hub/ }).getByText(/requests\/h, usually 36 k/).waitFor();
  await page.getByText(", usually 60").waitFor();
  fixture.state.usualDays = 2;
  for (const path of ["", "rules"]) {
    await page.goto(fixture.url + path);
    await page.getByText("still learning what is usual (2 of 3 days)").waitFor();
    assert.equal(await page.getByText(/usually/).count(), 0);
  }
  await close();
});

test("what upstream rules did is drawn in the colour of what is not ours", async () => {
  const { page, close } = await visit("timeline");
  const plot = page.getByRole("region", { name: "Acted on by upstream rules, by their own events" }).or(page.locator(".plot", { hasText: "Acted on by upstream rules, by their own events" }));
  await plot.first().waitFor();
  await plot.first().getByText("only logged by upstream rules").waitFor();
  await page.goto(`${fixture.url}timeline?by=os`);
  await page.getByText("Acted on by upstream rules, by their own events").first().waitFor();
  await close();
});

test("an address that names no window is said to, and nothing else is shown in its place", async () => {
  const { page, faults, close } = await visit("timeline?since=garbage");
  await page.getByRole("alert").getByText("since=garbage is no time: expected an RFC 3339 time").waitFor();
  assert.equal(await page.locator(".plots").count(), 0);
  await page.goto(`${fixture.url}cohorts?since=-1h&until=yesterday`);
  await page.getByRole("alert").getByText("until=yesterday is no time").waitFor();
  await page.getByRole("button", { name: "1 h", exact: true }).click();
  await page.getByRole("alert").waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
  await close();
});
