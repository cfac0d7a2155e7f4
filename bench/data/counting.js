// Between workerd and Blobwatch: counts what Cloudflare would bill, and changes nothing. `GET /counts` tells.
import { DurableObject } from "cloudflare:workers";
import worker, * as blobwatch from "./worker.js";

const counts = { object_requests: 0, alarms: 0, rows_read: 0, rows_written: 0, pulls: 0 };
let cursors = [];

// A cursor knows its rows once it is read to its end, so they are added up when the call is over.
function patch(sql) {
  const prototype = Object.getPrototypeOf(sql);
  if (prototype.counted) return;
  const exec = prototype.exec;
  prototype.counted = true;
  prototype.exec = function (...args) {
    const cursor = exec.apply(this, args);
    cursors.push(cursor);
    return cursor;
  };
}

function add() {
  for (const cursor of cursors) {
    counts.rows_read += cursor.rowsRead;
    counts.rows_written += cursor.rowsWritten;
  }
  cursors = [];
}

function counted(Class) {
  return class extends DurableObject {
    constructor(ctx, env) {
      super(ctx, env);
      patch(ctx.storage.sql);
      this.object = new Class(ctx, env);
    }
    async fetch(request) {
      counts.object_requests += 1;
      const answer = await this.object.fetch(request);
      add();
      return answer;
    }
    async alarm(info) {
      counts.alarms += 1;
      await this.object.alarm(info);
      add();
    }
  };
}

export const Detector = counted(blobwatch.Detector);
export const Previews = counted(blobwatch.Previews);
export const FireLog = counted(blobwatch.FireLog);
export const RuleBook = counted(blobwatch.RuleBook);

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/counts") return Response.json(counts);
    if (!pathname.startsWith("/_blobwatch/")) counts.pulls += 1;
    return worker.fetch(request, env, ctx);
  },
};
