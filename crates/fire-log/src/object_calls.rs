//! What other objects, the API and the request path ask of a FireLog. A slice of a preview is in `blobwatch-previews`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::load::Load;
use crate::query::Part;
use crate::store::SumsByRoute;
use crate::{KeptAddress, Page, RuleFires};
use blobwatch_pull::{ClientKey, RecordId};
use blobwatch_upstream::UpstreamAnswer;
use blobwatch_wire::{
    Body, Bytes, Loss, Method, Nothing, Object, ObjectCall, Payload, Problem, Text, query_number,
    query_value, with_query,
};

/// The parameter that says which records are asked for; all others are those of the API's call.
pub const KIND: &str = "of";

/// The parameter that says where a summary goes on.
pub const BEFORE: &str = "before";

/// A batch of an isolate; JavaScript of the request path calls it.
pub struct FlushCall;

impl ObjectCall for FlushCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "flush";
    const PURPOSE: &'static str = "flush";
    type Request = Bytes;
    type Reply = Bytes;
}

/// An `UpstreamBatch`: what another party tells of requests that this FireLog has the records of. It is stored when this answers.
pub struct UpstreamCall;

impl ObjectCall for UpstreamCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "upstream";
    const PURPOSE: &'static str = "take in what another party tells";
    type Request = Bytes;
    type Reply = UpstreamAnswer;
}

/// The rulebook, for an isolate that may hold it; JavaScript of the request path calls it.
pub struct ReadRulebookCall;

impl ObjectCall for ReadRulebookCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "rulebook";
    const PURPOSE: &'static str = "read the rulebook";
    type Request = Nothing;
    type Reply = Bytes;
}

/// The RuleBook's document, pushed.
pub struct PushRulebookCall {
    pub epoch: u64,
}

impl ObjectCall for PushRulebookCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Put;
    const PATH: &'static str = "rulebook";
    const PURPOSE: &'static str = "push to a FireLog";
    type Request = Text;
    type Reply = Text;

    fn path(&self) -> String {
        format!("{}?epoch={}", Self::PATH, self.epoch)
    }
}

impl PushRulebookCall {
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let epoch = query_number(query, "epoch");
        Self { epoch }
    }
}

/// Whether batches can be stored; the problem where they cannot.
pub struct StandingCall;

impl ObjectCall for StandingCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "standing";
    const PURPOSE: &'static str = "ask whether batches can be stored";
    type Request = Nothing;
    type Reply = ();
}

/// Records and counts that were lost, by name.
pub struct LossesCall;

impl ObjectCall for LossesCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "losses";
    const PURPOSE: &'static str = "read the losses";
    type Request = Nothing;
    type Reply = Vec<Loss>;
}

/// What was asked of the FireLog in the last minute.
pub struct LoadCall;

impl ObjectCall for LoadCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "load";
    const PURPOSE: &'static str = "read the load";
    type Request = Nothing;
    type Reply = Load;
}

/// What a FireLog knows of the clients that come to another one of its colo: a handover.
pub struct HandoverCall {
    /// How many FireLogs the colo has.
    pub fire_logs: u32,
    /// Of the one that asks, among them.
    pub place: u32,
}

impl ObjectCall for HandoverCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "handover";
    const PURPOSE: &'static str = "hand clients over";
    type Request = Nothing;
    type Reply = Bytes;

    fn path(&self) -> String {
        let Self { fire_logs, place } = self;
        format!("{}?fire_logs={fire_logs}&place={place}", Self::PATH)
    }
}

impl HandoverCall {
    /// `None` for numbers that no colo has.
    #[must_use]
    pub fn from_query(query: &str) -> Option<Self> {
        let number = |name| u32::try_from(query_number(query, name)).ok();
        let (fire_logs, place) = (number("fire_logs")?, number("place")?);
        Some(Self { fire_logs, place })
    }
}

/// What is added up for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Of our own rules.
    pub(crate) fires: Vec<RuleFires>,
    pub(crate) requests: SumsByRoute,
}

/// What is added up for ever, for metrics.
pub struct CountersCall;

impl ObjectCall for CountersCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "counters";
    const PURPOSE: &'static str = "read the counters";
    type Request = Nothing;
    type Reply = Counters;
}

/// A page of records. The parameters are [`KIND`] and those of the API's call.
pub struct PageCall<'a>(pub &'a [(&'a str, &'a str)]);

