// Keeps an answer of the API fresh: asks again and again, slower while it fails, not at all while nobody looks, and at once when
// the page is seen again, the machine wakes up or the network is back.

import { useEffect, useRef, useState } from "preact/hooks";
import { toProblem } from "./api/client.ts";
import type { Problem } from "./api/types.ts";
import { backoff } from "./backoff.ts";

/** Those whose last attempt failed. */
const failing = new Set<() => void>();

/** Everything that failed is asked for again: what stopped one call stopped the others beside it. */
export function retryAll(): void {
  for (const run of [...failing]) run();
}

export interface Live<T> {
  /** The last answer; it stays while later calls fail. */
  data: T | undefined;
  problem: Problem | null;
  /** Unix milliseconds of the last answer. */
  at: number;
  refresh: () => void;
}

/**
 * `ask` is called again whenever `key` changes. `every` 0 asks once. With `key` null nothing is asked.
 */
export function useLive<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>, every: number): Live<T> {
  const [state, setState] = useState<{ key: string | null } & Omit<Live<T>, "refresh">>({
    key,
    data: undefined,
    problem: null,
    at: 0,
  });
  const asked = useRef(ask);
  asked.current = ask;
  const refresh = useRef(() => {});

  useEffect(() => {
    if (key === null) return;
    const ended = new AbortController();
    let timer = 0;
    let failures = 0;
    let isAsking = false;
    const next = (wait: number) => {
      clearTimeout(timer);
      if (every > 0 && !document.hidden) timer = window.setTimeout(run, wait);
    };
    const run = async () => {
      if (isAsking || ended.signal.aborted) return;
      isAsking = true;
      clearTimeout(timer);
      try {
        const data = await asked.current(ended.signal);
        failures = 0;
        failing.delete(run);
        if (!ended.signal.aborted) setState({ key, data, problem: null, at: Date.now() });
      } catch (error) {
        if (ended.signal.aborted) return;
        failures += 1;
        failing.add(run);
        setState((old) => ({ ...(old.key === key ? old : { data: undefined, at: 0 }), key, problem: toProblem(error) }));
      } finally {
        isAsking = false;
      }
      next(failures === 0 ? every : backoff(Math.max(every, 1_000), failures, Math.random()));
    };
    const seen = () => {
      if (document.hidden) clearTimeout(timer);
      else if (every > 0) run();
    };
    refresh.current = run;
    run();
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", seen);
    addEventListener("pageshow", seen);
    return () => {
      ended.abort();
      failing.delete(run);
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
      removeEventListener("pageshow", seen);
    };
  }, [key, every]);

  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    problem: isCurrent ? state.problem : null,
    at: isCurrent ? state.at : 0,
    refresh: () => refresh.current(),
  };
}
