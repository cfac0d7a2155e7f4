// What a registry operator has without Blobwatch: a worker that forwards and does nothing else.
// The end-to-end tests try their own harness with it; the benchmark takes it as the rival, so it is as cheap as one can
// write it and still forward everything: no second Request. An incoming request does not follow redirects by itself.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    return fetch(env.ORIGIN + url.pathname + url.search, request);
  },
};
