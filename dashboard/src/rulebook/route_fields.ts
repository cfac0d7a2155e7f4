// What somebody types of a route, and the route of it: an empty field is the default.

import type { RouteForm } from "./types.ts";

export interface RouteTexts {
  host: string;
  repository: string;
  blobs: string;
  origin: string;
  detour: string;
  redirects: string;
  observe: string;
  disclose: string;
}

export const textsOf = (route: RouteForm): RouteTexts => ({
  host: route.host ?? "",
  repository: route.repository ?? "**",
  blobs: (route.blobs ?? []).join("\n"),
  origin: route.origin ?? "",
  detour: route.detour ?? "",
  redirects: route.redirects ?? "pass",
  observe: String(Number(((route.observe ?? 0) * 100).toPrecision(6))),
  disclose: route.disclose ?? "operators",
});

/** What the page does not know of a route stays as `base` has it. */
export function routeOf(texts: RouteTexts, base: RouteForm): RouteForm {
  const blobs = texts.blobs.split(/[\s,]+/).filter(Boolean);
  const share = Number(texts.observe.trim().replace(",", ".")) / 100;
  const changed: RouteForm = {
    ...base,
    ...optional("host", texts.host),
    repository: texts.repository.trim() || "**",
    ...(blobs.length > 0 && { blobs }),
    ...optional("origin", texts.origin),
    ...optional("detour", texts.detour),
    redirects: texts.redirects,
    observe: Number.isFinite(share) ? share : 0,
    disclose: texts.disclose,
  };
  const cleared = Object.entries({ host: texts.host.trim(), blobs: texts.blobs.trim(), origin: texts.origin.trim(), detour: texts.detour.trim() }).filter(([, text]) => text === "");
  const names = new Set(cleared.map(([name]) => name));
  return Object.fromEntries(Object.entries(changed).filter(([name]) => !names.has(name)));
}

const optional = (name: "host" | "origin" | "detour", text: string): RouteForm => (text.trim() === "" ? {} : { [name]: text.trim() });
