// Who is signed in. `undefined` until it is known, `null` for nobody.

import { computed, signal } from "@preact/signals";
import { credentials, queryText, Refused, send } from "./api/client.ts";
import type { Problem, Role, Session } from "./api/types.ts";
import { EMPTY } from "./rulebook/draft.ts";
import { keepDraft } from "./rulebook/draft_kept.ts";

const ADDRESS = "/_blobwatch/session";

export const session = signal<Session | null | undefined>(undefined);

/** Why the session could not be asked for; a closed deployment says how to open it. */
export const sessionProblem = signal<Problem | null>(null);

/** Where one signs in at an identity provider, if there is one. */
export const providerAddress = signal<string | null>(null);

/** Somebody was signed in on this page, and no longer is. */
export const hasEnded = signal(false);

const has = (...roles: Role[]): boolean => session.value != null && roles.includes(session.value.role);

/** Begins previews. */
export const isAnalyst = computed(() => has("analyst", "operator", "admin"));

/** Changes something, on some routes at least. */
export const operatesSomewhere = computed(() => has("operator", "admin"));

/** Changes what holds for every route. */
export const isOperator = computed(() => operatesSomewhere.value && !session.value?.routes);

/** Says who may call. */
export const isAdmin = computed(() => has("admin"));

/** Whether rules may be switched on that route. */
export const operatesOn = (route: string): boolean => operatesSomewhere.value && (session.value?.routes?.includes(route) ?? true);

/** What somebody is who may not do something: "a viewer", "an operator of hub". */
export const rank = computed(() => {
  const { role = "viewer", routes } = session.value ?? {};
  const article = /^[aeiou]/.test(role) ? "an" : "a";
  return `${article} ${role}${routes ? ` of ${routes.join(", ")}` : ""}`;
});

credentials.ended = () => {
  const wasSignedIn = Boolean(session.value);
  hasEnded.value ||= wasSignedIn;
  session.value = null;
  if (wasSignedIn) resume();
};

function enter(found: Session): void {
  credentials.csrf = found.csrf;
  sessionProblem.value = null;
  hasEnded.value = false;
  session.value = found;
}

export async function resume(): Promise<void> {
  try {
    enter(await send<Session>("GET", ADDRESS));
  } catch (error) {
    if (error instanceof Refused && error.problem.status !== 401) sessionProblem.value = error.problem;
    if (error instanceof Refused) providerAddress.value = error.problem.sign_in ?? null;
    session.value = null;
  }
}

export async function signIn(token: string): Promise<void> {
  enter(await send<Session>("POST", ADDRESS, { token: token.trim() }));
}

/** Ends this session, or all sessions of this name: those in other browsers too. */
export async function signOut(everywhere = false): Promise<void> {
  const name = everywhere ? (session.value?.name ?? null) : null;
  await send("DELETE", ADDRESS + queryText({ name }));
  credentials.csrf = "";
  keepDraft(EMPTY);
  session.value = null;
  // Where one may sign in again.
  await resume();
}
