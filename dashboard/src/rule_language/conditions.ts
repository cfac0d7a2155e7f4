// Filters and cohorts as an expression: what an expression cannot read is named, so that nobody takes the rule for narrower than it is.

import type { CohortPart } from "../api/types.ts";
import { fieldOf, isInteger, quoted } from "./values.ts";

export interface Conditions {
  expression: string;
  /** Attributes that no expression can read. */
  leftOut: string[];
}

interface Wanted {
  attribute: string;
  values: string[];
  not?: boolean;
}

/** An empty value of a filter is a request without one. What is excluded has its name with `!`, as the API has it. */
export const ofFilters = (filters: Record<string, string[]>, excluded: Record<string, string[]> = {}): Conditions =>
  joined([
    ...Object.entries(filters).map(([attribute, values]) => ({ attribute, values })),
    ...Object.entries(excluded).map(([name, values]) => ({ attribute: name.replace(/!$/, ""), values, not: true })),
  ]);

/** A cohort calls a missing value `unknown`. */
export const ofCohort = (parts: CohortPart[]): Conditions =>
  joined(parts.map(({ values, ...part }) => ({ ...part, values: values.map((value) => (value === "unknown" ? "" : value)) })));

function joined(parts: Wanted[]): Conditions {
  const read = parts.map((part) => ({ part, condition: condition(part) }));
  const conditions = read.flatMap(({ condition }) => condition ?? []);
  const isAlone = conditions.length === 1;
  return {
    expression: conditions.map((one) => (isAlone || !isDisjunction(one) || one.startsWith("not (") ? one : `(${one})`)).join("\nand "),
    leftOut: read.filter(({ condition }) => condition === null).map(({ part }) => part.attribute),
  };
}

/** `and` binds stronger than `or`. */
const isDisjunction = (condition: string): boolean => / or /.test(condition.replace(/"(?:\\.|[^"\\])*"/g, '""'));

const OF_OTHER_FORM: Record<string, (values: string[]) => string | null> = {
  client: (values) => compared("client.key", values, quoted),
  odd_path: ([value, more]) => (more !== undefined ? null : value === "true" ? "oci.odd_path" : "not oci.odd_path"),
  ip_version: (values) => {
    const networks = values.map((value) => ({ "4": "0.0.0.0/0", "6": "::/0" })[value]);
    return networks.every((network) => network !== undefined) ? `ip.src in {${networks.join(" ")}}` : null;
  },
};

function condition({ attribute, values, not }: Wanted): string | null {
  // The Detector counts the rest of a full table as `other`: nobody knows which values they are.
  if (values.length === 0 || values.includes("other")) return null;
  const found = (OF_OTHER_FORM[attribute] ?? ofField(attribute))(values);
  if (found === null || !not) return found;
  return isDisjunction(found) || found.startsWith("not ") ? `not (${found})` : `not ${found}`;
}

const ofField = (attribute: string) => (values: string[]): string | null => {
  const field = fieldOf(attribute);
  if (field === null) return null;
  if (attribute === "version" && values.some((value) => value.includes("/"))) {
    return compared('concat(client.family, "/", client.version)', values, quoted);
  }
  if (!isInteger(field)) return compared(field, values, quoted);
  const numbers = values.map((value) => value.replace(/^AS/i, ""));
  return numbers.every((number) => number === "" || /^\d+$/.test(number)) ? compared(field, numbers, String) : null;
};

/** One value with `eq`, several with `in`; a request without a value apart, because no comparison of it is true. */
function compared(field: string, values: string[], written: (value: string) => string): string {
  const some = [...new Set(values.filter((value) => value !== ""))];
  const isMissing = written === quoted ? `not len(${field}) ge 0` : `not ${field} ge 0`;
  const conditions = some.length === 0 ? [] : some.length === 1 ? [`${field} eq ${written(some[0] ?? "")}`] : [`${field} in {${some.map(written).join(" ")}}`];
  return [...conditions, ...(values.includes("") ? [isMissing] : [])].join(" or ");
}
