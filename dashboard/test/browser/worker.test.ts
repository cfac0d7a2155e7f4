// The page on the real worker: sessions, pulls that stream in, a switch that arrives, and what others may not do.
// tests/e2e/dashboard.rs starts the worker and says where it is.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { HOSTILE } from "../fixture/data.ts";
import { open } from "./chromium.ts";
import { browser, oneBrowser } from "./one_browser.ts";
import { api, CURL, env, type Items, OPERATOR, PAGE, pull, signedIn } from "./worker.ts";

const VIEWER = env("VIEWER");
/** Path of a blob that the registry has. */
const BLOB = env("BLOB");

oneBrowser();

/** The id of a pull's record. */
const pulled = async (agent = CURL.agent): Promise<string> => (await pull(BLOB, { ...CURL, agent })).headers.get("Blobwatch-Id") ?? "";

/** Status of a call made by the page itself, with its cookie. */
const fromPage = (page: Page, method: string, path: string, headers: Record<string, string>, body: unknown): Promise<number> =>
  page.evaluate(
    async ([method, path, headers, body]) => (await fetch(`/_blobwatch/api/v1/${path}`, { method, headers, body: JSON.stringify(body) })).status,
    [method, path, headers, body] as const,
  );

test("the first page says how to send a pull, and shows it when it came", async () => {
  const { page, faults, close } = await signedIn(browser, OPERATOR);
  await page.getByRole("heading", { name: "No pull has come through yet" }).waitFor();
  await pulled();
  await page.getByRole("heading", { name: "The last hour" }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("the session is out of reach of scripts and of other sites", async () => {
  const { page, faults, close } = await signedIn(browser, OPERATOR);
  const [cookie] = await page.context().cookies();
  assert.equal(cookie?.name, "blobwatch_session");
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.path], [true, "Strict", "/_blobwatch"]);
  assert.equal(await page.evaluate(() => document.cookie), "");
  const mode = { mode: "off", reason: "forged" };
  assert.equal(await fromPage(page, "PUT", "rules/scripted-user-agent/modes/default", {}, mode), 403, "without the header");
  assert.equal(await fromPage(page, "PUT", "rules/scripted-user-agent/modes/default", { "Blobwatch-Csrf": "guess" }, mode), 403, "with a guess");
  assert.deepEqual(faults, []);

  // Another port of this machine: the same site for the cookie, another origin for us.
  const elsewhere = createServer((_request, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<p>elsewhere"));
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const other = await page.context().newPage();
  await other.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
  await other.evaluate(async (address) => {
    const body = JSON.stringify({ reason: "forged" });
    await fetch(address, { method: "POST", mode: "no-cors", credentials: "include", body }).catch(() => {});
  }, `${PAGE}api/v1/panic-off`);
  const [refused] = await Promise.all([
    other.waitForEvent("requestfailed", (request) => request.url() === PAGE),
    other.evaluate((address) => document.body.append(Object.assign(document.createElement("iframe"), { src: address })), PAGE),
  ]);
  assert.equal(refused.failure()?.errorText, "net::ERR_BLOCKED_BY_RESPONSE");
  const { items } = await api<Items>("audit");
  assert.ok(!items.some((entry) => entry["reason"] === "forged"), "nothing was changed");
  elsewhere.close();
  await close();
});

test("a token that is not known opens nothing, and signing out closes", async () => {
  const { page, close } = await open(browser);
  await page.goto(`${PAGE}audit`);
  await page.getByLabel("Token").fill("another");
  await page.keyboard.press("Enter");
  await page.getByText("Unknown token.").waitFor();
  await page.getByLabel("Token").fill(VIEWER);
  await page.keyboard.press("Enter");
  await page.getByText("the chain is intact").waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.reload();
  await page.getByLabel("Token").waitFor();
  await close();
});

test("pulls stream into the log, and what a client sends is text", async () => {
  const { page, faults, close } = await signedIn(browser, OPERATOR, "fires?all=yes&since=-15m");
  await page.getByRole("grid").waitFor();
  const rows = async () => Number(await page.getByRole("grid").getAttribute("aria-rowcount"));
  const before = await rows();
  const hostile = HOSTILE.replace(/[^\x20-\x7e]/g, "");
  const id = await pulled(`docker/19.03.6-ce ${hostile}`);
  await page.waitForFunction((before) => Number(document.querySelector("[role=grid]")?.getAttribute("aria-rowcount")) > before, before);
  await page.getByRole("grid").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText(id).first().waitFor();
  await dialog.getByText("Fields that expressions read").click();
  await dialog.getByText("<img src=x onerror=alert(1)>").first().waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test("a switch arrives at the FireLogs, and is in the audit log", async () => {
  await pulled();
  const { page, faults, close } = await signedIn(browser, OPERATOR, "rules?rule=scripted-user-agent&route=default");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^off/ }).check();
  await dialog.getByLabel("Reason, for the audit log").fill("a test of the page");
  await dialog.getByRole("button", { name: "Set to off" }).click();
  await dialog.getByText(/All \d+ FireLogs have the change/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Switch scripted-user-agent on default: off" }).waitFor();
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText("“a test of the page”").waitFor();
  await page.getByText("the chain is intact").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("a viewer sees the switch and cannot use it, not even by hand", async () => {
  const { page, close } = await signedIn(browser, VIEWER, "rules?rule=scripted-user-agent&route=default");
  await page.getByRole("dialog").getByText("You are a viewer").waitFor();
  assert.equal(await page.getByRole("dialog").getByRole("radio", { disabled: false }).count(), 0);
  const csrf = await page.evaluate(async () => ((await (await fetch("/_blobwatch/session")).json()) as { csrf: string }).csrf);
  const status = await fromPage(page, "PUT", "rules/scripted-user-agent/modes/default", { "Blobwatch-Csrf": csrf }, { mode: "monitor", reason: "by hand" });
  assert.equal(status, 403);
  await close();
});
