// The page behind a link, as a partner opens it: without an account, on any screen, on paper, and without a script.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { DESKTOP, launch, open, PHONE } from "./chromium.ts";
import { axe, width } from "./look.ts";

const LINK = process.env["LINK"] ?? "";
const ANOMALY = process.env["ANOMALY"] ?? "";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

test("a partner reads the report, in either theme, on a phone and on paper", async () => {
  for (const [viewport, colorScheme] of [
    [DESKTOP, "light"],
    [DESKTOP, "dark"],
    [PHONE, "light"],
  ] as const) {
    const { page, faults, close } = await open(browser, { viewport, colorScheme });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(LINK);
    assert.match(await page.getByRole("heading", { level: 1 }).innerText(), new RegExp(`^${ANOMALY}: `));
    await page.getByRole("img", { name: /among/ }).waitFor();
    assert.notEqual(await page.locator("svg .cohort").evaluate((path) => getComputedStyle(path).stroke), "none", "the style is allowed");
    assert.deepEqual(await axe(page), []);
    assert.equal(await width(page), viewport.width);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
    assert.deepEqual(asked.filter((url) => !url.endsWith("/favicon.ico")), [LINK], "nothing else is asked for");
    assert.deepEqual(faults, []);
    await close();
  }
});
