// What somebody types of a route, and the route of it: an empty field is the default.

import type { RouteForm } from "./types.ts";

export interface RouteTexts {
  host: string;
  repository: string;
  blobs: string;
  origin: string;
  detour: string;
  redirects: string;
  cache: string;
  observe: string;
  /** Percent of the clients; empty: all. */
  keep: string;
  disclose: string;
  /** How broad a fault must be; empty: as the settings say. */
  clients: string;
  networks: string;
}

const percentOf = (share: number) => String(Number((share * 100).toPrecision(6)));

const shareOf = (percent: string) => Number(percent.trim().replace(",", ".")) / 100;

export const textsOf = (route: RouteForm): RouteTexts => ({
  host: route.host ?? "",
  repository: route.repository ?? "**",
  blobs: (route.blobs ?? []).join("\n"),
  origin: route.origin ?? "",
  detour: route.detour ?? "",
  redirects: route.redirects ?? "pass",
  cache: route.cache ?? "origin",
  observe: percentOf(route.observe ?? 0),
  keep: route.keep === undefined || route.keep === null ? "" : percentOf(route.keep),
  disclose: route.disclose ?? "operators",
  clients: String(route.anomaly_breadth?.clients ?? ""),
  networks: String(route.anomaly_breadth?.networks ?? ""),
});

/** What the page does not know of a route stays as `base` has it. */
export function routeOf(texts: RouteTexts, base: RouteForm): RouteForm {
  const share = shareOf(texts.observe);
  const optional = {
    host: texts.host.trim(),
    blobs: texts.blobs.split(/[\s,]+/).filter(Boolean),
    origin: texts.origin.trim(),
    detour: texts.detour.trim(),
  };
  const breadth = breadthOf(texts);
  const others = Object.entries(base).filter(([name]) => !(name in optional) && !["anomaly_breadth", "cache", "keep"].includes(name));
  return {
    ...Object.fromEntries(others),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value.length > 0)),
    repository: texts.repository.trim() || "**",
    redirects: texts.redirects,
    ...(texts.cache !== "origin" && { cache: texts.cache }),
    observe: Number.isFinite(share) ? share : 0,
    ...(texts.keep.trim() && { keep: shareOf(texts.keep) }),
    disclose: texts.disclose,
    ...(breadth && { anomaly_breadth: breadth }),
  };
}

/** The worker refuses what is no number; of one that is empty it has the default. */
function breadthOf(texts: RouteTexts): RouteForm["anomaly_breadth"] {
  const typed = Object.entries({ clients: texts.clients.trim(), networks: texts.networks.trim() }).filter(([, value]) => value !== "");
  return typed.length === 0 ? undefined : Object.fromEntries(typed.map(([name, value]) => [name, Number(value)]));
}
