// A plan: what a push of this rulebook would change, what it would be refused for, and the push itself.

import { useEffect, useState } from "preact/hooks";
import { Refused, visibleText } from "../api/client.ts";
import { useLive } from "../live.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Difference } from "../parts/expression.tsx";
import { ListDifference, type ListState } from "../parts/list_difference.tsx";
import { RuleDifference } from "../parts/rule_difference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { planOf, push } from "../rulebook/calls.ts";
import { formOf, type DocumentRule, type Fault, type Plan as Answer, type Rulebook } from "../rulebook/types.ts";
import { isOperator, rank } from "../session.ts";

interface Props {
  /** At the revision that it was made from. */
  book: Rulebook;
  /** Rules that are enforced may act in their new version at once. */
  force: boolean;
  setForce: (force: boolean) => void;
  /** Why it cannot be published yet; none if it can. */
  held: string | null;
  /** Where the push is what is wanted by now. */
  done: () => void;
  /** The rulebook has another revision by now. */
  refresh: () => void;
  reason?: string;
}

export function Plan({ book, force, setForce, held, done, refresh, reason: first = "" }: Props) {
  const live = useLive(JSON.stringify(["plan", book]), (signal) => planOf(book, signal), 0);
  const [reason, setReason] = useState(first);
  const [revision, setRevision] = useState<number | null>(null);
  const { isAsking, problem, make } = useChange();
  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      try {
        setRevision((await push(book, reason)).revision);
        done();
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 412) refresh();
        throw error;
      }
    });
  };
  if (revision !== null) return <Arrival revision={revision} />;
  return (
    <Shown live={live} what="the plan">
      {(plan) => (
        <>
          <Changes plan={plan} />
          <Faults faults={plan.errors} />
          {isOperator.value ? (
            <form class="stack" onSubmit={submit}>
              {(force || plan.errors.some(isForced)) && (
                <label class="choice">
                  <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> Rules that are enforced act in their new version at once, without a preview; the
                  audit log says so
                </label>
              )}
              <Reason value={reason} set={setReason} problem={problem} />
              <div class="actions">
                <button type="submit" class={force ? "danger" : "primary"} disabled={isAsking || held !== null || plan.errors.length > 0 || plan.changes.length === 0}>
                  {isAsking ? "Publishing…" : "Publish as one revision"}
                </button>
                {held !== null && <span class="faint">{held}</span>}
              </div>
            </form>
          ) : (
            <div class="notice">
              <p>
                You are {rank.value}: an operator of every route can publish this, here or with <code>blobwatch rulebook push</code> and this file.
              </p>
              <Download book={book} />
            </div>
          )}
        </>
      )}
    </Shown>
  );
}

/** What is to be published, for somebody who may. */
function Download({ book }: { book: Rulebook }) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([JSON.stringify(book, null, 2)], { type: "application/json" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [book]);
  return (
    <a class="button" href={address} download={`rulebook-${book.revision}.json`}>
      Download the rulebook
    </a>
  );
}

/** A rule that is enforced would act in a version that nobody has seen in monitor: no preview of it is possible. A fault of its text has a place in the text. */
const isForced = ({ place, offset }: Fault): boolean => offset == null && /^body\.rules\[\d+\]\.(expression|default_mode)$/.test(place);

function Faults({ faults }: { faults: Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <section class="notice notice-bad" role="alert" aria-label="Faults">
      <p>It would be refused:</p>
      <ul>
        {faults.map((fault) => (
          <li key={fault.place + fault.message}>
            <code>{fault.place}</code> {visibleText(fault.message)}
          </li>
        ))}
      </ul>
    </section>
  );
}

const WORDS = { add: "new", change: "changed", retire: "retired" };

function Changes({ plan }: { plan: Answer }) {
  if (plan.changes.length === 0) return <Empty title="Nothing would change">The rulebook is as this would make it.</Empty>;
  return (
    <ol class="plain card rows" aria-label="What changes">
      {plan.changes.map(({ action, target, before, after }) => (
        <li key={target} class="row">
          <p>
            <strong>{target}</strong> <span class={`badge change-${action}`}>{WORDS[action]}</span>
          </p>
          {isRule(target) ? (
            <RuleDifference before={before ? formOf(before as DocumentRule) : null} after={after ? formOf(after as DocumentRule) : null} />
          ) : target.startsWith("lists/") ? (
            <ListDifference before={before as ListState | null} after={after as ListState | null} />
          ) : (
            <Difference before={written(before)} after={written(after)} />
          )}
        </li>
      ))}
    </ol>
  );
}

const isRule = (target: string): boolean => /^rules\/[^/]+$/.test(target);

/** An order is a list of names; anything else is a few fields. */
function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join("\n");
  return JSON.stringify(value, null, 1).replace(/^\{\n|\n\}$/g, "");
}
