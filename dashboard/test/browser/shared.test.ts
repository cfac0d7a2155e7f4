// The page behind a link, as a partner opens it: without an account, on any screen, on paper, and without a script.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { DESKTOP, open, PHONE } from "./chromium.ts";
import { axe, width } from "./look.ts";
import { browser, oneBrowser } from "./one_browser.ts";

const LINK = process.env["LINK"] ?? "";
const ANOMALY = process.env["ANOMALY"] ?? "";

oneBrowser();

/** The same page for axe, which waits: nothing does in a page whose policy allows no script. */
async function withoutPolicy(page: Page): Promise<void> {
  await page.route(LINK, async (route) => {
    const response = await route.fetch();
    const { "content-security-policy": _policy, ...headers } = response.headers();
    await route.fulfill({ response, headers });
  });
  await page.goto(LINK);
}

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
    assert.equal(await width(page), viewport.width);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
    assert.deepEqual(asked.filter((url) => !url.endsWith("/favicon.ico")), [LINK], "nothing else is asked for");
    assert.deepEqual(faults, []);
    await page.emulateMedia({ media: "screen" });
    await withoutPolicy(page);
    assert.deepEqual(await axe(page), []);
    await close();
  }
});
