-- A new FireLog's database as schema version 7 made it.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('schema',7);
CREATE TABLE rulebook (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, document TEXT NOT NULL);
CREATE TABLE inbox (isolate INTEGER NOT NULL, seq INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, records INTEGER NOT NULL, header BLOB NOT NULL, front BLOB NOT NULL, back BLOB NOT NULL, PRIMARY KEY (isolate, seq)) WITHOUT ROWID;
CREATE TABLE isolate (isolate INTEGER PRIMARY KEY, seq INTEGER NOT NULL, last_ms INTEGER NOT NULL);
CREATE TABLE segment (id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL, header BLOB NOT NULL, front BLOB NOT NULL, back BLOB NOT NULL);
CREATE TABLE enforced (id TEXT PRIMARY KEY, block BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE loss (name TEXT PRIMARY KEY, count INTEGER NOT NULL, last_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, batches INTEGER NOT NULL, cut_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE guard (rule TEXT NOT NULL, route TEXT NOT NULL, guard INTEGER NOT NULL, counts BLOB NOT NULL, PRIMARY KEY (rule, route)) WITHOUT ROWID;
CREATE TABLE health (one INTEGER PRIMARY KEY CHECK (one = 1), clients BLOB NOT NULL);
CREATE TABLE upstream (kind INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, segment BLOB NOT NULL);
CREATE TABLE address (client TEXT PRIMARY KEY, address TEXT NOT NULL, seen_ms INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO address VALUES('00c0ffee00c0ffee','192.0.2.7',1594036800000);
CREATE TABLE rule_fires (one INTEGER PRIMARY KEY CHECK (one = 1), sums TEXT NOT NULL);
INSERT INTO rule_fires VALUES(1,'[{"rule":"a","route":"default","mode":"enforce","would":"block","applied":"none","requests":7}]');
CREATE INDEX segment_time ON segment (last_ms, first_ms);
CREATE INDEX address_seen ON address (seen_ms);
