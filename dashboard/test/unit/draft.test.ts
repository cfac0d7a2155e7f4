import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../../src/difference.ts";
import { apply, type Draft, EMPTY, moved, parsed, printed, rebased, size, withRoute, withRule } from "../../src/rulebook/draft.ts";
import { asOf } from "../../src/rulebook/revert.ts";
import { type DocumentRule, listNames, NEW_RULE, type Rulebook, type RuleForm } from "../../src/rulebook/types.ts";

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

test("lists are named whether the rulebook has them by name or in order", () => {
  assert.deepEqual([book(), { ...book(), lists: { botnets: [] } }, { ...book(), lists: [{ name: "botnets" }] }].map(listNames), [[], ["botnets"], ["botnets"]]);
  assert.deepEqual(apply({ ...book(), lists: { botnets: [1] } }, EMPTY).book.lists, { botnets: [1] }, "they stay");
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

/** As a browser kept it under schema 1. */
const KEPT = '{"schema":1,"rules":{"a":{"form":{"description":"","expression":"ssl","action":"tag","default_mode":"monitor","volume":null},"base":null}},"routes":{},"settings":null,"order":["a","b"]}';

test("what a browser keeps is read again, and anything else is no draft", () => {
  const draft: Draft = { ...withRule(EMPTY, "a", { form: form("ssl"), base: null }), order: ["a", "b"] };
  assert.equal(printed(draft), KEPT);
  assert.deepEqual(parsed(KEPT), draft);
  for (const text of [null, "", "x", "[]", "null", '{"schema":2,"rules":{}}']) assert.deepEqual(parsed(text), EMPTY, String(text));
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
