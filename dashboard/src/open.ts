// The anomalies that are open, asked for once for the whole page: Now shows them, and every view says that there are some.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { get } from "./api/client.ts";
import type { Anomalies } from "./api/types.ts";
import { type Live, useLive } from "./live.ts";

/** How often it is asked whether something is wrong; the detector looks every 10 s. */
const EVERY_MS = 5_000;

export type OpenAnomalies = Live<Anomalies>;

export const OpenContext = createContext<OpenAnomalies | null>(null);

export const useAsked = (): OpenAnomalies => useLive("open", (signal) => get("anomalies", { status: "open" }, signal), EVERY_MS);

export function useOpen(): OpenAnomalies {
  const open = useContext(OpenContext);
  if (!open) throw new Error("a view is shown outside of the frame");
  return open;
}
