// The frame around every view: where one can go, who is signed in, light or dark.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { place, to } from "./address.ts";
import type { Session } from "./api/types.ts";
import icon from "./icon.svg";
import { OpenContext, useAsked } from "./open.ts";
import { Link } from "./parts/link.tsx";
import { Search } from "./parts/search.tsx";
import { Empty, Loading } from "./parts/states.tsx";
import { nextTheme, theme } from "./parts/theme.ts";
import { operatesSomewhere, resume, session, signOut } from "./session.ts";
import { Anomaly } from "./views/anomaly.tsx";
import { Audit } from "./views/audit.tsx";
import { Cohorts } from "./views/cohorts.tsx";
import { Draft } from "./views/draft.tsx";
import { Fires } from "./views/fires.tsx";
import { List } from "./views/list.tsx";
import { Lists } from "./views/lists.tsx";
import { Now } from "./views/now.tsx";
import { PanicOff } from "./views/panic_off.tsx";
import { Revert } from "./views/revert.tsx";
import { Rule } from "./views/rule.tsx";
import { Rules } from "./views/rules.tsx";
import { Settings } from "./views/settings.tsx";
import { SignIn } from "./views/sign_in.tsx";
import { Timeline } from "./views/timeline.tsx";

interface View {
  /** First segment of its address. */
  name: string;
  label: string;
  shows: ComponentType;
}

const VIEWS: View[] = [
  { name: "", label: "Now", shows: Now },
  { name: "timeline", label: "Timeline", shows: Timeline },
  { name: "cohorts", label: "Cohorts", shows: Cohorts },
  { name: "rules", label: "Rules", shows: Rules },
  { name: "fires", label: "Fires", shows: Fires },
  { name: "audit", label: "Audit", shows: Audit },
  { name: "settings", label: "Settings", shows: Settings },
];

/** Views without a place in the navigation, by their first segment; `parent` is shown as where one is. */
const DETAILS: (View & { parent: string })[] = [
  { name: "anomalies", label: "Anomaly", shows: Anomaly, parent: "" },
  { name: "rule", label: "Rule", shows: Rule, parent: "rules" },
  { name: "lists", label: "Lists", shows: Lists, parent: "rules" },
  { name: "list", label: "List", shows: List, parent: "rules" },
  { name: "draft", label: "Draft", shows: Draft, parent: "rules" },
  { name: "revert", label: "Back to a revision", shows: Revert, parent: "audit" },
];

export function App() {
  useEffect(() => {
    resume();
  }, []);
  if (session.value === undefined) return <Loading what="the session" />;
  if (session.value === null) {
    document.title = "Blobwatch";
    return <SignIn />;
  }
  return <Frame session={session.value} />;
}

function Frame({ session }: { session: Session }) {
  const open = useAsked();
  const [isStopping, setStopping] = useState(false);
  const { view } = place.value;
  const detail = DETAILS.find((one) => one.name === view);
  const found = detail ?? VIEWS.find((one) => one.name === view);
  const current = detail?.parent ?? view;
  const wrong = open.data?.items.length ?? 0;
  document.title = `${wrong > 0 ? `(${wrong}) ` : ""}${found ? `${found.label} · ` : ""}Blobwatch`;
  return (
    <OpenContext.Provider value={open}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <Link to={to([])} class="brand">
          <img src={icon} alt="" width="18" height="18" /> Blobwatch
        </Link>
        <nav aria-label="Views">
          {VIEWS.map((one) => (
            <Link key={one.name} to={to(one.name ? [one.name] : [])} {...(one.name === current && { "aria-current": "page" as const })}>
              {one.label}
              {one.name === "" && wrong > 0 && (
                <span class="alarm">
                  {wrong}
                  <span class="hidden"> open {wrong === 1 ? "anomaly" : "anomalies"}</span>
                </span>
              )}
            </Link>
          ))}
        </nav>
        <Search />
        <button type="button" class="danger-quiet" disabled={!operatesSomewhere.value} onClick={() => setStopping(true)}>
          Everything to monitor…
        </button>
        <Who session={session} />
      </header>
      <main id="main" tabIndex={-1}>
        {found ? (
          <found.shows key={found.name} />
        ) : (
          <Empty title="There is no page at this address">
            <Link to={to([])}>Go to Now</Link>
          </Empty>
        )}
      </main>
      {isStopping && <PanicOff close={() => setStopping(false)} />}
    </OpenContext.Provider>
  );
}

/** Who is signed in, how the page looks, and the way out: of our session, or of that of Access. */
const Who = ({ session }: { session: Session }) => (
  <span class="who">
    <span class="name">
      {session.name} <span class="faint">{session.role}</span>
    </span>
    <button type="button" class="quiet" title="Light, dark, or system setting" onClick={() => (theme.value = nextTheme(theme.value))}>
      <span aria-hidden="true">◐</span>
      <span class="hidden">Theme:</span> {theme.value}
    </button>
    {session.expires === null ? (
      <a class="button quiet" href="/cdn-cgi/access/logout">
        Sign out
      </a>
    ) : (
      <>
        <button type="button" class="quiet" onClick={() => signOut()}>
          Sign out
        </button>
        <button type="button" class="quiet" title="Ends your sessions in all browsers" onClick={() => signOut(true)}>
          Sign out everywhere
        </button>
      </>
    )}
  </span>
);
