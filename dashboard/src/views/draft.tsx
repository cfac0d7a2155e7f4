// The draft: changes that are published together. Each can be taken out again; the plan says what all of them would do.

import { useState } from "preact/hooks";
import { to } from "../address.ts";
import { Link } from "../parts/link.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { useRulebook } from "../rulebook/calls.ts";
import { apply, EMPTY, moved, NO_EDIT, rebased, size, withList, withRoute, withRule } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import type { Rulebook } from "../rulebook/types.ts";
import { isAnalyst } from "../session.ts";
import { Plan } from "./plan.tsx";

export function Draft() {
  const live = useRulebook();
  const isEmpty = size(draft.value) === 0;
  return (
    <div class="stack">
      <div class="bar spread">
        <h1>Draft</h1>
        {!isEmpty && (
          <button type="button" class="danger-quiet" onClick={() => keepDraft(EMPTY)}>
            Discard the draft
          </button>
        )}
      </div>
      <p class="faint">Changes that wait here are published together, as one revision of the rulebook. The draft is kept in this browser; signing out discards it.</p>
      <Shown live={live} what="the rulebook">
        {(book) => (
          <>
            <Parts book={book} />
            <Order book={book} />
            <Publish book={book} refresh={live.refresh} />
          </>
        )}
      </Shown>
    </div>
  );
}

function Publish({ book, refresh }: { book: Rulebook; refresh: () => void }) {
  const [force, setForce] = useState(false);
  const [isDone, setDone] = useState(false);
  const [pushed, setPushed] = useState<Rulebook | null>(null);
  if (size(draft.value) === 0 && !isDone) return null;
  const { book: wanted, conflicts } = apply(book, draft.value, force);
  const done = () => {
    setPushed(wanted);
    setDone(true);
    keepDraft(EMPTY);
  };
  return (
    <section class="stack" aria-labelledby="plan">
      <h2 id="plan">What would change</h2>
      {!isDone && conflicts.length > 0 && (
        <section class="notice" role="alert" aria-label="Changed meanwhile">
          <p>
            Somebody has changed {conflicts.join(", ")} since the draft began from {conflicts.length === 1 ? "it" : "them"}. The plan below shows what publishing the draft would do to what is there now.
          </p>
          <button type="button" onClick={() => keepDraft(rebased(draft.value, book))}>
            I have seen it: keep the draft's
          </button>
        </section>
      )}
      <Plan
        book={pushed ?? wanted}
        force={force}
        setForce={setForce}
        held={conflicts.length > 0 ? "look at what was changed meanwhile first" : null}
        done={done}
        refresh={refresh}
      />
    </section>
  );
}

/** What is in the draft, with a way to each and a way out. */
function Parts({ book }: { book: Rulebook }) {
  const now = draft.value;
  if (size(now) === 0) {
    return (
      <Empty title="The draft is empty">
        Edit a rule, a list or a route and press <em>Add to the draft</em>, or change the order of the rules below.
      </Empty>
    );
  }
  const rules = Object.entries(now.rules).map(([id, { form, base }]) => ({
    name: `rules/${id}`,
    place: book.rules.some((rule) => rule.id === id) ? to(["rule", id]) : to(["rule"], { draft: id }),
    is: form === null ? "retired" : base === null ? "new" : "changed",
    remove: () => keepDraft(withRule(now, id, NO_EDIT)),
  }));
  const routes = Object.entries(now.routes).map(([name, { form, base }]) => ({
    name: `routes/${name}`,
    place: to(["settings"], { route: name }),
    is: form === null ? "removed" : base === null ? "new" : "changed",
    remove: () => keepDraft(withRoute(now, name, NO_EDIT)),
  }));
  const lists = Object.entries(now.lists).map(([name, { form, base }]) => ({
    name: `lists/${name}`,
    place: book.lists?.some((list) => list.name === name) ? to(["list", name]) : to(["list"], { draft: name }),
    is: form === null ? "removed" : base === null ? "new" : "changed",
    remove: () => keepDraft(withList(now, name, NO_EDIT)),
  }));
  const settings = now.settings ? [{ name: "settings", place: to(["settings"]), is: "changed", remove: () => keepDraft({ ...now, settings: null }) }] : [];
  const order = now.order ? [{ name: "order of the rules", place: null, is: "changed", remove: () => keepDraft({ ...now, order: null }) }] : [];
  return (
    <ul class="plain card rows" aria-label="In the draft">
      {[...rules, ...routes, ...lists, ...settings, ...order].map(({ name, place, is, remove }) => (
        <li key={name} class="row spread-row">
          <span>
            {place ? <Link to={place}>{name}</Link> : name} <span class="faint">{is}</span>
          </span>
          <button type="button" class="quiet" onClick={remove}>
            Take out<span class="hidden"> {name}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Order({ book }: { book: Rulebook }) {
  const ids = apply(book, draft.value).book.rules.map((rule) => rule.id);
  const move = (id: string, by: 1 | -1) => () => {
    const order = moved(ids, id, by);
    const isAsNow = order.join() === book.rules.map((rule) => rule.id).join();
    keepDraft({ ...draft.value, order: isAsNow ? null : order });
  };
  return (
    <details>
      <summary>Order of the rules</summary>
      <p class="faint">Of the rules that fire and are enforced, the first that blocks, throttles, detours or allows decides.</p>
      <ol class="card rows order">
        {ids.map((id, at) => (
          <li key={id} class="row">
            <span class="spread-row">
              <span>{id}</span>
              <span class="joined">
                <button type="button" disabled={!isAnalyst.value || at === 0} aria-label={`Earlier: ${id}`} onClick={move(id, -1)}>
                  ↑
                </button>
                <button type="button" disabled={!isAnalyst.value || at === ids.length - 1} aria-label={`Later: ${id}`} onClick={move(id, 1)}>
                  ↓
                </button>
              </span>
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
