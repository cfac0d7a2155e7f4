// Rules are written on the page, on made-up answers: by hand with completion and faults, from filters, together in a draft, and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { HOSTILE, KNOWN } from "../fixture/data.ts";
import { until } from "../hang.ts";
import { DESKTOP, open, PHONE, TABLET } from "./chromium.ts";
import { axe, settled, width } from "./look.ts";
import { fixture, onFixture, visit } from "./on_fixture.ts";
import { browser } from "./one_browser.ts";

onFixture(() => {
  Object.assign(fixture.state, { role: "operator", routes: null, above: null, pending: [], isSignedIn: true, failing: 0, previewRounds: 0, shares: [] });
  fixture.calls.length = 0;
  fixture.rulebook.reset();
});

const editor = (page: Page) => page.getByRole("textbox", { name: "Expression" }).and(page.locator(".cm-content"));

const expression = async (page: Page): Promise<string> => (await editor(page).locator(".cm-line").allInnerTexts()).join("\n");

const sent = (method: string, path: string) => fixture.calls.filter((call) => call.method === method && call.path === path);

/** The reason is what every change asks for. */
async function confirm(page: Page, reason: string, button: string): Promise<void> {
  await page.getByLabel("Reason, for the audit log").fill(reason);
  await page.getByRole("button", { name: button, exact: true }).click();
}

