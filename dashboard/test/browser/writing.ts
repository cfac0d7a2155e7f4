// What tests of writing share: a deployment that an operator writes to, and how changes are confirmed.

import type { Page } from "playwright-core";
import { fixture, onFixture } from "./on_fixture.ts";

export const asOperator = (): void =>
  onFixture(() => {
    Object.assign(fixture.state, { role: "operator", routes: null, above: null, pending: [], isSignedIn: true, failing: 0, previewRounds: 0, shares: [] });
    fixture.calls.length = 0;
    fixture.rulebook.reset();
  });

export const editor = (page: Page) => page.getByRole("textbox", { name: "Expression" }).and(page.locator(".cm-content"));

export const expression = async (page: Page): Promise<string> => (await editor(page).locator(".cm-line").allInnerTexts()).join("\n");

export const sent = (method: string, path: string) => fixture.calls.filter((call) => call.method === method && call.path === path);

/** The reason is what every change asks for. */
export async function confirm(page: Page, reason: string, button: string): Promise<void> {
  await page.getByLabel("Reason, for the audit log").fill(reason);
  await page.getByRole("button", { name: button, exact: true }).click();
}
