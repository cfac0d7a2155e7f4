// The instance of the data plane's module. What it calls is synchronous and keeps its state in the instance.

import module from "../../build/data-plane/data_plane_bg.wasm";
import * as calls from "../../build/data-plane/data_plane.js";
import prefixes from "../../config/cloud_prefixes.bin";

calls.initSync({ module });

export { calls };

/** The table that `cargo xtask prefixes` makes; no bytes are an empty one. */
export const cloudPrefixes = new Uint8Array(prefixes);

/** After a trap an instance stays broken: this makes a new one, which knows nothing of the old. */
export const renew = () => calls.__wbg_reset_state();
