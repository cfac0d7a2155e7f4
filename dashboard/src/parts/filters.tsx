// Filters of the API as fields, in the address: several values are separated by commas.

import { useState } from "preact/hooks";
import { place, setQuery } from "../address.ts";

export interface FilterField {
  name: string;
  label: string;
  hint: string;
  /** Values that there are; otherwise any text. */
  choices?: string[];
  /** Of choices that the page calls otherwise than the API. */
  words?: Record<string, string>;
  /** A comma is part of it, and does not end it. */
  isOneValue?: boolean;
}

const SIZES = ["under 1 MiB", "1 MiB to 64 MiB", "64 MiB to 1 GiB", "over 1 GiB"];

const COHORT: FilterField[] = [
  { name: "route", label: "Route", hint: "default" },
  { name: "colo", label: "Colo", hint: "FRA" },
  { name: "family", label: "Family", hint: "docker" },
  { name: "os", label: "OS", hint: "amzn2" },
  { name: "asn", label: "ASN", hint: "16509" },
];

export const COHORT_FILTERS = COHORT;

/** Of those, cells count by the first ones; the others are estimated from a sample. */
export const SAMPLED_COHORT_FILTERS: FilterField[] = [
  ...COHORT,
  { name: "version", label: "Version", hint: "docker/19.03.6-ce" },
  { name: "repository", label: "Repository", hint: "library/redis" },
  { name: "digest", label: "Digest", hint: "sha256:…" },
  { name: "size", label: "Size", hint: "", choices: SIZES },
];

export const RECORD_FILTERS: FilterField[] = [
  { name: "rule", label: "Rule", hint: "botnet-sig" },
  { name: "mode", label: "Mode", hint: "", choices: ["off", "monitor", "enforce"] },
  { name: "origin", label: "Origin", hint: "", choices: ["own", "upstream"] },
  { name: "verdict", label: "Verdict", hint: "", choices: ["none", "tag", "allow", "detour", "throttle", "block"], words: { none: "none (passed)" } },
  ...COHORT,
  { name: "version", label: "Version", hint: "19.03.6-ce" },
  { name: "country", label: "Country", hint: "US" },
  { name: "cloud", label: "Cloud", hint: "aws" },
  { name: "cloud_region", label: "Cloud region", hint: "us-east-1" },
  { name: "protocol", label: "Protocol", hint: "", choices: ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"] },
  { name: "ip_version", label: "IP version", hint: "", choices: ["4", "6"] },
  { name: "tcp", label: "TCP signature", hint: "4:64:0:*:64240,7:mss,sok,ts,nop,ws:df:0", isOneValue: true },
  { name: "status", label: "Status", hint: "206, 4xx; 0: none" },
  {
    name: "range",
    label: "Range kind",
    hint: "",
    choices: ["none", "whole", "probe", "tile", "chunk", "scatter", "multi", "suffix", "resume", "repeat", "restart", "invalid"],
  },
  { name: "repository", label: "Repository", hint: "library/redis" },
  { name: "digest", label: "Digest", hint: "sha256:…" },
  { name: "size", label: "Size", hint: "", choices: SIZES },
  { name: "object", label: "Object", hint: "0123456789abcdef" },
  { name: "sent_to", label: "Sent to", hint: "cdn.example.com" },
  { name: "served_by", label: "Served by", hint: "origin:registry.example.com" },
  {
    name: "cache",
    label: "Cache",
    hint: "",
    choices: ["hit", "miss", "expired", "stale", "bypass", "dynamic", "revalidated", "updating", "none"],
  },
  { name: "odd_path", label: "Odd path", hint: "", choices: ["true", "false"] },
  { name: "fingerprint", label: "Fingerprint", hint: "bw1-…" },
  { name: "client", label: "Client key", hint: "2168b2053f3f9380" },
  { name: "ray", label: "CF-Ray", hint: "5ae0123456789abc-FRA" },
  { name: "id", label: "Record id", hint: "01M8…" },
];

const valuesOf = (field: FilterField, text: string): string[] => (field.isOneValue ? [text] : text.split(",").map((value) => value.trim()));

/** What the address says, for the API. */
export function chosen(fields: FilterField[]): Record<string, string[]> {
  const { query } = place.value;
  const set = fields.filter((field) => query.has(field.name));
  return Object.fromEntries(set.map((field) => [field.name, valuesOf(field, query.get(field.name) ?? "")]));
}

/** For calls that take several values of one filter in one text. */
export const joined = (filters: Record<string, string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(filters).map(([name, values]) => [name, values.join(",")]));

export function Filters({ fields }: { fields: FilterField[] }) {
  const { query } = place.value;
  const active = fields.filter((field) => query.has(field.name));
  const [isOpen, setOpen] = useState(active.length > 0);
  return (
    <details class="filters" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Filters
        {active.length > 0 && `: ${active.map((field) => `${field.label} ${query.get(field.name)}`).join(" · ")}`}
      </summary>
      <div class="filter-fields">
        {fields.map((field) => (
          <label key={field.name}>
            {field.label}
            <Field field={field} value={query.get(field.name) ?? ""} />
          </label>
        ))}
        <button
          type="button"
          disabled={active.length === 0}
          onClick={() => setQuery(Object.fromEntries(active.map((field) => [field.name, ""])))}
        >
          Clear filters
        </button>
      </div>
    </details>
  );
}

function Field({ field, value }: { field: FilterField; value: string }) {
  const change = (text: string) => setQuery({ [field.name]: text.trim() });
  if (field.choices) {
    return (
      <select value={value} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">any</option>
        {field.choices.map((choice) => (
          <option key={choice} value={choice}>
            {field.words?.[choice] ?? choice}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      value={value}
      placeholder={field.hint}
      autocomplete="off"
      spellcheck={false}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
