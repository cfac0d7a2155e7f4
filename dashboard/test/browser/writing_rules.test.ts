// Rules are written on the page, on made-up answers: by hand with completion and faults, from filters and cohorts, and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../hang.ts";
import { axe, settled } from "./look.ts";
import { fixture, visit } from "./on_fixture.ts";
import { asOperator, confirm, editor, expression, sent } from "./writing.ts";

asOperator();

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
  // When it has just been shown, the list leaves keys to the text: nobody has read it yet. On the page's clock it is older.
  await page.clock.setSystemTime(Date.now() + 60_000);
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

test("a rule is made of an anomaly's cohort, from the anomaly and from Cohorts", async () => {
  for (const path of ["anomalies/an-000012", "cohorts?anomaly=an-000012"]) {
    const { page, close } = await visit(path);
    await page.getByRole("link", { name: "Make a rule of this cohort" }).click();
    await until("the editor has it", async () => (await expression(page)) === 'client.os eq "amzn2"\nand not cf.colo.name eq "IAD"');
    assert.match(await page.getByLabel("Description").inputValue(), /^an-000012: /);
    await close();
  }
});
