// One rule: written, with whom it would hit while one types; its history; and the way back to an older version.

import { useRef, useState } from "preact/hooks";
import { place, to } from "../address.ts";
import { visibleText } from "../api/client.ts";
import { Expression } from "../parts/expression.tsx";
import { Link } from "../parts/link.tsx";
import { volumeWords } from "../parts/rule_difference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { useRulebook } from "../rulebook/calls.ts";
import { draft } from "../rulebook/draft_kept.ts";
import { formOf, NEW_RULE, type Rulebook, type RuleForm, ruleIn } from "../rulebook/types.ts";
import { isAnalyst, rank } from "../session.ts";
import { RuleEditor } from "./rule_editor.tsx";
import { RuleHistory } from "./rule_history.tsx";

export function Rule() {
  const live = useRulebook();
  const { rest } = place.value;
  return (
    <Shown live={live} what="the rulebook">
      {(book) => <Known key={rest[0] ?? ""} book={book} refresh={live.refresh} />}
    </Shown>
  );
}

/** What the address asks for: a new rule of the draft, a copy of a rule, or an expression that was made elsewhere on the page. */
function begun(book: Rulebook): RuleForm {
  const { query } = place.value;
  const drafted = draft.value.rules[query.get("draft") ?? ""]?.form;
  if (drafted) return drafted;
  const like = ruleIn(book, query.get("like") ?? "");
  const given = { expression: query.get("expression"), description: query.get("description") };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)) as Partial<RuleForm>;
  // A copy is not enforced before somebody has looked at it.
  return { ...NEW_RULE, ...like, ...set, default_mode: "monitor" };
}

function Known({ book, refresh }: { book: Rulebook; refresh: () => void }) {
  const id = place.value.rest[0] ?? null;
  const now = id === null ? null : ruleIn(book, id);
  // A rule that was saved a moment ago comes with the next answer.
  const begin = useRef<RuleForm | null>(null);
  begin.current ??= id === null ? begun(book) : (draft.value.rules[id]?.form ?? now);
  const start = begin.current;
  const [wanted, setWanted] = useState<{ form: RuleForm; turn: number } | null>(null);
  if (id !== null && start === null) {
    return (
      <div class="stack">
        <h1>Rule {id}</h1>
        <Empty title="There is no such rule now">
          <Link to={to(["rules"])}>Go to Rules</Link>
        </Empty>
        <RuleHistory id={id} now={null} use={null} revision={book.revision} />
      </div>
    );
  }
  const form = start ?? NEW_RULE;
  return (
    <div class="stack rule-page">
      <h1>{id === null ? "New rule" : `Rule ${id}`}</h1>
      {id === null && <LeftOut attributes={place.value.query.get("without")} />}
      {isAnalyst.value ? (
        <RuleEditor id={id} book={book} start={form} wanted={wanted} refresh={refresh} />
      ) : (
        <ReadOnly form={now ?? form} />
      )}
      {id !== null && <RuleHistory id={id} now={now} use={isAnalyst.value ? (form) => setWanted({ form: formOf(form), turn: (wanted?.turn ?? 0) + 1 }) : null} revision={book.revision} />}
    </div>
  );
}

/** A rule without it is wider than what it was made of. */
const LeftOut = ({ attributes }: { attributes: string | null }) =>
  attributes && <p class="notice">No expression can read {visibleText(attributes.replaceAll(",", ", "))}: the rule is wider than what it was made of. Look at whom it would hit.</p>;

const ReadOnly = ({ form }: { form: RuleForm }) => (
  <>
    <p class="notice">You are {rank.value}: you can read this rule but not change it.</p>
    <dl class="facts card">
      <dt>Expression</dt>
      <dd>
        <Expression text={form.expression} />
      </dd>
      <dt>Description</dt>
      <dd>{visibleText(form.description)}</dd>
      <dt>Action</dt>
      <dd>{form.action}</dd>
      <dt>Default mode</dt>
      <dd>{form.default_mode}</dd>
      <dt>Fires on</dt>
      <dd>{volumeWords(form.volume)}</dd>
    </dl>
  </>
);
