// What the address bar says is what the page shows: view, window, filters. A copied address shows the same to somebody else.

import { signal } from "@preact/signals";

export const BASE = "/_blobwatch/";

export interface Place {
  /** First segment below the base; empty for Now. */
  view: string;
  /** The segments after it, decoded. */
  rest: string[];
  query: URLSearchParams;
}

function read(): Place {
  const segments = location.pathname.slice(BASE.length).split("/").filter(Boolean).map(decode);
  return { view: segments[0] ?? "", rest: segments.slice(1), query: new URLSearchParams(location.search) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const place = signal<Place>(read());

addEventListener("popstate", () => {
  place.value = read();
});

/** An address of a view; segments are text and get coded. */
export function to(segments: string[], query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(pairs).toString();
  return BASE + segments.map(encodeURIComponent).join("/") + (text && `?${text}`);
}

export function go(address: string): void {
  history.pushState(null, "", address);
  place.value = read();
  scrollTo(0, 0);
}

/** Changes parts of the query; an empty text takes one away. `replace` leaves no step for the back button. */
export function setQuery(changes: Record<string, string>, replace = false): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const address = location.pathname + (text && `?${text}`);
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  place.value = read();
}
