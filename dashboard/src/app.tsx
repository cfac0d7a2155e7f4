// The frame around every view: where one can go, who is signed in, light or dark.

import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { place, to } from "./address.ts";
import { Link } from "./parts/link.tsx";
import { Empty, Loading } from "./parts/states.tsx";
import { nextTheme, theme } from "./parts/theme.ts";
import { resume, session, signOut } from "./session.ts";
import { Anomaly } from "./views/anomaly.tsx";
import { Audit } from "./views/audit.tsx";
import { Cohorts } from "./views/cohorts.tsx";
import { Fires } from "./views/fires.tsx";
import { Now } from "./views/now.tsx";
import { Rules } from "./views/rules.tsx";
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
];

/** Views without a place in the navigation, by their first segment; `parent` is shown as where one is. */
const DETAILS: (View & { parent: string })[] = [{ name: "anomalies", label: "Anomaly", shows: Anomaly, parent: "" }];

export function App() {
  useEffect(() => {
    resume();
  }, []);
  if (session.value === undefined) return <Loading what="the session" />;
  if (session.value === null) return <SignIn />;
  const { view } = place.value;
  const detail = DETAILS.find((one) => one.name === view);
  const found = detail ?? VIEWS.find((one) => one.name === view);
  const current = detail?.parent ?? view;
  document.title = found ? `${found.label} · Blobwatch` : "Blobwatch";
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <Link to={to([])} class="brand">
          Blobwatch
        </Link>
        <nav aria-label="Views">
          {VIEWS.map((one) => (
            <Link key={one.name} to={to(one.name ? [one.name] : [])} {...(one.name === current && { "aria-current": "page" as const })}>
              {one.label}
            </Link>
          ))}
        </nav>
        <span class="who">
          <span>
            {session.value.name} <span class="faint">{session.value.role}</span>
          </span>
          <button type="button" class="quiet" onClick={() => (theme.value = nextTheme(theme.value))}>
            Theme: {theme.value}
          </button>
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        </span>
      </header>
      <main id="main" tabIndex={-1}>
        {found ? (
          <found.shows key={found.name} />
        ) : (
          <Empty title="There is no page at this address">
            <Link to={to([])}>To what is happening now</Link>
          </Empty>
        )}
      </main>
    </>
  );
}
