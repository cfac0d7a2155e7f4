//! What one line of a log says, in the same words whatever its format.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::clock::{any_time, date_and_clock, expected_time};
use crate::escapes::percent_decoded;
use crate::numbers::{count, decimal};
use crate::template::unescaped;
use blobwatch_wire::parse_address;

/// Something a log may say of a request; the names are those of `--field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Field {
    /// Time: any of the usual forms, or a number since 1970
    Time,
    /// Date alone, `2020-07-05`, beside `clock`
    Date,
    /// Time of day alone, `19:00:00`, beside `date`
    Clock,
    /// Time of the answer's end; where the log says how long it took, the request was made so much earlier
    Finished,
    Method,
    /// Path with or without query, or a whole URL
    Path,
    /// `GET /v2/… HTTP/1.1`
    Request,
    Status,
    /// Bytes of the body that were sent
    Bytes,
    /// Bytes sent, the answer's head with the body.
    Wire,
    /// Bytes that the answer promised (Content-Length)
    Promised,
    /// The request's Range header
    Range,
    /// The answer's Content-Range header
    ContentRange,
    /// First and last byte of the answer's Content-Range
    RangeStart,
    RangeEnd,
    /// The client's address; a port or further addresses after it are ignored
    Address,
    /// X-Forwarded-For or Forwarded; it is used where `address` is missing or private
    Forwarded,
    UserAgent,
    /// Bytes of the whole blob
    Size,
    Colo,
    Country,
    Asn,
    /// A fingerprint of the client build: `bw1-…`, JA4, JA3
    Fingerprint,
    /// Rules that fired: one name, or a list
    Rules,
    /// Seconds that the answer took
    Seconds,
    /// The same in microseconds, in nanoseconds, and with its unit: `12.5ms`
    Microseconds,
    Nanoseconds,
    Duration,
    /// An id to find the request by
    Id,
    /// Names of Blobwatch's own exports
    Route,
    Digest,
    Repository,
    Kind,
    Start,
    End,
    Honoured,
    Outcome,
    DurationMs,
    Client,
    Network,
    Family,
    Version,
    Os,
    ServedBy,
    Verdict,
    Weight,
    /// Of the URL
    #[cfg_attr(feature = "clap", value(skip))]
    Host,
    #[cfg_attr(feature = "clap", value(skip))]
    Scheme,
    #[cfg_attr(feature = "clap", value(skip))]
    Query,
    /// `HTTP/1.1`
    Protocol,
    /// Round trip to the client
    #[cfg_attr(feature = "clap", value(skip))]
    RttMs,
    /// What a cache said of the answer
    #[cfg_attr(feature = "clap", value(skip))]
    Cache,
    /// What somebody else's rule did: one word, or a list beside `rules`
    #[cfg_attr(feature = "clap", value(skip))]
    Action,
    /// Which part of somebody else's system acted: one name, or a list beside `rules`
    #[cfg_attr(feature = "clap", value(skip))]
    System,
    /// What somebody else's rule is for
    #[cfg_attr(feature = "clap", value(skip))]
    Description,
    /// The id of the request that this one was made for
    #[cfg_attr(feature = "clap", value(skip))]
    ParentId,
    /// Whether it is a request that a worker made
    #[cfg_attr(feature = "clap", value(skip))]
    Subrequest,
    /// Headers of the request, as the format has them
    #[cfg_attr(feature = "clap", value(skip))]
    Headers,
    /// The rule that ended a request
    #[cfg_attr(feature = "clap", value(skip))]
    Terminating,
    /// Other lists of rules, in the words of the format
    #[cfg_attr(feature = "clap", value(skip))]
    Groups,
    #[cfg_attr(feature = "clap", value(skip))]
    Others,
}

impl Field {
    /// Whether all items of a list count: rules that fired and what stands beside each of them, and headers.
    pub(crate) const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Rules | Self::Action | Self::System | Self::Headers | Self::Groups | Self::Others
        )
    }
}

