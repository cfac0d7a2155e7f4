//! Lists by name: values that stand beside the rules, and change without them.
//!
//! In scope: what an item of each kind is, and look-ups, which allocate nothing and take a binary search. Not in scope:
//! where lists are kept, and how large all of them may be (`rulebook`).

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::check::Checker;
use super::expression::Literal;
use super::field::Type;
use super::limits::{MAX_HOST_NAME, MAX_LIST_NAME};
use super::ranges::{apart, is_in, is_one_of};
use super::term::IpRange;

/// What the items of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListKind {
    Address,
    /// Addresses, blocks and ranges of addresses.
    Network,
    /// Integers and ranges of them.
    Number,
    String,
    /// `registry.example`, or `*.example` for every name below it.
    HostName,
}

/// A list that expressions name as `$name`. Two are equal if their names are: a rulebook has each name once.
#[derive(Debug, Clone)]
pub struct List {
    name: Arc<str>,
    kind: ListKind,
    pub(super) items: Arc<Items>,
}

/// The items, sorted.
#[derive(Debug)]
pub(super) enum Items {
    Ips(Vec<(u32, u32)>, Vec<(u128, u128)>),
    Numbers(Vec<(i64, i64)>),
    Strings(Vec<Box<[u8]>>),
    /// `*.example` is `.example`.
    HostNames(Vec<Box<[u8]>>),
    /// A list of Cloudflare's own, which no worker is given.
    Managed,
}

/// An item that is none of the list's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// From 0.
    pub at: usize,
    pub expected: String,
}

/// The lists that an expression may name.
#[derive(Debug, Clone, Default)]
pub struct Lists(BTreeMap<Arc<str>, List>);

impl FromIterator<List> for Lists {
    fn from_iter<I: IntoIterator<Item = List>>(lists: I) -> Self {
        let named = lists.into_iter().map(|list| (Arc::clone(&list.name), list));
        Self(named.collect())
    }
}

impl Lists {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of these, or one of Cloudflare's.
    pub(super) fn named(&self, name: &str) -> Option<List> {
        let managed = || MANAGED.contains(&name).then(|| List::managed(name));
        self.0.get(name).cloned().or_else(managed)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }
}

/// <https://developers.cloudflare.com/waf/tools/lists/managed-lists/>
const MANAGED: &[&str] = &[
    "cf.anonymizer",
    "cf.botnetcc",
    "cf.malware",
    "cf.open_proxies",
    "cf.vpn",
];

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for List {}

impl Hash for List {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "addresses",
            Self::Network => "networks",
            Self::Number => "numbers",
            Self::String => "strings",
            Self::HostName => "host names",
        })
    }
}

impl ListKind {
    pub(super) const ALL: [Self; 5] = [
        Self::Address,
        Self::Network,
        Self::Number,
        Self::String,
        Self::HostName,
    ];

    /// Of the values that it is compared with.
    pub(super) const fn compared_with(self) -> Type {
        match self {
            Self::Address | Self::Network => Type::IpAddress,
            Self::Number => Type::Integer,
            Self::String | Self::HostName => Type::String,
        }
    }

    /// The item in the one way in which it is written.
    ///
    /// # Errors
    /// What was expected.
    pub fn normal(self, item: &str) -> Result<String, String> {
        Ok(match self {
            Self::Address => address(item)?.to_string(),
            Self::Network => network(item)?.to_string(),
            Self::Number => match number(item)? {
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first}..{last}"),
            },
            Self::String => item.to_owned(),
            Self::HostName => host_name(item)?,
        })
    }
}

/// Whether a list can have this name: that of a list at Cloudflare.
///
/// # Errors
/// What was expected.
pub fn check_list_name(name: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match (1..=MAX_LIST_NAME).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(()),
        false => Err("a name of 1 to 50 lower-case letters, digits and `_`"),
    }
}

