// The API's types by the names that the page has for them. They are made from docs/openapi.json (`schema.ts`): what the worker
// answers is written there and nowhere else.

import type {
  Action as Applied,
  AnomalyList,
  ArchiveItem,
  ChangedRetirement,
  ClauseExplanation,
  FireLogItem,
  GuardItem,
  LoadItem,
  LoadList,
  LossItem,
  NewShareItem,
  OlderRecords,
  PendingItem,
  Place,
  PreviewItem,
  RouteItem,
  RuleItem,
  SessionItem,
  ShareItem,
  StageItem,
  WaitingMode,
} from "./schema.ts";

export type {
  Anomaly,
  Axis,
  CohortPart,
  Cohorts,
  Comparison,
  Coverage,
  Explanation,
  Fired,
  GuardReading,
  GuardReadings,
  Hypothesis,
  IngestSource,
  ListItem,
  ListKind,
  ListOutline,
  Mark,
  Mode,
  ModeItem,
  OlderRecords,
  PacketFinding,
  Packets,
  Place,
  Problem,
  RequestRecord,
  Role,
  Series,
  Summary,
  Timeline,
  Usual,
} from "./schema.ts";

export type Verdict = Applied;
/** What a rule can do: `none` is a verdict only. */
export type Action = Exclude<Verdict, "none">;
export type Anomalies = AnomalyList;
/** The last run of a program that archives records, at one place. */
export type Archive = ArchiveItem;
/** What the answer to every change of the rulebook has; with `pending`, nothing has changed: another person decides. */
export type Changed = Pick<ChangedRetirement, "changed" | "revision"> & Partial<Pick<WaitingMode, "pending">>;
export type Clause = ClauseExplanation;
export type FireLog = FireLogItem;
/** What is asked of each, and who did not answer. */
export type FireLogLoads = LoadList;
export type FireLogLoad = LoadItem;
export type Guard = GuardItem;
export type Loss = LossItem;
/** As it is answered to whoever makes it. */
export type NewShare = NewShareItem;
/** An enforcement that waits for a second person. */
export type Pending = PendingItem;
export type Route = RouteItem;
export type Rule = RuleItem;
export type Session = SessionItem;
/** A link to the report of an anomaly. */
export type Share = ShareItem;
export type Stage = StageItem;
/** With its counts, which are there once it is done: views show them only then. */
export type Preview = Required<PreviewItem>;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  /** FireLogs that did not answer; what is said is true for the others. */
  incomplete?: string[];
  /** Where records are that the window asks for and that are deleted. */
  older?: OlderRecords;
  /** Filters that hardly any record can match. */
  warnings?: Place[];
}
