// What somebody pastes into the search box: a name of a request, an anomaly, a rule or a blob, alone or in a line of text.

/** Crockford's base 32, 26 digits; 128 bits begin with at most 7. */
const ID = /(?<![0-9A-Za-z])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Za-z])/i;

/** 64 bits, with the data centre that answered or without. */
const RAY = /(?<![0-9A-Za-z:])([0-9a-f]{16})(-[A-Z]{3})?(?![0-9A-Za-z-])/i;

const ANOMALY = /(?<![0-9A-Za-z])an-[0-9]{6,}(?![0-9A-Za-z])/;

/** As OCI writes them; what is shorter is none of any algorithm. */
const DIGEST = /(?<![0-9A-Za-z])[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}(?![0-9A-Za-z])/;

/** Ours, or another party's behind its source. */
const RULE = /^(?:[A-Za-z0-9._-]+:)?[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;

export type Sought = { kind: "request" | "ray" | "anomaly" | "digest" | "rule"; name: string };

export function sought(text: string): Sought | null {
  const first = (kind: Sought["kind"], pattern: RegExp, as: (found: string) => string = (found) => found): Sought | null => {
    const found = pattern.exec(text)?.[0];
    return found === undefined ? null : { kind, name: as(found) };
  };
  return (
    first("digest", DIGEST) ??
    first("request", ID, (id) => id.toUpperCase()) ??
    first("ray", RAY, (ray) => ray.toLowerCase().slice(0, 16)) ??
    first("anomaly", ANOMALY) ??
    (RULE.test(text.trim()) ? { kind: "rule", name: text.trim() } : null)
  );
}
