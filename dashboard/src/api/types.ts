// What the API answers, as docs/api.md has it. Times are RFC 3339 in UTC.

export type Role = "ingest" | "viewer" | "analyst" | "operator" | "admin";
export type Mode = "off" | "monitor" | "enforce";
export type Action = "block" | "throttle" | "detour" | "tag" | "allow";
export type Verdict = "none" | Action;

export interface Session {
  name: string;
  role: Role;
  /** On which routes an operator changes something; `null`: on all. */
  routes: string[] | null;
  csrf: string;
  /** `null` through Access, which has its own. */
  expires: string | null;
  capabilities: { demo: boolean };
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  /** FireLogs that did not answer; what is said is true for the others. */
  incomplete?: string[];
}

export interface Fired {
  rule: string;
  version: number;
  mode: Mode;
  would: Verdict;
  applied: Verdict;
}

export interface RequestRecord {
  id: string;
  time: string;
  ray: string | null;
  route: string;
  repository: string | null;
  digest: string | null;
  object: string | null;
  odd_path: boolean;
  method: string;
  status: number;
  range: { kind: string; start: number | null; end: number | null; honoured: boolean | null };
  size: number | null;
  promised: number | null;
  outcome: string;
  duration_ms: number | null;
  sent_to: string | null;
  served_by: string | null;
  cache: string | null;
  client: string;
  network: string;
  asn: number | null;
  country: string | null;
  colo: string | null;
  cloud: string | null;
  cloud_region: string | null;
  ip_version: 4 | 6 | null;
  protocol: string | null;
  rtt_ms: number | null;
  delivery_rate: number | null;
  family: string;
  version: string | null;
  os: string | null;
  arch: string | null;
  fingerprint: string;
  ja4: string | null;
  tcp: string | null;
  fired: Fired[];
  verdict: Verdict;
  revision: number;
  degraded: boolean;
  weight: number;
  seen: boolean;
}

export interface Clause {
  text: string;
  start: number;
  end: number;
  value: boolean | null;
}

/** What a rulebook would do with a request that somebody thinks of. */
export interface Hypothesis {
  watched: boolean;
  route: string;
  verdict: Verdict;
  why: string;
  /** Enforced rules that may act before the one that decides. */
  uncertain: string[];
  not_said: string[];
  revision: number;
  rules: { rule: string; matched: boolean | null; mode: Mode; percent: number | null; why: string; clauses: Clause[] }[];
}

/** What a source pushed; sums, and rates of the last ten minutes. */
export interface IngestSource {
  source: string;
  /** `null` where all that came was refused. */
  last_received: string | null;
  lines: number;
  events: number;
  faults: number;
  events_per_minute: number;
  bytes_per_minute: number;
  lag_s: number | null;
  silent_since: string | null;
  last_faults: { time: string; line: number; expected: string }[];
  /** Bodies that were too large (413), or to be sent again later (429). */
  refused: { status: number; bodies: number; last: string | null }[];
}

/** What dropped packets share, against passed ones. */
export interface Packets {
  since: string;
  until: string;
  passed: number;
  passed_samples: number;
  rules: PacketFinding[];
  unplaced: number;
}

export interface PacketFinding {
  rule: string;
  words: string;
  /** `logged`: it would have dropped what passed. */
  outcome: "dropped" | "logged";
  packets: number;
  samples: number;
  destinations: string[];
  colos: string[];
  cohort: CohortPart[] | null;
  share: number;
  passed_share: number;
}

export interface Explanation {
  record: RequestRecord;
  /** What was done to the request, in words. */
  why?: string;
  followed?: { id: string; status: number | null; outcome: string } | null;
  facts: Record<string, unknown>;
  not_recorded: string[];
  rules: {
    rule: string;
    version: number;
    fired: boolean;
    matched: boolean | null;
    clauses: Clause[];
    mode: {
      value: Mode;
      from: string;
      percent: number | null;
      in_percent: boolean | null;
      stage?: { index: number; count: number } | null;
      /** Where it stood when the request came; `null` where that is not known. */
      guard?: { state: Guard["state"]; since: string; text?: string | null } | null;
    };
    would: Verdict;
    applied: Verdict;
    /** Why a rule that matched did not fire, where there is more to say. */
    why?: string | null;
  }[];
  revision: number;
  rulebook_changed_since: boolean;
}

export interface Summary {
  requests: number;
  clients: number;
  clients_exact: boolean;
  groups: ({ requests: number; clients: number; clients_exact: boolean; share: number } & Record<string, unknown>)[];
  other: { requests: number; clients: number; share: number };
  incomplete?: string[];
}

export interface Rule {
  id: string;
  version: number;
  description: string;
  expression: string;
  action: Action;
  default_mode: Mode;
  volume: { by: string; requests: number; seconds: number } | null;
  time: string;
  actor: string;
}

export interface Route {
  name: string;
  host: string | null;
  repository: string;
  origin: string | null;
  detour: string | null;
}

export interface Step {
  percent: number;
  minutes?: number | null;
}

export interface Stage {
  index: number;
  count: number;
  percent: number;
  next: string | null;
  steps: Step[];
}

export interface Guard {
  state: "watching" | "holding" | "passed" | "demoted";
  since: string;
  denied_clients: number;
  denied_healthy: number;
  denied_unhealthy: number;
  denied_unknown: number;
  pasts_evicted: number;
  text: string | null;
}

