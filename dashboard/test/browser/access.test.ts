// The page behind Cloudflare Access: nobody types a token, and who one is comes from the JWT that Access adds.
// tests/e2e/access.rs makes the keys and the tokens, and starts the worker that trusts them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, type Opened } from "./chromium.ts";
import { browser, oneBrowser } from "./one_browser.ts";
import { EDGE, env, PAGE } from "./worker.ts";

oneBrowser();

/** A browser that came through Access, with a token of ours beside it or without. */
async function through(jwt: string, session = ""): Promise<Opened> {
  const opened = await open(browser);
  const cookie = (name: string, value: string, path: string) => ({ name, value, domain: new URL(EDGE).hostname, path, httpOnly: true });
  await opened.page.context().addCookies([
    cookie("CF_Authorization", jwt, "/"),
    ...(session === "" ? [] : [cookie("blobwatch_session", session, "/_blobwatch")]),
  ]);
  return opened;
}

test("whom Access lets in is signed in and switches under their own name", async () => {
  const { page, faults, close } = await through(env("ADA"));
  await page.goto(`${PAGE}rules?rule=scripted-user-agent&route=default`);
  await page.getByText("ada@example.com operator").waitFor();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^off/ }).check();
  await dialog.getByLabel("Reason, for the audit log").fill("through Access");
  await dialog.getByRole("button", { name: "Set to off" }).click();
  await dialog.getByText("is stored").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText("ada@example.com").and(page.locator("strong")).first().waitFor();
  await page.getByText("“through Access”").waitFor();
  assert.equal(await page.getByRole("link", { name: "Sign out" }).getAttribute("href"), "/cdn-cgi/access/logout");
  assert.deepEqual(faults, []);
  await close();
});

test("a session of a token that is over does not ask for a token again", async () => {
  const { page, faults, close } = await through(env("ADA"), env("SESSION_OVER"));
  await page.goto(`${PAGE}audit`);
  await page.getByText("the chain is intact").waitFor();
  assert.ok(await page.getByText("ada@example.com operator").isVisible());
  assert.deepEqual(faults, []);
  await close();
});

test("a viewer of Access sees the switch and cannot use it, not even by hand", async () => {
  const { page, close } = await through(env("BOB"));
  await page.goto(`${PAGE}rules?rule=scripted-user-agent&route=default`);
  await page.getByRole("dialog").getByText("You are a viewer").waitFor();
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ mode: "monitor", reason: "by hand" });
    return (await fetch("/_blobwatch/api/v1/rules/scripted-user-agent/modes/default", { method: "PUT", body })).status;
  });
  assert.equal(status, 403);
  await close();
});

test("when what Access granted is over, the page says so and shows nothing", async () => {
  const { page, close } = await through(env("ADA"));
  await page.goto(PAGE);
  await page.getByText("ada@example.com operator").waitFor();
  await page.context().addCookies([{ name: "CF_Authorization", value: env("EXPIRED"), domain: new URL(EDGE).hostname, path: "/" }]);
  await page.getByLabel("Token").waitFor();
  await page.getByText("Your session has expired").waitFor();
  assert.equal(await page.getByText("ada@example.com").count(), 0);
  await close();
});
