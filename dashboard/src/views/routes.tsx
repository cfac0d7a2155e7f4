// Routes: which requests each takes, and where they go.

import { place, setQuery } from "../address.ts";
import { visibleText } from "../api/client.ts";
import { draft } from "../rulebook/draft_kept.ts";
import type { DocumentRoute, Rulebook } from "../rulebook/types.ts";
import { isOperator } from "../session.ts";
import { RouteEditor } from "./route_editor.tsx";

export function Routes({ book, refresh }: { book: Rulebook; refresh: () => void }) {
  const { query } = place.value;
  const name = query.get("route");
  const isNew = query.get("new") === "route";
  const close = () => setQuery({ route: "", new: "" });
  return (
    <section aria-labelledby="routes" class="stack">
      <div class="bar spread">
        <h2 id="routes">Routes</h2>
        {isOperator.value && (
          <button type="button" onClick={() => setQuery({ new: "route" })}>
            New route…
          </button>
        )}
      </div>
      <p class="faint">The best match takes a request: an exact host before any host, then the longest literal start of the repository. The route default takes the rest.</p>
      <ul class="plain card rows">
        {book.routes.map((route) => (
          <li key={route.name} class="row spread-row">
            <span>
              <strong>{route.name}</strong> {draft.value.routes[route.name] && <span class="badge change-change">in the draft</span>}{" "}
              <span class="faint">{visibleText(routeWords(route))}</span>
            </span>
            <button type="button" onClick={() => setQuery({ route: route.name })}>
              {isOperator.value ? "Edit…" : "Show…"}
              <span class="hidden"> {route.name}</span>
            </button>
          </li>
        ))}
      </ul>
      {(isNew || name !== null) && <RouteEditor key={name ?? ""} name={name} book={book} close={close} refresh={refresh} />}
    </section>
  );
}

function routeWords({ host, repository, origin, detour, observe, keep, redirects, cache, blobs, anomaly_breadth }: DocumentRoute): string {
  const words = [
    `${host ?? "any host"} ${repository ?? "**"}`,
    `to ${origin ?? "the deployment's origin"}`,
    detour && `detour ${detour}`,
    redirects === "follow" && "follows redirects",
    cache && cache !== "origin" && `cache ${cache}`,
    observe ? `observes ${Number((observe * 100).toPrecision(3))} % of clients` : "",
    keep !== undefined && keep !== null && `keeps records of ${Number((keep * 100).toPrecision(3))} % of clients`,
    blobs && `blobs: ${blobs.join(", ")}`,
    anomaly_breadth && `anomalies from ${anomaly_breadth.clients ?? 10} clients in ${anomaly_breadth.networks ?? 5} networks on`,
  ];
  return words.filter(Boolean).join("; ");
}
