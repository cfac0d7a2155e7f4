// The versions of a rule, newest first, each with what it changed, who made it and why.

import { get } from "../api/client.ts";
import type { Page } from "../api/types.ts";
import { useLive } from "../live.ts";
import { RuleDifference } from "../parts/rule_difference.tsx";
import { Shown } from "../parts/states.tsx";
import { VersionHead } from "../parts/version_head.tsx";
import { rulePath } from "../rulebook/calls.ts";
import { formOf, isSame, type RuleForm, type RuleVersion } from "../rulebook/types.ts";

interface Props {
  id: string;
  /** What is valid now; none if it is retired. */
  now: RuleForm | null;
  /** Puts a version into the form; none where nobody may write. */
  use: ((version: RuleVersion) => void) | null;
  /** A new one may have brought a version. */
  revision: number;
}

export function RuleHistory({ id, now, use, revision }: Props) {
  const live = useLive(`versions ${id} ${revision}`, (signal) => get<Page<RuleVersion>>(`${rulePath(id)}/versions`, { limit: 100 }, signal), 0);
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <Shown live={live} what="the history">
        {({ items }) => (
          <ol class="plain card rows">
            {items.map((version, at) => (
              <li key={version.since_revision} class="row">
                <div class="spread-row">
                  <p>
                    <VersionHead of={version} />
                  </p>
                  {use && now !== null && !isSame(formOf(version), now) && (
                    <button type="button" onClick={() => use(version)}>
                      Write version {version.version} again
                    </button>
                  )}
                </div>
                <Changes version={version} before={items[at + 1]} />
              </li>
            ))}
          </ol>
        )}
      </Shown>
    </section>
  );
}

const Changes = ({ version, before }: { version: RuleVersion; before: RuleVersion | undefined }) => (
  <details open={before !== undefined}>
    <summary>{before === undefined ? "Its first content" : `Changed since version ${before.version}`}</summary>
    <RuleDifference before={before ? formOf(before) : null} after={formOf(version)} />
  </details>
);
