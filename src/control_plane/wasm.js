// The control plane's module: the API and the Durable Objects in Rust. It is loaded when it is first called, so that an
// isolate that only serves pulls never makes an instance of it.

/** The module's exports. Not kept: a promise belongs to the request that made it, the module is loaded once anyway. */
export const load = () => import("../../build/index.js");
