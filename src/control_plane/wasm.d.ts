// The typed face of `wasm.js`, whose own import exists only where the module is built.

type Constructed<T> = new (ctx: DurableObjectState, env: Env) => T;

interface RustObject {
  fetch(request: Request): Promise<Response>;
  alarm(info?: AlarmInvocationInfo): Promise<void>;
}

/** The Durable Objects that the module has. */
export type ObjectName = "RuleBook" | "FireLog" | "Detector" | "Previews";

export type ControlPlane = Record<ObjectName, Constructed<RustObject>> & {
  default: new (ctx: ExecutionContext, env: Env) => { fetch(request: Request): Promise<Response> };
};

export function load(): Promise<ControlPlane>;