test("a rule is written with the keyboard alone", async () => {
  const { page, faults, close } = await visit("rules");
  await page.getByRole("link", { name: "New rule" }).focus();
  await page.keyboard.press("Enter");
  await editor(page).waitFor();
  await page.getByLabel("Name").focus();
  await page.keyboard.type("not-docker");
  await page.keyboard.press("Tab");
  await page.keyboard.type("client.fam");
  await page.getByRole("option", { name: /client\.family/ }).waitFor();
  const shown = Date.now();
  // In its first 75 ms the list leaves keys to the text: nobody has read it yet.
  await until("the list takes keys", async () => Date.now() > shown + 100);
  await page.keyboard.press("Enter");
  await until("the option is taken", async () => (await expression(page)) === "client.family");
  await page.keyboard.type(" eq ");
  await page.getByRole("option", { name: /containerd/ }).waitFor();
  await page.keyboard.type('"docker');
  await page.getByText("✓ This expression can be read.").waitFor();
  assert.equal(await expression(page), 'client.family eq "docker"', "the quote that closes is there");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Whoever calls itself docker.");
  await page.getByText("Would deny 100 % of docker on amzn2").or(page.getByText("would deny 100 % of docker on amzn2")).waitFor();
  await page.getByLabel("Action").focus();
  await page.keyboard.press("t");
  await page.getByRole("button", { name: "Save…" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("comes last in the order").waitFor();
  await page.getByLabel("Reason, for the audit log").focus();
  await page.keyboard.type("seen enough");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("is stored.").waitFor();
  const [put] = sent("PUT", "rules/not-docker");
  const { expression: written, description, default_mode } = (put?.body ?? {}) as Record<string, unknown>;
  assert.deepEqual([written, description, default_mode], ['client.family eq "docker"', "Whoever calls itself docker.", "monitor"]);
  assert.deepEqual(faults, []);
  await close();
});

test("a fault is shown in its place, and what cannot be read is neither previewed nor saved", async () => {
  const { page, faults, close } = await visit("rule/botnet-sig");
  await page.getByText("would deny 100 % of docker on amzn2").waitFor();
  fixture.calls.length = 0;
  await editor(page).click();
  await page.keyboard.press("ControlOrMeta+End");
  // At once: what stands there between two slow keys can be read, and would be previewed.
  await page.keyboard.insertText(" and http.hots");
  await page.getByText("did you mean `http.host`?").waitFor();
  assert.equal(await page.locator(".cm-lintRange-error").innerText(), "http.hots");
  assert.ok(await page.getByRole("button", { name: "Save…" }).isDisabled());
  assert.deepEqual(sent("POST", "previews"), []);
  assert.deepEqual(await axe(page), []);
  for (let times = 0; times < 4; times += 1) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Backspace");
  await page.getByText("✓ This expression can be read.").waitFor();
  await until("the preview follows", async () => sent("POST", "previews").length > 0);
  const { rule, route } = (sent("POST", "previews")[0]?.body ?? {}) as { rule: { expression: string }; route: string };
  assert.deepEqual([rule.expression, route], ['cf.tls_client_hello_length eq 508 and client.family eq "docker" and http.', "default"]);
  assert.deepEqual(faults, []);
  await close();
});

test("a preview that is out of date is cancelled", async () => {
  fixture.state.previewRounds = Infinity;
  const { page, close } = await visit("rule/botnet-sig");
  await page.getByText("Replaying the last hour…").waitFor();
  await page.getByLabel("on route").selectOption("hub");
  await until("the second begins", async () => sent("POST", "previews").length === 2);
  // How often it is looked at depends on the machine.
  const begunAndEnded = fixture.calls.filter(({ method, path }) => path.startsWith("previews") && method !== "GET");
  assert.deepEqual(begunAndEnded.map(({ method }) => method), ["POST", "DELETE", "POST"]);
  await page.getByRole("link", { name: "Fires" }).click();
  await until("the last is cancelled", async () => sent("DELETE", "previews/pv-1").length === 2);
  await close();
});

test("what somebody else changed meanwhile is shown, and one chooses", async () => {
  for (const [button, expected] of [["Take what is there now", "ssl"], ["Keep what I wrote", 'cf.tls_client_hello_length eq 508 and client.family eq "docker"']] as const) {
    fixture.rulebook.reset();
    const { page, close } = await visit("rule/botnet-sig");
    await page.getByLabel("Description").fill("mine");
    await page.getByText("✓ This expression can be read.").waitFor();
    const { book } = fixture.rulebook;
    fixture.rulebook.book = { ...book, revision: 20, rules: book.rules.map((rule) => (rule.id === "botnet-sig" ? { ...rule, expression: "ssl" } : rule)) };
    fixture.calls.length = 0;
    await page.getByRole("button", { name: "Save…" }).click();
    await confirm(page, "why", "Save");
    await page.getByRole("alert", { name: "Changed meanwhile" }).getByText("ssl").waitFor();
    assert.deepEqual(sent("PUT", "rules/botnet-sig"), [], "nothing is overwritten");
    await page.getByRole("button", { name: button }).click();
    await until("the editor has it", async () => (await expression(page)) === expected);
    assert.equal(await page.getByRole("alert", { name: "Changed meanwhile" }).count(), 0);
    await close();
  }
});

test("another change of the rulebook is no conflict", async () => {
  const { page, close } = await visit("rule/botnet-sig");
  await page.getByLabel("Description").fill("mine");
  await page.getByText("✓ This expression can be read.").waitFor();
  fixture.rulebook.book = { ...fixture.rulebook.book, revision: 30 };
  await page.getByRole("button", { name: "Save…" }).click();
  await confirm(page, "why", "Save");
  await page.getByText("Revision 31 is stored.").waitFor();
  await close();
});

test("every action of the API can be chosen", async () => {
  const { page, close } = await visit("rule/botnet-sig");
  const options = await page.getByLabel("Action").locator("option").evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
  assert.deepEqual(options.sort(), ["allow", "block", "detour", "tag", "throttle"]);
  await page.getByLabel("Action").selectOption("allow");
  await page.getByText("✓ This expression can be read.").waitFor();
  await page.getByRole("button", { name: "Save…" }).click();
  await confirm(page, "they are ours", "Save");
  await page.getByText("is stored.").waitFor();
  assert.equal(fixture.rulebook.book.rules[0]?.["action"], "allow");
  await close();
});

test("an older version is written again", async () => {
  const { page, close } = await visit("rule/botnet-sig");
  await page.getByText("version 2").first().waitFor();
  assert.ok((await page.locator("del").allInnerTexts()).some((text) => text.includes("and ssl")));
  await page.getByRole("button", { name: "Write version 2 again" }).click();
  await until("the editor has it", async () => (await expression(page)).endsWith("and ssl"));
  await page.getByText("✓ This expression can be read.").waitFor();
  await page.getByRole("button", { name: "Save…" }).click();
  assert.deepEqual(await axe(page), []);
  await confirm(page, "back to version 2", "Save");
  await page.getByText("is stored.").waitFor();
  assert.equal(fixture.rulebook.book.rules[0]?.["action"], "tag");
  await close();
});

test("several changes are published as one revision, with their plan", async () => {
  const { page, faults, close } = await visit("rule/old-docker");
  await page.getByLabel("Description").fill("Docker before 19.03.");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.goto(`${fixture.url}rule/scripted-user-agent`);
  await page.getByRole("button", { name: "Retire…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Add to the draft" }).click();
  await page.getByText("Order of the rules").click();
  await page.getByRole("button", { name: "Earlier: old-docker" }).click();
  const plan = page.getByRole("list", { name: "What changes" });
  await plan.getByText("rules/scripted-user-agent").waitFor();
  await plan.getByText("rules", { exact: true }).waitFor();
  for (const [viewport, colorScheme] of [[DESKTOP, "light"], [TABLET, "dark"], [PHONE, "light"]] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await axe(page), [], `${viewport.width}`);
    assert.ok((await width(page)) <= viewport.width, `${viewport.width}`);
  }
  await page.reload();
  await plan.getByText("rules/scripted-user-agent").waitFor();
  await confirm(page, "tidied up", "Publish as one revision");
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(fixture.rulebook.book.rules.map(({ id }) => id), ["old-docker", "botnet-sig"]);
  assert.equal(fixture.rulebook.book.rules[0]?.["description"], "Docker before 19.03.");
  await page.getByText("The draft is empty").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("a new version that would act at once is forced or not written", async () => {
  const { page, close } = await visit("rule/botnet-sig");
  fixture.rulebook.isEnforced = true;
  await page.getByLabel("Description").fill("mine");
  await page.getByRole("button", { name: "Save…" }).click();
  await confirm(page, "why", "Save");
  await page.getByRole("checkbox", { name: /Act in the new version at once/ }).check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("is stored.").waitFor();
  await page.getByRole("button", { name: "Stay here" }).click();
  await page.getByLabel("Description").fill("mine again");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.goto(`${fixture.url}draft`);
  const publish = page.getByRole("button", { name: "Publish as one revision" });
  await page.getByRole("alert", { name: "Faults" }).waitFor();
  assert.ok(await publish.isDisabled());
  await page.getByRole("checkbox", { name: /act in their new version at once/ }).check();
  await page.getByRole("alert", { name: "Faults" }).waitFor({ state: "detached" });
  await confirm(page, "why", "Publish as one revision");
  await page.getByText("is stored.").waitFor();
  assert.equal(fixture.rulebook.book.rules.find(({ id }) => id === "botnet-sig")?.["force"], true);
  await close();
});

test("a new rule waits in the draft and is changed there", async () => {
  const { page, close } = await visit("rule?expression=ssl");
  await page.getByLabel("Name").fill("over-tls");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.getByRole("link", { name: "draft", exact: true }).click();
  await page.getByRole("list", { name: "In the draft" }).getByRole("link", { name: "rules/over-tls" }).click();
  await page.getByLabel("Description").fill("Over TLS.");
  assert.equal(await page.getByLabel("Name").inputValue(), "over-tls");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.goto(`${fixture.url}draft`);
  await page.getByRole("list", { name: "What changes" }).getByText("Over TLS.").waitFor();
  await page.getByRole("button", { name: "Take out rules/over-tls" }).click();
  await page.getByText("The draft is empty").waitFor();
  await close();
});

test("a draft is not published over what somebody else changed, nor with faults", async () => {
  const { page, close } = await visit("rule/old-docker");
  await page.getByLabel("Description").fill("mine");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  const { book } = fixture.rulebook;
  fixture.rulebook.book = { ...book, revision: 20, rules: book.rules.map((rule) => (rule.id === "old-docker" ? { ...rule, description: "theirs" } : rule)) };
  fixture.rulebook.faults = [{ place: "body.modes[0].preview", message: `no preview is named ${HOSTILE}` }];
  await page.goto(`${fixture.url}draft`);
  const publish = page.getByRole("button", { name: "Publish as one revision" });
  await page.getByRole("alert", { name: "Changed meanwhile" }).waitFor();
  await page.getByText("body.modes[0].preview").waitFor();
  assert.ok(await publish.isDisabled());
  await page.getByRole("button", { name: "I have seen it: keep the draft's" }).click();
  assert.ok(await publish.isDisabled(), "not with faults");
  fixture.rulebook.faults = [];
  await page.reload();
  await confirm(page, "why", "Publish as one revision");
  await page.getByText("Revision 21 is stored.").waitFor();
  await close();
});

test("an older revision is planned and published again", async () => {
  const { page, faults, close } = await visit("audit");
  await page.locator(".audit summary").first().click();
  await page.getByRole("link", { name: "Back to revision 3…" }).click();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/old-docker").waitFor();
  await confirm(page, "it was better", "Publish as one revision");
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.equal(fixture.rulebook.book.rules.length, 2);
  assert.deepEqual(faults, []);
  await close();
});

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

test("a request is explained, with the rule as it is written", async () => {
  const { page, faults, close } = await visit("rule/old-docker");
  await page.getByText("Explain a request").click();
  await page.getByLabel("A curl command line").fill("curl https://registry.example/v2/a/blobs/sha256:00");
  await page.getByLabel("What the platform would say").fill("ip.src.asnum = 16509");
  await page.getByRole("button", { name: "Explain, with the rule as written here" }).click();
  const answer = page.getByRole("region", { name: "What would be done" });
  await answer.getByText("no enforced rule acts").waitFor();
  await answer.getByText("draft").waitFor();
  const asked = sent("POST", "explain")[0]?.body as { facts: unknown; rule: { action: string } };
  assert.deepEqual([asked.facts, asked.rule.action], [{ "ip.src.asnum": 16509 }, "throttle"]);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(faults, []);
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

test("a viewer reads a rule and writes nothing", async () => {
  fixture.state.role = "viewer";
  const { page, faults, close } = await visit("rule/botnet-sig");
  await page.getByText("You are a viewer").waitFor();
  await page.getByText("Changed since version 2").waitFor();
  assert.equal(await page.getByRole("button", { name: /Save|Retire|Write version|draft/ }).count(), 0);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(fixture.calls, []);
  assert.deepEqual(faults, []);
  await close();
});

test("an analyst writes a rule, sees whom it would hit, and leaves publishing to somebody else", async () => {
  fixture.state.role = "analyst";
  const { page, faults, close } = await visit("rules");
  await page.getByRole("link", { name: "New rule" }).click();
  await editor(page).click();
  await page.keyboard.insertText('client.family eq "curl"');
  await page.getByText("would deny 100 % of docker on amzn2").waitFor();
  await page.getByLabel("Name").fill("curls");
  await page.getByText("You are an analyst: you can write a rule").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save…" }).count(), 0);
  // Enter in a field is no way around it.
  await page.getByLabel("Name").press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("button", { name: "Add to the draft" }).click();
  await page.getByRole("link", { name: "draft", exact: true }).click();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/curls").waitFor();
  await page.getByText("You are an analyst: an operator of every route can publish this").waitFor();
  assert.equal(await page.getByRole("button", { name: "Publish as one revision" }).count(), 0);
  assert.deepEqual(await axe(page), []);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the rulebook" }).click()]);
  assert.equal(file.suggestedFilename(), `rulebook-${fixture.rulebook.book.revision}.json`);
  const wanted = JSON.parse(await readFile(await file.path(), "utf8")) as { rules: { id: string }[] };
  assert.ok(wanted.rules.some(({ id }) => id === "curls"));
  await page.reload();
  await page.getByRole("list", { name: "What changes" }).getByText("rules/curls").waitFor();
  const changes = fixture.calls.filter(({ method, path }) => !(method === "POST" && /^(previews|rules\/check)/.test(path)) && !path.startsWith("previews/") && path !== "rulebook");
  assert.deepEqual(changes, []);
  assert.ok(!fixture.rulebook.book.rules.some(({ id }) => id === "curls"));
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

test("the editor is loaded where it is needed, and a plain field does without it", async () => {
  const { page, close } = await visit("rules");
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await page.route(/assets\/editor-/, (route) => route.abort());
  assert.ok(!(await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name))).some((name) => name.includes("editor-")));
  await page.getByRole("link", { name: "old-docker" }).click();
  const plain = page.locator("textarea[aria-label=Expression]");
  await plain.fill("not ssl");
  await page.getByText("✓ This expression can be read.").waitFor();
  assert.ok(loaded.some((url) => url.includes("editor-")));
  await close();
});

test("a rule is made of filters, and says what no expression can read", async () => {
  const { page, faults, close } = await visit("fires?family=docker,podman&status=206");
  await page.getByRole("link", { name: "Make a rule of these filters" }).click();
  await page.getByText("No expression can read status").waitFor();
  await until("the editor has it", async () => (await expression(page)) === 'client.family in {"docker" "podman"}');
  await page.getByLabel("Name").fill("two-clients");
  await page.getByText("✓ This expression can be read.").waitFor();
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(faults, []);
  await page.goto(`${fixture.url}fires?status=206`);
  await settled(page);
  assert.equal(await page.getByRole("link", { name: "Make a rule of these filters" }).count(), 0, "nothing that an expression can read");
  await close();
});

test("a token is made, shown once, given an end and revoked", async () => {
  fixture.state.role = "admin";
  const { page, faults, close } = await visit("settings");
  const list = page.getByRole("region", { name: "Tokens" });
  await list.getByText("operator of hub").waitFor();
  await page.getByRole("button", { name: "New token…" }).click();
  await page.getByLabel("Name, for the audit log").fill("bob");
  await page.getByLabel("Role").selectOption("operator");
  await page.getByRole("checkbox", { name: "default" }).check();
  assert.deepEqual(await axe(page), []);
  await confirm(page, "on call", "Make the token");
  await page.getByLabel("Token", { exact: true }).getByText("0123abcd".repeat(8)).waitFor();
  const [made] = sent("POST", "tokens");
  assert.ok(made);
  const { expires, ...body } = made.body as { expires: string };
  assert.deepEqual(body, { name: "bob", role: "operator", routes: ["default"], reason: "on call" });
  assert.ok(Date.parse(expires) > Date.now());
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Change… bob" }).click();
  await page.getByLabel("Expires").selectOption("never");
  await confirm(page, "stays", "Set the end");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(sent("PUT", "tokens/bob")[0]?.body, { expires: null, reason: "stays" });
  await page.getByRole("button", { name: "Change… bob" }).click();
  await confirm(page, "left", "Revoke it now");
  await list.getByText("bob").first().waitFor({ state: "detached" });
  assert.equal(await page.getByText("0123abcd").count(), 0, "the token is shown once");
  assert.deepEqual(faults, []);
  await close();
});

test("an enforcement waits for a second person, who approves it", async () => {
  fixture.state.role = "admin";
  const { page, faults, close } = await visit("settings");
  await page.getByRole("button", { name: "Change… when a second person is needed" }).click();
  await page.getByRole("checkbox", { name: /Another person approves/ }).check();
  await page.getByLabel("More than this percentage of them").fill("2.5");
  await confirm(page, "four eyes", "Save");
  await page.getByText("more than 2.5 % of the clients that pull cleanly").waitFor();
  assert.deepEqual(sent("PUT", "second-person")[0]?.body, { above: 2.5 });
  const item = { id: "pm-1", rule: "botnet-sig", route: "hub", actor: "ada", reason: HOSTILE, expires: "2099-01-01T00:00:00.000Z", sentence: "ada wants to enforce it" };
  fixture.state.pending = [item, { ...item, id: "pm-2", route: "default", actor: "olga" }];
  await page.goto(`${fixture.url}rules`);
  const waiting = page.getByRole("region", { name: "Waits for a second person" });
  await waiting.getByText("ada wants to enforce it").first().waitFor();
  assert.deepEqual(await axe(page), []);
  assert.equal(await waiting.getByRole("button", { name: /^Approve/ }).count(), 1, "not one's own");
  await waiting.getByRole("button", { name: "Approve… botnet-sig on hub" }).click();
  await confirm(page, "seen", "Enforce it");
  await waiting.waitFor({ state: "detached" });
  assert.deepEqual(sent("POST", "rules/botnet-sig/modes/hub/approve")[0]?.body, { id: "pm-1", reason: "seen" });
  assert.deepEqual(faults, []);
  await close();
});

test("an operator of a route is offered that route", async () => {
  fixture.state.routes = ["default"];
  const { page, faults, close } = await visit("rules");
  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  const offered = page.getByLabel("Where").getByRole("option");
  await offered.first().waitFor({ state: "attached" });
  assert.deepEqual(await offered.allInnerTexts(), ["on default"]);
  await page.goto(`${fixture.url}settings`);
  await page.getByText("You are an operator of default").waitFor();
  assert.equal(await page.getByRole("button", { name: "New token…" }).count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test("an operator of a route who is faster than the list of routes stops what acts on theirs", async () => {
  fixture.state.routes = ["default"];
  const { page, faults, close } = await open(browser);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/_blobwatch/api/v1/routes*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${fixture.url}rules`);
  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  const stop = page.getByRole("button", { name: "Put everything to monitor" });
  await stop.waitFor();
  assert.ok(await stop.isDisabled(), "not before it is known where");
  release();
  await confirm(page, "they hang", "Put everything to monitor");
  await page.getByText("No longer acting").or(page.getByText("Nothing was enforced")).waitFor();
  assert.deepEqual(sent("POST", "panic-off")[0]?.body, { reason: "they hang", route: "default" });
  assert.deepEqual(faults, []);
  await close();
});

test("a rule is made of an anomaly's cohort, from the anomaly and from Cohorts", async () => {
  for (const path of ["anomalies/an-000012", "cohorts?anomaly=an-000012"]) {
    const { page, close } = await visit(path);
    await page.getByRole("link", { name: "Make a rule of this cohort" }).click();
    await until("the editor has it", async () => (await expression(page)) === 'client.os eq "amzn2"\nand not cf.colo.name eq "IAD"');
    assert.match(await page.getByLabel("Description").inputValue(), /^an-000012: /);
    await close();
  }
});

test("a value leads to the requests that have it, beside the filters that are there", async () => {
  const { page, close } = await visit("fires?family=docker&all=yes&open=01M850MDRGD6ZQ9TZR58000002");
  await page.getByRole("dialog").getByRole("link", { name: /^2168b2053f3f9380/ }).click();
  await page.waitForURL(/client=2168b2053f3f9380/);
  const query = new URL(page.url()).searchParams;
  assert.deepEqual([query.get("family"), query.get("all"), query.get("open")], ["docker", "yes", null]);
  await page.goto(`${fixture.url}cohorts`);
  await page.locator(".heat td a").first().click();
  await page.waitForURL(/fires\?.*all=yes.*(colo=.*os=|os=.*colo=)/);
  await close();
});

test("a value is excluded, and taken out again", async () => {
  const { page, faults, close } = await visit("fires?family=docker&all=yes&open=01M850MDRGD6ZQ9TZR58000002");
  await page.getByRole("dialog").getByRole("link", { name: "Exclude 2168b2053f3f9380" }).click();
  await page.waitForURL(/client%21=2168b2053f3f9380/);
  const asked = await page.waitForRequest((request) => request.url().includes("/requests?") && request.url().includes("client%21=2168b2053f3f9380"));
  assert.ok(asked.url().includes("family=docker"));
  assert.deepEqual(await axe(page), []);
  assert.match((await page.getByRole("link", { name: "Make a rule of these filters" }).getAttribute("href")) ?? "", /not\+client\.key/);
  await page.getByRole("button", { name: "Do not exclude 2168b2053f3f9380" }).click();
  await page.getByRole("list", { name: "Excluded" }).waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
  await close();
});

test("a Blobwatch-Id opens its request from every view", async () => {
  for (const path of ["", "audit", "fires?since=-15m&family=docker"]) {
    const { page, faults, close } = await visit(path);
    const box = page.getByRole("search").getByRole("textbox");
    await box.fill("what is this");
    await box.press("Enter");
    await page.getByText("Expected a Blobwatch-Id, a CF-Ray").waitFor();
    assert.deepEqual(await axe(page), [], path);
    await box.fill("quote 01M850PVFCHPH3JAR69G00000Q");
    await box.press("Enter");
    await page.getByRole("dialog", { name: "Request 01M850PVFCHPH3JAR69G00000Q" }).getByText("Rules that fired").waitFor();
    assert.deepEqual(faults, []);
    await close();
  }
});

test("a ray, an anomaly, a rule and a digest are found whatever the window, and what is not found says where it was looked for", async () => {
  const { page, faults, close } = await visit("fires?since=-15m");
  const search = async (text: string) => {
    const box = page.getByRole("search").getByRole("textbox");
    await box.fill(text);
    await box.press("Enter");
  };
  const [ray = "", digest = "", upstream = ""] = KNOWN;
  await search("CF-Ray: 0000c4d1e8b2a3f4-FRA");
  await page.getByText("No request has the CF-Ray 0000c4d1e8b2a3f4 in all that the FireLogs keep.").waitFor();
  assert.deepEqual(await axe(page), []);
  await search(`${ray}-FRA`);
  await page.waitForURL(/fires\?open=01M8/);
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await search(digest);
  await page.waitForURL((url) => url.searchParams.get("digest") === digest && url.searchParams.get("since") === "-90d");
  await search("an-000012");
  await page.waitForURL(/anomalies\/an-000012$/);
  await search("old-docker");
  await page.waitForURL(/rule\/old-docker$/);
  await search(upstream);
  await page.waitForURL((url) => url.searchParams.get("rule") === upstream);
  await search("no-such-rule");
  await page.getByText("No rule is called no-such-rule").waitFor();
  // The browser's own line about each call that was answered with 404.
  assert.deepEqual(faults.filter((fault) => !fault.includes("404")), []);
  await close();
});

test("a link to the report is made, copied once and revoked", async () => {
  const { page, faults, close } = await visit("anomalies/an-000012");
  const share = page.getByRole("region", { name: "Share" });
  await share.getByText("No link opens this anomaly.").waitFor();
  await share.getByLabel("Works for").selectOption("1 day");
  await share.getByLabel("Reason, for the audit log").fill("for the CDN");
  await share.getByRole("button", { name: "Make a link" }).click();
  const link = await share.getByRole("textbox", { name: "Link" }).inputValue();
  assert.equal(link, new URL(`/_blobwatch/shared/${"5f".repeat(32)}`, fixture.url).href);
  assert.deepEqual(fixture.calls.at(-1), { method: "POST", path: "anomalies/an-000012/shares", body: { until: "+1d" }, csrf: "csrf" });
  const list = share.getByRole("list", { name: "Links that work" });
  await list.getByText("Made by olga").waitFor();
  assert.deepEqual(await axe(page), []);
  await list.getByRole("button", { name: "Revoke" }).click();
  await share.getByText("No link opens this anomaly.").waitFor();
  assert.deepEqual(faults, []);
  await close();
});
