// What a registry operator has without Blobwatch: a worker that forwards and does nothing else.
// The end-to-end tests try their own harness with it; the benchmark takes it as the rival.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const origin = new URL(env.ORIGIN);
    url.protocol = origin.protocol;
    url.host = origin.host;
    return fetch(new Request(url, request), { redirect: "manual" });
  },
};
