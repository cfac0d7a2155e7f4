// Lists on the page, on made-up answers: made, searched, changed, and removed; with the keyboard, on a phone, in the draft.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE } from "./chromium.ts";
import { axe, width } from "./look.ts";
import { fixture, onFixture, visit } from "./on_fixture.ts";

onFixture(() => {
  fixture.state.role = "operator";
  fixture.calls.length = 0;
  fixture.rulebook.reset();
});

const sent = (method: string, path: string) => fixture.calls.filter((call) => call.method === method && call.path === path).map(({ body }) => body);

const namesOffice = () => {
  const { book } = fixture.rulebook;
  fixture.rulebook.book = { ...book, rules: book.rules.map((rule) => (rule.id === "old-docker" ? { ...rule, expression: "ip.src in $office" } : rule)) };
};

test("items come and go, and whatever was pasted is there once", async () => {
  namesOffice();
  const { page, faults, close } = await visit("rules");
  await page.getByRole("link", { name: "Lists", exact: true }).click();
  const row = page.getByRole("row", { name: /office/ });
  await row.getByRole("link", { name: "old-docker" }).waitFor();
  await row.getByRole("link", { name: "office", exact: true }).click();
  await page.getByRole("row", { name: "192.0.2.0/24" }).click();
  await page.getByText("to be removed", { exact: true }).waitFor();
  await page.getByLabel("Items to add").fill("198.51.100.0/24, 2001:db8::/32\n198.51.100.0/24\n203.0.113.7");
  await page.getByText("2 to add, 1 there already, 1 to remove; 3 items then.").waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Reason, for the audit log").fill("moved");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(sent("POST", "lists/office/items"), [{ add: ["198.51.100.0/24", "203.0.113.7"], remove: ["192.0.2.0/24"] }]);
  await page.getByRole("row", { name: "203.0.113.7" }).waitFor();
  assert.equal(await page.getByLabel("Items to add").inputValue(), "");
  assert.deepEqual(faults, []);
  await close();
});

test("an item that is refused is told with its line, and shown there", async () => {
  const { page, close } = await visit("list/office");
  const items = page.getByLabel("Items to add");
  await items.fill("198.51.100.7\n\nno-such\n198.51.100.8");
  await page.getByLabel("Reason, for the audit log").fill("moved");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const told = page.getByRole("alert", { name: "Faults" });
  await told.getByText("expected an IP address").waitFor();
  assert.deepEqual(await axe(page), []);
  await told.getByRole("button", { name: "Line 3" }).click();
  const chosen = await items.evaluate((box) => (box as HTMLTextAreaElement).value.slice((box as HTMLTextAreaElement).selectionStart, (box as HTMLTextAreaElement).selectionEnd));
  assert.equal(chosen, "no-such");
  await page.keyboard.type("198.51.100.9");
  await told.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(sent("POST", "lists/office/items").at(-1), { add: ["198.51.100.7", "198.51.100.9", "198.51.100.8"], remove: [] });
  await close();
});

