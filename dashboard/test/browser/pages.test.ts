// Every view in a real browser, on the fixture: how it looks to axe, to a phone, to a keyboard, and to somebody who sends markup.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { Page } from "playwright-core";
import * as data from "../fixture/data.ts";
import { until } from "../hang.ts";
import { DESKTOP, open, PHONE, seen, TABLET } from "./chromium.ts";
import { counted, longLog, onePlot } from "./frames.ts";
import { axe, settled, width } from "./look.ts";
import { fixture, onFixture, visit } from "./on_fixture.ts";
import { browser } from "./one_browser.ts";

const VIEWS: Record<string, string> = {
  now: "",
  timeline: "timeline",
  "timeline by os": "timeline?by=os",
  cohorts: "cohorts?anomaly=an-000012",
  rules: "rules",
  switch: "rules?rule=botnet-sig&route=hub",
  fires: "fires",
  explanation: "fires?open=01M850MDRGD6ZQ9TZR58000002",
  audit: "audit",
  rule: "rule/old-docker",
  lists: "lists",
  list: "list/scrapers",
  revert: "revert/7",
  settings: "settings",
  route: "settings?route=partners",
  anomaly: "anomalies/an-000012",
};

onFixture(() => {
  Object.assign(fixture.state, { role: "operator", routes: null, isSignedIn: true, anomalies: data.anomalies(), shares: [], coverage: data.coverage(), fires: 2_500, failing: 0, previewRounds: 3, hasTraffic: true, points: 0, isNew: false, isHeld: false });
  fixture.calls.length = 0;
  fixture.rulebook.reset();
});

for (const [name, path] of Object.entries(VIEWS)) {
  test(`axe finds nothing in ${name}, in either theme, and no screen scrolls sideways`, async () => {
    for (const [viewport, colorScheme] of [[DESKTOP, "light"], [DESKTOP, "dark"], [TABLET, "light"], [PHONE, "light"], [PHONE, "dark"]] as const) {
      const { page, faults, close } = await visit(path, { viewport, colorScheme });
      assert.deepEqual(await axe(page), [], `${name}, ${colorScheme}, ${viewport.width} px`);
      assert.ok((await width(page)) <= viewport.width, `${name} is wider than ${viewport.width} px`);
      assert.deepEqual(faults, [], name);
      await close();
    }
  });
}

test("what comes from outside is text", async () => {
  for (const [name, path] of Object.entries(VIEWS)) {
    const { page, faults, close } = await visit(path);
    const markup = await page.evaluate(() => document.querySelectorAll("main img, main script, main iframe, [onerror]").length);
    assert.equal(markup, 0, name);
    assert.deepEqual(faults, [], name);
    if (name !== "cohorts") {
      const text = await page.evaluate(() => document.body.textContent ?? "");
      assert.ok(text.includes("<img src=x onerror=alert(1)>"), `${name} shows it`);
      assert.ok(!text.includes("\u202e"), `${name} writes marks of direction out`);
    }
    await close();
  }
});

test("the report is shown as text and can be downloaded", async () => {
  const { page, faults, close } = await visit("anomalies/an-000012");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByLabel("Report", { exact: true }).and(page.locator("pre")).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), "an-000012.md");
  assert.equal(await readFile(await download.path(), "utf8"), data.REPORT);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), data.REPORT);
  assert.deepEqual(faults, []);
  await close();
});

test("nobody sees anything before signing in", async () => {
  fixture.state.isSignedIn = false;
  const { page, faults, close } = await visit("rules");
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("Unknown token.").waitFor();
  await page.getByLabel("Token").fill("token");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Rules and routes" }).waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByLabel("Token").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("it is green only where a fault would be found", async () => {
  fixture.state.anomalies = [];
  for (const [state, text] of [
    ["no_traffic", "No blob request in the last hour, so there is nothing to judge."],
    ["learning", "Still learning what is normal, until 20:38 UTC: until then no fault is found."],
    ["too_few_clients", "Too few clients to judge: 3 clients in 1 network in the last hour, and an anomaly needs at least 10 in 5."],
    ["watching", "Watching about 1,240 clients in 220 networks in the last hour."],
  ] as const) {
    fixture.state.coverage = data.coverage(state, text);
    const { page, faults, close } = await visit("");
    await page.getByText(text).waitFor();
    assert.equal(await page.getByText("The detector sees no fault.").count(), state === "watching" ? 1 : 0, state);
    await page.getByText("What the detector does not see").click();
    await page.getByText("Route edge: still learning, 36 of 100 blob starts").waitFor();
    await page.getByText("A fault that affects fewer than 10 clients in 5 networks").waitFor();
    assert.deepEqual(await axe(page), [], state);
    assert.deepEqual(faults, []);
    await close();
  }
});

