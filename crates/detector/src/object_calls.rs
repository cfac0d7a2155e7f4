//! What other objects and the API ask of the Detector; docs/api.md has what people ask.

use serde::{Deserialize, Serialize};

use crate::{NewShare, ReportFacts, ShareItem, SharedReport};
use blobwatch_records::OpenCohort;
use blobwatch_upstream::IngestReport;
use blobwatch_wire::{Bytes, Loss, Method, Nothing, Object, ObjectCall, Text};

/// Answer to a batch of cells: it need not be sent again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub ack: u64,
    /// Whom open anomalies are about: of them FireLogs keep every record. `None` of builds that do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Vec<OpenCohort>>,
}

/// A FireLog's batch of cells (`CellBatch`).
pub struct CellsCall;

impl ObjectCall for CellsCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "cells";
    const PURPOSE: &'static str = "send cells to the Detector";
    type Request = Bytes;
    type Reply = Acknowledged;
}

/// A `HarmNotice` of `blobwatch-guard`, as the RuleBook wrote it down.
pub struct HarmCall;

impl ObjectCall for HarmCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "harm";
    const PURPOSE: &'static str = "report a harm to the Detector";
    type Request = Text;
    type Reply = ();
}

/// A `ChangeNotice` of `blobwatch-rulebook`, as the RuleBook wrote it down.
pub struct ChangeCall;

impl ObjectCall for ChangeCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "change";
    const PURPOSE: &'static str = "tell the Detector of a change";
    type Request = Text;
    type Reply = ();
}

/// What came of a body that a source pushed.
pub struct IngestedCall;

impl ObjectCall for IngestedCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "ingested";
    const PURPOSE: &'static str = "tell the Detector what a source pushed";
    type Request = IngestReport;
    type Reply = ();
}

/// What is known of an anomaly, for a report.
pub struct AnomalyCall<'a>(pub &'a str);

impl ObjectCall for AnomalyCall<'_> {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "anomaly/";
    const PURPOSE: &'static str = "read the anomaly";
    type Request = Nothing;
    type Reply = ReportFacts;

    fn path(&self) -> String {
        format!("{}{}", Self::PATH, self.0)
    }
}

/// What an object lost so far, as far as it is data ([`Loss::is_of_data`]).
pub struct LostCall;

impl ObjectCall for LostCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "lost";
    const PURPOSE: &'static str = "tell the Detector what was lost";
    type Request = Vec<Loss>;
    type Reply = ();
}

/// A link to the report of an anomaly is to be made.
pub struct NewShareCall;

impl ObjectCall for NewShareCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "share";
    const PURPOSE: &'static str = "make a link";
    type Request = NewShare;
    type Reply = ShareItem;
}

/// What a link opens; asked with the hash of its token.
pub struct SharedReportCall;

impl ObjectCall for SharedReportCall {
    const OBJECT: Object = Object::Detector;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "shared";
    const PURPOSE: &'static str = "read the report";
    type Request = Text;
    type Reply = SharedReport;
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_records::OpenCohortPart;
    use blobwatch_wire::{Body, Payload};

    #[track_caller]
    fn case<C: ObjectCall>(call: C, method: &str, path: &str) {
        assert_eq!(C::OBJECT, Object::Detector);
        assert_eq!(C::METHOD.name(), method);
        assert_eq!(call.path(), path);
        assert!(path.starts_with(C::PATH), "{path}");
    }

    #[test]
    fn paths_are_pinned() {
        case(CellsCall, "POST", "cells");
        case(HarmCall, "POST", "harm");
        case(ChangeCall, "POST", "change");
        case(IngestedCall, "POST", "ingested");
        case(AnomalyCall("an-000012"), "GET", "anomaly/an-000012");
        case(LostCall, "POST", "lost");
        case(NewShareCall, "POST", "share");
        case(SharedReportCall, "POST", "shared");
    }

    #[test]
    fn the_acknowledgement_is_pinned() {
        let older = r#"{"ack":7}"#;
        let read = Acknowledged::from_bytes(older.as_bytes()).unwrap();
        assert_eq!(read, Acknowledged { ack: 7, open: None });
        assert_eq!(read.into_payload(), Ok(Payload::Text(older.to_owned())));
        let part = OpenCohortPart {
            attribute: "os".to_owned(),
            values: vec!["amzn2".to_owned()],
            not: false,
        };
        let told = Acknowledged {
            ack: 7,
            open: Some(vec![OpenCohort(vec![part])]),
        };
        let text = r#"{"ack":7,"open":[[{"attribute":"os","values":["amzn2"]}]]}"#;
        assert_eq!(told.into_payload(), Ok(Payload::Text(text.to_owned())));
    }
}
