// The editor of an expression: CodeMirror with the colours, the completion and the faults of the rule language. It is loaded only
// where somebody writes one (a chunk of its own).
//
// It stands in a shadow root: there its styles are adopted style sheets, which the content security policy permits, and not elements
// that it would refuse.

import { autocompletion, closeBrackets, closeBracketsKeymap, type CompletionContext, completionKeymap, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { type Diagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, highlightSpecialChars, keymap, placeholder, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import reference from "virtual:rule-language";
import { possible } from "../rule_language/completion.ts";
import type { Marked } from "../rule_language/place.ts";
import { tokenize } from "../rule_language/tokens.ts";
import { inQuotes, isInteger } from "../rule_language/values.ts";
import { theme } from "./theme.ts";

export interface Seen {
  value: string;
  requests: number;
}

export interface Options {
  host: HTMLElement;
  text: string;
  label: string;
  changed: (text: string) => void;
  /** Values of a field that were seen lately, the most frequent first. */
  valuesOf: (field: string) => Promise<Seen[]>;
  lists: () => string[];
}

export interface Editor {
  text: () => string;
  setText: (text: string) => void;
  mark: (marks: Marked[]) => void;
  focus: () => void;
  destroy: () => void;
}

export function openEditor(options: Options): Editor {
  const root = options.host.shadowRoot ?? options.host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({ doc: options.text, extensions: extensions(options) }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: (marks) => view.dispatch(setDiagnostics(view.state, marks.map((mark) => diagnostic(mark, view.state.doc.length)))),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

const extensions = (options: Options): Extension[] => [
  history(),
  closeBrackets(),
  highlightSpecialChars(),
  colours,
  EditorView.lineWrapping,
  autocompletion({ override: [(context) => complete(context, options)], icons: false, activateOnTyping: true }),
  placeholder('client.family eq "docker" and …'),
  // Tab leaves the editor, as it leaves any other field.
  keymap.of([...completionKeymap, ...closeBracketsKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
  EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
  EditorView.updateListener.of((update) => {
    if (update.docChanged) options.changed(update.state.doc.toString());
  }),
  theme,
];

/** A fault at the end of the text is shown on its last character. */
function diagnostic({ from, to, message }: Marked, length: number): Diagnostic {
  const start = Math.max(0, Math.min(from, length - 1));
  return { from: start, to: Math.min(length, Math.max(to, start + 1)), severity: "error", message };
}

const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = decorations(view);
    }

    update(update: ViewUpdate) {
      if (update.docChanged) this.decorations = decorations(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

const decorations = (view: EditorView): DecorationSet =>
  Decoration.set(tokenize(view.state.doc.toString()).map(({ kind, from, to }) => Decoration.mark({ class: `word-${kind}` }).range(from, to)));

async function complete(context: CompletionContext, options: Options): Promise<CompletionResult | null> {
  const found = possible(context.state.doc.toString(), context.pos, reference, options.lists());
  const isWanted = context.explicit || context.pos > found.from || found.valuesOf !== null;
  if (!isWanted) return null;
  const values = found.valuesOf === null ? [] : await seen(found.valuesOf, found.isQuoted, options);
  const words = found.options.map(({ label, kind, detail, info }) => ({ label, detail, type: kind, ...(info && { info }), ...(kind === "function" && { apply: `${label}(` }) }));
  if (values.length + words.length === 0) return null;
  return { from: found.from, options: [...values, ...words], validFor: found.isQuoted ? /^[^"\n]*$/ : /^[\w.$]*$/ };
}

async function seen(field: string, isQuoted: boolean, { valuesOf }: Options) {
  const values = await valuesOf(field).catch(() => []);
  return values.map(({ value, requests }, at) => ({
    label: value,
    detail: `${requests.toLocaleString("en-US")} requests`,
    type: "value",
    apply: isQuoted ? inQuotes(value) : isInteger(field) ? value : `"${inQuotes(value)}"`,
    // In the order in which they came: the most frequent first.
    boost: -at,
  }));
}
