import assert from "node:assert/strict";
import { test } from "node:test";
import { recordId } from "../../src/record_id.ts";

test("an id is found in whatever somebody pastes", () => {
  const id = "01M850PVFCHPH3JAR69G00000Q";
  for (const text of [id, ` ${id}\n`, id.toLowerCase(), `Blobwatch-Id: ${id}`, `to ask the registry's operator why, quote ${id}`, `{"id":"${id}"}`]) assert.equal(recordId(text), id, text);
  for (const text of ["", "01M850PVFC", `${id}0`, `x${id}`, "81M850PVFCHPH3JAR69G00000Q", "01M850PVFCHPH3JAR69G0000IL", "5ae0c4d1e8b2a3f4-FRA"]) assert.equal(recordId(text), null, text);
});
