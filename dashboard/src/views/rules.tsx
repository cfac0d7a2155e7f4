// Rules x routes: which mode holds where, what fired in the last hour, and the switch.

import { place, setQuery, to } from "../address.ts";
import { get } from "../api/client.ts";
import type { ModeItem, Page, Route, Rule, Stage, Timeline, Usual } from "../api/types.ts";
import { firesByTime, pairKey } from "../fires_by_time.ts";
import { short } from "../format.ts";
import { total } from "../lines.ts";
import { useLive } from "../live.ts";
import { GuardBadge, guardWords } from "../parts/guard.tsx";
import { Link } from "../parts/link.tsx";
import { ModeBadge } from "../parts/mode.tsx";
import { RuleHead, RulebookLinks } from "../parts/rule_head.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { Pending } from "../parts/pending.tsx";
import { operatesSomewhere, rank } from "../session.ts";
import { learningWords, usualFires, usualRequests, useUsual } from "../usual.ts";
import { ExplainForm } from "./explain_form.tsx";
import { Switch } from "./switch.tsx";

const EVERY_MS = 5_000;
const FIRES_EVERY_MS = 20_000;

interface Book {
  rules: Rule[];
  routes: Route[];
  modes: ModeItem[];
}

/** What holds for a rule on a route. */
export interface Held {
  mode: ModeItem["mode"];
  percent: number | null;
  /** The setting that says so; without one it is the rule's default. */
  set: ModeItem | null;
}

export function held(rule: Rule, route: string, modes: ModeItem[], now: number): Held {
  const set = modes.find((mode) => mode.rule === rule.id && mode.route === route) ?? null;
  const holds = set && !(set.expires && Date.parse(set.expires) <= now) ? set : null;
  return { mode: holds?.mode ?? rule.default_mode, percent: holds?.percent ?? null, set: holds };
}

export function Rules() {
  const live = useLive(
    "rules",
    async (signal): Promise<Book> => {
      const [rules, routes, modes] = await Promise.all([
        get<Page<Rule>>("rules", { limit: 1000 }, signal),
        get<Page<Route>>("routes", { limit: 1000 }, signal),
        get<Page<ModeItem>>("modes", { limit: 1000 }, signal),
      ]);
      return { rules: rules.items, routes: routes.items, modes: modes.items };
    },
    EVERY_MS,
  );
  const fires = useLive("fires by time", (signal) => firesByTime(Date.now(), signal), FIRES_EVERY_MS);
  const requests = useLive("requests of routes", requestsOfRoutes, FIRES_EVERY_MS);
  const usual = useUsual("route");
  const { query } = place.value;
  const chosen = live.data?.rules.find((rule) => rule.id === query.get("rule"));
  const route = query.get("route");
  return (
    <div class="stack">
      <div class="bar spread">
        <h1>Rules and routes</h1>
        <span class="actions">
          <Link to={to(["lists"])} class="button">
            Lists
          </Link>
          <RulebookLinks />
        </span>
      </div>
      {!operatesSomewhere.value && <p class="notice">You are {rank.value}: you can see every mode but not switch any.</p>}
      <Pending done={live.refresh} />
      <Shown live={live} what="rules">
        {(book) => <Matrix book={book} fires={fires.data} requests={requests.data} usual={usual.data} />}
      </Shown>
      <ExplainForm written={null} />
      {live.data && chosen && route !== null && (
        <Switch
          rule={chosen}
          route={route}
          held={held(chosen, route, live.data.modes, Date.now())}
          close={() => setQuery({ rule: "", route: "" })}
          done={live.refresh}
        />
      )}
    </div>
  );
}

/** Of the last hour. */
async function requestsOfRoutes(signal: AbortSignal): Promise<Map<string, number>> {
  const { series } = await get<Timeline>("timeline", { since: "-1h", step: 3600, by: "route" }, signal);
  return new Map(series.map((one) => [one.by["route"] ?? "", total(one.requests)]));
}

interface Counted {
  fires: Map<string, number[]> | undefined;
  requests: Map<string, number> | undefined;
  usual: Usual | undefined;
}

function Matrix({ book, fires, requests, usual }: { book: Book } & Counted) {
  if (book.rules.length === 0) {
    return (
      <Empty title="There are no rules">
        Press <em>New rule</em>, or write one with <code>PUT rules/NAME</code> or <code>blobwatch rulebook push</code>; it starts in monitor.
      </Empty>
    );
  }
  const now = Date.now();
  return (
    <>
      {usual?.learning && <p class="faint">Beside requests and fires stands what is usual at this hour, once that is known: {learningWords(usual)}.</p>}
      <div class="scroller" tabIndex={0} role="region" aria-label="Modes of rules on routes">
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              {book.routes.map((route) => (
                <th key={route.name} scope="col">
                  {route.name}
                  <small class="faint">
                    {route.host ?? "any host"} {route.repository}
                  </small>
                  {requests && <PerHour now={requests.get(route.name) ?? 0} usual={usual ? usualRequests(usual, "route", route.name) : null} />}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {book.rules.map((rule) => (
              <tr key={rule.id}>
                <th scope="row">
                  <RuleHead rule={rule} />
                </th>
                {book.routes.map((route) => (
                  <Cell
                    key={route.name}
                    rule={rule}
                    route={route.name}
                    held={held(rule, route.name, book.modes, now)}
                    fires={fires && (fires.get(pairKey(rule.id, route.name)) ?? [])}
                    usual={usual ? usualFires(usual, rule.id, route.name) : null}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** 120 requests/h, usually 95 */
const PerHour = ({ now, usual }: { now: number; usual: number | null }) => (
  <small class="faint">
    {short(now)} requests/h{usual !== null && `, usually ${short(usual)}`}
  </small>
);

function Cell({ rule, route, held, fires, usual }: { rule: Rule; route: string; held: Held; fires: number[] | undefined; usual: number | null }) {
  const sum = fires?.reduce((a, b) => a + b, 0);
  return (
    <td>
      <span class="of-route">{route}</span>
      <button type="button" class="cell" onClick={() => setQuery({ rule: rule.id, route })}>
        <span class="hidden">
          Switch {rule.id} on {route}:{" "}
        </span>
        <span>
          <ModeBadge mode={held.mode} percent={held.percent} /> {!held.set && <span class="faint">the rule's default</span>}
        </span>
        {held.set?.guard && <GuardBadge state={held.set.guard.state} words={guardWords(held.set.guard)} />}
        {held.set?.stage && <StageLine stage={held.set.stage} />}
      </button>
      {sum === 0 ? (
        <span class="fires-link faint">no fires{usual !== null && usual > 0 && `, usually ${short(usual)}/h`}</span>
      ) : (
        <Link to={to(["fires"], { rule: rule.id, route, since: "-1h" })} class="fires-link">
          {fires && <Sparkline values={fires} />}
          <span>
            {sum === undefined ? "…" : `${short(sum)} fires/h`}
            {usual !== null && <span class="faint">, usually {short(usual)}</span>}
          </span>
        </Link>
      )}
    </td>
  );
}

export const StageLine = ({ stage }: { stage: Stage }) => (
  <small class="faint">
    stage {stage.index + 1} of {stage.count}
    {stage.next && (
      <>
        , next <Time at={stage.next} />
      </>
    )}
  </small>
);
