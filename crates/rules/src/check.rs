//! [`Expression`] to [`CheckedExpression`]: names become fields, values get the type of what they are compared with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use super::array::Array;
use super::error::RuleError;
use super::expression::{
    Combiner, Comparison, Expression, Literal, Node, NodeKind, Operand, Operator, Order, Right, Span,
};
use super::fact::Fact;
use super::field::{Field, Type};
use super::list::{List, Lists};
use super::operand::{self, Meaning};
use super::pattern::Pattern;
use super::term::{Clause, ClauseKind, IpRange, Predicate, Quantifier, Term, Test};
use super::wildcard::Wildcard;

/// What of a rule can never hold here, though it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleWarning {
    /// Bytes from the start of the text to the comparison.
    pub offset: usize,
    pub message: String,
}

/// A rule that can be compiled: every field exists and every type fits. Two are equal if they say the same,
/// however they are spaced and bracketed. `Display` gives canonical text that reads back as an equal one.
#[derive(Debug, Clone)]
pub struct CheckedExpression {
    pub(super) text: Arc<str>,
    pub(super) root: Clause,
}

impl PartialEq for CheckedExpression {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for CheckedExpression {}

impl CheckedExpression {
    /// As written by the operator; the spans of `Clause` are in it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Comparisons with what no worker is given: they never hold.
    #[must_use]
    pub fn warnings(&self) -> Vec<RuleWarning> {
        let mut warnings = Vec::new();
        self.root.visit_clauses(&mut |span, predicate| {
            if let Test::InList(list) = &predicate.test
                && list.is_managed()
            {
                let message = format!(
                    "`${}` is a list that Cloudflare tells no worker: here it is empty",
                    list.name()
                );
                warnings.push(RuleWarning {
                    offset: span.start,
                    message,
                });
            } else if predicate.term.is_untold() {
                let message = format!(
                    "Cloudflare tells no worker `{}`: here it is missing in every request",
                    predicate.term
                );
                warnings.push(RuleWarning {
                    offset: span.start,
                    message,
                });
            }
        });
        warnings
    }

    /// Comparisons that Cloudflare does not have, each in words: a rule with one cannot be said there.
    #[must_use]
    pub fn extensions(&self) -> Vec<String> {
        let mut extensions = Vec::new();
        self.root.visit_predicates(&mut |predicate| {
            if let Test::Ip(order, _) = &predicate.test
                && !matches!(order, Order::Equal | Order::NotEqual)
            {
                extensions.push(format!("`{}` of an IP address", order.word()));
            }
        });
        extensions.dedup();
        extensions
    }

    /// The fields that it reads, each once, in the order of [`Field::ALL`].
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let field = |fact: Fact<'_>| match fact {
            Fact::Field(field) => field,
            Fact::Header(_) => Field::Headers,
        };
        let mut fields: Vec<Field> = self.facts().into_iter().map(field).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

impl Clause {
    pub(super) fn visit_predicates<'a>(&'a self, visit: &mut impl FnMut(&'a Predicate)) {
        self.visit_clauses(&mut |_, predicate| visit(predicate));
    }

    fn visit_clauses<'a>(&'a self, visit: &mut impl FnMut(&'a Span, &'a Predicate)) {
        match &self.kind {
            ClauseKind::Combined(_, items) => items.iter().for_each(|item| item.visit_clauses(visit)),
            ClauseKind::Not(inner) | ClauseKind::Each(_, inner) => inner.visit_clauses(visit),
            ClauseKind::Predicate(predicate) => visit(&self.span, predicate),
        }
    }
}

pub(super) fn check(expression: Expression, lists: &Lists) -> Result<CheckedExpression, RuleError> {
    let root = Checker {
        text: &expression.text,
        lists,
    }
    .clause(&expression.root)?;
    Ok(CheckedExpression {
        text: expression.text,
        root,
    })
}

/// Lists that an error names.
const MAX_NAMED: usize = 20;

pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    lists: &'a Lists,
}

impl<'a> Checker<'a> {
    /// Of a text that names no list.
    pub(super) fn of_text(text: &'a str) -> Self {
        static NONE: LazyLock<Lists> = LazyLock::new(Lists::default);
        Self { text, lists: &NONE }
    }
}

