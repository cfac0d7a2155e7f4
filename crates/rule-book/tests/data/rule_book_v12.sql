-- The RuleBook's database as schema version 12 wrote it: version 11, with a list that has a source.
CREATE TABLE archives (
    place TEXT PRIMARY KEY,
    told_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO archives VALUES('/srv/archive',1593975602000,'{"place":"/srv/archive","until_ms":1593974700000,"records":214023,"late":12,"problem":null,"told_ms":1593975602000,"actor":"archiver"}');
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT,
    after TEXT,
    reason TEXT,
    revision INTEGER NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit VALUES(1,1593975600000,'blobwatch','seed','rulebook',NULL,'{"schema":1,"revision":0,"routes":[{"name":"default","repository":"**","redirects":"pass","observe":0.0,"disclose":"operators"}],"rules":[{"id":"sweep","version":1,"description":"","expression":"ssl","action":"block","default_mode":"monitor"},{"id":"empty","version":1,"description":"","expression":"ssl","action":"block","default_mode":"monitor"}],"modes":[],"settings":{"fire_logs":{},"retry_after_s":30,"retention_hours":168,"retention_bytes":5000000000}}','first start',1,'0000000000000000000000000000000000000000000000000000000000000000','bff6c4096a1a9143d970a45c2635c4d91b18c786084ef416ee4e4f866bb83d17');
INSERT INTO audit VALUES(2,1593975601000,'ops','rule.put','rules/sweep',NULL,'{}','sharper',2,'bff6c4096a1a9143d970a45c2635c4d91b18c786084ef416ee4e4f866bb83d17','fb3b68747edff3520fd0e6a6b2d10234d92864b86aa09ff4e49686ffc57d7505');
INSERT INTO audit VALUES(3,1593975601000,'ops','mode.put','rules/sweep/modes/default',NULL,'{}','seen enough',3,'fb3b68747edff3520fd0e6a6b2d10234d92864b86aa09ff4e49686ffc57d7505','a6374279dc80524a0b7a896d7bbcd2a90f62d323aa43e429057725a951a81039');
CREATE TABLE ended_sessions (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    ended_s INTEGER NOT NULL,
    until_s INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
INSERT INTO ended_sessions VALUES('name','ops',1593975600,1594018800);
CREATE TABLE entries (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (kind, key, since)
) WITHOUT ROWID;
INSERT INTO entries VALUES('list','office',3,9007199254740991,1,'{"name":"office","version":1,"description":"","kind":"network","source":"https://example.com/office.txt","items":["192.0.2.0/24"]}',1593975601000,'ops','seen');
INSERT INTO entries VALUES('mode','sweep default',3,9007199254740991,1,'{"rule":"sweep","route":"default","mode":"enforce","guard":3}',1593975601000,'ops','seen enough');
INSERT INTO entries VALUES('route','default',1,9007199254740991,1,'{"name":"default","repository":"**","redirects":"pass","observe":0.0,"disclose":"operators"}',1593975600000,'blobwatch','first start');
INSERT INTO entries VALUES('rule','empty',1,9007199254740991,2,'{"id":"empty","version":1,"description":"","expression":"ssl","action":"block","default_mode":"monitor"}',1593975600000,'blobwatch','first start');
INSERT INTO entries VALUES('rule','sweep',1,2,1,'{"id":"sweep","version":1,"description":"","expression":"ssl","action":"block","default_mode":"monitor"}',1593975600000,'blobwatch','first start');
INSERT INTO entries VALUES('rule','sweep',2,9007199254740991,1,'{"id":"sweep","version":2,"description":"","expression":"ssl","action":"block","default_mode":"monitor"}',1593975601000,'ops','sharper');
INSERT INTO entries VALUES('settings','',1,9007199254740991,1,'{"fire_logs":{},"retry_after_s":30,"retention_hours":168,"retention_bytes":5000000000}',1593975600000,'blobwatch','first start');
CREATE TABLE fire_logs (
    name TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO fire_logs VALUES('fl1-FRA-0',3,1593975602000,0,0);
INSERT INTO fire_logs VALUES('fl1-IAD-0',2,1593975602000,2,1593975603000);
CREATE TABLE guard_counts (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    source TEXT NOT NULL,
    guard INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route, source)
) WITHOUT ROWID;
INSERT INTO guard_counts VALUES('sweep','default','fl1-FRA-0',3,'[{"family":"docker","os":"amzn2","enforced":{"clients":40,"healthy":1,"judged":0,"bad_clients":0,"pulls":0,"bad_pulls":0},"held_out":{"clients":4,"healthy":1,"judged":3,"bad_clients":0,"pulls":9,"bad_pulls":0},"past":{"good":12,"bad":1}}]');
CREATE TABLE guard_states (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    guard INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    text TEXT,
    PRIMARY KEY (rule, route, guard, number)
) WITHOUT ROWID;
INSERT INTO guard_states VALUES('sweep','default',3,0,1593975601000,'watching',NULL);
CREATE TABLE guards (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route)
) WITHOUT ROWID;
INSERT INTO guards VALUES('sweep','default','{"guard":3,"since_ms":1593975601000,"state":"watching","cohorts":[{"family":"docker","os":"amzn2","enforced":{"clients":40,"healthy":1,"judged":0,"bad_clients":0,"pulls":0,"bad_pulls":0},"held_out":{"clients":4,"healthy":1,"judged":3,"bad_clients":0,"pulls":9,"bad_pulls":0},"past":{"good":12,"bad":1}}],"evidence":["01EC9ZD5F0000000000000000A"],"text":null,"outcome":[0.0,0.0,0.0],"base":{"clients":0,"healthy":0,"judged":0,"bad_clients":0,"pulls":0,"bad_pulls":0}}');
CREATE TABLE guard_readings (
    at_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    guard INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (at_ms, rule, route)
) WITHOUT ROWID;
INSERT INTO guard_readings VALUES(1593975602000,'sweep','default',3,'{"state":"watching","enforced":{"clients":40,"healthy":1,"unknown":0,"judged":0,"bad_clients":0},"held_out":{"clients":4,"healthy":0,"unknown":1,"judged":0,"bad_clients":0},"harm":0.0,"harmless":2.35}');
CREATE TABLE layouts (colo TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO layouts VALUES('FRA','{"colo":"FRA","count":2,"since_ms":1593975601000,"earlier":[{"count":1,"since_ms":0,"until_ms":1593975781000}]}');
CREATE TABLE losses (name TEXT PRIMARY KEY, count INTEGER NOT NULL, last_ms INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO losses VALUES('changes_dropped',2,1593975602000);
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('epoch',1593975600000);
INSERT INTO meta VALUES('revision',3);
INSERT INTO meta VALUES('schema',12);
INSERT INTO meta VALUES('second_person_above',2500);
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL,
    UNIQUE (kind, id)
);
INSERT INTO outbox VALUES(1,'harm','1593975600000-2-empty-default','{"id":"1593975600000-2-empty-default","time":"2020-07-05T19:00:01.500Z","rule":"empty","route":"default","text":"denied 20 of 40 clients that pull cleanly","family":"docker","os":"amzn2","clients":40,"healthy":20,"evidence":["01EC9ZD5F0000000000000000A"]}',1593975601500,3,1593975604500);
CREATE TABLE pending_modes (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route)
) WITHOUT ROWID;
INSERT INTO pending_modes VALUES('empty','default',1593979201000,'{"id":"pm-1593975601000","rule":"empty","route":"default","version":1,"actor":"ops","reason":"seen","created_ms":1593975601000,"expires_ms":1593979201000,"healthy":{"clients":100,"hit":6},"body":"{\"mode\":\"enforce\",\"reason\":\"seen\",\"force\":true}"}');
CREATE TABLE previews (
    id TEXT PRIMARY KEY,
    done_ms INTEGER NOT NULL,
    stamp TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO previews VALUES('pv-000001',1593975602000,'{"id":"pv-000001","rule":"sweep","version":2,"is_stored":true,"route":"default","revision":3,"relevant":"5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e","done_ms":1593975602000,"incomplete":[]}');
CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    routes TEXT,
    sha256 TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER
) WITHOUT ROWID;
INSERT INTO tokens VALUES('ada','operator','["default"]','3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0',1593975601000,'ops',1593979201000,1593975602000);
INSERT INTO tokens VALUES('ci','viewer',NULL,'2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b',1593975601000,'ops',NULL,NULL);
CREATE INDEX entries_until ON entries (until, since);
CREATE INDEX fire_logs_behind ON fire_logs (acknowledged, retry_ms);
