// One browser and one made-up deployment for all tests of a file, and a page of it.

import { after, before, beforeEach } from "node:test";
import { type Fixture, start } from "../fixture/server.ts";
import { open, type Opened } from "./chromium.ts";
import { settled } from "./look.ts";
import { browser, oneBrowser } from "./one_browser.ts";

export let fixture: Fixture;

/** `prepare` sets what the deployment answers before each test. */
export function onFixture(prepare: () => void): void {
  oneBrowser();
  before(async () => {
    fixture = await start();
  });
  after(async () => {
    await fixture?.close();
  });
  beforeEach(prepare);
}

export async function visit(path: string, options = {}): Promise<Opened> {
  const opened = await open(browser, options);
  await opened.page.goto(fixture.url + path);
  await opened.page.locator("main").waitFor();
  await settled(opened.page);
  return opened;
}
