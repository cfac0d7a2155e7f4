//! The data plane's Wasm module: what a pull meets, and nothing else.
//!
//! In scope: the synchronous calls of `src/data_plane/data_plane.js`, which hand text to `blobwatch-isolate` and text back. Not in
//! scope: the control plane and the Durable Objects, which are another module (the root package): a trap in one leaves
//! the other whole, and a pull waits for this one only. Empty on every target but Wasm.

#[cfg(target_arch = "wasm32")]
mod calls;
