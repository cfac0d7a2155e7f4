//! FireLogs on databases of the test's process, asked as `src/control_plane/fire_log_queries.rs` answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use blobwatch_fire_log::{
    BEFORE, Budget, CellsOfCall, CompareQuery, FireLog, FireLogs, KIND, Kind, PageCall, Query, SummaryCall,
    SummaryQuery, scan_page, summarise, tabulate,
};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Builder, Flush, RulebookVersion};
use blobwatch_sql::{Native, Unpaced, at_once};
use blobwatch_wire::{Body, Nothing, ObjectCall, Payload, Problem};

pub(crate) type Pairs = Vec<(String, String)>;

#[expect(clippy::disallowed_methods, reason = "the program has the machine's clock")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}

pub(crate) fn pairs(query: &str) -> Pairs {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[derive(Default)]
pub(crate) struct LocalRecords {
    logs: RefCell<BTreeMap<String, FireLog<Native>>>,
    batches: Cell<u64>,
    /// A FireLog that does not answer.
    pub(crate) silent: RefCell<Option<String>>,
}

impl FireLogs for &LocalRecords {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Result<C::Reply, Problem> {
        if self.silent.borrow().as_deref() == Some(name) {
            return Err(Problem::not_found(name));
        }
        let path = call.path();
        let (what, query) = path.split_once('?').unwrap();
        let bytes = match self.answer(name, what, pairs(query))? {
            Payload::Nothing => Vec::new(),
            Payload::Text(text) => text.into_bytes(),
            Payload::Bytes(bytes) => bytes,
        };
        Ok(C::Reply::from_bytes(&bytes).unwrap())
    }
}

impl LocalRecords {
    pub(crate) fn names(&self) -> Vec<String> {
        self.logs.borrow().keys().cloned().collect()
    }

    fn answer(&self, name: &str, call: &str, mut pairs: Pairs) -> Result<Payload, Problem> {
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(known, _)| known == name)?;
            Some(pairs.swap_remove(at).1)
        };
        let kind = Kind::of_name(&take(KIND).unwrap_or_default());
        let before = take(BEFORE).map_or(RecordId(u128::MAX), |id| id.parse().unwrap());
        let (logs, budget) = (self.logs.borrow(), Budget::default());
        let sql = logs[name].sql();
        if call == PageCall::PATH {
            let query = Query::parse(kind, &pairs, now_ms())?;
            let page = scan_page(sql, &query.filter, query.before, query.limit, budget, &Unpaced);
            return Ok(at_once(page).unwrap().unwrap().into_payload().unwrap());
        }
        if call == CellsOfCall::PATH {
            let filter = CompareQuery::filter(&pairs, now_ms())?;
            let part = tabulate(sql, &filter, CompareQuery::tables(), before, budget, &Unpaced);
            return Ok(at_once(part).unwrap().unwrap().into_payload().unwrap());
        }
        assert_eq!(call, SummaryCall::PATH);
        let query = SummaryQuery::parse(kind, &pairs, now_ms())?;
        let part = summarise(sql, &query.filter, &query.by, before, budget, &Unpaced);
        Ok(at_once(part).unwrap().unwrap().into_payload().unwrap())
    }

    /// Each record at the FireLog of its colo.
    pub(crate) fn store(&self, records: Vec<Record>) {
        for record in records {
            let mut logs = self.logs.borrow_mut();
            let log = logs
                .entry(format!("fl1-{}-0", record.colo))
                .or_insert_with(|| FireLog::open(Native::in_memory().unwrap()).unwrap());
            let mut block = Builder::default();
            block.push(record);
            self.batches.set(self.batches.get() + 1);
            let flush = Flush {
                addresses: Vec::new(),
                isolate: 1,
                seq: self.batches.get(),
                held: RulebookVersion::default(),
                losses: BTreeMap::new(),
                volumes: Vec::new(),
                segment: block.encode(),
            };
            log.accept(&flush.encode(), now_ms()).unwrap();
        }
    }
}
