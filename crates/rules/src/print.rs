//! Canonical text of a checked rule: English operators, one space, brackets wherever operators mix.

use std::fmt::{self, Display, Formatter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::array::Array;
use super::check::CheckedExpression;
use super::expression::{Combiner, Order};
use super::json::Key;
use super::operand::EXTENSION;
use super::pattern::Pattern;
use super::signature::Signed;
use super::term::{Clause, ClauseKind, Decoding, IpRange, Predicate, Term, Test};
use super::wildcard::Wildcard;

impl Display for CheckedExpression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl Display for Clause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ClauseKind::Combined(op, items) if items.is_empty() => {
                f.write_str(if *op == Combiner::And { "true" } else { "false" })
            }
            ClauseKind::Combined(op, items) => {
                let separator = format!(" {} ", op.word());
                joined(f, &separator, items, Bracketed)
            }
            ClauseKind::Not(inner) => write!(f, "not {}", Bracketed(inner)),
            ClauseKind::Predicate(predicate) => predicate.fmt(f),
            ClauseKind::Each(quantifier, inner) => write!(f, "{}({inner})", quantifier.word()),
        }
    }
}

/// A part of a larger clause.
struct Bracketed<'a>(&'a Clause);

impl Display for Bracketed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            ClauseKind::Combined(_, ref items) if !items.is_empty() => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Predicate { term, test } = self;
        if let (Term::ToString(of), Test::String(Order::NotEqual, _)) = (term, test)
            && let Term::Same(left, right) = &**of
        {
            return write!(f, "{left} ne {right}");
        }
        match test {
            Test::IsTrue => term.fmt(f),
            Test::StartsWith(with) => write!(f, "starts_with({term}, {})", Quoted(with)),
            Test::EndsWith(with) => write!(f, "ends_with({term}, {})", Quoted(with)),
            Test::String(order, string) => write!(f, "{term} {} {}", order.word(), Quoted(string)),
            Test::Integer(order, integer) => write!(f, "{term} {} {integer}", order.word()),
            Test::Ip(order, ip) => write!(f, "{term} {} {ip}", order.word()),
            Test::Mask(mask) => write!(f, "{term} & {mask}"),
            Test::Contains(part) => write!(f, "{term} contains {}", Quoted(part)),
            Test::Matches(pattern) => write!(f, "{term} matches {}", Raw(pattern)),
            Test::Wildcard(wildcard) => write!(f, "{term} wildcard {}", Quoted(&escaped(wildcard))),
            Test::StrictWildcard(wildcard) => {
                write!(f, "{term} strict wildcard {}", Quoted(&escaped(wildcard)))
            }
            Test::InStrings(strings) => list(f, term, strings, |string| Quoted(string)),
            Test::InIntegers(ranges) => list(f, term, ranges, |(first, last)| Integers(*first, *last)),
            Test::InIps(ranges) => list(f, term, ranges, |range| *range),
            Test::InList(list) => write!(f, "{term} in ${}", list.name()),
        }
    }
}

fn list<'a, T, D: Display>(
    f: &mut Formatter<'_>,
    term: &Term,
    items: &'a [T],
    show: impl Fn(&'a T) -> D,
) -> fmt::Result {
    write!(f, "{term} in {{")?;
    joined(f, " ", items, show)?;
    f.write_char('}')
}

fn joined<'a, T, D: Display>(
    f: &mut Formatter<'_>,
    separator: &str,
    items: &'a [T],
    show: impl Fn(&'a T) -> D,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let separator = if index == 0 { "" } else { separator };
        write!(f, "{separator}{}", show(item))?;
    }
    Ok(())
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name()),
            Self::Untold(untold) => f.write_str(untold.name()),
            Self::Told(fact) => f.write_str(fact.name()),
            Self::Extension => f.write_str(EXTENSION),
            Self::Same(left, right) => write!(f, "{left} eq {right}"),
            Self::At(array, at) => write!(f, "{array}[{at}]"),
            Self::Each(array) => write!(f, "{array}[*]"),
            Self::Count(array) => write!(f, "len({array})"),
            Self::Lower(of) => write!(f, "lower({of})"),
            Self::Upper(of) => write!(f, "upper({of})"),
            Self::Length(of) => write!(f, "len({of})"),
            Self::ToString(of) => write!(f, "to_string({of})"),
            Self::Substring(of, start, None) => write!(f, "substring({of}, {start})"),
            Self::Substring(of, start, Some(end)) => write!(f, "substring({of}, {start}, {end})"),
            Self::Concat(parts) => {
                f.write_str("concat(")?;
                joined(f, ", ", parts, |part| part)?;
                f.write_char(')')
            }
            Self::Coalesce(parts) => {
                f.write_str("coalesce(")?;
                joined(f, ", ", parts, |part| part)?;
                f.write_char(')')
            }
            Self::UrlDecode(of, decoding) => match options(*decoding) {
                "" => write!(f, "url_decode({of})"),
                options => write!(f, "url_decode({of}, \"{options}\")"),
            },
            Self::RemoveBytes(of, unwanted) => write!(f, "remove_bytes({of}, {})", Quoted(unwanted)),
            Self::Network(of, v4, v6) => write!(f, "cidr({of}, {v4}, {v6})"),
            Self::Join(array, separator) => write!(f, "join({array}, {})", Quoted(separator)),
            Self::JsonString(of, keys) => {
                write!(f, "lookup_json_string({of}, ")?;
                joined(f, ", ", keys, |key| key)?;
                f.write_char(')')
            }
            Self::JsonInteger(of, keys) => {
                write!(f, "lookup_json_integer({of}, ")?;
                joined(f, ", ", keys, |key| key)?;
                f.write_char(')')
            }
            Self::Base64(of) => write!(f, "decode_base64({of})"),
            Self::Sha256(of) => write!(f, "sha256({of})"),
            Self::Signed(signed) => signed.fmt(f),
            Self::Literal(literal) => Quoted(literal).fmt(f),
        }
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => Quoted(name).fmt(f),
            Self::Position(at) => at.fmt(f),
        }
    }
}

