// Whether an expression can be stored, asked a moment after the last key.

import { useEffect, useState } from "preact/hooks";
import { checkExpression } from "./calls.ts";
import type { Fault } from "./types.ts";

const QUIET_MS = 250;

export interface Check {
  /** The text that was checked last. */
  of: string | null;
  faults: Fault[];
  /** It could not be asked. */
  isUnknown: boolean;
}

const NOT_YET: Check = { of: null, faults: [], isUnknown: false };

export function useCheck(expression: string): Check {
  const [check, setCheck] = useState(NOT_YET);
  useEffect(() => {
    if (expression.trim() === "") {
      setCheck(NOT_YET);
      return;
    }
    const ended = new AbortController();
    const timer = setTimeout(() => {
      checkExpression(expression, ended.signal).then(
        (faults) => ended.signal.aborted || setCheck({ of: expression, faults, isUnknown: false }),
        () => ended.signal.aborted || setCheck({ of: expression, faults: [], isUnknown: true }),
      );
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [expression]);
  return check;
}
