// A view as somebody looks at it: with axe, on a screen so wide, and once it has loaded.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Nothing says that it is still loading. */
export const settled = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => !document.body.innerText.includes("Loading ") && !document.body.innerText.includes("Verifying"));

export async function axe(page: Page): Promise<string[]> {
  // Evaluated by the debugger, which the policy of the page does not bind.
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    const { violations } = await axe.run();
    return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html} ${node.failureSummary ?? ""}`));
  });
}

export const width = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);
