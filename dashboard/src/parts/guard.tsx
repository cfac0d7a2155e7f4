import type { Guard } from "../api/types.ts";
import { count } from "../format.ts";

/** What the guard says, or what it has counted so far. */
export const guardWords = (guard: Guard): string => guard.text ?? counted(guard);

const counted = (guard: Guard): string =>
  `${count(guard.denied_clients)} clients denied: ${count(guard.denied_healthy)} healthy before, ${count(guard.denied_unhealthy)} unhealthy, ` +
  `${count(guard.denied_unknown)} unknown`;

/** By word, and by colour beside it; the reason is its title. */
export const GuardBadge = ({ state, words }: { state: Guard["state"]; words?: string | null | undefined }) => (
  <span class={`badge guard-${state}`} {...(words && { title: words })}>
    guard {state}
  </span>
);
