import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../../src/difference.ts";
import { apply, type Draft, EMPTY, moved, parsed, printed, rebased, size, withList, withRoute, withRule } from "../../src/rulebook/draft.ts";
import { itemsOf, type ListForm, NEW_LIST, usersOf, written } from "../../src/rulebook/list_form.ts";
import { asOf } from "../../src/rulebook/revert.ts";
import { type DocumentRule, NEW_RULE, type Rulebook, type RuleForm } from "../../src/rulebook/types.ts";

const form = (expression: string): RuleForm => ({ ...NEW_RULE, expression });
const rule = (id: string, more: object = {}): DocumentRule => ({ ...form(id), id, version: 2, ...more });

const book = (): Rulebook => ({
  revision: 7,
  rules: [rule("a"), rule("b", { later: "field of a newer build" }), rule("c")],
  routes: [{ name: "hub", repository: "library/**" }, { name: "default" }],
  modes: [{ rule: "a", route: "hub", mode: "enforce" }, { rule: "c", route: "default", mode: "off" }],
  settings: { retry_after_s: 30 },
});

const ids = (applied: { book: Rulebook }) => applied.book.rules.map(({ id }) => id);

const list = (items: (string | number)[], more: object = {}) => ({ name: "office", version: 3, description: "", kind: "network" as const, items, ...more });
const listForm = (add: string[], remove: string[] = []): ListForm => ({ ...NEW_LIST, add, remove });

test("items of a list come and go whatever others did to it meanwhile", () => {
  const draft = withList(EMPTY, "office", { form: listForm(["192.0.2.7"], ["10.0.0.0/8"]), base: listForm([]) });
  const { book: after, conflicts } = apply({ ...book(), lists: [list(["10.0.0.0/8", "198.51.100.1"])] }, draft);
  assert.deepEqual([after.lists, conflicts], [[list(["192.0.2.7", "198.51.100.1"])], []]);
  const other = { ...book(), lists: [list([], { kind: "string" })] };
  assert.deepEqual(apply(other, draft).conflicts, ["lists/office"], "of another kind they are other items");
  assert.deepEqual(apply(other, rebased(draft, other)).conflicts, []);
});

test("a new list and the rule that names it are one draft, and a list that is removed is gone", () => {
  let draft = withList(EMPTY, "office", { form: listForm(["192.0.2.7"]), base: null });
  draft = withRule(draft, "inside", { form: form("ip.src in $office"), base: null });
  const { book: after } = apply(book(), draft);
  assert.deepEqual([after.lists, usersOf(after, "office"), usersOf(after, "offic")], [[list(["192.0.2.7"], { version: null })], ["inside"], []]);
  assert.equal(size(draft), 2);
  assert.deepEqual(apply({ ...book(), lists: [list([])] }, withList(EMPTY, "office", { form: null, base: listForm([]) })).book.lists, []);
});

test("numbers are found among texts", () => {
  assert.deepEqual(written("clouds", { ...listForm([], ["16509"]), kind: "number" }, list([16509, "1..5"], { kind: "number" })).items, ["1..5"]);
});

test("what is pasted is items, each once, with its line", () => {
  const texts = (text: string, kind: "network" | "string") => itemsOf(text, kind).map((item) => `${item.line}: ${item.text}`);
  assert.deepEqual(texts('192.0.2.1, 192.0.2.2;\n\n"192.0.2.1",\n  2001:db8::/32 \n', "network"), ["1: 192.0.2.1", "1: 192.0.2.2", "4: 2001:db8::/32"]);
  assert.deepEqual(texts('["192.0.2.1","192.0.2.2"]', "network"), ["1: 192.0.2.1", "1: 192.0.2.2"]);
  assert.deepEqual(texts(" Go http, client \r\n\n'x'\n", "string"), ["1: Go http, client", "3: 'x'"]);
  assert.deepEqual(itemsOf("a\nbc", "string")[1]?.from, 2);
});

test("an empty draft changes nothing", () => {
  assert.deepEqual(apply(book(), EMPTY), { book: book(), conflicts: [] });
  assert.equal(size(EMPTY), 0);
});

test("changed, new, retired and moved rules are one rulebook", () => {
  let draft = withRule(EMPTY, "b", { form: form("ssl"), base: form("b") });
  draft = withRule(draft, "new", { form: form("not ssl"), base: null });
  draft = withRule(draft, "a", { form: null, base: form("a") });
  draft = { ...draft, order: ["c", "new"] };
  const applied = apply(book(), draft);
  assert.deepEqual(ids(applied), ["c", "new", "b"]);
  assert.deepEqual(applied.book.rules[2], rule("b", { expression: "ssl", later: "field of a newer build" }), "what the page does not know stays");
  assert.deepEqual(applied.book.modes, [{ rule: "c", route: "default", mode: "off" }], "modes of a retired rule go with it");
  assert.deepEqual(applied.conflicts, []);
  assert.equal(size(draft), 4);
  assert.deepEqual(apply(book(), draft, true).book.rules.map((rule) => rule.force), [undefined, true, true], "only what is changed is forced");
});

