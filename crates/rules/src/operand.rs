//! What the left side of a comparison means: a field, a header's values, or a function of them.

mod functions;

use super::absent;
use super::array::{Array, Map};
use super::check::Checker;
use super::error::RuleError;
use super::expression::{Index, IndexKind, Literal, Node, NodeKind, Operand, OperandKind, Span};
use super::field::{Field, Type, without_raw};
use super::term::{Decoding, Quantifier, Term, Test};
use super::told::PlatformFact;
use super::untold::Untold;
use blobwatch_wire::nearest;

/// An operand with its names resolved.
pub(super) enum Meaning<'a> {
    Term(Term),
    /// `starts_with` and `ends_with` are comparisons written as calls.
    Test(Term, Test),
    /// `any` and `all`, with the comparison in them.
    Quantified(Quantifier, &'a Node),
    HasValue(Array, Box<[u8]>),
    Literal,
}

/// Names of functions, for errors and documentation.
pub(super) const FUNCTIONS: &[&str] = &[
    "any",
    "all",
    "lower",
    "upper",
    "starts_with",
    "ends_with",
    "len",
    "substring",
    "to_string",
    "concat",
    "coalesce",
    "url_decode",
    "remove_bytes",
    "cidr",
    "cidr6",
    "split",
    "join",
    "has_key",
    "has_value",
    "lookup_json_string",
    "lookup_json_integer",
    "decode_base64",
    "sha256",
    "is_timed_hmac_valid_v0",
];

pub(super) fn resolve<'a>(checker: &Checker<'_>, operand: &'a Operand) -> Result<Meaning<'a>, RuleError> {
    match &operand.kind {
        OperandKind::Field { name, indexes } => {
            checker.field(name, indexes, &operand.span).map(Meaning::Term)
        }
        OperandKind::Call {
            name,
            arguments,
            indexes,
        } => checker.indexed_call(name, arguments, indexes),
        OperandKind::Literal(_) => Ok(Meaning::Literal),
    }
}

/// A name that stands for more than one value.
enum Several {
    Map(Map),
    Array(Array),
}

/// What is worked out of the path.
pub(super) const EXTENSION: &str = "http.request.uri.path.extension";

/// The term of a name that has one value.
fn named(text: &str) -> Option<Term> {
    let text = without_raw(text);
    let geoip = text
        .strip_prefix("ip.geoip.")
        .map(|rest| format!("ip.src.{rest}"));
    let current = match geoip.as_deref().unwrap_or(text) {
        "ip.src.timezone_name" => "ip.src.timezone.name",
        current => current,
    };
    let told = || PlatformFact::named(current).map(Term::Told);
    let untold = || Untold::named(current).map(Term::Untold);
    let derived = || (text == EXTENSION).then_some(Term::Extension);
    let field = Field::named(text).filter(|field| *field != Field::Platform);
    field
        .map(Term::Field)
        .or_else(derived)
        .or_else(told)
        .or_else(untold)
}

/// Whether an operand is a name that nothing has: a text without its quotes.
pub(super) fn is_unknown(checker: &Checker<'_>, operand: &Operand) -> bool {
    match &operand.kind {
        OperandKind::Field { name, indexes } => {
            indexes.is_empty() && named(checker.name(name)).is_none() && checker.several(name).is_none()
        }
        OperandKind::Call { .. } | OperandKind::Literal(_) => false,
    }
}

