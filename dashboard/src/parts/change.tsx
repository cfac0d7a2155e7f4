// What every change has in common: a reason for the audit log, one attempt at a time, and what the server said when it refused.

import { useState } from "preact/hooks";
import { toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import { Refusal } from "./states.tsx";

export interface Change {
  isAsking: boolean;
  problem: Problem | null;
  /** Makes the change; what it throws is kept in `problem`. */
  make: (act: () => Promise<void>) => Promise<void>;
}

export function useChange(): Change {
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const make = async (act: () => Promise<void>) => {
    setAsking(true);
    setProblem(null);
    try {
      await act();
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setAsking(false);
    }
  };
  return { isAsking, problem, make };
}

/** What a dialog that makes changes is given. */
export interface Closes {
  close: () => void;
  done: () => void;
}

/** A change in a dialog: once it is made, whoever opened the dialog is told, and it closes. */
export function useClosingChange({ close, done }: Closes): Omit<Change, "make"> & { act: (ask: () => Promise<unknown>) => Promise<void> } {
  const { isAsking, problem, make } = useChange();
  const act = (ask: () => Promise<unknown>) =>
    make(async () => {
      await ask();
      done();
      close();
    });
  return { isAsking, problem, act };
}

interface Props {
  value: string;
  set: (reason: string) => void;
  problem: Problem | null;
}

export const Reason = ({ value, set, problem }: Props) => (
  <>
    <label>
      Reason, for the audit log
      <textarea value={value} required maxLength={1000} rows={3} onInput={(event) => set(event.currentTarget.value)} />
    </label>
    <Refusal problem={problem} />
  </>
);
