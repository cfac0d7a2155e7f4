// One browser for all tests of a file.

import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { launch } from "./chromium.ts";

export let browser: Browser;

export function oneBrowser(): void {
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
  });
}
