//! The worker: the edge's glue around `crates/`, which decide. What a pull meets is in `src/data_plane`.
//! Empty on every target but Wasm, so that native builds and tests cannot see the platform.

#[cfg(target_arch = "wasm32")]
mod control_plane;