test("a route that is removed takes its modes along", () => {
  const draft = withRoute(EMPTY, "hub", { form: null, base: { repository: "library/**" } });
  const { book: after } = apply(book(), draft);
  assert.deepEqual(after.routes.map(({ name }) => name), ["default"]);
  assert.deepEqual(after.modes.map(({ route }) => route), ["default"]);
});

test("what somebody else changed meanwhile is a conflict until somebody has seen it", () => {
  const draft = [withRule(EMPTY, "b", { form: form("ssl"), base: form("older") }), withRule(EMPTY, "gone", { form: form("ssl"), base: form("x") }), withRule(EMPTY, "a", { form: form("a1"), base: null })];
  assert.deepEqual(draft.map((one) => apply(book(), one).conflicts), [["rules/b"], ["rules/gone"], ["rules/a"]]);
  for (const one of draft) assert.deepEqual(apply(book(), rebased(one, book())).conflicts, []);
  assert.deepEqual(apply({ ...book(), settings: {} }, { ...EMPTY, settings: { form: { retry_after_s: 5 }, base: { retry_after_s: 30 } } }).conflicts, ["settings"]);
});

test("an edit that changes nothing is none", () => {
  const draft = withRule(EMPTY, "b", { form: form("ssl"), base: form("b") });
  assert.deepEqual(withRule(draft, "b", { form: form("b"), base: form("b") }), EMPTY);
  assert.deepEqual(withRoute(EMPTY, "x", { form: {}, base: {} }), EMPTY);
});

test("a rule moves one place and not beyond the ends", () => {
  assert.deepEqual(moved(["a", "b", "c"], "c", -1), ["a", "c", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], "a", 1), ["b", "a", "c"]);
  for (const [id, by] of [["a", -1], ["c", 1], ["x", 1]] as const) assert.deepEqual(moved(["a", "b", "c"], id, by), ["a", "b", "c"]);
});

/** As a browser keeps it, and as it did under schema 1, which had no lists. */
const KEPT_1 = '{"schema":1,"rules":{"a":{"form":{"description":"","expression":"ssl","action":"tag","default_mode":"monitor","volume":null},"base":null}},"routes":{},"settings":null,"order":["a","b"]}';
const KEPT = KEPT_1.replace('"schema":1', '"schema":2').replace('"routes":{},', '"routes":{},"lists":{"office":{"form":{"kind":"network","description":"","add":["192.0.2.7"],"remove":[]},"base":null}},');

test("what a browser keeps is read again, and anything else is no draft", () => {
  const draft: Draft = { ...withRule(EMPTY, "a", { form: form("ssl"), base: null }), order: ["a", "b"] };
  const withOffice = withList(draft, "office", { form: listForm(["192.0.2.7"]), base: null });
  assert.equal(printed(withOffice), KEPT);
  assert.deepEqual(parsed(KEPT), withOffice);
  assert.deepEqual(parsed(KEPT_1), draft);
  for (const text of [null, "", "x", "[]", "null", '{"schema":3,"rules":{}}']) assert.deepEqual(parsed(text), EMPTY, String(text));
});

test("an older revision comes back without its switches unless they are asked for", () => {
  const old: Rulebook = { ...book(), revision: 3, rules: [rule("a", { expression: "old" }), rule("c")], modes: [{ rule: "a", route: "hub", mode: "off" }] };
  const without = asOf(book(), old, false, false);
  assert.deepEqual([without.revision, without.modes.map(({ mode }) => mode)], [7, ["enforce", "off"]]);
  assert.deepEqual(asOf(book(), old, true, false).modes, old.modes);
  assert.deepEqual(asOf(book(), old, false, true).rules.map(({ force }) => force), [true, undefined]);
  assert.deepEqual(asOf(book(), { ...old, routes: [{ name: "default" }] }, false, false).modes.map(({ rule }) => rule), ["c"]);
});

test("a difference is both texts, word by word", () => {
  assert.deepEqual(difference('a in {"x"}', 'a in {"x" "y"}'), [{ kind: "same", text: 'a in {"x"' }, { kind: "added", text: ' "y"' }, { kind: "same", text: "}" }]);
  for (const [before, after] of [["", "ssl"], ["a and b", "b and a"], ["same", "same"], ["x ".repeat(2_000), "y"]] as const) {
    const pieces = difference(before, after);
    const text = (but: string) => pieces.filter(({ kind }) => kind !== but).map(({ text }) => text).join("");
    assert.deepEqual([text("added"), text("removed")], [before, after]);
  }
});
