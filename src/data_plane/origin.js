// The origin: what it is asked in the client's place. Bodies are passed on natively in both directions.

/** @import { Plan } from "./plan.js" */

/**
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Plan} plan
 */
export function forward(request, url, plan) {
  const target = plan.origin ? plan.origin + url.pathname + url.search : request.url;
  const redirect = plan.follow ? "follow" : "manual";
  // A watched request has no body: naming its parts costs a quarter less CPU than `new Request(target, request)`.
  if (plan.watched) return fetch(target, { method: request.method, headers: ownHeaders(request), redirect });
  const asked = new Request(target, request);
  asked.headers.delete("blobwatch-token");
  if (plan.origin) {
    // An origin that writes absolute upload locations must write the name that the client knows.
    asked.headers.set("x-forwarded-host", url.host);
    asked.headers.set("x-forwarded-proto", url.protocol.slice(0, -1));
  }
  return fetch(asked, { redirect });
}

/**
 * The request's headers without an operator's token, which is nobody else's business.
 * @param {ClientRequest} request
 */
function ownHeaders(request) {
  if (!request.headers.has("blobwatch-token")) return request.headers;
  const headers = new Headers(request.headers);
  headers.delete("blobwatch-token");
  return headers;
}
