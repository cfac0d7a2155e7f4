// A value that leads to the requests that have it: on Fires it is added to the filters that are there, elsewhere it begins them.

import type { ComponentChildren } from "preact";
import { place, to } from "../address.ts";
import { alsoExcluded } from "./excluded.tsx";
import { RECORD_FILTERS } from "./filters.tsx";
import { Link } from "./link.tsx";

const NAMES = new Set(RECORD_FILTERS.map((field) => field.name));

/** What the address says of the time, and on Fires also of the requests. */
function kept(): Record<string, string> {
  const { view, query } = place.value;
  const filters = [...NAMES].flatMap((name) => [name, `${name}!`]);
  const names = view === "fires" ? [...filters, "since", "until", "all"] : ["since", "until"];
  return Object.fromEntries(names.flatMap((name) => (query.has(name) ? [[name, query.get(name) ?? ""]] : [])));
}

interface Props {
  /** Names of filters with their values; one without a value, or with a comma, which separates values, cannot be filtered by. */
  parts: [string, string | number | null][];
  children: ComponentChildren;
}

export function FilterBy({ parts, children }: Props) {
  const canFilter = parts.every(([name, value]) => NAMES.has(name) && value !== null && value !== "" && !String(value).includes(","));
  if (!canFilter) return <>{children}</>;
  const filters = Object.fromEntries(parts.map(([name, value]) => [name, String(value)]));
  const isOnFires = place.value.view === "fires";
  const all = isOnFires ? {} : { all: "yes" };
  const [[name, value] = ["", ""]] = parts;
  return (
    <>
      <Link to={to(["fires"], { ...kept(), ...all, ...filters })} class="value">
        {children}
        <span class="hidden"> (show only these requests)</span>
      </Link>
      {isOnFires && parts.length === 1 && (
        <Link to={to(["fires"], { ...kept(), [`${name}!`]: alsoExcluded(name, String(value)) })} class="exclude">
          <span aria-hidden="true">≠</span>
          <span class="hidden">Exclude {String(value)}</span>
        </Link>
      )}
    </>
  );
}
