// The instance of the data plane's module. What it calls is synchronous and keeps its state in the instance.

import module from "../../build/data-plane/data_plane_bg.wasm";
import * as calls from "../../build/data-plane/data_plane.js";

calls.initSync({ module });

export { calls };

/** After a trap an instance stays broken: this makes a new one, which knows nothing of the old. */
export const renew = () => calls.__wbg_reset_state();