impl Checker<'_> {
    fn name(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn field(&self, name: &Span, indexes: &[Index], span: &Span) -> Result<Term, RuleError> {
        match (self.several(name), indexes) {
            (Some(Several::Map(map)), [key, index]) => {
                let array = Array::Of(map, self.entry_name(map, key)?);
                self.of_array(array, index)
            }
            (Some(Several::Map(map)), []) => {
                let expected = format!(
                    "the name of {}, as in `{}[\"{}\"][0]`",
                    map.entry(),
                    map.name(),
                    map.example()
                );
                Err(self.error(span, expected))
            }
            (Some(Several::Map(map)), [key]) => {
                let array = Array::Of(map, self.entry_name(map, key)?);
                let expected = format!("`[0]` or `[*]` after the name, as in `{array}[0]`");
                Err(self.error(span, expected))
            }
            (Some(Several::Array(array)), [index]) => self.of_array(array, index),
            (Some(Several::Array(array)), []) => {
                let expected = format!("`[0]` or `[*]` after the name, as in `{array}[0]`");
                Err(self.error(span, expected))
            }
            (Some(Several::Map(_)), [_, _, extra, ..]) | (Some(Several::Array(_)), [_, extra, ..]) => {
                Err(self.one_value(extra))
            }
            (None, _) => {
                let text = self.name(name);
                let term = named(text);
                let term = term.ok_or_else(|| self.unknown_field(name))?;
                match indexes.first() {
                    Some(extra) => Err(self.one_value(extra)),
                    None => Ok(term),
                }
            }
        }
    }

    fn one_value(&self, extra: &Index) -> RuleError {
        self.error(&extra.span, "no index here (it has one value)")
    }

    /// What has several values by this name.
    fn several(&self, name: &Span) -> Option<Several> {
        let name = without_raw(self.name(name));
        let map = Map::ALL.into_iter().find(|map| map.name() == name);
        map.map(Several::Map).or_else(|| {
            let named = Array::NAMED.into_iter().find(|(known, _)| *known == name);
            named.map(|(_, array)| Several::Array(array))
        })
    }

    fn of_array(&self, array: Array, index: &Index) -> Result<Term, RuleError> {
        match index.kind {
            IndexKind::At(at) => Ok(Term::At(array, at)),
            IndexKind::Each => Ok(Term::Each(array)),
            IndexKind::Name(_) => Err(self.error(&index.span, "`[0]` or `[*]`")),
        }
    }

    /// Names of headers are in lower case; another could never match.
    fn entry_name(&self, map: Map, key: &Index) -> Result<Box<str>, RuleError> {
        let case = if map == Map::Headers {
            " and in lower case"
        } else {
            ""
        };
        let expected = || self.error(&key.span, format!("the name of {} in quotes{case}", map.entry()));
        match &key.kind {
            IndexKind::Name(name) if map != Map::Headers || !name.iter().any(u8::is_ascii_uppercase) => {
                let name = std::str::from_utf8(name).map_err(|_| expected())?;
                Ok(name.into())
            }
            _ => Err(expected()),
        }
    }

    fn unknown_field(&self, span: &Span) -> RuleError {
        let name = self.name(span);
        if let Some(reason) = absent::field(without_raw(name)) {
            return self.error(span, format!("a field that exists here ({reason})"));
        }
        let arrays = Array::NAMED.iter().map(|(name, _)| *name);
        let names = Field::ALL.iter().map(|field| field.name()).chain(arrays);
        let names = names.chain(Map::ALL.iter().map(|map| map.name()));
        let names = names.chain(Untold::ALL.iter().map(|untold| untold.name()));
        let names = names
            .chain(PlatformFact::ALL.iter().map(|fact| fact.name()))
            .chain([EXTENSION]);
        self.error(span, with_hint("a field", name, names))
    }

    /// `lower(http.request.headers.names[*])[*]` is how Cloudflare writes a function of each value.
    fn indexed_call<'a>(
        &self,
        name: &Span,
        arguments: &'a [Node],
        indexes: &[Index],
    ) -> Result<Meaning<'a>, RuleError> {
        if self.name(name) == "split" {
            return self.part(name, arguments, indexes).map(Meaning::Term);
        }
        let meaning = self.call(name, arguments)?;
        let several = matches!(&meaning, Meaning::Term(term) if term.has_several());
        let extra = indexes.iter().skip(usize::from(several));
        let wrong = indexes
            .first()
            .filter(|first| !matches!(first.kind, IndexKind::Each));
        match wrong.or_else(|| extra.into_iter().next()) {
            Some(wrong) if several => {
                Err(self.error(&wrong.span, "`[*]`, or nothing, after a function of `[*]`"))
            }
            Some(wrong) => Err(self.one_value(wrong)),
            None => Ok(meaning),
        }
    }

    /// One part of a text, or each.
    fn part(&self, name: &Span, arguments: &[Node], indexes: &[Index]) -> Result<Term, RuleError> {
        let parts = self.split(name, arguments)?;
        match indexes {
            [index] => self.of_array(parts, index),
            [] => Err(self.error(name, "`[0]` or `[*]` after `split(…)`")),
            [_, extra, ..] => Err(self.one_value(extra)),
        }
    }

    fn call<'a>(&self, name: &Span, arguments: &'a [Node]) -> Result<Meaning<'a>, RuleError> {
        let term = match (self.name(name), arguments) {
            ("any", [node]) => return Ok(Meaning::Quantified(Quantifier::Any, node)),
            ("all", [node]) => return Ok(Meaning::Quantified(Quantifier::All, node)),
            ("starts_with", [of, with]) => return self.string_call(of, with, Test::StartsWith),
            ("ends_with", [of, with]) => return self.string_call(of, with, Test::EndsWith),
            ("lower", [of]) => Term::Lower(self.string_argument(of)?),
            ("upper", [of]) => Term::Upper(self.string_argument(of)?),
            ("len", [of]) => self.length(of)?,
            ("to_string", [of]) => Term::ToString(Box::new(self.term_argument(of)?)),
            ("substring", [of, start]) => {
                Term::Substring(self.string_argument(of)?, self.integer_argument(start)?, None)
            }
            ("substring", [of, start, end]) => {
                let bounds = (self.integer_argument(start)?, self.integer_argument(end)?);
                Term::Substring(self.string_argument(of)?, bounds.0, Some(bounds.1))
            }
            ("concat", [_, _, ..]) => self.concat(arguments)?,
            ("coalesce", [_, _, ..]) => self.coalesce(arguments)?,
            ("url_decode", [of]) => Term::UrlDecode(self.string_argument(of)?, Decoding::default()),
            ("url_decode", [of, options]) => {
                Term::UrlDecode(self.string_argument(of)?, self.decoding(options)?)
            }
            ("remove_bytes", [of, unwanted]) => {
                Term::RemoveBytes(self.string_argument(of)?, self.literal_argument(unwanted)?)
            }
            ("join", [of, separator]) => self.join(of, separator)?,
            ("has_key", [of, key]) => return self.has_key(of, key),
            ("has_value", [of, value]) => return self.has_value(of, value),
            ("lookup_json_string", [of, keys @ ..]) if !keys.is_empty() => {
                Term::JsonString(self.string_argument(of)?, self.json_keys(keys)?)
            }
            ("lookup_json_integer", [of, keys @ ..]) if !keys.is_empty() => {
                Term::JsonInteger(self.string_argument(of)?, self.json_keys(keys)?)
            }
            ("decode_base64", [of]) => Term::Base64(self.string_argument(of)?),
            ("sha256", [of]) => Term::Sha256(self.string_argument(of)?),
            ("is_timed_hmac_valid_v0", _) => {
                let signed = self.signed(arguments)?;
                signed.ok_or_else(|| self.error(name, usage("is_timed_hmac_valid_v0")))?
            }
            ("cidr", [of, v4, v6]) => Term::Network(
                self.address_argument(of)?,
                self.bits(v4, 32)?,
                self.bits(v6, 128)?,
            ),
            // As at Cloudflare, an IPv4 address stays as it is.
            ("cidr6", [of, v6]) => Term::Network(self.address_argument(of)?, 32, self.bits(v6, 128)?),
            (known, _) if FUNCTIONS.contains(&known) => return Err(self.error(name, usage(known))),
            (unknown, _) => {
                let expected = match absent::function(unknown) {
                    Some(reason) => format!("a function that exists here ({reason})"),
                    None => with_hint("a function", unknown, FUNCTIONS.iter().copied()),
                };
                return Err(self.error(name, expected));
            }
        };
        Ok(Meaning::Term(term))
    }

    fn string_call<'a>(
        &self,
        of: &Node,
        with: &Node,
        test: fn(Box<[u8]>) -> Test,
    ) -> Result<Meaning<'a>, RuleError> {
        let with = self.literal_argument(with)?;
        Ok(Meaning::Test(*self.string_argument(of)?, test(with)))
    }

    fn literal_argument(&self, node: &Node) -> Result<Box<[u8]>, RuleError> {
        let literal = literal(node).ok_or_else(|| self.error(&node.span, "a string in quotes"))?;
        self.string(literal)
    }

    /// The options of `url_decode`.
    fn decoding(&self, node: &Node) -> Result<Decoding, RuleError> {
        let options = self.literal_argument(node)?;
        if !options.iter().all(|option| b"ru".contains(option)) {
            return Err(self.error(
                &node.span,
                "the options `r` (again and again) and `u` (`%u0107` too)",
            ));
        }
        Ok(Decoding {
            again: options.contains(&b'r'),
            unicode: options.contains(&b'u'),
        })
    }

    fn address_argument(&self, node: &Node) -> Result<Box<Term>, RuleError> {
        let term = self.term_argument(node)?;
        match term.kind() {
            Type::IpAddress => Ok(Box::new(term)),
            other => Err(self.error(&node.span, format!("an IP address, not this {other}"))),
        }
    }

    /// Bits of a network's prefix.
    fn bits(&self, node: &Node, most: u8) -> Result<u8, RuleError> {
        let bits = self.integer_argument(node)?;
        let bits = u8::try_from(bits).ok().filter(|bits| *bits <= most);
        bits.ok_or_else(|| self.error(&node.span, format!("a prefix length from 0 to {most}")))
    }

    fn integer_argument(&self, node: &Node) -> Result<i64, RuleError> {
        let literal = literal(node).ok_or_else(|| self.error(&node.span, "an Integer"))?;
        self.integer(literal)
    }

    fn term_argument(&self, node: &Node) -> Result<Term, RuleError> {
        let unfit = || self.error(&node.span, "a field, or a function that gives a value");
        let NodeKind::Comparison(operand, None) = &node.kind else {
            return Err(unfit());
        };
        match resolve(self, operand)? {
            Meaning::Term(term) => Ok(term),
            _ => Err(unfit()),
        }
    }

    fn string_argument(&self, node: &Node) -> Result<Box<Term>, RuleError> {
        let term = self.term_argument(node)?;
        match term.kind() {
            Type::String => Ok(Box::new(term)),
            other => Err(self.error(
                &node.span,
                format!("a String (convert this {other} with `to_string`)"),
            )),
        }
    }

    /// Of a string its bytes, of an array its values.
    fn length(&self, node: &Node) -> Result<Term, RuleError> {
        match self.array_argument(node)? {
            Some(array) => Ok(Term::Count(array)),
            None => self.string_argument(node).map(Term::Length),
        }
    }

    fn concat(&self, arguments: &[Node]) -> Result<Term, RuleError> {
        let parts = arguments.iter().map(|node| self.concat_part(node));
        parts.collect::<Result<_, _>>().map(Term::Concat)
    }

    /// All of one type, which is that of the whole.
    fn coalesce(&self, arguments: &[Node]) -> Result<Term, RuleError> {
        let part = |node: &Node| match literal(node) {
            Some(literal) => self.string(literal).map(Term::Literal),
            None => self.term_argument(node),
        };
        let parts = arguments.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let kind = parts.first().map_or(Type::String, Term::kind);
        for (part, node) in parts.iter().zip(arguments) {
            if part.has_several() {
                return Err(self.error(&node.span, "one value in `coalesce`: `[0]` instead of `[*]`"));
            }
            if part.kind() != kind {
                return Err(self.error(&node.span, format!("a value of the first one's type, {kind}")));
            }
        }
        Ok(Term::Coalesce(parts))
    }

    fn concat_part(&self, node: &Node) -> Result<Term, RuleError> {
        if let Some(literal) = literal(node) {
            return self.string(literal).map(Term::Literal);
        }
        let part = self.term_argument(node)?;
        if part.has_several() {
            return Err(self.error(&node.span, "one value in `concat`: `[0]` instead of `[*]`"));
        }
        match part.kind() {
            Type::String => Ok(part),
            _ => Ok(Term::ToString(Box::new(part))),
        }
    }
}

