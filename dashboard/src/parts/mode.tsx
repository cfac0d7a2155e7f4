import type { Mode, Verdict } from "../api/types.ts";

/** Off, monitor, enforce: by word, and by colour beside it. */
export const ModeBadge = ({ mode, percent }: { mode: Mode; percent?: number | null | undefined }) => (
  <span class={`badge mode-${mode}`}>
    {mode}
    {mode === "enforce" && percent != null && percent < 100 ? ` ${percent} %` : ""}
  </span>
);

export const VerdictBadge = ({ verdict }: { verdict: Verdict }) =>
  verdict === "none" ? <span class="faint">passed</span> : <span class={`badge verdict-${verdict}`}>{verdict}</span>;
