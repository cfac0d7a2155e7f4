import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { possible } from "../../src/rule_language/completion.ts";
import { ofCohort, ofFilters } from "../../src/rule_language/conditions.ts";
import { marked, units } from "../../src/rule_language/place.ts";
import { parseReference } from "../../src/rule_language/reference.ts";
import { tokenize } from "../../src/rule_language/tokens.ts";
import { quoted } from "../../src/rule_language/values.ts";

const page = await readFile(new URL("../../../docs/rules.md", import.meta.url), "utf8");
const reference = parseReference(page);

test("the reference has every table of the documentation", () => {
  const names = (list: { name: string }[]) => list.map(({ name }) => name);
  for (const name of ["http.user_agent", "ip.src.asnum", "oci.repository", "http.request.uri.args.names", "cf.bot_management.score"]) assert.ok(names(reference.fields).includes(name), name);
  for (const name of ["lower", "cidr", "any"]) assert.ok(names(reference.functions).includes(name), name);
  assert.deepEqual(reference.operators.find(({ names }) => names.includes("=="))?.of, ["String", "Integer", "IP address"]);
  const asn = reference.fields.find(({ name }) => name === "ip.src.asnum");
  assert.deepEqual(asn, { name: "ip.src.asnum", type: "Integer", source: "AS number of the client's network, from the platform", example: "ip.src.asnum in {16509 14618}" });
  assert.ok(reference.fields.every(({ name, example }) => /^[\w.[\]"…]+$/.test(name) && !/[|`]/.test(example)));
});

test("words are told apart", () => {
  const kinds = (text: string) => tokenize(text).map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(kinds('lower(http.host) contains "a\\"b" # end'), ["function lower", "bracket (", "field http.host", "bracket )", "operator contains", 'string "a\\"b"', "comment # end"]);
  assert.deepEqual(kinds("ip.src in {192.0.2.0/24 2001:db8::/32 1..5} && $list"), ["field ip.src", "operator in", "bracket {", "number 192.0.2.0/24", "number 2001:db8::/32", "number 1", "operator ..", "number 5", "bracket }", "logic &&", "list $list"]);
  assert.deepEqual(kinds('x matches r#"a"b"# or not ssl'), ["field x", "operator matches", 'string r#"a"b"#', "logic or", "logic not", "field ssl"]);
});

test("whatever the text is, its words are it without the spaces, and cutting it up ends", () => {
  const alphabet = ["a", "ä", "😀", '"', "\\", "#", "r", "$", "(", "{", "1", ":", ".", "..", "&&", "=", " ", "\n", "and ", "\u202e", "\0"];
  let state = 7;
  const pick = () => alphabet[(state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % alphabet.length] ?? "";
  for (let round = 0; round < 2_000; round += 1) {
    const text = Array.from({ length: round % 40 }, pick).join("");
    let end = 0;
    for (const token of tokenize(text)) {
      assert.match(text.slice(end, token.from), /^\s*$/);
      assert.equal(text.slice(token.from, token.to), token.text);
      assert.ok(token.to > token.from);
      end = token.to;
    }
    assert.match(text.slice(end), /^\s*$/);
  }
});

test("the examples of the documentation have no unknown word", () => {
  const examples = [...page.matchAll(/```rule\n([\s\S]*?)```/g)].map((found) => found[1] ?? "");
  assert.ok(examples.length >= 2);
  const fields = new Set(reference.fields.map(({ name }) => name));
  for (const token of examples.flatMap(tokenize)) {
    assert.notEqual(token.kind, "other", token.text);
    if (token.kind === "field") assert.ok(fields.has(token.text), token.text);
  }
});

test("what can be written follows from what stands before", () => {
  const at = (text: string) => {
    const found = possible(text, text.length, reference, ["botnets"]);
    return { ...found, labels: found.options.map(({ label }) => label) };
  };
  for (const text of ["", "ssl and ", "not ", "(", "lower("]) {
    const { labels } = at(text);
    assert.ok(labels.includes("http.host") && labels.includes("lower") && labels.includes("not"), text);
  }
  assert.equal(at("ssl and clie").from, 8);
  assert.deepEqual(at("ssl ").labels, ["and", "or", "xor"]);
  assert.ok(at("client.family ").labels.includes("contains") && !at("client.family ").labels.includes("and"));
  assert.ok(!at("range.start ").labels.includes("contains"), "no text");
  assert.deepEqual(at('client.family eq "docker" ').labels, ["and", "or", "xor"]);
  for (const text of ["client.family eq ", "client.family in {", 'client.family in {"docker" ', "lower(client.family) contains "]) assert.equal(at(text).valuesOf, "client.family", text);
  const quotes = at('ssl and client.family eq "do');
  assert.deepEqual([quotes.valuesOf, quotes.isQuoted, quotes.from], ["client.family", true, 26]);
  assert.equal(possible('client.family eq "do"', 20, reference).isQuoted, true, "before the quote that closes");
  assert.deepEqual(at("ip.src in $").labels, ["$botnets"]);
  assert.deepEqual(at("ip.src in ").labels, ["$botnets"]);
  assert.deepEqual(at("ssl # and ").labels, [], "not in a comment");
  assert.equal(at("client.family eq \"a\" and ").valuesOf, null);
});

test("filters become an expression, and what none can read is named", () => {
  const of = (filters: Record<string, string[]>) => ofFilters(filters).expression;
  assert.equal(of({ family: ["docker"] }), 'client.family eq "docker"');
  assert.equal(of({ family: ["docker", "podman"], asn: ["AS16509"], colo: ["FRA"] }), 'client.family in {"docker" "podman"}\nand ip.src.asnum eq 16509\nand cf.colo.name eq "FRA"');
  assert.equal(of({ os: ["amzn2", ""], route: ["hub"] }), '(client.os eq "amzn2" or not len(client.os) ge 0)\nand oci.route eq "hub"');
  assert.equal(of({ os: ["a or b"], route: ["hub"] }), 'client.os eq "a or b"\nand oci.route eq "hub"');
  assert.equal(ofFilters({ family: ["docker"] }, { "os!": ["amzn2", ""], "colo!": ["FRA"] }).expression, 'client.family eq "docker"\nand not (client.os eq "amzn2" or not len(client.os) ge 0)\nand not cf.colo.name eq "FRA"');
  assert.equal(of({ asn: [""] }), "not ip.src.asnum ge 0");
  assert.equal(of({ ip_version: ["4", "6"], odd_path: ["false"] }), "ip.src in {0.0.0.0/0 ::/0}\nand not oci.odd_path");
  assert.equal(of({ client: ["2168b2053f3f9380"] }), 'client.key eq "2168b2053f3f9380"');
  assert.deepEqual(ofFilters({ status: ["206"], rule: ["a"], asn: ["x"] }), { expression: "", leftOut: ["status", "rule", "asn"] });
});

test("a cohort becomes an expression", () => {
  const of = (...parts: Parameters<typeof ofCohort>[0]) => ofCohort(parts).expression;
  assert.equal(of({ attribute: "os", values: ["amzn2"] }, { attribute: "colo", values: ["IAD"], not: true }), 'client.os eq "amzn2"\nand not cf.colo.name eq "IAD"');
  assert.equal(of({ attribute: "colo", values: ["IAD", "FRA"], not: true }), 'not cf.colo.name in {"IAD" "FRA"}');
  assert.equal(of({ attribute: "version", values: ["containerd/2.1.3"] }), 'concat(client.family, "/", client.version) eq "containerd/2.1.3"');
  assert.equal(of({ attribute: "country", values: ["unknown"] }), "not len(ip.src.country) ge 0");
  assert.equal(of({ attribute: "country", values: ["unknown"], not: true }), "not (not len(ip.src.country) ge 0)");
  assert.deepEqual(ofCohort([{ attribute: "os", values: ["other"] }, { attribute: "size", values: ["over 1 GiB"] }]).leftOut, ["os", "size"]);
});

test("a value that somebody chose stays in its quotes", () => {
  assert.equal(quoted('a"\\b\n\u0007'), '"a\\"\\\\b\\x0a\\x07"');
  for (const value of ['"', "\\", '\\"', '" or ssl or "', "a\nb"]) assert.deepEqual(tokenize(quoted(value)).map(({ kind }) => kind), ["string"], value);
});

test("a fault is where its bytes are", () => {
  const text = 'http.host eq "ä😀" and http.hots';
  const offset = new TextEncoder().encode(text.slice(0, text.indexOf("http.hots"))).length;
  const fault = { place: "body.expression", message: "no", offset, excerpt: `${text}\n   ^^^^^^^^^` };
  const { from, to } = marked(text, fault);
  assert.equal(text.slice(from, to), "http.hots");
  assert.equal(units(text, 10_000), text.length);
  assert.deepEqual(marked("abc", { place: "", message: "" }), { from: 0, to: 3, message: "" });
});