impl ObjectCall for PageCall<'_> {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "page";
    const PURPOSE: &'static str = "search the records";
    type Request = Nothing;
    type Reply = Page;

    fn path(&self) -> String {
        with_query(Self::PATH, self.0)
    }
}

/// One stretch of a summary. The parameters are [`KIND`], [`BEFORE`] and those of the API's call.
pub struct SummaryCall<'a>(pub &'a [(&'a str, &'a str)]);

impl ObjectCall for SummaryCall<'_> {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "summary";
    const PURPOSE: &'static str = "count the records";
    type Request = Nothing;
    type Reply = Part;

    fn path(&self) -> String {
        with_query(Self::PATH, self.0)
    }
}

/// One stretch of a comparison's counts. The parameters are [`BEFORE`] and filters.
pub struct CellsOfCall<'a>(pub &'a [(&'a str, &'a str)]);

impl ObjectCall for CellsOfCall<'_> {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "summary-cells";
    const PURPOSE: &'static str = "count the records";
    type Request = Nothing;
    type Reply = Part;

    fn path(&self) -> String {
        with_query(Self::PATH, self.0)
    }
}

/// A page with the record of that id, if it is there.
pub struct RecordCall(pub RecordId);

impl ObjectCall for RecordCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "record/";
    const PURPOSE: &'static str = "search the records";
    type Request = Nothing;
    type Reply = Page;

    fn path(&self) -> String {
        format!("{}{}", Self::PATH, self.0)
    }
}

/// What is kept of clients' addresses: of one client, or of those that follow a key.
pub struct AddressesCall<'a> {
    pub client: Option<ClientKey>,
    pub after: Cow<'a, str>,
    pub limit: usize,
}

impl ObjectCall for AddressesCall<'_> {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "addresses";
    const PURPOSE: &'static str = "read the addresses";
    type Request = Nothing;
    type Reply = Vec<KeptAddress>;

    fn path(&self) -> String {
        let limit = self.limit.to_string();
        match self.client {
            Some(client) => with_query(Self::PATH, &[("client", &client.to_string())]),
            None => with_query(Self::PATH, &[("after", &*self.after), ("limit", &limit)]),
        }
    }
}

impl AddressesCall<'_> {
    /// # Errors
    /// The client's key is none.
    pub fn from_query(query: &str) -> Result<Self, Problem> {
        let limit = query_value(query, "limit").and_then(|limit| limit.parse().ok());
        Ok(Self {
            client: client_in(query)?,
            after: query_value(query, "after").unwrap_or_default().into(),
            limit: limit.unwrap_or_default(),
        })
    }
}

fn client_in(query: &str) -> Result<Option<ClientKey>, Problem> {
    let client = query_value(query, "client").map(|client| client.parse());
    client.transpose().map_err(|_| Problem::not_found("client"))
}

/// Erases the address of a client; whether there was one.
pub struct EraseAddressCall(pub ClientKey);

impl ObjectCall for EraseAddressCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "addresses";
    const PURPOSE: &'static str = "erase an address";
    type Request = Nothing;
    type Reply = bool;

    fn path(&self) -> String {
        with_query(Self::PATH, &[("client", &self.0.to_string())])
    }
}

impl EraseAddressCall {
    /// # Errors
    /// The client's key is none, or absent.
    pub fn from_query(query: &str) -> Result<Self, Problem> {
        let client = client_in(query)?.ok_or_else(|| Problem::not_found("client"))?;
        Ok(Self(client))
    }
}