test("ten thousand items are searched and removed with the keyboard alone", async () => {
  const { page, faults, close } = await visit("list/scrapers");
  await page.getByText("10,000 items").first().waitFor();
  assert.ok((await page.locator(".virtual-row").count()) < 100, "only the rows in sight exist");
  await page.getByLabel("Search", { exact: true }).focus();
  await page.keyboard.type("SCRAPER-99");
  await page.getByText("110 of 10,000 items").waitFor();
  await page.getByRole("grid", { name: "Items of the list" }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByText("0 to add, 1 to remove; 9,999 items then.").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("0 to add, 0 to remove; 10,000 items then.").waitFor();
  await page.getByRole("button", { name: "Remove the 110 found" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("0 to add, 110 to remove; 9,890 items then.").waitFor();
  await page.getByRole("button", { name: "Keep the 110 found" }).waitFor();
  await page.getByLabel("Items to add").fill(Array.from({ length: 111 }, (_, n) => `new-${n}`).join("\n"));
  await page.getByText("A list has at most 10,000 items").waitFor();
  assert.ok(await page.getByRole("button", { name: "Add to the draft" }).isDisabled());
  assert.deepEqual(faults, []);
  await close();
});

test("a list is made, and is there", async () => {
  const { page, faults, close } = await visit("lists");
  await page.getByRole("link", { name: "New list" }).click();
  await page.getByLabel(/^Name/).fill("Bad Clouds");
  await page.getByText("Rules write it as $bad_clouds.").waitFor();
  await page.getByLabel(/^Name/).fill("office");
  await page.getByText("There is a list of this name.").waitFor();
  await page.getByLabel(/^Name/).fill("bad_clouds");
  await page.getByLabel("Items are").selectOption("number");
  await page.getByLabel("Description").fill("Networks that scrape");
  await page.getByLabel("Items to add").fill("64496, 64500..64511");
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Reason, for the audit log").fill("seen");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(sent("PUT", "lists/bad_clouds"), [{ kind: "number", description: "Networks that scrape", items: ["64496", "64500..64511"] }]);
  await page.getByRole("link", { name: "Open the list" }).click();
  await page.getByRole("row", { name: "64500..64511" }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test("a description is not written over somebody else's", async () => {
  const { page, close } = await visit("list/office");
  await page.getByLabel("Description").fill("mine");
  const { book } = fixture.rulebook;
  fixture.rulebook.book = { ...book, revision: 20, lists: book.lists.map((list) => ({ ...list, description: "theirs" })) };
  await page.getByLabel("Reason, for the audit log").fill("why");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("so nothing was saved").waitFor();
  assert.deepEqual(sent("PUT", "lists/office"), []);
  await page.getByRole("button", { name: "I have seen it: save mine" }).click();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Revision 21 is stored.").waitFor();
  await close();
});

test("a list, its new items and its end wait in the draft", async () => {
  namesOffice();
  const { page, faults, close } = await visit("list/office", { viewport: PHONE });
  await page.getByLabel("Items to add").fill("198.51.100.7");
  await page.getByRole("button", { name: "Add to the draft" }).click();
  const plan = page.getByRole("list", { name: "What changes" });
  await plan.getByText("198.51.100.7").waitFor();
  assert.deepEqual(await axe(page), []);
  assert.ok((await width(page)) <= PHONE.width);
  await page.getByRole("link", { name: "lists/office" }).click();
  assert.equal(await page.getByLabel("Items to add").inputValue(), "198.51.100.7");
  await page.goto(`${fixture.url}list/scrapers`);
  await page.getByRole("button", { name: "Remove the list…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("No rule names it.").waitFor();
  await dialog.getByRole("button", { name: "Add to the draft" }).click();
  await plan.getByText("lists/scrapers").waitFor();
  await page.getByLabel("Reason, for the audit log").fill("moved");
  await page.getByRole("button", { name: "Publish as one revision" }).click();
  await page.getByText("Revision 13 is stored.").waitFor();
  const { lists } = fixture.rulebook.book;
  assert.deepEqual(lists.map(({ name, items }) => [name, items]), [["office", ["198.51.100.7", "192.0.2.0/24", "2001:db8::/32"]]]);
  assert.deepEqual(faults, []);
  await close();
});

test("a list that rules name is not removed before them", async () => {
  namesOffice();
  const { page, close } = await visit("list/office");
  await page.getByRole("button", { name: "Remove the list…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: "old-docker" }).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Remove now" }).count(), 0);
  await page.keyboard.press("Escape");
  await page.goto(`${fixture.url}list/scrapers`);
  await page.getByRole("button", { name: "Remove the list…" }).click();
  await dialog.getByLabel("Reason, for the audit log").fill("not used");
  await dialog.getByRole("button", { name: "Remove now" }).click();
  await page.getByText("Revision 13 is stored.").waitFor();
  assert.deepEqual(fixture.rulebook.book.lists.map(({ name }) => name), ["office"]);
  await close();
});

test("a viewer reads and searches a list and changes nothing", async () => {
  fixture.state.role = "viewer";
  const { page, faults, close } = await visit("list/scrapers");
  await page.getByText("you can read this list but not change it").waitFor();
  await page.getByLabel("Search", { exact: true }).fill("scraper-7");
  await page.getByRole("row", { name: "scraper-77", exact: true }).first().click();
  assert.equal(await page.getByText("to be removed").count(), 0);
  assert.equal(await page.getByRole("button", { name: /Save|draft|Remove/ }).count(), 0);
  assert.deepEqual(faults, []);
  await close();
});