/// One line; what is not said is empty, or `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogEntry<'a> {
    pub time_ms: Option<u64>,
    /// When the answer had ended.
    pub finished_ms: Option<u64>,
    pub(crate) date: &'a str,
    clock: &'a str,
    pub method: Cow<'a, str>,
    pub path: Cow<'a, str>,
    /// `HTTP/1.1`, where a request line says it.
    pub protocol: Cow<'a, str>,
    pub status: Option<u16>,
    pub bytes: Option<u64>,
    pub wire: Option<u64>,
    pub promised: Option<u64>,
    pub range: Cow<'a, str>,
    pub content_range: Cow<'a, str>,
    pub range_start: Option<u64>,
    pub range_end: Option<u64>,
    pub address: Cow<'a, str>,
    pub forwarded: Cow<'a, str>,
    pub user_agent: Cow<'a, str>,
    /// Whether blanks are written `%20`.
    pub is_agent_encoded: bool,
    pub size: Option<u64>,
    pub colo: Cow<'a, str>,
    pub country: Cow<'a, str>,
    pub asn: Option<u32>,
    pub fingerprint: Cow<'a, str>,
    /// As written: a name, or a JSON list.
    pub rules: Cow<'a, str>,
    pub duration_ms: u32,
    pub id: Cow<'a, str>,
    pub route: Cow<'a, str>,
    pub digest: Cow<'a, str>,
    pub repository: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub start: Option<u64>,
    pub end: Option<u64>,
    pub honoured: Option<bool>,
    pub outcome: Cow<'a, str>,
    pub client: Option<u64>,
    pub network: Option<u64>,
    pub family: Cow<'a, str>,
    pub version: Cow<'a, str>,
    pub served_by: Cow<'a, str>,
    pub os: Cow<'a, str>,
    pub verdict: Cow<'a, str>,
    pub weight: Option<u32>,
    pub host: Cow<'a, str>,
    pub scheme: Cow<'a, str>,
    pub query: Cow<'a, str>,
    pub rtt_ms: Option<u32>,
    pub cache: Cow<'a, str>,
    pub action: Cow<'a, str>,
    pub system: Cow<'a, str>,
    pub description: Cow<'a, str>,
    pub parent_id: Cow<'a, str>,
    pub is_subrequest: bool,
    /// As written: JSON.
    pub headers: Cow<'a, str>,
    pub terminating: Cow<'a, str>,
    /// As written: JSON.
    pub groups: Cow<'a, str>,
    pub others: Cow<'a, str>,
}