test("what was done is said, and its button is gone", async () => {
  fixture.state.anomalies = data.takenBack();
  for (const path of ["", "anomalies/an-000012"]) {
    const { page, faults, close } = await visit(path);
    await page.getByText("resumes fell from 38 % to 4 % in 3 minutes").waitFor();
    await page.getByText(/botnet-sig was taken back at .* by ada/).waitFor();
    assert.equal(await page.getByRole("button", { name: "Put botnet-sig to monitor" }).count(), 0, path);
    assert.deepEqual(await axe(page), [], path);
    assert.deepEqual(faults, []);
    await close();
  }
  const { page, close } = await visit("anomalies/an-000012");
  await page.getByText("botnet-sig on hub: enforce to monitor, by ada").nth(1).waitFor();
  const cohorts = await page.getByRole("link", { name: "Cohorts" }).last().getAttribute("href");
  assert.match(cohorts ?? "", new RegExp(`since=${encodeURIComponent(String((fixture.state.anomalies[0] as { onset: string }).onset))}`));
  await close();
});

test("what people do about an anomaly is said, with who did it", async () => {
  const { page, faults, close } = await visit("anomalies/an-000012");
  const history = page.getByRole("region", { name: "History" });
  const people = page.getByRole("list", { name: "Who looks into it" });
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await people.getByText("Acknowledged by ada").waitFor();
  assert.equal(await page.getByRole("button", { name: "Acknowledge" }).count(), 0);
  await page.getByRole("button", { name: "Assign…" }).click();
  await page.getByLabel("To (empty: to nobody)").fill("grace");
  await page.keyboard.press("Enter");
  await people.getByText("Assigned to grace").waitFor();
  await page.getByRole("button", { name: "Comment…" }).click();
  await page.getByLabel("Comment", { exact: true }).and(page.locator("textarea")).fill("the CDN is asked");
  assert.deepEqual(await axe(page), []);
  await page.getByRole("dialog").getByRole("button", { name: "Comment" }).click();
  await history.getByText("the CDN is asked").waitFor();
  await page.getByRole("button", { name: "Mute…" }).click();
  await page.getByLabel("Until: 2h, or 2020-07-06T08:00:00Z").fill("2h");
  await page.keyboard.press("Enter");
  await people.getByText(/Muted by ada .* until /).waitFor();
  await page.getByRole("button", { name: "Unmute" }).click();
  await page.getByRole("button", { name: "Expected…" }).click();
  await page.getByLabel("Reason (for the history and the audit log)").fill("a roll-out");
  await page.getByRole("button", { name: "Close as expected" }).click();
  await people.getByText("Its level counts as normal.").waitFor();
  await history.getByText("a roll-out").waitFor();
  await page.getByRole("button", { name: "Reopen" }).click();
  await page.getByRole("button", { name: "Expected…" }).waitFor();
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(faults, []);
  await close();
});