export interface ModeItem {
  rule: string;
  route: string;
  mode: Mode;
  percent: number | null;
  reason: string | null;
  expires: string | null;
  time: string;
  actor: string;
  stage?: Stage | null;
  guard?: Guard | null;
}

export interface Changed {
  revision: number;
  changed: boolean;
  /** Nothing has changed: another person decides. */
  pending?: Pending;
}

/** An enforcement that waits for a second person. */
export interface Pending {
  id: string;
  rule: string;
  route: string;
  actor: string;
  reason: string;
  expires: string;
  sentence: string;
}

export interface FireLog {
  name: string;
  revision: number;
  seen: string;
  failed_pushes: number;
}

export interface CohortPart {
  attribute: string;
  values: string[];
  not?: boolean;
}

export interface Anomaly {
  id: string;
  kind: string;
  kinds: string[];
  status: "open" | "closed";
  onset: string;
  opened: string;
  closed: string | null;
  reopened: number;
  sentence: string;
  cohort: CohortPart[];
  baseline: number;
  observed: number;
  risk_ratio: number;
  clients: number;
  clients_exact?: boolean;
  networks: number;
  rules: { rule: string; lift: number; share: number; mode_changed?: string | null; taken_back?: { time: string; by: string } | null }[];
  routes?: { route: string; changed: string; text: string }[];
  /** Of other parties, which began within the onset. */
  windows?: { rule: string; from: string; until: string | null; text: string; while_open: number | null; after: number | null; sentence: string }[];
  /** What was done since, oldest first. */
  responses?: { time: string; by: string; text: string; sentence: string }[];
  evidence: string[];
  /** Who looks into it, and what was said about it. */
  acknowledged?: { time: string; by: string } | null;
  assignee?: string | null;
  muted?: { since: string; by: string; until: string | null; cohort_of: string | null } | null;
  expected?: boolean;
  history?: { time: string; event: string; text: string; by?: string | null }[];
}

/** A link to the report of an anomaly. */
export interface Share {
  id: string;
  anomaly: string;
  created: string;
  expires: string;
  actor: string;
}

/** As it is answered to whoever makes it. */
export interface NewShare extends Share {
  path: string;
}

/** `POST compare`. */
export interface Comparison {
  selection: number;
  rest: number;
  cohorts: { cohort: CohortPart[]; selection: number; rest: number; sentence: string }[];
  attributes: { attribute: string; chosen: boolean; difference: number; values: { value: string | null; selection: number; rest: number }[] }[];
  other: number;
  incomplete?: string[];
}

/** What the detector can see: no anomaly says something only of what it judges. */
export interface Coverage {
  state: "no_traffic" | "learning" | "too_few_clients" | "watching";
  text: string;
  anomaly_breadth: { clients: number; networks: number };
  limits: string[];
}

export interface Anomalies extends Page<Anomaly> {
  coverage: Coverage;
}

export interface Series {
  by: Record<string, string | null>;
  requests: number[];
  starts: number[];
  kinds: Record<string, number[]>;
  refused: number[];
  denied: number[];
  aborted: number[];
  /** By class: none, 2xx to 5xx. One that is 0 throughout is absent, here and below. */
  answers: Record<string, number[]>;
  /** By what a rule did: block, throttle, detour, tag. */
  acted: Record<string, number[]>;
  /** What goes wrong, by its name. */
  events: Record<string, number[]>;
}

export interface Mark {
  time: string;
  type: string;
  id: string;
  text: string;
}

export interface Timeline {
  since: string;
  until: string;
  step_s: number;
  /** Unix seconds, the start of each step. */
  times: number[];
  series: Series[];
  marks: Mark[];
  incomplete?: string[];
}

export interface Axis {
  attribute: string;
  values: (string | null)[];
}

export interface Cohorts {
  kind: string;
  x: Axis;
  y: Axis;
  cells: { x: number; y: number; trials: number; events: number; expected: number }[];
  attributes: {
    attribute: string;
    values: { value: string | null; trials: number; events: number; expected: number; ratio: number | null }[];
  }[];
  /** Attributes of which requests are counted as `other` at present. */
  saturation?: { attribute: string; other_requests: number; since: string; last: string }[];
  incomplete?: string[];
}

export interface Preview {
  id: string;
  status: "running" | "done" | "failed" | "cancelled";
  progress: { scanned: number; total: number };
  revision?: number;
  stale?: boolean;
  stale_because?: string | null;
  /** Why it failed. */
  error?: string | null;
  route: string;
  since: string;
  until: string;
  matched_requests: number;
  matched_clients: number;
  matched_networks: number;
  matched_pulls: number;
  matched_bytes: number;
  share: number;
  already_denied_requests: number;
  clients_exact: boolean;
  weighted: boolean;
  sentence: string;
  cohorts: {
    cohort: CohortPart[];
    requests: number;
    clients: number;
    networks: number;
    share_of_cohort: number;
    healthy: number | null;
    sentence: string;
  }[];
  not_judged: { requests: number; fields: string[] };
  /** What was assumed, in words. */
  approximations?: string[];
  evidence: string[];
  incomplete: string[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { place: string; message: string; excerpt?: string }[];
  /** Where a browser signs in at an identity provider, beside a 401 of the session. */
  sign_in?: string;
}