impl List {
    /// # Errors
    /// Each item that is none of the kind, at most as many as `most`.
    pub fn new<'i>(
        name: &str,
        kind: ListKind,
        items: impl IntoIterator<Item = &'i str>,
        most: usize,
    ) -> Result<Self, Vec<ItemError>> {
        let mut sorter = Sorter::default();
        let mut errors = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            if let Err(expected) = sorter.add(kind, item)
                && errors.len() < most
            {
                errors.push(ItemError { at, expected });
            }
        }
        match errors.is_empty() {
            true => Ok(Self::of(name.into(), kind, sorter.sorted(kind))),
            false => Err(errors),
        }
    }

    fn managed(name: &str) -> Self {
        Self::of(name.into(), ListKind::Network, Items::Managed)
    }

    pub(super) fn of(name: Arc<str>, kind: ListKind, items: Items) -> Self {
        Self {
            name,
            kind,
            items: Arc::new(items),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn kind(&self) -> ListKind {
        self.kind
    }

    /// Whether it is one of Cloudflare's, and therefore empty here.
    pub(super) fn is_managed(&self) -> bool {
        matches!(*self.items, Items::Managed)
    }

    pub(super) fn has_string(&self, value: &[u8]) -> bool {
        match &*self.items {
            Items::Strings(strings) => is_one_of(strings, value),
            Items::HostNames(names) => has_host_name(names, value),
            _ => false,
        }
    }

    pub(super) fn has_number(&self, value: i64) -> bool {
        matches!(&*self.items, Items::Numbers(ranges) if is_in(ranges, value))
    }

    pub(super) fn has_ip(&self, value: IpAddr) -> bool {
        match (&*self.items, value) {
            (Items::Ips(v4, _), IpAddr::V4(value)) => is_in(v4, value.to_bits()),
            (Items::Ips(_, v6), IpAddr::V6(value)) => is_in(v6, value.to_bits()),
            _ => false,
        }
    }
}

/// The name itself, or a `*.` with what follows one of its dots.
fn has_host_name(names: &[Box<[u8]>], value: &[u8]) -> bool {
    if value.len() > MAX_HOST_NAME {
        return false;
    }
    let dots = memchr::memchr_iter(b'.', value).filter(|at| *at > 0);
    let below = |at: usize| value.get(at..).is_some_and(|rest| is_one_of(names, rest));
    (!value.starts_with(b".") && is_one_of(names, value)) || dots.into_iter().any(below)
}

/// Items on their way to [`Items`].
#[derive(Default)]
struct Sorter {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    numbers: Vec<(i64, i64)>,
    strings: Vec<Box<[u8]>>,
}

impl Sorter {
    fn add(&mut self, kind: ListKind, item: &str) -> Result<(), String> {
        match kind {
            ListKind::Address => self.add_range(match address(item)? {
                IpAddr::V4(v4) => IpRange::V4(v4.to_bits(), v4.to_bits()),
                IpAddr::V6(v6) => IpRange::V6(v6.to_bits(), v6.to_bits()),
            }),
            ListKind::Network => self.add_range(network(item)?),
            ListKind::Number => self.numbers.push(number(item)?),
            ListKind::String => self.strings.push(item.as_bytes().into()),
            ListKind::HostName => {
                let name = host_name(item)?;
                let name = name.strip_prefix('*').unwrap_or(&name);
                self.strings.push(name.as_bytes().into());
            }
        }
        Ok(())
    }

    fn add_range(&mut self, range: IpRange) {
        match range {
            IpRange::V4(first, last) => self.v4.push((first, last)),
            IpRange::V6(first, last) => self.v6.push((first, last)),
        }
    }

    fn sorted(mut self, kind: ListKind) -> Items {
        self.strings.sort_unstable();
        self.strings.dedup();
        match kind {
            ListKind::Address | ListKind::Network => Items::Ips(
                apart(self.v4, |last| last.checked_add(1)),
                apart(self.v6, |last| last.checked_add(1)),
            ),
            ListKind::Number => Items::Numbers(apart(self.numbers, |last| last.checked_add(1))),
            ListKind::String => Items::Strings(self.strings),
            ListKind::HostName => Items::HostNames(self.strings),
        }
    }
}

fn address(item: &str) -> Result<IpAddr, String> {
    let expected = "an IP address, such as 192.0.2.7 or 2001:db8::7";
    item.parse().map_err(|_| expected.to_owned())
}

/// As in the braces of an expression.
fn network(item: &str) -> Result<IpRange, String> {
    read(item, |checker, word| checker.addresses(word))
}

fn number(item: &str) -> Result<(i64, i64), String> {
    read(item, |checker, word| checker.integers(word))
}

fn read<T>(
    item: &str,
    read: impl FnOnce(&Checker<'_>, &Literal) -> Result<T, super::error::RuleError>,
) -> Result<T, String> {
    let whole = Literal {
        string: None,
        span: 0..item.len(),
    };
    read(&Checker::of_text(item), &whole).map_err(|error| error.expected)
}

/// In lower case, without a final dot.
fn host_name(item: &str) -> Result<String, String> {
    let name = item.trim_end_matches('.').to_ascii_lowercase();
    let labels = name.strip_prefix("*.").unwrap_or(&name);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(fits);
    if name.len() <= MAX_HOST_NAME && labels.split('.').all(is_label) {
        return Ok(name);
    }
    Err("a host name, such as registry.example, or *.example for all below it".to_owned())
}