test("a viewer reads who looks into an anomaly, and has no buttons for it", async () => {
  fixture.state.anomalies = data.acted(data.anomalies(), "an-000012", "acknowledge", {}, new URLSearchParams()) ?? [];
  fixture.state.role = "viewer";
  const { page, faults, close } = await visit("anomalies/an-000012");
  await page.getByRole("list", { name: "Who looks into it" }).getByText("Acknowledged by ada").waitFor();
  assert.equal(await page.getByRole("button", { name: "Comment…" }).count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test("what is different about a selection is shown with bars", async () => {
  for (const path of ["fires?all=yes&status=503", "timeline?since=-1h"]) {
    for (const viewport of [DESKTOP, PHONE]) {
      const { page, faults, close } = await visit(path, { viewport });
      await page.getByRole("button", { name: "What is different here?" }).click();
      await page.getByText("97 % of the selection, 6 % of the rest").waitFor();
      await page.getByRole("table", { name: "os" }).getByRole("link", { name: /^amzn2/ }).waitFor();
      assert.equal(await page.getByRole("table", { name: "asn" }).count(), 0, "it does not differ");
      assert.equal(await page.getByRole("table", { name: "status" }).count(), path.startsWith("fires") ? 0 : 1, "the selection was made by it");
      assert.deepEqual(await axe(page), [], path);
      assert.ok((await width(page)) <= viewport.width, path);
      assert.deepEqual(faults, []);
      await close();
    }
  }
});

test("from the sentence to monitor in two clicks", async () => {
  const { page, close } = await visit("");
  await page.getByRole("button", { name: "Put botnet-sig to monitor" }).click();
  await page.getByRole("dialog").getByText("enforce 10 %").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("All 7 FireLogs have the change").waitFor();
  const [call] = fixture.calls;
  assert.equal(call?.path, "rules/botnet-sig/modes/hub");
  assert.equal(call?.csrf, "csrf");
  const { mode, reason } = (call?.body ?? {}) as { mode: string; reason: string };
  assert.equal(mode, "monitor");
  assert.match(reason, /^an-000012: docker on amzn2/);
  await close();
});

test("from an alert's link to the switched rule in four actions", async () => {
  fixture.state.isSignedIn = false;
  const { page, close } = await open(browser);
  let actions = 0;
  const act = async (done: Promise<unknown>) => {
    await done;
    actions += 1;
  };
  await act(page.goto(`${fixture.url}anomalies/an-000012`));
  await page.getByLabel("Token").fill("token");
  await act(page.keyboard.press("Enter"));
  await act(page.getByRole("button", { name: "Put botnet-sig to monitor" }).click());
  await page.getByRole("dialog").getByText("enforce 10 %").waitFor();
  await act(page.keyboard.press("Enter"));
  await page.getByText("All 7 FireLogs have the change").waitFor();
  const { mode } = (fixture.calls.find(({ path }) => path === "rules/botnet-sig/modes/hub")?.body ?? {}) as { mode: string };
  assert.deepEqual([mode, actions <= 4], ["monitor", true]);
  await close();
});

test("a preview shows its progress, can be cancelled, and permits to enforce", async () => {
  const { page, close } = await visit("rules?rule=scripted-user-agent&route=default");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^enforce/ }).check();
  const enforce = dialog.getByRole("button", { name: "Enforce: tag" });
  await dialog.getByLabel("Reason, for the audit log").fill("seen enough");
  assert.ok(await enforce.isDisabled(), "not without a preview");
  fixture.state.previewRounds = Infinity;
  await dialog.getByRole("button", { name: "Who would be hit?" }).click();
  await dialog.getByText("requests replayed").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByText("Cancelled").waitFor();
  assert.ok(await enforce.isDisabled(), "not with a preview that was cancelled");
  fixture.state.previewRounds = 1;
  await dialog.getByRole("button", { name: "Preview again" }).click();
  await dialog.getByText("would deny 100 % of docker on amzn2").waitFor();
  assert.deepEqual(await axe(page), []);
  await enforce.click();
  await dialog.getByText("is stored").waitFor();
  const put = fixture.calls.find((call) => call.method === "PUT");
  assert.deepEqual(put?.body, {
    mode: "enforce",
    reason: "seen enough",
    stages: [{ percent: 1, minutes: 10 }, { percent: 10, minutes: 30 }, { percent: 100 }],
    preview: "pv-1",
  });
  await close();
});

test("a viewer sees every switch and can use none", async () => {
  fixture.state.role = "viewer";
  const { page, close } = await visit("");
  assert.ok(await page.getByRole("button", { name: "Put botnet-sig to monitor" }).isDisabled());
  await page.goto(`${fixture.url}rules?rule=botnet-sig&route=hub`);
  const dialog = page.getByRole("dialog");
  await dialog.getByText("You are a viewer").waitFor();
  assert.equal(await dialog.getByRole("radio", { disabled: false }).count(), 0);
  assert.equal(await dialog.getByRole("button", { name: /^(Set to|Enforce|Back to)/ }).count(), 0);
  await page.keyboard.press("Escape");
  assert.ok(await page.getByRole("button", { name: "Everything to monitor…" }).isDisabled());
  assert.deepEqual(fixture.calls, []);
  await close();
});

test("everything to monitor is on every view, says what would stop and why", async () => {
  for (const view of ["", "timeline", "fires", "audit"]) {
    const { page, close } = await visit(view);
    await page.getByRole("button", { name: "Everything to monitor…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("list", { name: "What stops acting" }).getByText("botnet-sig").first().waitFor();
    assert.match(await dialog.getByLabel("Reason").inputValue(), /^an-\d+: /);
    assert.deepEqual(await axe(page), [], view);
    await close();
  }
});

test("everything to monitor needs a reason", async () => {
  fixture.state.anomalies = [];
  const { page, close } = await visit("rules");
  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Put everything to monitor" }).click();
  await dialog.getByLabel("Reason").fill("pulls fail");
  await dialog.getByRole("button", { name: "Put everything to monitor" }).click();
  await dialog.getByText("No longer acting: botnet-sig on hub.").waitFor();
  assert.deepEqual(fixture.calls.map(({ body }) => body), [{ reason: "pulls fail" }], "not without a reason");
  await close();
});

test("an enforcement in steps of one's own ends by itself", async () => {
  const { page, close } = await visit("rules?rule=scripted-user-agent&route=default");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^enforce/ }).check();
  await dialog.getByRole("checkbox", { name: /without a preview/ }).check();
  await dialog.getByRole("radio", { name: "in steps of my own" }).check();
  const enforce = dialog.getByRole("button", { name: "Enforce: tag" });
  await dialog.getByLabel("Percent of clients, step 2").fill("3");
  await dialog.getByText("Each step has a larger percentage").waitFor();
  assert.ok(await enforce.isDisabled(), "3 % after 5 %");
  await dialog.getByLabel("Percent of clients, step 2").fill("50");
  await dialog.getByRole("button", { name: "Remove step 3" }).click();
  await dialog.getByRole("button", { name: "Add a step" }).click();
  await dialog.getByLabel("Percent of clients, step 2").fill("12.5");
  await dialog.getByLabel("How long").selectOption("until a time, then monitor");
  await dialog.getByLabel("Until (UTC)").fill("2099-01-01T00:30");
  await dialog.getByLabel("Reason, for the audit log").fill("while we look");
  assert.deepEqual(await axe(page), []);
  await enforce.click();
  await dialog.getByText("is stored").waitFor();
  assert.deepEqual(fixture.calls.find((call) => call.method === "PUT")?.body, {
    mode: "enforce",
    reason: "while we look",
    expires: "2099-01-01T00:30:00.000Z",
    stages: [{ percent: 5, minutes: 60 }, { percent: 12.5, minutes: 60 }, { percent: 50 }],
    force: true,
  });
  await close();
});

test("what a guard has counted is shown by cohort", async () => {
  const { page, close } = await visit("rules?rule=botnet-sig&route=hub");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("What the guard has counted since").click();
  await dialog.getByRole("row", { name: "that went wrong 12 (6.32 %) 4 (0.493 %)" }).waitFor();
  await dialog.getByRole("row", { name: "curl 60 38 10 12" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await close();
});

test("what a guard has counted over time is drawn, with its evidence", async () => {
  const { page, close } = await visit("rules?rule=botnet-sig&route=hub");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Its evidence over the last day").click();
  await dialog.getByRole("img", { name: /^Clients denied, .*healthy before at most 29, now 29/ }).waitFor();
  await dialog.getByRole("img", { name: /^Clients whose first minute went wrong, .*enforced at most 12.5/ }).waitFor();
  await dialog.getByRole("img", { name: /^Evidence, .*that it harms at most 2.9, now 2.9; .*taken back at 4/ }).waitFor();
  assert.deepEqual(await axe(page), []);
  await close();
});

test("a view that cannot be loaded says why and tries again", async () => {
  for (const path of ["", "timeline", "cohorts", "rules", "fires", "audit", "anomalies/an-000012"]) {
    fixture.state.failing = 503;
    const { page, close } = await visit(path);
    await page.getByRole("alert").first().getByText("failed to reach the rulebook").waitFor();
    fixture.state.failing = 0;
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.waitForFunction(() => document.querySelector("[role=alert]") === null);
    await close();
  }
});

test("what was loaded stays while later calls fail", async () => {
  const { page, close } = await visit("");
  fixture.state.failing = 503;
  await page.getByText("Out of date:").first().waitFor();
  assert.ok(await page.getByText("docker on amzn2, 6 colos").first().isVisible());
  fixture.state.failing = 0;
  await page.waitForFunction(() => !document.body.innerText.includes("Out of date:"));
  await close();
});

/** What the page has asked so far, once all that it asked is answered: it is the page that asks last. */
async function asked(page: Page): Promise<number> {
  await page.evaluate(() => fetch("/_blobwatch/api/v1/audit/verify").then((answer) => answer.text()));
  return fixture.asked.count;
}

test("a page that nobody sees asks nothing, and asks at once when it is seen again or the network is back", async () => {
  const { page, close } = await open(browser);
  // The page's own time: what it would do in ten minutes it does at once.
  await page.clock.install();
  await page.goto(fixture.url);
  await page.getByRole("button", { name: "Put botnet-sig to monitor" }).waitFor();
  await settled(page);
  await seen(page, false);
  // Answers that were under way may still lead to a question.
  const asleep = await until("it is asleep", async () => {
    const before = await asked(page);
    await page.clock.runFor("01:00");
    return (await asked(page)) === before + 1 && before + 1;
  });
  await page.clock.runFor("10:00");
  assert.equal(await asked(page), asleep + 1, "in ten minutes, where there are five seconds between two calls");
  fixture.state.anomalies = [];
  // From here on its time goes on where this test says so: what it asks without, it asks because of what happened.
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 600_000));
  await seen(page, true);
  await page.getByText("The detector sees no fault.").waitFor();

  await page.context().setOffline(true);
  await page.clock.runFor("01:00");
  await page.getByText("Out of date: This browser cannot reach Blobwatch.").first().waitFor();
  fixture.state.anomalies = data.anomalies();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Put botnet-sig to monitor" }).waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes("Out of date:"));
  await close();
});

test("a search that takes long can be cancelled and begun again", async () => {
  fixture.state.isHeld = true;
  const { page, faults, close } = await open(browser);
  await page.goto(`${fixture.url}fires`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The search was cancelled").waitFor();
  fixture.state.isHeld = false;
  await page.getByRole("button", { name: "Search again" }).click();
  await page.getByRole("grid").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("the first start says how to send a pull", async () => {
  Object.assign(fixture.state, { hasTraffic: false, anomalies: [] });
  const { page, close } = await visit("");
  await page.getByRole("heading", { name: "No pull has come through yet" }).waitFor();
  await page.getByText(`docker://${new URL(fixture.url).host}/demo/hello`).waitFor();
  await page.getByRole("button", { name: "Play July 2020" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await close();
});

/** The window that the address has, once it has one. */
async function chosen(page: Page): Promise<{ since: string; hours: number }> {
  await page.waitForURL(/since=.*until=/);
  const query = new URL(page.url()).searchParams;
  const [since, until] = [query.get("since") ?? "", query.get("until") ?? ""];
  return { since, hours: (Date.parse(until) - Date.parse(since)) / 3_600_000 };
}

test("a window that is brushed is in the address, and the address brings it back", async () => {
  const { page, close } = await visit("timeline");
  const plot = page.locator(".u-over").first();
  const box = await plot.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 30, { steps: 5 });
  await page.mouse.up();
  const { since, hours } = await chosen(page);
  assert.ok(Math.abs(hours - 1.5) < 0.2, `${hours} h of 6`);
  await page.reload();
  await settled(page);
  const times = page.locator(".window-text time");
  const floor = (text: string | null | undefined) => Math.floor(Date.parse(text ?? "") / 1_000);
  assert.equal(floor(await times.first().getAttribute("datetime")), floor(since));
  assert.match((await times.first().getAttribute("title")) ?? "", /local time$/);
  await page.getByRole("button", { name: "Zoom out" }).press("Enter");
  await page.goBack();
  assert.equal(new URL(page.url()).searchParams.get("since"), since);
  await close();
});

const TOUCHED = { viewport: PHONE, hasTouch: true, isMobile: true };

/** A finger on the first plot, from the middle of it by so many pixels. */
async function swipe(page: Page, right: number, down: number): Promise<void> {
  const box = await page.locator(".u-over").first().boundingBox();
  assert.ok(box);
  const debug = await page.context().newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", share: number) =>
    debug.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x: box.x + box.width / 2 + right * share, y: box.y + 40 + down * share }] });
  // All sent at once: a finger that rests for half a second means something else.
  const moves = Array.from({ length: 10 }, (_, step) => (step + 1) / 10);
  await Promise.all([touch("touchStart", 0), ...moves.map((share) => touch("touchMove", share)), touch("touchEnd", 1)]);
}

test("a finger scrolls over a plot and chooses nothing", async () => {
  const { page, faults, close } = await visit("timeline", TOUCHED);
  await swipe(page, 0, -200);
  await page.waitForFunction(() => scrollY > 50);
  assert.equal(new URL(page.url()).search, "");
  assert.deepEqual(faults, []);
  await close();
});

// A page of its own: one that was swiped goes on rolling, and would move the plot away from under the finger.
test("a finger brushes a window sideways", async () => {
  const { page, faults, close } = await visit("timeline", TOUCHED);
  const wide = (await page.locator(".u-over").first().boundingBox())?.width ?? 0;
  await swipe(page, wide / 4, 10);
  const { hours } = await chosen(page);
  assert.ok(Math.abs(hours - 1.5) < 0.3, `${hours} h of 6`);
  assert.ok((await width(page)) <= PHONE.width);
  assert.deepEqual(faults, []);
  await close();
});

test("a window is chosen on a plot with keys alone", async () => {
  const { page, faults, close } = await visit("timeline");
  await page.getByRole("img", { name: /^Requests/ }).focus();
  await page.keyboard.press("End");
  await page.locator(".u-legend .u-value").first().getByText(/^20\d\d-/).waitFor();
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  assert.equal(new URL(page.url()).search, "", "Escape lets go");
  for (let times = 0; times < 15; times += 1) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  const { hours } = await chosen(page);
  assert.ok(Math.abs(hours - 1.5) < 0.3, `${hours} h of 6`);
  assert.deepEqual(faults, []);
  await close();
});

test("where nothing was expected no ratio is made up", async () => {
  Object.assign(fixture.state, { anomalies: [{ ...data.anomalies()[0], baseline: 0, observed: 0.12, risk_ratio: 120_000 }], isNew: true });
  const { page, close } = await visit("");
  await page.getByText("from none to 12 % of the cohort's requests").waitFor();
  await page.goto(`${fixture.url}cohorts?anomaly=an-000012`);
  await page.getByText("over 1,000x").first().waitFor();
  await page.getByRole("cell", { name: "none", exact: true }).first().waitFor();
  const text = await page.evaluate(() => document.body.innerText);
  assert.doesNotMatch(text, /\d ?[kMG]x|e-\d/);
  await close();
});

test("the page says when its session is over, and when something before it asks to sign in", async () => {
  const { page, close } = await visit("rules");
  fixture.state.isSignedIn = false;
  fixture.state.failing = 401;
  await page.getByText("Your session has expired").waitFor();
  Object.assign(fixture.state, { isSignedIn: true, failing: 0 });
  await page.getByLabel("Token").fill("token");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Rules and routes" }).waitFor();
  assert.ok(new URL(page.url()).pathname.endsWith("/rules"), "where it was");
  fixture.state.failing = 302;
  await page.getByText("Your session has expired").waitFor();
  await close();
});

test("the anomaly's cohort is outlined among the others", async () => {
  const { page, close } = await visit("cohorts?anomaly=an-000012");
  const outlined = await page.locator("td.outlined").count();
  assert.equal(outlined, 6, "amzn2 in every colo but IAD");
  await page.goto(`${fixture.url}cohorts?anomaly=an-000012&x=family&y=asn`);
  await page.getByText("This anomaly is about other attributes").waitFor();
  assert.equal(await page.locator("td.outlined").count(), 0, "not on axes that say nothing of it");
  await page.goto(`${fixture.url}anomalies/an-000012`);
  await page.getByRole("main").getByRole("link", { name: "Cohorts" }).click();
  await page.locator("td.outlined").first().waitFor();
  const query = new URL(page.url()).searchParams;
  assert.deepEqual([query.get("y"), query.get("x")], ["os", "colo"]);
  await close();
});

test("cohorts by what cells do not count say how much of it is known", async () => {
  const { page, close } = await visit("cohorts?y=repository");
  await page.getByText("Estimated: by repository, requests are sampled.").waitFor();
  await page.getByText("2,112 of the 3,080 events").waitFor();
  assert.match((await page.locator("td.heat-5").first().getAttribute("title")) ?? "", /^about 412 \(±18\) events in 4,000 /);
  const href = await page.getByRole("table").last().getByRole("link", { name: "team/license-server" }).getAttribute("href");
  assert.equal(new URL(href ?? "", page.url()).searchParams.get("repository"), "team/license-server");
  await page.getByLabel("Down").selectOption("version");
  await page.getByText("Estimated: by version").waitFor();
  const version = await page.getByRole("table").last().getByRole("link", { name: "docker/19.03.6-ce" }).getAttribute("href");
  const { searchParams } = new URL(version ?? "", page.url());
  assert.deepEqual([searchParams.get("family"), searchParams.get("version")], ["docker", "19.03.6-ce"], "as requests are filtered");
  await page.getByLabel("Down").selectOption("os");
  await page.locator("td.outlined, td.heat-5").first().waitFor();
  assert.equal(await page.getByText("Estimated:").count(), 0);
  await close();
});

test("the log of fires is read with the keyboard alone", async () => {
  const { page, close } = await visit("fires");
  await page.getByRole("grid").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("ArrowUp");
  const active = await page.locator("[role=row][aria-selected=true] [role=gridcell]").first().textContent();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Rules that fired").waitFor();
  await page.getByRole("dialog").getByText("one rule fired: botnet-sig, which blocks").waitFor();
  await page.getByRole("dialog").getByText("stage 2 of 3").waitFor();
  await page.getByRole("dialog").getByText("guard holding").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "grid", "focus is where it was");
  assert.equal(await page.locator("[role=row][aria-selected=true] [role=gridcell]").first().textContent(), active);
  await close();
});

