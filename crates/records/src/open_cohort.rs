//! Whom an open anomaly is about, as far as one record tells whether it is one of theirs: what the Detector answers FireLogs with.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::segment::{Agent, Place, Treatment, asn_text};

/// What an attribute is called that a request did not have.
const ABSENT: &str = "unknown";

/// "`attribute` is one of `values`", or with `not` "is none of them".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCohortPart {
    pub attribute: String,
    pub values: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

/// All parts hold; none is everyone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCohort(pub Vec<OpenCohortPart>);

impl OpenCohort {
    /// Whether the records of these entries are in it. An attribute of a newer build is taken to hold: rather too many are kept.
    #[must_use]
    pub fn holds(&self, treatment: &Treatment, agent: &Agent, place: &Place) -> bool {
        self.0.iter().all(|part| {
            let value = value(&part.attribute, treatment, agent, place);
            value.is_none_or(|value| part.values.iter().any(|known| *known == value) != part.not)
        })
    }
}

fn value<'a>(
    attribute: &str,
    treatment: &'a Treatment,
    agent: &'a Agent,
    place: &'a Place,
) -> Option<Cow<'a, str>> {
    let value = match attribute {
        "route" => Cow::Borrowed(&*treatment.route),
        "colo" => Cow::Borrowed(place.colo.as_str()),
        "country" => Cow::Borrowed(place.country.as_str()),
        "asn" => Cow::Owned(asn_text(place.asn)),
        "family" => Cow::Borrowed(agent.family.as_str()),
        "os" => Cow::Borrowed(agent.os.as_str()),
        "fingerprint" => Cow::Borrowed(agent.fingerprint.as_str()),
        _ => return None,
    };
    Some(if value.is_empty() { ABSENT.into() } else { value })
}