impl<'a> LogEntry<'a> {
    /// Takes in what a line says of a field. What logs write for "nothing" (`-`, nothing at all) is nothing.
    ///
    /// # Errors
    /// What was expected, for a time or a status that is none: without these a line says nothing.
    pub fn set(&mut self, field: Field, value: Cow<'a, str>) -> Result<(), &'static str> {
        if is_nothing(&value) {
            return Ok(());
        }
        match field {
            Field::Time => self.time_ms = Some(time_of(&value)?),
            Field::Date => self.date = borrowed(value),
            Field::Clock => self.clock = borrowed(value),
            Field::Method => self.method = method_of(value),
            Field::Path => self.path = value,
            Field::Request => self.set_request(value)?,
            // With its words: `200 OK`.
            Field::Status => {
                let number = value.split(' ').next().unwrap_or_default();
                self.status = Some(number.parse().map_err(|_| "a status")?);
            }
            Field::Bytes => self.bytes = count(&value),
            Field::Wire => self.wire = count(&value),
            Field::Promised => self.promised = count(&value),
            Field::Range => self.range = decoded(value),
            Field::ContentRange => self.content_range = decoded(value),
            Field::RangeStart => self.range_start = value.parse().ok(),
            Field::RangeEnd => self.range_end = value.parse().ok(),
            Field::Finished => self.finished_ms = Some(time_of(&value)?),
            Field::Address => self.address = value,
            Field::Forwarded => self.forwarded = value,
            Field::UserAgent => self.user_agent = value,
            Field::Size => self.size = count(&value),
            Field::Colo => self.colo = value,
            Field::Country => self.country = country_code(value),
            Field::Asn => self.asn = value.trim_start_matches(['A', 'S', 'a', 's']).parse().ok(),
            Field::Fingerprint => self.fingerprint = value,
            Field::Rules => self.rules = value,
            Field::Seconds => self.duration_ms = scaled(&value, 1000.0),
            Field::DurationMs => self.duration_ms = scaled(&value, 1.0),
            Field::Microseconds => self.duration_ms = scaled(&value, 1e-3),
            Field::Nanoseconds => self.duration_ms = scaled(&value, 1e-6),
            Field::Duration => self.duration_ms = duration_ms(&value).unwrap_or_default(),
            Field::Id => self.id = value,
            Field::Route => self.route = value,
            Field::Digest => self.digest = value,
            Field::Repository => self.repository = value,
            Field::Kind => self.kind = value,
            Field::Start => self.start = value.parse().ok(),
            Field::End => self.end = value.parse().ok(),
            Field::Honoured => self.honoured = value.parse().ok(),
            Field::Outcome => self.outcome = value,
            Field::Client => self.client = u64::from_str_radix(&value, 16).ok(),
            Field::Network => self.network = u64::from_str_radix(&value, 16).ok(),
            Field::Family => self.family = value,
            Field::Version => self.version = value,
            Field::ServedBy => self.served_by = value,
            Field::Os => self.os = value,
            Field::Verdict => self.verdict = value,
            Field::Weight => self.weight = value.parse().ok(),
            Field::Host => self.host = value,
            Field::Scheme => self.scheme = value,
            Field::Query => self.query = value,
            Field::Protocol => self.protocol = value,
            Field::RttMs => self.rtt_ms = value.parse().ok(),
            Field::Cache => self.cache = value,
            Field::Action => self.action = value,
            Field::System => self.system = value,
            Field::Description => self.description = value,
            Field::ParentId => self.parent_id = value,
            Field::Subrequest => self.is_subrequest = value == "true",
            Field::Headers => self.headers = value,
            Field::Terminating => self.terminating = value,
            Field::Groups => self.groups = value,
            Field::Others => self.others = value,
        }
        Ok(())
    }

    fn set_request(&mut self, request: Cow<'a, str>) -> Result<(), &'static str> {
        const EXPECTED: &str = "a request line such as \"GET / HTTP/1.1\"";
        // Some call the path alone so.
        if request.starts_with('/') && !request.contains(' ') {
            self.path = request;
            return Ok(());
        }
        let split = match request {
            Cow::Borrowed(text) => split_request(text).map(|parts| parts.map(Cow::Borrowed)),
            Cow::Owned(text) => {
                split_request(&text).map(|parts| parts.map(|part| Cow::Owned(part.to_owned())))
            }
        };
        let [method, path, protocol] = split.ok_or(EXPECTED)?;
        (self.method, self.path, self.protocol) = (method, path, protocol);
        Ok(())
    }

    /// Puts date and clock together, where they came apart; from when an answer ended and how long it took, says when it was
    /// asked, and the other way round.
    pub fn finish(&mut self) -> Result<u64, &'static str> {
        if self.time_ms.is_none() && !self.date.is_empty() {
            self.time_ms = date_and_clock(self.date.as_bytes(), self.clock.as_bytes());
        }
        if self.time_ms.is_none() {
            let took = u64::from(self.duration_ms);
            self.time_ms = self.finished_ms.map(|end| end.saturating_sub(took));
        } else if let (0, Some((begin, end))) = (self.duration_ms, self.time_ms.zip(self.finished_ms)) {
            self.duration_ms = u32::try_from(end.saturating_sub(begin)).unwrap_or(u32::MAX);
        }
        self.time_ms.ok_or("a time")
    }

    /// The client's address.
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        address_of(&self.address)
    }

    /// The path of the URL, without host and query; `None` for a URL without a path.
    #[must_use]
    pub fn url_path(&self) -> Option<Cow<'_, str>> {
        path_of(&self.path)
    }

    /// The query of the URL, or what the line says of it beside.
    #[must_use]
    pub fn url_query(&self) -> &str {
        let in_url = self.path.split_once('?').map(|(_, query)| query);
        in_url.unwrap_or_else(|| self.query.trim_start_matches('?'))
    }
}

