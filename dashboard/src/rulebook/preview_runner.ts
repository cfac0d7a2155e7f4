// The preview while somebody types: one at a time, of what stands there once nothing was typed for a moment. A preview that is no
// longer wanted is cancelled before the next begins, because all previews of a deployment wait in one queue.

import { toProblem } from "../api/client.ts";
import type { Preview, Problem, Verdict } from "../api/types.ts";
import { isSame, type Volume } from "./types.ts";

export interface Candidate {
  expression: string;
  action: Verdict;
  volume: Volume | null;
  route: string;
}

/** What the page shows; `item` stays while the next one is made. */
export interface PreviewState {
  item: Preview | null;
  /** The candidate that `item` is of. */
  of: Candidate | null;
  isRunning: boolean;
  problem: Problem | null;
}

export interface PreviewCalls {
  begin: (candidate: Candidate) => Promise<Preview>;
  look: (id: string) => Promise<Preview>;
  cancel: (id: string) => Promise<unknown>;
  wait: (ms: number) => Promise<void>;
}

/** What is shown is of something else than what is wanted. */
export const isOutdated = ({ item, of }: PreviewState, wanted: Candidate | null): boolean => item !== null && !isSame(of, wanted);

/** Nobody types this slowly. */
export const QUIET_MS = 600;

const LOOK_MS = 300;

export class PreviewRunner {
  readonly #calls: PreviewCalls;
  readonly #show: (state: PreviewState) => void;
  /** Of the newest wish; an older one ends where it notices. */
  #turn = 0;
  /** Ends when nothing runs any more. */
  #last: Promise<void> = Promise.resolve();
  #state: PreviewState = { item: null, of: null, isRunning: false, problem: null };

  constructor(calls: PreviewCalls, show: (state: PreviewState) => void) {
    this.#calls = calls;
    this.#show = show;
  }

  /** From now on this is wanted, or nothing. */
  want(candidate: Candidate | null): void {
    this.#turn += 1;
    const turn = this.#turn;
    const quiet = candidate && this.#calls.wait(QUIET_MS);
    const before = this.#last;
    this.#last = Promise.all([before, quiet]).then(() => candidate && this.#run(candidate, turn)).then(() => {});
    if (candidate === null) this.#set({ isRunning: false, problem: null });
  }

  /** Resolves when nothing runs any more. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #run(candidate: Candidate, turn: number): Promise<void> {
    const isStale = () => this.#turn !== turn;
    if (isStale()) return;
    this.#set({ isRunning: true, problem: null });
    try {
      const item = await this.#finished(candidate, isStale);
      if (item) this.#set({ item, of: candidate, isRunning: false });
    } catch (error) {
      if (!isStale()) this.#set({ isRunning: false, problem: toProblem(error) });
    }
  }

  /** None if it was not wanted any more. */
  async #finished(candidate: Candidate, isStale: () => boolean): Promise<Preview | null> {
    let item = await this.#calls.begin(candidate);
    while (item.status === "running") {
      if (isStale()) {
        await this.#calls.cancel(item.id).catch(() => {});
        return null;
      }
      await this.#calls.wait(LOOK_MS);
      if (!isStale()) item = await this.#calls.look(item.id);
    }
    return isStale() ? null : item;
  }

  #set(change: Partial<PreviewState>): void {
    this.#state = { ...this.#state, ...change };
    this.#show(this.#state);
  }
}
