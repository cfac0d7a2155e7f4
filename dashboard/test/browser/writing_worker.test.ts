// Rules are written on the real worker: what the page makes of filters can be read, the preview replays real pulls, and a draft and an
// older revision are published. tests/e2e/dashboard.rs starts the worker and says where it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { ofCohort, ofFilters } from "../../src/rule_language/conditions.ts";
import { quoted } from "../../src/rule_language/values.ts";
import type { Rulebook } from "../../src/rulebook/types.ts";
import { HOSTILE } from "../fixture/data.ts";
import { until } from "../hang.ts";
import { browser, oneBrowser } from "./one_browser.ts";
import { api, CURL, env, type Items, OPERATOR, pull, signedIn } from "./worker.ts";

/** Path of a blob that the registry has. */
const BLOB = env("BLOB");

oneBrowser();

const editor = (page: Page) => page.locator(".cm-content");

const rulebook = (): Promise<Rulebook> => api<Rulebook>("rulebook");

async function confirm(page: Page, reason: string, button: string): Promise<void> {
  await page.getByLabel("Reason, for the audit log").fill(reason);
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByText(/^Revision \d+ is stored/).waitFor();
}

test("whatever the page makes of filters and cohorts can be read", async () => {
  const values = ["docker", "", HOSTILE, '"', "\\", "a\nb", "\u0000", "😀"];
  const attributes = ["family", "os", "version", "colo", "country", "route", "repository", "digest", "fingerprint", "protocol", "cloud", "cloud_region", "range", "client", "tcp"];
  const of = [
    ...attributes.flatMap((attribute) => [ofFilters({ [attribute]: values }), ofCohort([{ attribute, values, not: true }])]),
    ofFilters({ asn: ["16509", "AS14618", ""], ip_version: ["4", "6"], odd_path: ["false"], family: ["docker"] }),
    ofCohort([{ attribute: "asn", values: ["16509"], not: true }, { attribute: "version", values: ["a/1", "b/2"] }, { attribute: "country", values: ["unknown"], not: true }]),
  ];
  for (const { expression } of [...of, ...values.map((value) => ({ expression: `http.user_agent contains ${quoted(`x${value}`)}` }))]) {
    const { errors } = await api<{ errors: unknown[] }>("rules/check", "POST", { expression });
    assert.deepEqual(errors, [], expression);
  }
});

test("a rule is written, previewed on real pulls, changed in a draft and brought back", async () => {
  for (let at = 0; at < 3; at += 1) await pull(BLOB, CURL);
  await until("the pulls are recorded", async () => (await api<Items>("requests?family=curl")).items.length >= 3);
  const before = (await rulebook()).revision;
  const { page, faults, close } = await signedIn(browser, OPERATOR, "rule");
  await page.getByLabel("Name").fill("only-curl");
  await editor(page).click();
  await page.keyboard.type("client.hots");
  await page.keyboard.press("Escape");
  await page.locator(".fault").waitFor();
  await page.locator(".cm-lintRange-error").waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("client.family eq ");
  await page.getByRole("option", { name: /^curl/ }).click();
  await page.getByText("✓ This expression can be read.").waitFor();
  await page.locator(".hit-sentence").getByText("curl").waitFor();
  await page.getByRole("button", { name: "Save…" }).click();
  await confirm(page, "seen enough", "Save");
  assert.deepEqual((await rulebook()).rules.at(-1)?.expression, 'client.family eq "curl"');

  await page.getByRole("button", { name: "Stay here" }).click();
  await page.getByRole("heading", { name: "Rule only-curl" }).waitFor();
  await page.getByLabel("Description").fill(`changed ${HOSTILE}`);
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.getByRole("link", { name: "draft", exact: true }).click();
  await page.getByText("Order of the rules").click();
  await page.getByRole("button", { name: "Earlier: only-curl" }).click();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/only-curl").waitFor();
  await confirm(page, "tidied up", "Publish as one revision");
  const published = await rulebook();
  const rule = published.rules.at(-2);
  assert.deepEqual([rule?.id, rule?.description, rule?.version, published.revision], ["only-curl", `changed ${HOSTILE}`, 2, before + 2]);

  await page.getByRole("link", { name: "Audit" }).click();
  await page.locator(".audit summary").nth(1).click();
  await page.getByRole("link", { name: `Back to revision ${before + 1}…` }).click();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/only-curl").waitFor();
  await confirm(page, "it was better", "Publish as one revision");
  const back = await rulebook();
  assert.deepEqual([back.rules.at(-1)?.id, back.rules.at(-1)?.description, back.rules.at(-1)?.version], ["only-curl", "", 3]);
  assert.deepEqual(faults, []);
  await close();
});

test("routes, settings and webhooks are written on the page", async () => {
  const { page, faults, close } = await signedIn(browser, OPERATOR, "settings");
  await page.getByRole("button", { name: "New route…" }).click();
  await page.getByLabel("Name", { exact: true }).fill("edge");
  await page.getByLabel("Host, without port").fill("edge.example");
  await page.getByLabel("Clients observed").fill("2.5");
  await confirm(page, "a new name", "Save");
  await page.keyboard.press("Escape");
  await page.getByLabel("A throttled client waits").fill("45");
  await confirm(page, "shorter", "Save");
  const { routes, settings } = await rulebook();
  assert.deepEqual(routes.map(({ name, host, observe }) => [name, host, observe]).at(-1), ["edge", "edge.example", 0.025]);
  assert.equal(settings["retry_after_s"], 45);
  await page.getByRole("button", { name: "New webhook…" }).click();
  await page.getByLabel("Name", { exact: true }).fill("chat");
  await page.getByLabel("Address", { exact: true }).fill("http://localhost/");
  await page.getByLabel("Secret, 22").fill("0123456789012345678901234");
  await page.getByLabel("Reason, for the audit log").fill("the night shift");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("alert").or(page.getByRole("button", { name: "Edit… chat" })).first().waitFor();
  assert.deepEqual(faults, []);
  await close();
});