/// What logs write where there is nothing to write.
fn is_nothing(value: &str) -> bool {
    // Most values are longer than any of these.
    value.len() <= "(empty)".len() && matches!(value, "" | "-" | "null" | "NULL" | "(null)" | "(empty)")
}

/// A header that a log may write percent-encoded, and that has no such sign of its own.
fn decoded(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.contains('%') {
        percent_decoded(&value).into()
    } else {
        value
    }
}

fn time_of(text: &str) -> Result<u64, &'static str> {
    any_time(text).ok_or_else(|| expected_time(text))
}

/// A method as HTTP writes it. Stores name what was done: `GetObject`, `REST.GET.OBJECT`, `storage.objects.get`; what
/// neither read a blob nor asked for its head stays as it is.
fn method_of(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return value;
    }
    let small = value.to_ascii_lowercase();
    match &*small {
        "get" | "getobject" | "getblob" | "get_object" | "rest.get.object" | "storage.objects.get" => {
            "GET".into()
        }
        "head" | "headobject" | "getblobproperties" | "getblobmetadata" | "rest.head.object" => "HEAD".into(),
        _ => value,
    }
}

/// The path of a URL, without host and query; `None` where it has none. Akamai and some stores leave out the first slash.
pub(crate) fn path_of(url: &str) -> Option<Cow<'_, str>> {
    // Most are paths, and a query of theirs may have another URL in it.
    let absolute = if url.starts_with('/') {
        None
    } else {
        url.split_once("://")
    };
    let path = match absolute {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..))?,
        None => url,
    };
    let end = memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len());
    let path = path.get(..end)?;
    Some(if path.starts_with('/') {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(format!("/{path}"))
    })
}

/// An address without its port; of a list the first. Also of the header `Forwarded` (RFC 7239), which names whom each proxy
/// speaks `for`.
#[must_use]
pub fn address_of(text: &str) -> Option<IpAddr> {
    if let Ok(plain) = text.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(plain));
    }
    let first = unescaped(text.split_once(',').map_or(text, |(first, _)| first));
    let named = first.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    parse_address(named.unwrap_or(&first).trim().trim_matches('"'))
}

/// A value by the name that it has in JSON.
#[must_use]
pub fn named<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    let deserializer: StrDeserializer<'de, ValueError> = text.into_deserializer();
    T::deserialize(deserializer).ok()
}

