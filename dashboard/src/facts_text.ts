// Facts that somebody types, one a line, as the API takes them.

/** `ip.src.country = US`: a number, `true`, `false` and `null` are what they are, anything else is a text. */
export function factsOf(text: string): Record<string, unknown> {
  const lines = text.split("\n").map((line) => line.split("#", 1)[0]?.trim() ?? "");
  const facts = lines.filter(Boolean).map((line): [string, unknown] => {
    const [, name = line, value = ""] = /^([^\s=:]+)\s*[=:]?\s*(.*)$/.exec(line) ?? [];
    return [name, valueOf(value)];
  });
  return Object.fromEntries(facts);
}

function valueOf(text: string): unknown {
  if (["true", "false", "null"].includes(text) || /^-?\d{1,15}$/.test(text)) return JSON.parse(text.replace(/^(-?)0+(?=\d)/, "$1"));
  return /^".*"$/.test(text) ? text.slice(1, -1) : text;
}
