// Which attribute of a summary counts the values of a field, and how such a value is written in an expression.

/** By field of the language; `integer` values stand without quotes. */
const COUNTED: Record<string, { by: string; isInteger?: boolean }> = {
  "cf.colo.name": { by: "colo" },
  "client.family": { by: "family" },
  "client.os": { by: "os" },
  "client.tcp": { by: "tcp" },
  "client.version": { by: "version" },
  "fingerprint.id": { by: "fingerprint" },
  "http.request.version": { by: "protocol" },
  "ip.src.asnum": { by: "asn", isInteger: true },
  "ip.src.cloud": { by: "cloud" },
  "ip.src.cloud_region": { by: "cloud_region" },
  "ip.src.country": { by: "country" },
  "oci.digest": { by: "digest" },
  "oci.repository": { by: "repository" },
  "oci.route": { by: "route" },
  "range.kind": { by: "range" },
};

export const countedBy = (field: string): string | null => COUNTED[field]?.by ?? null;

export const isInteger = (field: string): boolean => COUNTED[field]?.isInteger ?? false;

/** The field that an attribute of records, filters and cohorts is, if an expression can read it. */
export const fieldOf = (attribute: string): string | null =>
  Object.entries(COUNTED).find(([, counted]) => counted.by === attribute)?.[0] ?? null;

/** What is special within quotes, and what nobody could see there. */
// oxlint-disable-next-line no-control-regex
const SPECIAL = /["\\]|[\u0000-\u001f\u007f]/g;

const escaped = (character: string): string =>
  character === '"' || character === "\\" ? `\\${character}` : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

/** Within quotes. */
export const inQuotes = (value: string): string => value.replace(SPECIAL, escaped);

export const quoted = (value: string): string => `"${inQuotes(value)}"`;
