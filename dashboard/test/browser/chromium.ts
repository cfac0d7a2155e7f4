// Debian's Chromium, as the tests drive it. It fails a test on what a person would not see: script errors, and anything that the
// content security policy or Trusted Types refused.

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { HANG_MS } from "../hang.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS, headless: true, timeout: HANG_MS });

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const TABLET = { width: 768, height: 1024 };

export interface Opened {
  page: Page;
  /** What went wrong unseen. */
  faults: string[];
  close: () => Promise<void>;
}

/** The page is told that somebody sees it again, or that nobody does: then it asks for nothing. */
export const seen = (page: Page, isSeen: boolean): Promise<void> =>
  page.evaluate((isSeen) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !isSeen });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isSeen);

/** A page of a browser of its own: no cookie, no storage. */
export async function open(browser: Browser, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.setDefaultTimeout(HANG_MS);
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(message.text())) faults.push(`policy: ${message.text()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, faults, close: () => context.close() };
}
