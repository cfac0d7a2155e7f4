// Stands between Blobwatch and its Durable Objects and breaks what a test tells it to break, so that the worker
// under test is the one that is released. Everything else is handed on untouched.
import { DurableObject } from "cloudflare:workers";

const LOOK_MS = 20;
// { FireLog: "refuse", "FireLog fl1-AMS-0": "hold", Detector: "unheard" }: of a class, or of one object. What is held is
// handed on once the test takes its fault away. One isolate holds this and all classes.
let faults = {};
const calls = {};
// Batches of cells and flushes that came, as hex; a test reads what the Detector and the FireLogs were told.
const cells = [];
const flushes = [];
// More than the head of a flush takes: its records follow.
const FLUSH_HEAD = 4096;

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

const faultOf = (kind, name) => faults[`${kind} ${name}`] ?? faults[kind];

async function note(call, name, request) {
  if (call === "Detector POST /cells") cells.push(hex(await request.clone().arrayBuffer()));
  if (!call.startsWith("FireLog POST") || !call.endsWith("/flush")) return;
  const body = await request.clone().arrayBuffer();
  flushes.push({ to: name, head: hex(body.slice(0, FLUSH_HEAD)) });
}

function between(kind) {
  return class extends DurableObject {
    async fetch(request) {
      const { name } = this.ctx.id;
      const call = `${kind} ${request.method} ${new URL(request.url).pathname}`;
      calls[call] = (calls[call] ?? 0) + 1;
      await note(call, name, request);
      while (faultOf(kind, name) === "hold") await scheduler.wait(LOOK_MS);
      const fault = faultOf(kind, name);
      if (broken[fault]) return broken[fault]();
      const real = this.env[kind];
      const response = await real.get(real.idFromName(name)).fetch(request);
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
    return Response.json({ faults, calls, cells, flushes });
  },
};
