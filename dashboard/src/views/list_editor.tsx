// A list as somebody changes it: items that come, items that go, its kind and description; saved by itself, or added to the draft.

import { useRef, useState } from "preact/hooks";
import { go, place, to } from "../address.ts";
import { visibleText } from "../api/client.ts";
import type { Place } from "../api/types.ts";
import { count } from "../format.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Link } from "../parts/link.tsx";
import { saveList } from "../rulebook/calls.ts";
import { NO_EDIT, withList } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import { itemsOf, KINDS, LIST_NAME, type ListForm, listIn, NEW_LIST, type WrittenItem, written } from "../rulebook/list_form.ts";
import { type DocumentList, isSame, type ListKind, type Rulebook } from "../rulebook/types.ts";
import { isOperator, rank } from "../session.ts";
import { ListItems } from "./list_items.tsx";
import { RemoveList } from "./list_remove.tsx";

/** As the rulebook has it (docs/api.md, "Lists"). */
const MAX_ITEMS = 10_000;
const MAX_BYTES = 500_000;

interface Props {
  /** None: it is new. */
  list: DocumentList | null;
  book: Rulebook;
  refresh: () => void;
}

/** What an item that was refused is refused for. */
interface Fault {
  item: WrittenItem;
  message: string;
}

export function ListEditor({ list, book, refresh }: Props) {
  const [name, setName] = useState(list?.name ?? place.value.query.get("draft") ?? "");
  const drafted = draft.value.lists[name];
  const [base, setBase] = useState<ListForm | null>(() => (list ? (drafted?.base ?? listIn(book, list.name)) : null));
  const start = drafted?.form ?? base ?? NEW_LIST;
  const [head, setHead] = useState({ kind: start.kind, description: start.description });
  const [text, setText] = useState(start.add.join("\n"));
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set(start.remove));
  const [reason, setReason] = useState("");
  const [revision, setRevision] = useState<number | null>(null);
  const [isConflict, setConflict] = useState(false);
  const [refused, setRefused] = useState<{ text: string; faults: Fault[] }>({ text: "", faults: [] });
  const [isRemoving, setRemoving] = useState(false);
  const { isAsking, problem, make } = useChange();

  const here = new Set(list?.items.map(String));
  const items = itemsOf(text, head.kind);
  const coming = items.filter((item) => !here.has(item.text) || removed.has(item.text));
  const come = new Set(coming.map((item) => item.text));
  const going = [...removed].filter((item) => here.has(item) && !come.has(item));
  const form: ListForm = { ...head, add: coming.map((item) => item.text), remove: going };
  const after = written(name, form, list ?? undefined).items.length;
  const isTaken = list === null && book.lists?.some((one) => one.name === name);
  const isChanged = !isSame(form, base ?? NEW_LIST) || list === null;
  const isTooLong = after > MAX_ITEMS || text.length > MAX_BYTES;
  const isReady = LIST_NAME.test(name) && !isTaken && isChanged && !isTooLong;
  const faults = refused.text === text ? refused.faults : [];

  const begin = (from: ListForm) => {
    setBase(from);
    setHead({ kind: from.kind, description: from.description });
    setText("");
    setRemoved(new Set());
    setReason("");
  };
  const save = (event: Event) => {
    event.preventDefault();
    make(async () => {
      try {
        const outcome = await saveList(name, form, base, reason);
        setConflict(outcome.kind === "conflict");
        refresh();
        if (outcome.kind === "conflict") return;
        setRevision(outcome.answer.revision);
        keepDraft(withList(draft.value, name, NO_EDIT));
        begin({ ...form, add: [], remove: [] });
      } catch (error) {
        setRefused({ text, faults: faultsOf(error, coming) });
        throw error;
      }
    });
  };
  const toDraft = () => {
    keepDraft(withList(draft.value, name, { form, base }));
    go(to(["draft"]));
  };
  if (revision !== null && list === null) return <Made name={name} revision={revision} />;
  return (
    <form class="card stack" onSubmit={save}>
      {list === null && (
        <label>
          Name
          <input value={name} required autocomplete="off" spellcheck={false} maxLength={50} placeholder="office" onInput={(event) => setName(event.currentTarget.value.trim())} />
          {name !== "" && !LIST_NAME.test(name) && <small>Lower-case letters, digits and “_”; at most 50 characters. Rules write it as ${name.toLowerCase().replace(/[^a-z0-9_]+/g, "_")}.</small>}
          {isTaken && <small>There is a list of this name.</small>}
        </label>
      )}
      <label>
        Items are
        <select value={head.kind} onChange={(event) => setHead({ ...head, kind: event.currentTarget.value as ListKind })}>
          {Object.entries(KINDS).map(([kind, { label }]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label>
        Description
        <input value={head.description} autocomplete="off" maxLength={1_000} onInput={(event) => setHead({ ...head, description: event.currentTarget.value })} />
      </label>
      {list && <ListItems items={list.items} removed={removed} setRemoved={setRemoved} />}
      <Adding text={text} setText={setText} kind={head.kind} faults={faults} />
      <p role="status" class={isTooLong ? "fault" : "faint"}>
        {changeWords(coming.length, items.length - coming.length, going.length)}; {count(after)} items then
        {isTooLong && `. A list has at most ${count(MAX_ITEMS)} items, and all lists together ${count(MAX_BYTES)} bytes`}.
      </p>
      {isConflict && (
        <div class="notice notice-bad" role="alert">
          <p>Somebody has changed the kind or the description of this list meanwhile, or made or removed it, so nothing was saved.</p>
          {list && (
            <button type="button" onClick={() => (setBase(listIn(book, list.name)), setConflict(false))}>
              I have seen it: save mine
            </button>
          )}
        </div>
      )}
      {revision !== null && !isChanged && <Arrival revision={revision} />}
      {!isOperator.value && <p class="notice">You are {rank.value}: you can keep the change in the draft of this browser. An operator of every route can publish it.</p>}
      {isOperator.value && isChanged && <Reason value={reason} set={setReason} problem={faults.length > 0 ? null : problem} />}
      <div class="actions">
        {isOperator.value && isChanged && (
          <button type="submit" class="primary" disabled={!isReady || isAsking}>
            {isAsking ? "Saving…" : "Save"}
          </button>
        )}
        <button type="button" disabled={!isReady || isSame(drafted?.form, form)} onClick={toDraft}>
          Add to the draft
        </button>
        {list && (
          <button type="button" class="danger-quiet" onClick={() => setRemoving(true)}>
            Remove the list…
          </button>
        )}
        {drafted && (
          <span role="status">
            A change of it is in the <Link to={to(["draft"])}>draft</Link>.
          </span>
        )}
      </div>
      {isRemoving && list && <RemoveList name={list.name} base={base} book={book} close={() => setRemoving(false)} refresh={refresh} />}
    </form>
  );
}

function changeWords(come: number, known: number, gone: number): string {
  const words = [`${count(come)} to add`, known > 0 && `${count(known)} there already`, `${count(gone)} to remove`];
  return words.filter(Boolean).join(", ");
}

/** Refused items, by their places in what was sent: those that come are its first. */
function faultsOf(error: unknown, items: WrittenItem[]): Fault[] {
  const places = (error as { problem?: { errors?: Place[] } }).problem?.errors ?? [];
  return places.flatMap(({ place, message }) => {
    const at = /^body\.(?:add|items)\[(\d+)\]$/.exec(place)?.[1];
    const item = at === undefined ? undefined : items[Number(at)];
    return item ? [{ item, message }] : [];
  });
}

interface AddingProps {
  text: string;
  setText: (text: string) => void;
  kind: ListKind;
  faults: Fault[];
}

function Adding({ text, setText, kind, faults }: AddingProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const show = ({ item }: Fault) => () => {
    box.current?.focus();
    box.current?.setSelectionRange(item.from, item.from + item.text.length);
  };
  return (
    <>
      <label>
        {kind === "string" ? "Items to add, one a line" : "Items to add, one a line or with commas between them"}
        <textarea
          ref={box}
          class="mono"
          rows={6}
          spellcheck={false}
          placeholder={KINDS[kind].example}
          value={text}
          aria-invalid={faults.length > 0}
          aria-describedby={faults.length > 0 ? "faults" : undefined}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {faults.length > 0 && (
        <section id="faults" class="notice notice-bad" role="alert" aria-label="Faults">
          <p>Nothing was saved:</p>
          <ul>
            {faults.map((fault) => (
              <li key={fault.item.from}>
                <button type="button" class="quiet" onClick={show(fault)}>
                  Line {fault.item.line}
                </button>{" "}
                {visibleText(fault.message)}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

const Made = ({ name, revision }: { name: string; revision: number }) => (
  <div class="card stack">
    <Arrival revision={revision} />
    <p>
      Rules name it as <code>${name}</code>. <Link to={to(["list", name])}>Open the list</Link>
    </p>
  </div>
);
