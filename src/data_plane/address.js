// The address of a request. The runtime joins it of scheme, Host header and target without a look at them: a Host that is
// more than a host ends early, and the rest of it comes before the path that a front proxy has seen.

const NO_HOST = /[\s/?#@\\]|^$/;

/**
 * Undefined where the Host header is no host.
 * @param {ClientRequest} request
 */
export function addressOf(request) {
  const { headers, url } = request;
  if (NO_HOST.test(headers.get("host") ?? "absent") || url.includes(":///") || !URL.canParse(url)) return undefined;
  return new URL(url);
}

/** The answer to such a request, whatever it asks for. */
export function noHost() {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "Proxy-Status": "blobwatch;error=http_request_error" };
  return new Response("the Host header is not a host\n", { status: 400, headers });
}
