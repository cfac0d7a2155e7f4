// The typed face of `wasm.js`, whose own imports exist only where the module is built.

export interface RustObject {
  fetch(request: Request): Promise<Response>;
  alarm(info?: AlarmInvocationInfo): Promise<void>;
}

/** The Durable Objects that the module has. */
export type ObjectName = "RuleBook" | "FireLog" | "Detector" | "Previews";

/** The crate `worker` writes it: `criticalError` when Rust panics, and another `instanceId` for each instance. */
export interface InstanceState {
  criticalError: boolean;
  instanceId: number;
}

export type ControlPlane = Record<ObjectName, new (ctx: DurableObjectState, env: Env) => RustObject> & {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
  /** In milliseconds since 1970, where it is not what the platform's clock says; 0 where it is. */
  time_is(now: number, standsStill: boolean): void;
  __worker_init_state(): InstanceState;
  __wbg_reset_state(): void;
};

export const exports: ControlPlane;
