// The editor in the colours of the page: its variables reach into the shadow root, its rules do not.

import { EditorView } from "@codemirror/view";

const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

export const theme = EditorView.theme({
  "&": {
    color: "var(--ink)",
    backgroundColor: "var(--paper)",
    border: "1px solid var(--control)",
    borderRadius: "4px",
    fontSize: "14px",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: MONO, lineHeight: "1.55", maxHeight: "20rem", overflow: "auto" },
  ".cm-content": { padding: "0.5rem 0", caretColor: "var(--ink)", minWidth: "0", minHeight: "5.5rem" },
  ".cm-line": { padding: "0 0.6rem", overflowWrap: "anywhere" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection": {
    backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent)",
  },
  ".cm-placeholder": { color: "var(--ink-soft)" },
  ".cm-specialChar": { color: "var(--bad)" },
  ".word-field": { color: "var(--accent)" },
  ".word-function": { color: "var(--line-5)" },
  ".word-logic": { color: "var(--ink)", fontWeight: "700" },
  ".word-operator": { color: "var(--line-6)" },
  ".word-string": { color: "var(--good)" },
  ".word-number": { color: "var(--warn)" },
  ".word-list": { color: "var(--line-8)" },
  ".word-comment": { color: "var(--ink-soft)", fontStyle: "italic" },
  ".word-bracket": { color: "var(--ink-soft)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 1.5px", textUnderlineOffset: "3px", textDecorationSkipInk: "none" },
  ".cm-tooltip": {
    backgroundColor: "var(--paper)",
    color: "var(--ink)",
    border: "1px solid var(--control)",
    borderRadius: "4px",
    maxWidth: "min(34rem, calc(100vw - 2rem))",
    zIndex: "5",
  },
  ".cm-diagnostic": { padding: "0.3rem 0.6rem", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--bad)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: MONO, fontSize: "13px", maxHeight: "15rem", maxWidth: "min(34rem, calc(100vw - 2rem))", minWidth: "min(16rem, 80vw)" },
  ".cm-tooltip-autocomplete ul li": { display: "flex", gap: "0.75rem", justifyContent: "space-between" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.15rem 0.6rem", lineHeight: "1.5" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-fill)", color: "var(--accent-ink)" },
  ".cm-completionLabel": { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { marginLeft: "auto", fontStyle: "normal", color: "var(--ink-soft)", whiteSpace: "nowrap" },
  "li[aria-selected] .cm-completionDetail": { color: "var(--accent-ink)" },
  ".cm-completionInfo": { padding: "0.4rem 0.6rem", whiteSpace: "pre-line", fontSize: "13px", overflowWrap: "anywhere" },
});
