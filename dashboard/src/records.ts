// Records as they come: pages to older ones, and what is new put before the others. Newest first.

import { get } from "./api/client.ts";
import type { OlderRecords, Page, Place, RequestRecord } from "./api/types.ts";

/** Records that are kept: each is some 1 KB, so 200 MB at most. */
export const MAX_RECORDS = 200_000;

export const PAGE = 1_000;

/** Looked at again when asking for what is new: a record may arrive this much later than its time. */
const OVERLAP_MS = 10_000;

/** Pages of new records at one time; more came at once than anybody reads. */
const MAX_NEW_PAGES = 5;

export interface Filter {
  path: "fires" | "requests";
  query: Record<string, string | string[]>;
}

export class Records {
  readonly items: RequestRecord[] = [];
  /** How many were put before the others since the list began. */
  prepended = 0;
  isEnd = false;
  /** New records that were left out because too many came at once. */
  hasGap = false;
  incomplete: string[] = [];
  /** What is deleted of what was asked for. */
  deleted: OlderRecords | undefined;
  /** Of filters that hardly any record can match. */
  warnings: Place[] = [];
  readonly #known = new Set<string>();
  readonly #filter: Filter;
  #cursor: string | null = null;
  #isAsking = false;

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  get isFull(): boolean {
    return this.items.length >= MAX_RECORDS;
  }

  /** The next older page. Answers whether something was added. */
  async older(signal: AbortSignal): Promise<boolean> {
    if (this.#isAsking || this.isEnd || this.isFull) return false;
    this.#isAsking = true;
    try {
      const page = await this.#page(this.#cursor ?? undefined, {}, signal);
      for (const record of page.items) this.#append(record);
      this.#cursor = page.next_cursor;
      this.isEnd = page.next_cursor === null;
      return page.items.length > 0 || !this.isEnd;
    } finally {
      this.#isAsking = false;
    }
  }

  /** What came since. Answers how many. */
  async newer(signal: AbortSignal): Promise<number> {
    const newest = this.items[0];
    const since = newest && { since: new Date(Date.parse(newest.time) - OVERLAP_MS).toISOString() };
    const found: RequestRecord[] = [];
    let cursor: string | undefined;
    for (let pages = 0; ; pages += 1) {
      const page = await this.#page(cursor, since ?? {}, signal);
      found.push(...page.items.filter((record) => !this.#known.has(record.id)));
      cursor = page.next_cursor ?? undefined;
      if (!cursor || !newest) break;
      if (pages === MAX_NEW_PAGES) {
        this.hasGap = true;
        break;
      }
    }
    for (const record of found) this.#known.add(record.id);
    this.items.unshift(...found);
    this.prepended += found.length;
    if (found.length > 0) this.items.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    return found.length;
  }

  async #page(cursor: string | undefined, more: Record<string, string>, signal: AbortSignal): Promise<Page<RequestRecord>> {
    const page = await get<Page<RequestRecord>>(this.#filter.path, { ...this.#filter.query, ...more, limit: PAGE, cursor }, signal);
    this.incomplete = page.incomplete ?? [];
    this.warnings = page.warnings ?? [];
    if (!more["since"]) this.deleted = page.older;
    return page;
  }

  #append(record: RequestRecord): void {
    if (this.#known.has(record.id)) return;
    this.#known.add(record.id);
    this.items.push(record);
  }
}