// How long a frame takes `cargo xtask bench dashboard` measures. What keeps it short is the same on every machine.

test("of a hundred thousand fires only the rows in sight exist, and scrolling makes few", async () => {
  fixture.state.fires = 100_000;
  const { page, close } = await visit("fires");
  await longLog(page);
  const rows = await page.locator(".virtual-row").count();
  assert.ok(rows < 120, `${rows} rows`);
  const { elements } = await counted(page, ".virtual", "scroll", 100);
  assert.ok(elements < rows, `${elements} elements a frame`);
  await close();
});

test("of fifty thousand points a few for each pixel are drawn, once a frame", async () => {
  fixture.state.points = 50_000;
  const { page, close } = await visit("timeline");
  await onePlot(page);
  const { draws, steps } = await counted(page, ".plot", "resize", 50);
  assert.ok(draws <= 1.1 && steps > 0 && steps < 10_000, `${draws} times, ${steps} steps a frame`);
  await close();
});

test("nothing is drawn anew under the cursor", async () => {
  fixture.state.points = 50_000;
  const { page, close } = await visit("timeline");
  // An answer that is under way is drawn once.
  await until("a cursor that draws nothing", async () => {
    const { draws, elements } = await counted(page, ".u-over", "hover", 50);
    return draws === 0 && elements === 0;
  });
  await close();
});
