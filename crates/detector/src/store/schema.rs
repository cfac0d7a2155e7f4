//! The tables, and how an older database comes to have them. A step, once released, is never changed.

use super::acts::{AUDIT_ENTRY, MUTE, TELL_ACKNOWLEDGED};
use super::changes::{CHANGE, CHANGE_TIME, NO_SWITCHES};
use super::ingest::{INGEST, UPSTREAM_WINDOW, UPSTREAM_WINDOW_TIME};
use super::marginals::{HOUR_MARGINAL, MINUTE_MARGINAL};
use super::packets::{PACKET, PACKET_BODY, PACKET_BODY_TIME};
use super::shares::SHARE;
use blobwatch_sql::{META, Step};

pub(super) const STEPS: &[Step] = &[
    Step::Statements(&[
        META,
        // Batches since the state that was saved last, in the order in which they came.
        "CREATE TABLE batch (id INTEGER PRIMARY KEY, arrived_ms INTEGER NOT NULL, bytes BLOB NOT NULL)",
        // The state, in parts that fit in a row.
        "CREATE TABLE state (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE anomaly (id INTEGER PRIMARY KEY, opened_ms INTEGER NOT NULL, closed_ms INTEGER, body TEXT NOT NULL)",
        // Counts by combination, of a minute and of an hour since 1970.
        "CREATE TABLE minute (minute INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE hour (hour INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        "CREATE TABLE mark (time_ms INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, \
         PRIMARY KEY (time_ms, kind, id)) WITHOUT ROWID",
        "CREATE TABLE webhook (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        // Who is to be told what: pending until `done`.
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY, webhook TEXT NOT NULL, event TEXT NOT NULL, \
         created_ms INTEGER NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER, \
         ended_ms INTEGER, outcome TEXT NOT NULL)",
        "CREATE INDEX delivery_due ON delivery (next_ms) WHERE next_ms IS NOT NULL",
    ]),
    // Harms that the guard told of: one that comes again is known by its id.
    Step::Statements(&["CREATE TABLE harm (id TEXT PRIMARY KEY, told_ms INTEGER NOT NULL) WITHOUT ROWID"]),
    Step::Statements(&[CHANGE, CHANGE_TIME, NO_SWITCHES]),
    // Sources that push events, and windows that they tell of.
    Step::Statements(&[INGEST, UPSTREAM_WINDOW, UPSTREAM_WINDOW_TIME]),
    // Packets that sources sampled.
    Step::Statements(&[PACKET, PACKET_BODY, PACKET_BODY_TIME]),
    // Some receivers take different messages at different addresses.
    Step::Statements(&["ALTER TABLE delivery ADD COLUMN path TEXT NOT NULL DEFAULT ''"]),
    // What people do about anomalies.
    Step::Statements(&[MUTE, AUDIT_ENTRY, TELL_ACKNOWLEDGED]),
    // Links to reports, for people without an account.
    Step::Statements(&[SHARE]),
    // What minutes and hours counted of each attribute; what is not there is made when it is asked for.
    Step::Statements(&[MINUTE_MARGINAL, HOUR_MARGINAL]),
];