impl Body for Page {
    fn into_payload(self) -> Result<Payload, String> {
        Ok(Payload::Bytes(self.encode()))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Self::decode(bytes).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_records::{RulebookVersion, fire_log_name, flush_path, rulebook_path};

    #[track_caller]
    fn case<C: ObjectCall>(call: C, method: &str, path: &str) {
        assert_eq!(C::OBJECT, Object::FireLog);
        assert_eq!(C::METHOD.name(), method);
        assert_eq!(call.path(), path);
        assert!(path.starts_with(C::PATH), "{path}");
    }

    #[test]
    fn paths_are_pinned() {
        case(FlushCall, "POST", "flush");
        case(UpstreamCall, "POST", "upstream");
        case(ReadRulebookCall, "GET", "rulebook");
        case(PushRulebookCall { epoch: 5 }, "PUT", "rulebook?epoch=5");
        case(LossesCall, "GET", "losses");
        case(LoadCall, "GET", "load");
        let handover = HandoverCall {
            fire_logs: 4,
            place: 3,
        };
        case(handover, "GET", "handover?fire_logs=4&place=3");
        case(CountersCall, "GET", "counters");
        let client = ClientKey(0xc0ffee);
        let addresses = |client| AddressesCall {
            client,
            after: "00ff".into(),
            limit: 9,
        };
        case(addresses(None), "GET", "addresses?after=00ff&limit=9");
        case(
            addresses(Some(client)),
            "GET",
            "addresses?client=0000000000c0ffee",
        );
        case(
            EraseAddressCall(client),
            "DELETE",
            "addresses?client=0000000000c0ffee",
        );
        case(StandingCall, "GET", "standing");
        let parameters = [(KIND, "fires"), ("cursor", "c"), ("limit", "9")];
        case(PageCall(&parameters), "GET", "page?of=fires&cursor=c&limit=9");
        let parameters = [(KIND, "requests"), (BEFORE, "id"), ("by", "os,asn")];
        case(
            SummaryCall(&parameters),
            "GET",
            "summary?of=requests&before=id&by=os%2Casn",
        );
        let parameters = [(BEFORE, "id"), ("os", "amzn2")];
        case(
            CellsOfCall(&parameters),
            "GET",
            "summary-cells?before=id&os=amzn2",
        );
        case(
            RecordCall(RecordId(0)),
            "GET",
            "record/00000000000000000000000000",
        );
    }

    fn query_of(call: &impl ObjectCall) -> String {
        let path = call.path();
        path.split_once('?')
            .map_or(String::new(), |(_, query)| query.to_owned())
    }

    /// Whoever answers reads what whoever calls wrote.
    #[test]
    fn parameters_are_read_as_they_are_written() {
        #[track_caller]
        fn case<C: ObjectCall>(call: &C, read: impl Fn(&str) -> C) {
            assert_eq!(read(&query_of(call)).path(), call.path());
        }
        case(&PushRulebookCall { epoch: 5 }, PushRulebookCall::from_query);
        let handover = HandoverCall {
            fire_logs: 4,
            place: 3,
        };
        case(&handover, |query| HandoverCall::from_query(query).unwrap());
        assert!(HandoverCall::from_query("fire_logs=4294967296&place=0").is_none());
        let client = ClientKey(0xc0_ffee);
        let addresses = [
            AddressesCall {
                client: None,
                after: "00 c&".into(),
                limit: 50,
            },
            AddressesCall {
                client: Some(client),
                after: "".into(),
                limit: 0,
            },
        ];
        for call in &addresses {
            case(call, |query| AddressesCall::from_query(query).unwrap());
        }
        case(&EraseAddressCall(client), |query| {
            EraseAddressCall::from_query(query).unwrap()
        });
        let refused = [
            AddressesCall::from_query("client=nobody").err(),
            EraseAddressCall::from_query("").err(),
        ];
        assert!(refused.iter().flatten().all(|problem| problem.status == 404));
        assert_eq!(refused.iter().flatten().count(), 2);
    }

    /// `src/data_plane` makes the same calls of the paths that its module gives it: `fire_log_calls.test.js` reads them too.
    #[test]
    fn the_request_path_calls_the_same_addresses() {
        let sample = include_str!("../../../src/data_plane/tests/lines/fire_log_calls.txt");
        let calls: Vec<_> = sample.lines().collect();
        let call = |method: Method, name: &str, path: &str| {
            let (binding, address) = (Object::FireLog.binding(), Object::FireLog.address(name, path));
            format!("{binding} {} {address}", method.name())
        };
        let read = |colo: &str, epoch, revision| {
            let name = fire_log_name(colo, ClientKey::default(), 1);
            let held = RulebookVersion { epoch, revision };
            let path = format!("{}?held={revision}&epoch={epoch}", ReadRulebookCall::PATH);
            assert_eq!(rulebook_path(colo, held), format!("{name}/{path}"));
            call(ReadRulebookCall::METHOD, &name, &path)
        };
        assert_eq!(calls[..2], [read("FRA", 5, 7), read("", 0, 0)]);
        let flush = |colo: &str, place: u64| {
            let name = fire_log_name(colo, ClientKey(place), 64);
            assert_eq!(flush_path(&name), format!("{name}/{}", FlushCall::PATH));
            call(FlushCall::METHOD, &name, &FlushCall.path())
        };
        assert_eq!(calls[2..], [flush("FRA", 0), flush("", 63), flush("ABCDEFG8", 7)]);
    }
}
