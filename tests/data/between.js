// Stands between Blobwatch and its Durable Objects and breaks what a test tells it to break, so that the worker
// under test is the one that is released. Everything else is handed on untouched.
import { DurableObject } from "cloudflare:workers";

const SLOW_MS = 10_000;
// { FireLog: "refuse", RuleBook: "garbage", Detector: "unheard" }; one isolate holds it and all classes.
let faults = {};
const calls = {};
// Batches of cells that came, as hex; a test reads what the Detector was told.
const cells = [];

const broken = {
  refuse: () => new Response("refused on purpose", { status: 503 }),
  full: () => new Response("database or disk is full", { status: 507 }),
  garbage: () => new Response("\u0000{ not what was asked for", { status: 200 }),
  throw: () => {
    throw new Error("thrown on purpose");
  },
};

function hex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function between(kind) {
  return class extends DurableObject {
    async fetch(request) {
      const call = `${kind} ${request.method} ${new URL(request.url).pathname}`;
      calls[call] = (calls[call] ?? 0) + 1;
      const fault = faults[kind];
      if (call === "Detector POST /cells") cells.push(hex(await request.clone().arrayBuffer()));
      if (fault === "slow") await scheduler.wait(SLOW_MS);
      if (broken[fault]) return broken[fault]();
      const real = this.env[kind];
      const response = await real.get(real.idFromName(this.ctx.id.name)).fetch(request);
      return fault === "unheard" ? broken.refuse() : response;
    }
  };
}

export const Detector = between("Detector");
export const Previews = between("Previews");
export const FireLog = between("FireLog");
export const RuleBook = between("RuleBook");

export default {
  async fetch(request) {
    if (request.method === "PUT") faults = await request.json();
    return Response.json({ faults, calls, cells });
  },
};
