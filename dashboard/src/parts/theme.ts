// Light, dark, or as the machine is set. `shown` changes when the colours do, so that plots are drawn anew.

import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const KEY = "blobwatch-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const read = (): Theme => {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
};

export const theme = signal<Theme>(read());
export const shown = signal<"light" | "dark">(dark.matches ? "dark" : "light");

effect(() => {
  const chosen = theme.value;
  if (chosen === "auto") {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset["theme"];
  } else {
    localStorage.setItem(KEY, chosen);
    document.documentElement.dataset["theme"] = chosen;
  }
  const update = () => {
    shown.value = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  };
  update();
  dark.addEventListener("change", update);
  return () => dark.removeEventListener("change", update);
});

export const nextTheme = (now: Theme): Theme => (now === "auto" ? "light" : now === "light" ? "dark" : "auto");
