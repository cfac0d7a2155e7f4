// The first instance of the control plane's module, and what wasm-bindgen wrote around it.

import module from "../../build/index_bg.wasm";
import * as exports from "../../build/index.js";

exports.initSync({ module });

export { exports };