fn literal(node: &Node) -> Option<&Literal> {
    match &node.kind {
        NodeKind::Comparison(operand, None) => match &operand.kind {
            OperandKind::Literal(literal) => Some(literal),
            _ => None,
        },
        _ => None,
    }
}

fn usage(function: &str) -> String {
    let arguments = match function {
        "any" | "all" => "one comparison of `[*]`",
        "starts_with" | "ends_with" => "a String and a string in quotes",
        "substring" => "a String, the first byte and optionally the byte after the last",
        "concat" | "coalesce" => "two or more values",
        "url_decode" => "a String and optionally the options `r` and `u`",
        "remove_bytes" => "a String and the bytes to leave out, in quotes",
        "cidr" => "an IP address, the bits of an IPv4 network and those of an IPv6 network",
        "split" => "a String, the text between its parts and how many parts there are at most",
        "join" => "an array and the text to put between its values",
        "has_key" => "a map and a name in quotes",
        "has_value" => "an array and a value in quotes",
        "lookup_json_string" | "lookup_json_integer" => "a String and names in quotes or positions",
        "is_timed_hmac_valid_v0" => {
            "a key in quotes, a String, the seconds that it holds, the time and optionally the bytes of the separator \
             and the option `s`"
        }
        "cidr6" => "an IP address and the bits of an IPv6 network",
        _ => "one value",
    };
    format!("`{function}` with {arguments}")
}

/// `what`, and the nearest of `names` if one is close.
fn with_hint<'n>(what: &str, wrong: &str, names: impl Iterator<Item = &'n str>) -> String {
    match nearest(wrong, names) {
        Some(name) => format!("{what} (did you mean `{name}`?)"),
        None => format!("{what} that exists (docs/rules.md lists them)"),
    }
}