impl Checker<'_> {
    fn clause(&self, node: &Node) -> Result<Clause, RuleError> {
        let kind = match &node.kind {
            NodeKind::Combined(op, items) => self.combined(*op, items)?,
            NodeKind::Not(inner) => ClauseKind::Not(Box::new(self.clause(inner)?)),
            NodeKind::Comparison(left, None) if self.is_word(left, "true") => {
                ClauseKind::Combined(Combiner::And, Vec::new())
            }
            NodeKind::Comparison(left, None) if self.is_word(left, "false") => {
                ClauseKind::Combined(Combiner::Or, Vec::new())
            }
            NodeKind::Comparison(left, test) => match (operand::resolve(self, left)?, test) {
                (Meaning::Quantified(quantifier, node), None) => self.quantified(quantifier, node)?,
                (Meaning::HasValue(array, value), None) => has_value(array, value, node.span.clone()),
                (meaning, test) => {
                    let predicate = self.comparison(meaning, left, test.as_ref())?;
                    self.refuse_several(&predicate, node)?;
                    ClauseKind::Predicate(predicate)
                }
            },
        };
        Ok(Clause {
            kind,
            span: node.span.clone(),
        })
    }

    /// `true` and `false` are whole expressions at Cloudflare.
    fn is_word(&self, operand: &Operand, word: &str) -> bool {
        self.text.get(operand.span.clone()) == Some(word)
    }

    fn combined(&self, op: Combiner, items: &[Node]) -> Result<ClauseKind, RuleError> {
        let items = items
            .iter()
            .map(|item| self.clause(item))
            .collect::<Result<_, _>>()?;
        Ok(ClauseKind::Combined(op, items))
    }

    fn refuse_several(&self, predicate: &Predicate, node: &Node) -> Result<(), RuleError> {
        if predicate.term.has_several() {
            return Err(self.error(&node.span, "`any(…)` or `all(…)` around a comparison of `[*]`"));
        }
        Ok(())
    }

    /// A comparison, or a Boolean by itself.
    fn comparison(
        &self,
        meaning: Meaning<'_>,
        left: &Operand,
        test: Option<&Comparison>,
    ) -> Result<Predicate, RuleError> {
        match (meaning, test) {
            (Meaning::Quantified(..) | Meaning::HasValue(..), None) => {
                Err(self.error(&left.span, "no `any` or `all` within another"))
            }
            (Meaning::Test(term, test), None) => Ok(Predicate { term, test }),
            (Meaning::Term(term), None) if term.kind() == Type::Boolean => Ok(Predicate {
                term,
                test: Test::IsTrue,
            }),
            (Meaning::Term(term), None) => {
                let expected = format!("an operator after this {}", term.kind());
                Err(self.error(&left.span, expected))
            }
            (
                Meaning::Term(term),
                Some(Comparison {
                    operator: Operator::Order(order),
                    right: Right::Operand(right),
                    ..
                }),
            ) if !operand::is_unknown(self, right) => self.term_test(term, *order, right),
            (Meaning::Term(term), Some(test)) if term.kind() != Type::Boolean => {
                let test = self.test(term.kind(), test)?;
                Ok(Predicate { term, test })
            }
            (Meaning::Literal, _) => Err(self.error(&left.span, "a field or a function")),
            (Meaning::Term(term), Some(test)) => self.boolean_test(term, test),
            (_, Some(test)) => {
                let expected = "no operator after a Boolean (write the Boolean alone, or after `not`)";
                Err(self.error(&test.operator_span, expected))
            }
        }
    }

    /// A field against a field. `ne` is true where one of them is missing.
    fn term_test(&self, left: Term, order: Order, right: &Operand) -> Result<Predicate, RuleError> {
        let Meaning::Term(other) = operand::resolve(self, right)? else {
            return Err(self.error(&right.span, "a field, or a function that gives a value"));
        };
        if left.has_several() || other.has_several() {
            return Err(self.error(&right.span, "a value in quotes: `[*]` is compared with no field"));
        }
        if other.kind() != left.kind() {
            return Err(self.error(&right.span, format!("one value of this {}", left.kind())));
        }
        let same = Term::Same(Box::new(left), Box::new(other));
        Ok(match order {
            Order::NotEqual => Predicate {
                term: Term::ToString(Box::new(same)),
                test: Test::String(Order::NotEqual, Box::from(*b"true")),
            },
            _ => Predicate {
                term: same,
                test: Test::IsTrue,
            },
        })
    }

    /// `ssl eq true`, and the three like it. Of a fact that is missing, "equal" to either is false.
    fn boolean_test(&self, term: Term, test: &Comparison) -> Result<Predicate, RuleError> {
        if let Right::Operand(operand) = &test.right {
            return Err(self.error(&operand.span, "`true` or `false`"));
        }
        let (Operator::Order(order @ (Order::Equal | Order::NotEqual)), Right::One(value)) =
            (test.operator, &test.right)
        else {
            return Err(self.unfit(test, Type::Boolean, "`eq` `ne`, or none"));
        };
        let word = self.word(value, "`true` or `false`")?;
        match (word, order) {
            ("true", Order::Equal) => Ok(Predicate {
                term,
                test: Test::IsTrue,
            }),
            ("true" | "false", _) => {
                let text = Term::ToString(Box::new(term));
                Ok(Predicate {
                    term: text,
                    test: Test::String(order, word.as_bytes().into()),
                })
            }
            _ => Err(self.error(&value.span, "`true` or `false`")),
        }
    }

    /// `any` and `all` of one comparison of an array, or of several of the same array.
    fn quantified(&self, quantifier: Quantifier, node: &Node) -> Result<ClauseKind, RuleError> {
        let mut arrays = Vec::new();
        let clause = self.of_each(node, &mut arrays)?;
        match arrays.split_first() {
            Some((first, others)) if others.iter().all(|other| other == first) => {}
            _ => {
                return Err(self.error(
                    &node.span,
                    "comparisons of one array; write an `any` or `all` for each",
                ));
            }
        }
        Ok(ClauseKind::Each(quantifier, Box::new(clause)))
    }

    /// What is asked of each value; `arrays` gets what the comparisons go over.
    fn of_each(&self, node: &Node, arrays: &mut Vec<Array>) -> Result<Clause, RuleError> {
        let kind = match &node.kind {
            NodeKind::Combined(op, items) => {
                let items = items.iter().map(|item| self.of_each(item, arrays));
                ClauseKind::Combined(*op, items.collect::<Result<_, _>>()?)
            }
            NodeKind::Not(inner) => ClauseKind::Not(Box::new(self.of_each(inner, arrays)?)),
            NodeKind::Comparison(left, test) => {
                let meaning = operand::resolve(self, left)?;
                let predicate = self.comparison(meaning, left, test.as_ref())?;
                let expected = "a comparison of `[*]`, such as `http.request.headers[\"x\"][*]`";
                let array = predicate.term.array();
                arrays.push(array.ok_or_else(|| self.error(&node.span, expected))?.clone());
                ClauseKind::Predicate(predicate)
            }
        };
        Ok(Clause {
            kind,
            span: node.span.clone(),
        })
    }

    fn test(&self, kind: Type, test: &Comparison) -> Result<Test, RuleError> {
        match (&test.right, kind) {
            (Right::Named(name), _) => self.list(name, kind).map(Test::InList),
            (Right::Operand(operand), _) => {
                let span = operand.span.clone();
                let value = Literal { string: None, span };
                self.test(
                    kind,
                    &Comparison {
                        right: Right::One(value),
                        ..test.clone()
                    },
                )
            }
            (Right::List(values), Type::String) => self.each(values, Self::string).map(Test::InStrings),
            (Right::List(values), Type::Integer) => self.each(values, Self::integers).map(Test::InIntegers),
            (Right::List(values), _) => self.each(values, Self::addresses).map(Test::InIps),
            (Right::One(value), Type::String) => self.string_test(test, value),
            (Right::One(value), Type::Integer) => self.integer_test(test, value),
            (Right::One(value), _) => match test.operator {
                Operator::Order(order) => Ok(Test::Ip(order, self.address(value)?)),
                _ => Err(self.unfit(test, kind, "`eq` `ne` `lt` `le` `gt` `ge` `in`")),
            },
        }
    }

    /// The list that `$name` stands for, for values of this type.
    fn list(&self, span: &Span, kind: Type) -> Result<List, RuleError> {
        let name = self.text.get(span.start + 1..span.end).unwrap_or_default();
        let list = self.lists.named(name).ok_or_else(|| self.no_list(span))?;
        if list.is_managed() || list.kind().compared_with() == kind {
            return Ok(list);
        }
        Err(self.error(
            span,
            format!("a list for this {kind} (`${name}` has {})", list.kind()),
        ))
    }

    fn no_list(&self, span: &Span) -> RuleError {
        let known: Vec<String> = self
            .lists
            .names()
            .take(MAX_NAMED)
            .map(|name| format!("`${name}`"))
            .collect();
        let more = if self.lists.names().nth(MAX_NAMED).is_some() {
            " …"
        } else {
            ""
        };
        let expected = match known.as_slice() {
            [] => "a list that exists (the rulebook has none)".to_owned(),
            known => format!("a list that exists ({}{more})", known.join(" ")),
        };
        self.error(span, expected)
    }

    fn string_test(&self, test: &Comparison, value: &Literal) -> Result<Test, RuleError> {
        if test.operator == Operator::BitwiseAnd {
            let operators =
                "`eq` `ne` `lt` `le` `gt` `ge` `in` `contains` `matches` `wildcard` `strict wildcard`";
            return Err(self.unfit(test, Type::String, operators));
        }
        let string = self.string(value)?;
        Ok(match test.operator {
            Operator::Contains => Test::Contains(string),
            Operator::Matches => Test::Matches(self.pattern(value, &string)?),
            Operator::Wildcard => Test::Wildcard(self.wildcard(value, &string)?),
            Operator::StrictWildcard => Test::StrictWildcard(self.wildcard(value, &string)?),
            Operator::Order(order) => Test::String(order, string),
            Operator::In | Operator::BitwiseAnd => Test::InStrings(vec![string]),
        })
    }

    fn integer_test(&self, test: &Comparison, value: &Literal) -> Result<Test, RuleError> {
        match test.operator {
            Operator::Order(order) => Ok(Test::Integer(order, self.integer(value)?)),
            Operator::BitwiseAnd => Ok(Test::Mask(self.integer(value)?)),
            _ => Err(self.unfit(test, Type::Integer, "`eq` `ne` `lt` `le` `gt` `ge` `in` `&`")),
        }
    }

    fn unfit(&self, test: &Comparison, kind: Type, operators: &str) -> RuleError {
        self.error(
            &test.operator_span,
            format!("an operator for this {kind} ({operators})"),
        )
    }

    fn each<T>(
        &self,
        values: &[Literal],
        read: impl Fn(&Self, &Literal) -> Result<T, RuleError>,
    ) -> Result<Vec<T>, RuleError> {
        values.iter().map(|value| read(self, value)).collect()
    }

    pub(super) fn string(&self, value: &Literal) -> Result<Box<[u8]>, RuleError> {
        let string = value.string.as_deref().map(Box::from);
        string.ok_or_else(|| self.error(&value.span, "a string in quotes"))
    }

    fn pattern(&self, value: &Literal, text: &[u8]) -> Result<Pattern, RuleError> {
        // Regular expressions keep their escapes, so the text is a part of the rule and always UTF-8.
        let text = std::str::from_utf8(text).unwrap_or_default();
        Pattern::new(text).map_err(|error| self.error(&value.span, error.0))
    }

    fn wildcard(&self, value: &Literal, text: &[u8]) -> Result<Wildcard, RuleError> {
        Wildcard::new(text).map_err(|expected| self.error(&value.span, expected))
    }

    /// A bare word.
    fn word(&self, value: &Literal, expected: &str) -> Result<&str, RuleError> {
        match value.string {
            None => Ok(self.text.get(value.span.clone()).unwrap_or_default()),
            Some(_) => Err(self.error(&value.span, format!("{expected}, without quotes"))),
        }
    }

    pub(super) fn integer(&self, value: &Literal) -> Result<i64, RuleError> {
        let word = self.word(value, "an Integer")?;
        integer(word).map_err(|expected| self.error(&value.span, expected))
    }

    pub(super) fn integers(&self, value: &Literal) -> Result<(i64, i64), RuleError> {
        let word = self.word(value, "an Integer")?;
        let (first, last) = word.split_once("..").unwrap_or((word, word));
        let bounds = integer(first).and_then(|first| Ok((first, integer(last)?)));
        let (first, last) = bounds.map_err(|expected| self.error(&value.span, expected))?;
        self.ordered(&value.span, first..=last)
    }

    fn address(&self, value: &Literal) -> Result<IpAddr, RuleError> {
        let word = self.word(value, "an IP address")?;
        word.parse()
            .map_err(|_| self.error(&value.span, "an IP address, such as 192.0.2.7 or 2001:db8::7"))
    }

    pub(super) fn addresses(&self, value: &Literal) -> Result<IpRange, RuleError> {
        const EXPECTED: &str = "an IP address, a CIDR block or a range, such as 192.0.2.7, 2001:db8::/32 or \
                                192.0.2.1..192.0.2.9";
        let word = self.word(value, "an IP address")?;
        let unreadable = || self.error(&value.span, EXPECTED);
        if let Some((network, length)) = word.split_once('/') {
            let network = network.parse().map_err(|_| unreadable())?;
            let length = length.parse().map_err(|_| unreadable())?;
            return block(network, length).map_err(|expected| self.error(&value.span, expected));
        }
        let (first, last) = word.split_once("..").unwrap_or((word, word));
        let first: IpAddr = first.parse().map_err(|_| unreadable())?;
        match (first, last.parse().map_err(|_| unreadable())?) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = self.ordered(&value.span, first.to_bits()..=last.to_bits())?;
                Ok(IpRange::V4(first, last))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = self.ordered(&value.span, first.to_bits()..=last.to_bits())?;
                Ok(IpRange::V6(first, last))
            }
            _ => Err(self.error(&value.span, "a range of addresses of one family")),
        }
    }

    fn ordered<T: PartialOrd>(&self, span: &Span, range: RangeInclusive<T>) -> Result<(T, T), RuleError> {
        if range.is_empty() {
            return Err(self.error(span, "a range whose first value is not above its last"));
        }
        Ok(range.into_inner())
    }

    pub(super) fn error(&self, span: &Span, expected: impl Into<String>) -> RuleError {
        RuleError::new(self.text, span.clone(), expected)
    }
}

