// One list: its items, the rules that name it, and its versions.

import { place, to } from "../address.ts";
import { get, visibleText } from "../api/client.ts";
import type { ListOutline, Page } from "../api/types.ts";
import { count } from "../format.ts";
import { useLive } from "../live.ts";
import { Link } from "../parts/link.tsx";
import { RuleLinks } from "../parts/rule_links.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { VersionHead } from "../parts/version_head.tsx";
import { listPath, useRulebook } from "../rulebook/calls.ts";
import { draft } from "../rulebook/draft_kept.ts";
import { KINDS, usersOf } from "../rulebook/list_form.ts";
import type { DocumentList, Rulebook } from "../rulebook/types.ts";
import { isAnalyst, rank } from "../session.ts";
import { ListEditor } from "./list_editor.tsx";
import { ListItems } from "./list_items.tsx";

export function List() {
  const live = useRulebook();
  const name = place.value.rest[0] ?? null;
  return (
    <div class="stack">
      <h1>{name === null ? "New list" : `List ${name}`}</h1>
      <Shown live={live} what="the rulebook">
        {(book) => <Known key={name ?? ""} name={name} book={book} refresh={live.refresh} />}
      </Shown>
    </div>
  );
}

function Known({ name, book, refresh }: { name: string | null; book: Rulebook; refresh: () => void }) {
  const list = book.lists?.find((one) => one.name === name);
  if (name !== null && !list) {
    return (
      <>
        <Empty title="There is no such list now">
          {draft.value.lists[name]?.form ? <Link to={to(["list"], { draft: name })}>It is in the draft</Link> : <Link to={to(["lists"])}>Go to Lists</Link>}
        </Empty>
        <Versions name={name} revision={book.revision} />
      </>
    );
  }
  return (
    <>
      {name !== null && (
        <p>
          Rules that use it: <RuleLinks rules={usersOf(book, name)} />
        </p>
      )}
      {isAnalyst.value ? <ListEditor list={list ?? null} book={book} refresh={refresh} /> : list && <ReadOnly list={list} />}
      {name !== null && <Versions name={name} revision={book.revision} />}
    </>
  );
}

const NOBODY = new Set<string>();

const ReadOnly = ({ list }: { list: DocumentList }) => (
  <>
    <p class="notice">You are {rank.value}: you can read this list but not change it.</p>
    <p>
      {KINDS[list.kind].label}
      {list.description && `: ${visibleText(list.description)}`}
    </p>
    <ListItems items={list.items} removed={NOBODY} setRemoved={null} />
  </>
);

function Versions({ name, revision }: { name: string; revision: number }) {
  const live = useLive(`versions of ${name} ${revision}`, (signal) => get<Page<ListOutline>>(`${listPath(name)}/versions`, { limit: 100 }, signal), 0);
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <Shown live={live} what="the history">
        {({ items }) => (
          <ol class="plain card rows">
            {items.map((version) => (
              <li key={version.since_revision} class="row">
                <VersionHead of={version} said={`${count(version.count)} items`} />
              </li>
            ))}
          </ol>
        )}
      </Shown>
    </section>
  );
}
