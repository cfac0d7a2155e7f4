//! Lists by name: the values that rules name as `$name`, as they are written, stored and sent.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::validate::MAX_PLACES;
use blobwatch_rules::{List, ListKind, Lists};
use blobwatch_wire::Place;

/// One version of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamedList {
    /// Lower case letters, digits and underscores, as at Cloudflare.
    pub name: String,
    pub version: u32,
    #[serde(default)]
    pub description: String,
    #[serde(with = "KindName")]
    pub kind: ListKind,
    /// Where `blobwatch list refresh` reads the items: an address (`https://…`), or a file of whoever runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub items: Vec<ListItem>,
}

/// Bytes of a source: the longest addresses that programs agree on.
const MAX_SOURCE: usize = 2048;

/// Whether a text may be a source. Everybody with a token reads it, and so does the audit log: it holds no password.
///
/// # Errors
/// What was expected.
pub fn check_list_source(source: &str) -> Result<(), &'static str> {
    if source.is_empty() || source.len() > MAX_SOURCE || source.chars().any(char::is_control) {
        return Err("an address or the path of a file, of at most 2048 bytes without control characters");
    }
    let Some((scheme, rest)) = source.split_once("://") else {
        return Ok(());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme {
        "https" | "http" if host.contains('@') => Err("an address without a name or password in it"),
        "https" | "http" if !host.is_empty() => Ok(()),
        _ => Err("an address that begins with https:// or http:// and a host"),
    }
}

/// How a kind is written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ListKind", rename_all = "snake_case")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ListKind")
)]
pub enum KindName {
    Address,
    Network,
    Number,
    String,
    HostName,
}

/// One item; which of the two it is says the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ListItem {
    Number(i64),
    Text(String),
}

impl ListItem {
    /// As it is written in an expression, without quotes.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    fn normal(&self, kind: ListKind) -> Result<Self, String> {
        let text = match (self, kind) {
            (Self::Number(_), ListKind::Number) => return Ok(self.clone()),
            (Self::Number(_), _) => return Err("a text in quotes".to_owned()),
            (Self::Text(text), _) => kind.normal(text)?,
        };
        Ok(match text.parse() {
            Ok(number) if kind == ListKind::Number => Self::Number(number),
            _ => Self::Text(text),
        })
    }
}

impl<'de> Deserialize<'de> for ListItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl Visitor<'_> for ItemVisitor {
    type Value = ListItem;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an Integer")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<ListItem, E> {
        Ok(ListItem::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ListItem, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("expected an Integer of 64 bits"))?;
        Ok(ListItem::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ListItem, E> {
        Ok(ListItem::Text(text.to_owned()))
    }
}

impl NamedList {
    /// The same with each item once, in order, and written in one way: two lists of the same values are equal.
    ///
    /// # Errors
    /// Each item that is none of the kind, below `place`.
    pub fn normal(self, place: &str) -> Result<Self, Vec<Place>> {
        let mut items = Vec::with_capacity(self.items.len());
        let mut faults = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            match item.normal(self.kind) {
                Ok(item) => items.push(item),
                Err(expected) => faults.push(item_fault(place, at, item, &expected)),
            }
        }
        if !faults.is_empty() {
            faults.truncate(MAX_PLACES);
            return Err(faults);
        }
        items.sort_unstable();
        items.dedup();
        Ok(Self { items, ..self })
    }

    /// Bytes of the items, as they count for the bound of all lists: each with its quotes and comma.
    #[must_use]
    pub fn size(&self) -> usize {
        self.items.iter().map(|item| item.text().len() + 3).sum()
    }

    /// Ready to be named by expressions.
    fn compiled(&self, place: &str) -> Result<List, Vec<Place>> {
        let texts: Vec<Cow<'_, str>> = self.items.iter().map(ListItem::text).collect();
        let list = List::new(
            &self.name,
            self.kind,
            texts.iter().map(|text| &**text),
            MAX_PLACES,
        );
        let fault = |error: blobwatch_rules::ItemError| {
            let item = self.items.get(error.at).cloned().unwrap_or(ListItem::Number(0));
            item_fault(place, error.at, &item, &error.expected)
        };
        list.map_err(|errors| errors.into_iter().map(fault).collect())
    }
}

