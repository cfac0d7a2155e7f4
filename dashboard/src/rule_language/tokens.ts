// An expression of the rule language cut into words, for colours and completion. It never fails: what is no word is one by itself,
// and a string without its end goes on to the end. Whether an expression can be read is the worker's to say.

export type TokenKind = "comment" | "string" | "number" | "logic" | "operator" | "function" | "field" | "list" | "bracket" | "other";

export interface Token {
  kind: TokenKind;
  text: string;
  from: number;
  to: number;
}

const LOGIC = new Set(["and", "or", "xor", "not", "&&", "||", "^^", "!"]);
const OPERATORS = new Set([
  ..."eq ne lt le gt ge in contains wildcard strict matches bitwise_and".split(" "),
  ..."== != < <= > >= ~ & ..".split(" "),
]);

const PATTERNS: [TokenKind | null, RegExp][] = [
  [null, /\s+/y],
  ["comment", /#[^\n]*/y],
  ["string", /r(#*)"[\s\S]*?(?:"\1|$)/y],
  ["string", /"(?:\\[\s\S]|[^"\\])*(?:"|$)/y],
  ["number", /(?:[0-9a-fA-F]{1,4}:|::)[0-9a-fA-F:.]*(?:\/\d+)?/y],
  ["number", /-?\d[\dA-Fa-fx]*(?:\.(?!\.)\d+)*(?:\/\d+)?/y],
  ["list", /\$[A-Za-z0-9_.-]*/y],
  ["field", /[A-Za-z_][A-Za-z0-9_]*(?:\.(?!\.)[A-Za-z0-9_]*)*/y],
  ["operator", /&&|\|\||\^\^|==|!=|<=|>=|\.\.|[<>~&!]/y],
  ["bracket", /[()[\]{},*]/y],
];

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const token = tokenAt(text, at);
    if (token.kind !== null) tokens.push(token as Token);
    at = token.to;
  }
  return tokens;
}

function tokenAt(text: string, from: number): Omit<Token, "kind"> & { kind: TokenKind | null } {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = from;
    const [found] = pattern.exec(text) ?? [];
    if (!found) continue;
    const to = from + found.length;
    return { kind: kind && named(kind, found, text.slice(to)), text: found, from, to };
  }
  const [character = ""] = String.fromCodePoint(text.codePointAt(from) ?? 0);
  return { kind: "other", text: character, from, to: from + character.length };
}

/** What a word is, by the word and by what follows. */
function named(kind: TokenKind, word: string, after: string): TokenKind {
  if (kind !== "field" && kind !== "operator") return kind;
  if (LOGIC.has(word)) return "logic";
  if (OPERATORS.has(word)) return "operator";
  return /^\s*\(/.test(after) ? "function" : kind;
}
