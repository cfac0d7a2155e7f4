// What is usual at this hour, beside what is.

import { get } from "./api/client.ts";
import type { Usual } from "./api/types.ts";
import { type Live, useLive } from "./live.ts";

/** It changes as slowly as the hours of the days before. */
const EVERY_MS = 600_000;

/** Days of which the same hour must be known (docs/api.md, `GET usual`). */
const NEEDED_DAYS = 3;

export const useUsual = (by = ""): Live<Usual> => useLive(`usual ${by}`, (signal) => get<Usual>("usual", { by }, signal), EVERY_MS);

/** Requests of one value of an attribute; none while it is not known. */
export function usualRequests({ learning, series }: Usual, by: string, value: string): number | null {
  if (learning) return null;
  return series.find((one) => one.by[by] === value)?.requests[0] ?? 0;
}

export const learningWords = ({ days }: Usual): string => `still learning what is usual (${days} of ${NEEDED_DAYS} days)`;

/** How often a rule fires on a route at this hour. */
export function usualFires({ learning, fires }: Usual, rule: string, route: string): number | null {
  if (learning) return null;
  return fires.find((one) => one.rule === rule && one.route === route)?.requests ?? 0;
}
