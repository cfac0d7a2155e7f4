// The form of a rule, with what is wrong with it and whom it would hit; saved by itself, or added to the draft.

import { useEffect, useState } from "preact/hooks";
import { place, to } from "../address.ts";
import { ExpressionField } from "../parts/expression_field.tsx";
import { Link } from "../parts/link.tsx";
import { RuleDifference } from "../parts/rule_difference.tsx";
import { withRule } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import { isSame, listNames, type Rulebook, type RuleForm, ruleIn } from "../rulebook/types.ts";
import { type Check, useCheck } from "../rulebook/use_check.ts";
import { isOperator, rank } from "../session.ts";
import { ExplainForm } from "./explain_form.tsx";
import { RetireRule } from "./rule_retire.tsx";
import { RuleFields } from "./rule_fields.tsx";
import { SaveRule } from "./rule_save.tsx";
import { WhoWouldBeHit } from "./who_would_be_hit.tsx";

interface Props {
  /** None: it is new. */
  id: string | null;
  book: Rulebook;
  start: RuleForm;
  /** A form that the history asks for, in the place of what is written. */
  wanted: { form: RuleForm; turn: number } | null;
  refresh: () => void;
}

/** As the API has it. */
const NAME = /^[a-z][a-z0-9._-]{0,63}$/;

export function RuleEditor({ id, book, start, wanted, refresh }: Props) {
  const now = id === null ? null : ruleIn(book, id);
  const [form, setForm] = useState(start);
  const [turn, setTurn] = useState(0);
  const [base, setBase] = useState(id === null ? null : (draft.value.rules[id]?.base ?? now));
  const [name, setName] = useState(id ?? place.value.query.get("draft") ?? "");
  const [dialog, setDialog] = useState<"save" | "retire" | null>(null);
  const check = useCheck(form.expression);
  const replace = (form: RuleForm) => {
    setForm(form);
    setTurn((turn) => turn + 1);
  };
  useEffect(() => {
    if (wanted) replace(wanted.form);
  }, [wanted?.turn]);

  const isNameTaken = id === null && book.rules.some((rule) => rule.id === name);
  const isChecked = check.of === form.expression && check.faults.length === 0;
  const isReady = NAME.test(name) && !isNameTaken && isChecked;
  const isInDraft = draft.value.rules[name] !== undefined && isSame(draft.value.rules[name]?.form, form);
  const toDraft = () => keepDraft(withRule(draft.value, name, { form, base }));
  return (
    <>
      {id !== null && !isSame(base, now) && <Meanwhile base={base} now={now} rebase={() => setBase(now)} take={() => now && (setBase(now), replace(now))} />}
      <div class="two-columns">
        <form
          class="card stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (isOperator.value) setDialog("save");
          }}
        >
          {id === null && (
            <label>
              Name
              <input value={name} autocomplete="off" spellcheck={false} maxLength={64} placeholder="old-docker" onInput={(event) => setName(event.currentTarget.value.trim())} />
              {name !== "" && !NAME.test(name) && <small>A letter, then lower-case letters, digits, “-”, “_” or “.”; at most 64 characters.</small>}
              {isNameTaken && <small>There is a rule of this name.</small>}
            </label>
          )}
          <ExpressionField
            text={form.expression}
            turn={turn}
            faults={check.of === form.expression ? check.faults : []}
            lists={listNames(book)}
            change={(expression) => setForm((form) => ({ ...form, expression }))}
          />
          <Verdict check={check} expression={form.expression} />
          <RuleFields form={form} change={(part) => setForm((form) => ({ ...form, ...part }))} />
          {!isOperator.value && (
            <p class="notice">You are {rank.value}: you can write a rule, see whom it would hit and keep it in the draft of this browser. An operator of every route can publish it.</p>
          )}
          <div class="actions">
            {isOperator.value && (
              <button type="submit" class="primary" disabled={!isReady || isSame(form, now)}>
                Save…
              </button>
            )}
            <button type="button" disabled={!isReady || isInDraft || isSame(form, base)} onClick={toDraft}>
              Add to the draft
            </button>
            {id !== null && (
              <>
                <Link to={to(["rule"], { like: id })} class="button">
                  Duplicate
                </Link>
                <button type="button" class="danger-quiet" onClick={() => setDialog("retire")}>
                  Retire…
                </button>
              </>
            )}
            {isInDraft && (
              <span role="status">
                In the <Link to={to(["draft"])}>draft</Link>, not published.
              </span>
            )}
          </div>
        </form>
        <WhoWouldBeHit form={isChecked ? form : null} routes={book.routes.map((route) => route.name)} />
      </div>
      <ExplainForm written={isChecked ? form : null} />
      {dialog === "save" && (
        <SaveRule
          id={name}
          form={form}
          base={base}
          isNew={id === null}
          conflict={() => {
            setDialog(null);
            refresh();
          }}
          close={() => setDialog(null)}
          saved={() => {
            setBase(form);
            refresh();
          }}
        />
      )}
      {dialog === "retire" && <RetireRule id={name} base={base} book={book} close={() => setDialog(null)} refresh={refresh} />}
    </>
  );
}

/** What the worker says of the expression, as one types. */
function Verdict({ check, expression }: { check: Check; expression: string }) {
  const isCurrent = check.of === expression;
  const [fault] = isCurrent ? check.faults : [];
  return (
    <div role="status" class="verdict-line">
      {fault ? (
        <>
          <p class="fault">{fault.message}</p>
          {fault.excerpt && <pre tabIndex={0} aria-label="Where">{fault.excerpt}</pre>}
        </>
      ) : (
        <p class="faint">
          {expression.trim() === ""
            ? "Write a comparison of a field with a value. Ctrl-Space shows what can be written."
            : !isCurrent
              ? "Checking…"
              : check.isUnknown
                ? "It could not be checked whether this can be read; saving checks it again."
                : "✓ This expression can be read."}
        </p>
      )}
    </div>
  );
}

interface Other {
  base: RuleForm | null;
  now: RuleForm | null;
  rebase: () => void;
  take: () => void;
}

/** Somebody else changed the rule since this form began from it. */
const Meanwhile = ({ base, now, rebase, take }: Other) => (
  <section class="notice" role="alert" aria-label="Changed meanwhile">
    <p>
      <strong>{now === null ? "Somebody has retired this rule meanwhile." : "Somebody has changed this rule meanwhile:"}</strong>
    </p>
    {now !== null && <RuleDifference before={base} after={now} />}
    <div class="actions">
      {now !== null && (
        <button type="button" onClick={take}>
          Take what is there now
        </button>
      )}
      <button type="button" onClick={rebase}>
        Keep what I wrote
      </button>
    </div>
  </section>
);