fn item_fault(place: &str, at: usize, item: &ListItem, expected: &str) -> Place {
    let shown: String = item.text().chars().take(80).collect();
    Place::new(
        format!("{place}items[{at}]"),
        format!("expected {expected}, found {shown:?}"),
    )
}

/// The names of the lists that an expression names; none where it cannot be read.
#[must_use]
pub fn lists_of(expression: &str) -> Vec<String> {
    // Most rules name none: they need not be read.
    if !expression.contains('$') {
        return Vec::new();
    }
    let read = blobwatch_rules::parse(expression);
    read.map_or_else(
        |_| Vec::new(),
        |read| read.lists().into_iter().map(str::to_owned).collect(),
    )
}

/// All lists of a document, ready to be named.
///
/// # Errors
/// Every item that is none of its list's kind.
pub(crate) fn compiled(lists: &[NamedList]) -> Result<Lists, Vec<Place>> {
    let mut ready = Vec::with_capacity(lists.len());
    let mut faults = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        match list.compiled(&format!("lists[{at}].")) {
            Ok(list) => ready.push(list),
            Err(errors) => faults.extend(errors),
        }
    }
    match faults.is_empty() {
        true => Ok(ready.into_iter().collect()),
        false => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kind: &str, items: &str) -> Result<NamedList, Vec<Place>> {
        let text = format!(r#"{{"name":"x","version":1,"kind":"{kind}","items":{items}}}"#);
        serde_json::from_str::<NamedList>(&text).unwrap().normal("body.")
    }

    #[track_caller]
    fn case(kind: &str, items: &str, expected: &str) {
        let normal = list(kind, items).unwrap();
        assert_eq!(serde_json::to_string(&normal.items).unwrap(), expected);
        assert_eq!(normal.clone().normal("").unwrap(), normal);
    }

    #[test]
    fn a_source_is_an_address_or_a_file() {
        for (source, expected) in [
            ("https://example.com/addresses.txt?family=4", true),
            ("http://127.0.0.1:8000/x", true),
            ("/etc/blobwatch/office.txt", true),
            ("lists/office.txt", true),
            ("", false),
            ("https://", false),
            ("https:///x", false),
            ("ftp://example.com/x", false),
            ("https://ada:secret@example.com/x", false),
            ("https://example.com/@x", true),
            ("a\nb", false),
        ] {
            assert_eq!(check_list_source(source).is_ok(), expected, "{source}");
        }
        assert!(check_list_source(&"x".repeat(MAX_SOURCE + 1)).is_err());
    }

    #[test]
    fn lists_of_the_same_values_are_equal() {
        case("number", r#"[7, "7", "0x10", "1..3", 7]"#, r#"[7,16,"1..3"]"#);
        case(
            "network",
            r#"["10.0.0.0/8", "192.0.2.1/32", "10.0.0.0/8"]"#,
            r#"["10.0.0.0/8","192.0.2.1"]"#,
        );
        case("string", r#"["b", "a", "7", "b"]"#, r#"["7","a","b"]"#);
        case(
            "host_name",
            r#"["B.example.", "*.a.example"]"#,
            r#"["*.a.example","b.example"]"#,
        );
        case("address", "[]", "[]");
    }

    #[test]
    fn an_item_of_another_kind_is_said_by_its_place() {
        let faults = list("string", "[\"a\", 7]").unwrap_err();
        assert_eq!(
            (faults[0].place.as_str(), faults[0].message.as_str()),
            ("body.items[1]", "expected a text in quotes, found \"7\"")
        );
        let many = list("number", &format!("[{}]", vec!["\"a\""; 500].join(","))).unwrap_err();
        assert_eq!(many.len(), MAX_PLACES);
        let text = r#"{"name":"x","version":1,"kind":"number","items":[1.5]}"#;
        let error = serde_json::from_str::<NamedList>(text).unwrap_err().to_string();
        assert!(error.contains("expected a text or an Integer"), "{error}");
    }
}