impl Display for Signed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let key = Quoted(&self.key);
        write!(
            f,
            "is_timed_hmac_valid_v0({key}, {}, {}, {}",
            self.of, self.ttl, self.now
        )?;
        match (self.separator, self.url_safe) {
            (0, false) => f.write_char(')'),
            (separator, false) => write!(f, ", {separator})"),
            (separator, true) => write!(f, ", {separator}, \"s\")"),
        }
    }
}

/// Those of `url_decode`.
const fn options(decoding: Decoding) -> &'static str {
    match (decoding.again, decoding.unicode) {
        (true, true) => "ru",
        (true, false) => "r",
        (false, true) => "u",
        (false, false) => "",
    }
}

impl Display for Array {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(map, name) => write!(f, "{}[{}]", map.name(), Quoted(name.as_bytes())),
            Self::Names(map) => write!(f, "{}.names", map.name()),
            Self::Values(map) => write!(f, "{}.values", map.name()),
            Self::Split(split) => {
                let separator = Quoted(&split.separator);
                write!(f, "split({}, {separator}, {})", split.of, split.limit)
            }
        }
    }
}

/// A string in quotes. What is not printable is escaped, so that what an operator reads is what is compared.
struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| quoted_char(f, c))?;
            chunk
                .invalid()
                .iter()
                .try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

fn quoted_char(f: &mut Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' | '\\' => write!(f, "\\{c}"),
        _ if c.is_control() => c
            .encode_utf8(&mut [0; 4])
            .bytes()
            .try_for_each(|byte| write!(f, "\\x{byte:02x}")),
        _ => f.write_char(c),
    }
}

/// A regular expression as a raw string, with as many `#` as it needs.
struct Raw<'a>(&'a Pattern);

impl Display for Raw<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0.text();
        let ends = |hashes: &usize| text.contains(&format!("\"{}", "#".repeat(*hashes)));
        let hashes = "#".repeat((0..=text.len()).find(|hashes| !ends(hashes)).unwrap_or(0));
        write!(f, "r{hashes}\"{text}\"{hashes}")
    }
}

fn escaped(wildcard: &Wildcard) -> Vec<u8> {
    let part = |part: &[u8]| -> Vec<u8> {
        let escaped = part.iter().flat_map(|byte| match byte {
            b'*' | b'\\' => [Some(b'\\'), Some(*byte)],
            _ => [None, Some(*byte)],
        });
        escaped.flatten().collect()
    };
    wildcard
        .parts()
        .iter()
        .map(|bytes| part(bytes))
        .collect::<Vec<_>>()
        .join(&b'*')
}

struct Integers(i64, i64);

impl Display for Integers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 == self.1 {
            true => self.0.fmt(f),
            false => write!(f, "{}..{}", self.0, self.1),
        }
    }
}

impl Display for IpRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(first, last) => {
                let show = |bits| Ipv4Addr::from_bits(bits);
                addresses(f, show(first), show(last), prefix(first.into(), last.into(), 32))
            }
            Self::V6(first, last) => {
                let show = |bits| Ipv6Addr::from_bits(bits);
                addresses(f, show(first), show(last), prefix(first, last, 128))
            }
        }
    }
}

fn addresses<T: Display + PartialEq>(
    f: &mut Formatter<'_>,
    first: T,
    last: T,
    prefix: Option<u32>,
) -> fmt::Result {
    match prefix {
        _ if first == last => first.fmt(f),
        Some(length) => write!(f, "{first}/{length}"),
        None => write!(f, "{first}..{last}"),
    }
}

/// The length of the block's prefix, if the addresses from first to last are one block.
fn prefix(first: u128, last: u128, bits: u32) -> Option<u32> {
    let host = first ^ last;
    let is_block = host & host.wrapping_add(1) == 0 && first & host == 0;
    is_block.then(|| bits - host.count_ones())
}
