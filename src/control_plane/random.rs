//! Random bytes, by WebCrypto.

use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::http::{Answer, internal};

/// Nobody guesses them.
const BYTES: u32 = 32;

pub(super) fn random_bytes() -> Answer<Vec<u8>> {
    let bytes = Uint8Array::new_with_length(BYTES);
    fill(&bytes).map_err(|error| internal("make random bytes", format_args!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn fill(bytes: &Uint8Array) -> Result<(), JsValue> {
    let crypto = Reflect::get(&js_sys::global(), &JsValue::from_str("crypto"))?;
    let get: Function = Reflect::get(&crypto, &JsValue::from_str("getRandomValues"))?.dyn_into()?;
    get.call1(&crypto, bytes).map(drop)
}