/// Milliseconds of a number in another unit; none is none.
fn scaled(value: &str, ms: f64) -> u32 {
    let ms = decimal(value).map_or(0.0, |number| number * ms);
    ms.clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Milliseconds of a number with its unit, as Go and Java write durations: `1m2.5s`, `12.5ms`, `0s`.
pub(crate) fn duration_ms(text: &str) -> Option<u32> {
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let ms = match unit.trim() {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-3,
            "ns" => 1e-6,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * ms;
        rest = after;
    }
    (!text.is_empty()).then_some(total.clamp(0.0, f64::from(u32::MAX)) as u32)
}

/// Values that are short and never escaped; one that is after all is not what was meant.
fn borrowed(value: Cow<'_, str>) -> &str {
    match value {
        Cow::Borrowed(text) => text,
        Cow::Owned(_) => "",
    }
}

/// Method, path, and the protocol where it is said.
fn split_request(text: &str) -> Option<[&str; 3]> {
    let (method, rest) = text.split_once(' ')?;
    let end = rest.rfind(" HTTP/").unwrap_or(rest.len());
    let (path, protocol) = rest.split_at(end);
    (!path.is_empty()).then_some([method, path, protocol.trim_start()])
}

/// The code of a country as live requests have it, in upper case: Logpush writes `us`. A name of another form stays.
fn country_code(value: Cow<'_, str>) -> Cow<'_, str> {
    let is_lower = value.len() == 2 && value.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_lower {
        value.to_ascii_uppercase().into()
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::{Cow, Field, LogEntry, address_of, duration_ms, path_of};

    #[test]
    fn a_path_is_the_same_however_its_url_is_written() {
        for (url, expected) in [
            ("/v2/a", Some("/v2/a")),
            ("/v2/a?x=1#y", Some("/v2/a")),
            ("https://hub.example.com:443/v2/a?x=https://b/c", Some("/v2/a")),
            ("v2/a?x=1", Some("/v2/a")),
            ("/v2/a?x=https://b/c", Some("/v2/a")),
            ("/v2/a#https://b/c", Some("/v2/a")),
            ("https://hub.example.com", None),
        ] {
            assert_eq!(path_of(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_country_has_one_code_however_a_log_writes_it() {
        for (written, expected) in [
            ("us", "US"),
            ("Us", "US"),
            ("US", "US"),
            ("t1", "T1"),
            ("germany", "germany"),
            ("é", "é"),
        ] {
            let mut entry = LogEntry::default();
            entry.set(Field::Country, written.into()).unwrap();
            assert_eq!(entry.country, expected, "{written}");
        }
    }

    /// X-Forwarded-For with and without ports and brackets, and Forwarded (RFC 7239, section 4), escaped as logs do.
    #[test]
    fn the_first_address_is_the_clients() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("192.0.2.7:4711, 10.0.0.1", Some("192.0.2.7")),
            (" 2001:db8::7 ,10.0.0.1", Some("2001:db8::7")),
            ("[2001:db8::7], 10.0.0.1", Some("2001:db8::7")),
            ("[2001:db8::7]:4711", Some("2001:db8::7")),
            ("::ffff:192.0.2.7, 10.0.0.1", Some("192.0.2.7")),
            ("fe80::7%eth0", Some("fe80::7")),
            (r#""[2001:db8::7]:4711""#, Some("2001:db8::7")),
            ("for=192.0.2.7;proto=http;by=203.0.113.43", Some("192.0.2.7")),
            (
                r#"proto=https; For="[2001:db8::7]:4711", for=10.0.0.1"#,
                Some("2001:db8::7"),
            ),
            (r#"for=\"[2001:db8::7]\""#, Some("2001:db8::7")),
            (r"for=\x22[2001:db8::7]:4711\x22;host=a", Some("2001:db8::7")),
            ("for=unknown, for=192.0.2.7", None),
            ("for=_hidden", None),
            ("by=192.0.2.7", None),
            ("unknown, 192.0.2.7", None),
            ("-", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(address_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_request_was_made_before_its_answer_ended() {
        let mut entry = LogEntry::default();
        entry.set(Field::Finished, "1593975600".into()).unwrap();
        entry.set(Field::Seconds, "2.5".into()).unwrap();
        assert_eq!(entry.finish(), Ok(1_593_975_597_500));
        // A time of asking is believed.
        entry.set(Field::Time, "1593975599".into()).unwrap();
        assert_eq!(entry.finish(), Ok(1_593_975_599_000));
    }

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("1m2.5s", Some(62_500)),
            ("12.5ms", Some(12)),
            ("357313ns", Some(0)),
            ("7140.6\u{b5}s", Some(7)),
            ("0.123s", Some(123)),
            ("5", None),
            ("", None),
            ("5 apples", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    /// Method, path and protocol, whether the line was escaped or not.
    #[track_caller]
    fn case(line: &str, expected: Option<(&str, &str, &str)>) {
        for line in [Cow::Borrowed(line), Cow::Owned(line.to_owned())] {
            let mut entry = LogEntry::default();
            let is_read = entry.set(Field::Request, line.clone()).is_ok();
            let read = is_read.then(|| (&*entry.method, &*entry.path, &*entry.protocol));
            assert_eq!(read, expected, "{line:?}");
        }
    }

    #[test]
    fn a_request_line_is_method_path_and_protocol() {
        case("GET /v2/a HTTP/1.1", Some(("GET", "/v2/a", "HTTP/1.1")));
        case("HEAD /v2/a HTTP/2.0", Some(("HEAD", "/v2/a", "HTTP/2.0")));
        case("GET /v2/a", Some(("GET", "/v2/a", "")));
        case("GET /v2/a b", Some(("GET", "/v2/a b", "")));
        case("GET /v2/a b HTTP/3", Some(("GET", "/v2/a b", "HTTP/3")));
        case("PURGE /v2/a HTTP/1.1", Some(("PURGE", "/v2/a", "HTTP/1.1")));
        case("GET", None);
        case("GET  HTTP/1.1", None);
    }
}
