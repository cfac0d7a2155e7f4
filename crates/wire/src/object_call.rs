//! Calls between our Durable Objects: one definition for the side that calls and for the side that answers.
//!
//! In scope: names, addresses, and what a body is made of. Not in scope: the calls themselves, which stand in the crate
//! of the object that answers, and sending them (`src/control_plane`). Isolates of two builds talk to each other during a deploy:
//! each crate pins the methods and paths of its calls in a test.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Method;

/// A class of Durable Objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    RuleBook,
    FireLog,
    Detector,
    Previews,
}

impl Object {
    /// The binding of its namespace.
    #[must_use]
    pub const fn binding(self) -> &'static str {
        match self {
            Self::RuleBook => "RULE_BOOK",
            Self::FireLog => "FIRE_LOG",
            Self::Detector => "DETECTOR",
            Self::Previews => "PREVIEWS",
        }
    }

    /// Name of the only object of its class: under another name is another object, which knows nothing. FireLogs are many.
    #[must_use]
    pub const fn only_name(self) -> Option<&'static str> {
        match self {
            Self::RuleBook => Some("rulebook"),
            Self::FireLog => None,
            Self::Detector => Some("detector"),
            Self::Previews => Some("previews"),
        }
    }

    /// Fits "failed to reach …".
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::RuleBook => "the rulebook",
            Self::FireLog => "a FireLog",
            Self::Detector => "the Detector",
            Self::Previews => "the previews",
        }
    }

    /// The object of that name, in a sentence.
    #[must_use]
    pub fn called(self, name: &str) -> String {
        match self {
            Self::FireLog => format!("FireLog {name}"),
            object => format!("the {object:?}"),
        }
    }

    /// Stands before the path of a call of the API; the Previews' own paths begin with `previews`.
    #[must_use]
    pub const fn api_prefix(self) -> &'static str {
        match self {
            Self::Previews => "",
            _ => "api/",
        }
    }

    /// Address of a call to the object of that name. A FireLog does not know its own name: the path begins with it.
    #[must_use]
    pub fn address(self, name: &str, path: &str) -> String {
        match self {
            Self::RuleBook => format!("https://rule-book/{path}"),
            Self::FireLog => format!("https://fire-log/{name}/{path}"),
            Self::Detector => format!("https://detector/{path}"),
            Self::Previews => format!("https://previews/{path}"),
        }
    }
}

/// One call of one object to another. A value holds the parameters that stand in the path and the query.
pub trait ObjectCall {
    /// Who answers.
    const OBJECT: Object;
    const METHOD: Method;
    /// What the object matches: the path without its first `/` and without a FireLog's name, up to its first parameter.
    const PATH: &'static str;
    /// Fits "failed to …".
    const PURPOSE: &'static str;
    /// The path for the object's `match`, beside the method.
    const ROUTE: (Method, &'static str) = (Self::METHOD, Self::PATH);
    type Request: Body;
    type Reply: Body;

    /// The path with its parameters, encoded.
    fn path(&self) -> String {
        Self::PATH.to_owned()
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
}

/// What a request or a reply carries: JSON, unless it is one of the types below or has a format of its own.
pub trait Body: Sized {
    /// # Errors
    /// What cannot be written.
    fn into_payload(self) -> Result<Payload, String>;

    /// # Errors
    /// What was expected, and found instead.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

impl<T: Serialize + DeserializeOwned> Body for T {
    fn into_payload(self) -> Result<Payload, String> {
        let text = serde_json::to_string(&self).map_err(|error| error.to_string())?;
        Ok(Payload::Text(text))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

/// No body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nothing;

impl Body for Nothing {
    fn into_payload(self) -> Result<Payload, String> {
        Ok(Payload::Nothing)
    }

    fn from_bytes(_: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

/// Text that is sent as it is, such as JSON that was written before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Body for Text {
    fn into_payload(self) -> Result<Payload, String> {
        Ok(Payload::Text(self.0))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

/// Bytes whose format belongs to the two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Body for Bytes {
    fn into_payload(self) -> Result<Payload, String> {
        Ok(Payload::Bytes(self.0))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self(bytes.to_vec()))
    }
}

/// A path with a query of those parameters, encoded.
#[must_use]
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{path}?{}", query.finish())
}

/// What a query says of a parameter.
#[must_use]
pub fn query_value(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// The same, of a number; 0 where it says none.
#[must_use]
pub fn query_number(query: &str, name: &str) -> u64 {
    query_value(query, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_pinned() {
        #[track_caller]
        fn case(object: Object, binding: &str, name: Option<&str>, address: &str) {
            assert_eq!(object.binding(), binding);
            assert_eq!(object.only_name(), name);
            assert_eq!(object.address(name.unwrap_or("fl1-fra-0"), "call"), address);
        }
        case(
            Object::RuleBook,
            "RULE_BOOK",
            Some("rulebook"),
            "https://rule-book/call",
        );
        case(
            Object::FireLog,
            "FIRE_LOG",
            None,
            "https://fire-log/fl1-fra-0/call",
        );
        case(
            Object::Detector,
            "DETECTOR",
            Some("detector"),
            "https://detector/call",
        );
        case(
            Object::Previews,
            "PREVIEWS",
            Some("previews"),
            "https://previews/call",
        );
    }

    #[test]
    fn bodies_are_pinned() {
        #[track_caller]
        fn case<T: Body + PartialEq + std::fmt::Debug>(body: T, payload: Payload, bytes: &[u8]) {
            assert_eq!(T::from_bytes(bytes).as_ref(), Ok(&body));
            assert_eq!(body.into_payload(), Ok(payload));
        }
        case(Nothing, Payload::Nothing, b"");
        case((), Payload::Text("null".to_owned()), b"null");
        case(
            vec![Some("stale".to_owned()), None],
            Payload::Text("[\"stale\",null]".to_owned()),
            b"[\"stale\",null]",
        );
        case(Text("{ }".to_owned()), Payload::Text("{ }".to_owned()), b"{ }");
        case(Bytes(vec![0, 255]), Payload::Bytes(vec![0, 255]), &[0, 255]);
    }

    #[test]
    fn parameters_are_encoded() {
        assert_eq!(
            with_query("page", &[("of", "fires"), ("route", "a&b c")]),
            "page?of=fires&route=a%26b+c"
        );
    }

    #[test]
    fn parameters_are_read_as_they_are_written() {
        let path = with_query("page", &[("of", "17"), ("route", "a&b c")]);
        let query = path.strip_prefix("page?").unwrap();
        assert_eq!(query_value(query, "route").as_deref(), Some("a&b c"));
        assert_eq!(query_value(query, "o"), None);
        let numbers = ["of", "route", "absent"].map(|name| query_number(query, name));
        assert_eq!(numbers, [17, 0, 0]);
    }
}
