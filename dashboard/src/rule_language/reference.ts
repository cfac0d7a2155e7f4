// What the rule language has, read out of docs/rules.md when the page is built: the page's tables are compared with the code by the
// tests of the language, so that the editor completes what the worker reads.

export interface FieldEntry {
  name: string;
  type: string;
  source: string;
  example: string;
}

export interface FunctionEntry {
  name: string;
  /** With its parameters: `lower(s)`. */
  signature: string;
  gives: string;
  example: string;
}

export interface OperatorEntry {
  /** A word and its C form: `eq`, `==`. */
  names: string[];
  /** Types that it compares. */
  of: string[];
  example: string;
}

export interface Reference {
  fields: FieldEntry[];
  functions: FunctionEntry[];
  operators: OperatorEntry[];
}

/** Reads the tables by what their first column is called. */
export function parseReference(page: string): Reference {
  const reference: Reference = { fields: [], functions: [], operators: [] };
  let column = "";
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) {
      column = "";
      continue;
    }
    const cells = cellsOf(line);
    if (column === "") column = cells[0] ?? "";
    else if (!/^-+$/.test(cells[0] ?? "")) add(reference, column, cells);
  }
  return reference;
}

function add(reference: Reference, column: string, cells: string[]): void {
  const [first = "", second = "", third = "", fourth = ""] = cells;
  const names = inCode(first);
  const name = names[0] ?? "";
  // `cf.*` stands for names of a table of their own.
  if (column === "field" && !name.endsWith("*")) reference.fields.push({ name, type: words(second), source: words(third), example: code(fourth) });
  if (column === "array") {
    for (const array of names) reference.fields.push({ name: array, type: "Array", source: words(second), example: code(third) });
  }
  if (column === "type, where told") {
    const source = "told by Cloudflare in some zones and plans";
    for (const told of inCode(second)) reference.fields.push({ name: told, type: words(first), source, example: told });
  }
  if (column === "function") reference.functions.push({ name: name.replace(/\(.*/, ""), signature: name, gives: words(second), example: code(third) });
  if (column === "operator") reference.operators.push({ names, of: second.split(",").map((type) => type.trim()), example: code(third) });
}

/** A bar within a cell is written `\|`. */
const cellsOf = (line: string): string[] =>
  line
    .slice(1)
    .replace(/\|\s*$/, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

const inCode = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? "");

const code = (cell: string): string => inCode(cell)[0] ?? cell;

/** Without links and marks. */
const words = (cell: string): string => cell.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "");
