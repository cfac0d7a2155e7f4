// Routes, settings and webhooks are written on the page, on made-up answers, and what arrives is listed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axe } from "./look.ts";
import { fixture, visit } from "./on_fixture.ts";
import { asOperator, confirm, sent } from "./writing.ts";

asOperator();

test("a route is written, and is part of a draft", async () => {
  const { page, faults, close } = await visit("settings");
  await page.getByRole("button", { name: "Edit… hub" }).click();
  const dialog = page.getByRole("dialog", { name: "Route hub" });
  await dialog.getByLabel("Origin; empty").fill("https://origin.example");
  await dialog.getByLabel("Blob paths").fill("oci\n/layers/{hex}");
  await dialog.getByLabel("Clients observed").fill("2.5");
  assert.deepEqual(await axe(page), []);
  await confirm(page, "moved", "Save");
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(sent("PUT", "routes/hub")[0]?.body, { repository: "library/**", origin: "https://origin.example", blobs: ["oci", "/layers/{hex}"], redirects: "pass", observe: 0.025, disclose: "operators" });
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New route…" }).click();
  await page.getByLabel("Name", { exact: true }).fill("edge");
  await page.getByLabel("Host, without port").fill("edge.example");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.goto(`${fixture.url}draft`);
  await page.getByRole("list", { name: "What changes" }).getByText("routes/edge").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("settings are saved, unless somebody else changed them meanwhile", async () => {
  const { page, close } = await visit("settings");
  await page.getByLabel("A throttled client waits").fill("60");
  await page.getByLabel("FireLogs of data centres").fill("iad=4 FRA=2");
  await page.getByLabel("so many more networks").fill("3");
  await confirm(page, "busy", "Save");
  await page.getByText("is stored.").waitFor();
  assert.deepEqual(sent("PUT", "settings")[0]?.body, { retry_after_s: 60, retention_hours: 168, retention_bytes: 5_000_000_000, fire_logs: { IAD: 4, FRA: 2 }, anomaly_breadth: { clients: 10, networks: 3 } });
  fixture.rulebook.book = { ...fixture.rulebook.book, revision: 40, settings: { ...fixture.rulebook.book.settings, retention_hours: 24 } };
  await page.getByLabel("A throttled client waits").fill("90");
  await confirm(page, "busier", "Save");
  await page.getByText("Somebody has changed the settings meanwhile").waitFor();
  assert.equal(sent("PUT", "settings").length, 1);
  await page.getByRole("button", { name: "Start from what is there now" }).click();
  assert.equal(await page.getByLabel("Records are kept").inputValue(), "24");
  await close();
});

test("sources that push are listed, with who is silent and what could not be read", async () => {
  const { page, close } = await visit("settings");
  await page.getByText("aws-waf sent regularly and has been silent since").waitFor();
  await page.getByText("Lines that could not be read").click();
  await page.getByText("line 17: expected a time in").waitFor();
  await close();
});

test("a webhook is set, tried and seen to arrive", async () => {
  const { page, faults, close } = await visit("settings");
  await page.getByRole("button", { name: "New webhook…" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("chat");
  await page.getByLabel("Address", { exact: true }).fill("https://hooks.example/a");
  await page.getByLabel("Receiver").selectOption("Slack");
  assert.equal(await page.getByLabel("Secret, 22").count(), 0, "the address is the secret");
  await page.getByLabel("Receiver").selectOption("PagerDuty");
  await page.getByLabel("Integration key").fill("0123456789012345678901234");
  await page.getByLabel("anomaly.changed").uncheck();
  await page.getByLabel("At least").selectOption("critical");
  await page.getByLabel("Kinds of anomaly").fill("start_failed, resume_surge");
  assert.deepEqual(await axe(page), []);
  await confirm(page, "the night shift", "Save");
  await page.getByRole("button", { name: "Send a test to chat" }).click();
  await page.getByRole("region", { name: "Deliveries" }).getByText("200 OK").first().waitFor();
  assert.deepEqual(sent("PUT", "webhooks/chat")[0]?.body, {
    url: "https://hooks.example/a",
    format: "pagerduty",
    events: ["anomaly.opened", "anomaly.closed", "anomaly.acknowledged", "guard.demoted", "rulebook.panic_off", "enforcement.proposed", "source.silent", "attribute.saturated", "data.lost"],
    severity: "critical",
    kinds: ["start_failed", "resume_surge"],
    routes: [],
    dashboard: new URL("/_blobwatch/", page.url()).href,
    secret: "0123456789012345678901234",
  });
  await page.getByRole("button", { name: "Edit… chat" }).click();
  await confirm(page, "moved", "Remove");
  await page.getByRole("button", { name: "Send a test to chat" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
  await close();
});

test("what archivers told is listed, and what they could not do", async () => {
  const { page, close } = await visit("settings");
  const runs = page.getByRole("region", { name: "Runs of the archive" });
  await runs.getByRole("row", { name: /^\/srv\/archive .* 75 min 214,023 12 / }).waitFor();
  await page.getByText("The last run for s3://logs/blobwatch did not archive all that was due: fl1-gru-0 did not answer").waitFor();
  await close();
});

test("what was lost is listed, with what it means", async () => {
  const { page, close } = await visit("settings");
  const losses = page.getByRole("region", { name: "What was lost" });
  await losses.getByText("records are gone: their isolate could not send them").waitFor();
  await losses.getByRole("cell", { name: "1,234", exact: true }).waitFor();
  await losses.getByText("made up for, or a limit of what is remembered").waitFor();
  await close();
});
