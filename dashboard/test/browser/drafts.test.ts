// Changes wait in a draft, on made-up answers, and are published together or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTILE } from "../fixture/data.ts";
import { DESKTOP, PHONE, TABLET } from "./chromium.ts";
import { axe, width } from "./look.ts";
import { fixture, visit } from "./on_fixture.ts";
import { asOperator, confirm } from "./writing.ts";

asOperator();

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
