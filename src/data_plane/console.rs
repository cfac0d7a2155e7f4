//! The log: what a panic says before it becomes a trap, which says nothing.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// A line of the worker's log.
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn error(text: &str);
}

/// Runs once for each instance of the module.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
}
