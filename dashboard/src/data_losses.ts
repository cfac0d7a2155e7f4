// What is gone after a loss of data. The names are those of the worker (`crates/wire/src/loss.rs`): `test/unit/worker.json` has them.

/** The other losses were made up for, or are limits of what is remembered. */
export const DATA_LOSSES: Record<string, string> = {
  cells_dropped: "counts for the detector are gone",
  changes_dropped: "changes that the detector was to compare anomalies with are gone",
  harms_dropped: "anomalies about rules that harmed are gone",
  records_dropped: "records are gone: their isolate could not send them",
  records_lost: "records are gone: batches of an isolate never came",
  records_unreadable: "records cannot be read any more",
  upstream_dropped: "events that others told are gone",
};