fn has_value(array: Array, value: Box<[u8]>, span: Span) -> ClauseKind {
    let is_value = Clause {
        kind: ClauseKind::Predicate(Predicate {
            term: Term::Each(array),
            test: Test::String(Order::Equal, value),
        }),
        span,
    };
    ClauseKind::Each(Quantifier::Any, Box::new(is_value))
}

/// Decimal, or hexadecimal after `0x`. wirefilter reads a leading zero as octal; here it is an error, because a
/// rule that silently means another number is worse than one that is refused.
fn integer(word: &str) -> Result<i64, String> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("an Integer without leading zeros (hexadecimal starts with 0x)".to_owned());
    }
    let parsed = match word.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => i64::from_str_radix(hex, 16),
        _ if digits.bytes().all(|b| b.is_ascii_digit()) => word.parse(),
        _ => return Err("an Integer".to_owned()),
    };
    parsed.map_err(|_| format!("an Integer from {} to {}", i64::MIN, i64::MAX))
}

/// As in wirefilter, a block starts at its network: 10.0.0.1/8 is a mistake, not 10.0.0.0/8.
fn block(network: IpAddr, length: u32) -> Result<IpRange, String> {
    match network {
        IpAddr::V4(v4) if length <= 32 => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            let first = v4.to_bits();
            match first & host {
                0 => Ok(IpRange::V4(first, first | host)),
                _ => Err(format!(
                    "a block that starts at its network, {}/{length}",
                    Ipv4Addr::from_bits(first & !host)
                )),
            }
        }
        IpAddr::V6(v6) if length <= 128 => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            let first = v6.to_bits();
            match first & host {
                0 => Ok(IpRange::V6(first, first | host)),
                _ => Err(format!(
                    "a block that starts at its network, {}/{length}",
                    Ipv6Addr::from_bits(first & !host)
                )),
            }
        }
        IpAddr::V4(_) => Err("a prefix length up to 32".to_owned()),
        IpAddr::V6(_) => Err("a prefix length up to 128".to_owned()),
    }
}
