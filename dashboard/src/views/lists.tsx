// Lists: values that rules name as $name, who changed each last, and the rules that a change of it would change.

import { to } from "../address.ts";
import { get, visibleText } from "../api/client.ts";
import type { ListOutline, Page } from "../api/types.ts";
import { count } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { Link } from "../parts/link.tsx";
import { RuleLinks } from "../parts/rule_links.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { readRulebook } from "../rulebook/calls.ts";
import { draft } from "../rulebook/draft_kept.ts";
import { usersOf } from "../rulebook/list_form.ts";
import type { Rulebook } from "../rulebook/types.ts";
import { isAnalyst } from "../session.ts";

const EVERY_MS = 10_000;

/** More than a rulebook may have. */
const LIMIT = 1_000;

export function Lists() {
  const live = useLive(
    "lists",
    async (signal) => {
      const [{ items }, book] = await Promise.all([get<Page<ListOutline>>("lists", { limit: LIMIT }, signal), readRulebook(signal)]);
      return { items, book };
    },
    EVERY_MS,
  );
  return (
    <div class="stack">
      <div class="bar spread">
        <h1>Lists</h1>
        {isAnalyst.value && (
          <Link to={to(["list"])} class="button">
            New list
          </Link>
        )}
      </div>
      <p class="faint">
        Values that rules name, as in <code>ip.src in $office</code>. A change of a list takes effect in every rule that names it, without a new version of the rule.
      </p>
      <Shown live={live} what="the lists">
        {({ items, book }) =>
          items.length === 0 ? <Empty title="There are no lists">A list keeps addresses, networks, numbers, strings or host names out of the text of rules, where many are needed or where they change often.</Empty> : <Table lists={items} book={book} />
        }
      </Shown>
    </div>
  );
}

const Table = ({ lists, book }: { lists: ListOutline[]; book: Rulebook }) => (
  <div class="scroller" tabIndex={0} role="region" aria-label="Lists">
    <table class="list">
      <Columns names={["List", "Kind", "Items", "Rules that use it", "Last changed"]} />
      <tbody>
        {lists.map((list) => (
          <tr key={list.name}>
            <th scope="row">
              <Link to={to(["list", list.name])}>{list.name}</Link> {draft.value.lists[list.name] && <span class="badge change-change">in the draft</span>}{" "}
              <small class="faint">{visibleText(list.description)}</small>
            </th>
            <td>{list.kind.replace("_", " ")}</td>
            <td class="number">{count(list.count)}</td>
            <td>
              <RuleLinks rules={usersOf(book, list.name)} />
            </td>
            <td>
              <Time at={list.time} /> by {list.actor}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
