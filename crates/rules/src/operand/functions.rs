//! Functions of arrays, of JSON and of signatures.

use super::{Meaning, Several, literal};
use crate::array::{Array, MAX_PARTS, Map, Split};
use crate::check::Checker;
use crate::error::RuleError;
use crate::expression::{Index, IndexKind, Node, NodeKind, OperandKind, Order, Span};
use crate::field::Type;
use crate::json::Key;
use crate::signature::Signed;
use crate::term::{Term, Test};

/// Bytes that `join` puts between two values at most: a request has some ten thousand arguments, which a longer text would
/// multiply.
const MAX_SEPARATOR: usize = 16;

impl Checker<'_> {
    /// What has several values, as an argument: an array without an index. `None` where it is something else.
    pub(super) fn array_argument(&self, node: &Node) -> Result<Option<Array>, RuleError> {
        let NodeKind::Comparison(operand, None) = &node.kind else {
            return Ok(None);
        };
        match &operand.kind {
            OperandKind::Field { name, indexes } => match (self.several(name), indexes.as_slice()) {
                (Some(Several::Array(array)), []) => Ok(Some(array)),
                (Some(Several::Map(map)), [key]) => Ok(Some(Array::Of(map, self.entry_name(map, key)?))),
                _ => Ok(None),
            },
            OperandKind::Call {
                name,
                arguments,
                indexes,
            } if self.name(name) == "split" && indexes.is_empty() => self.split(name, arguments).map(Some),
            OperandKind::Call { .. } | OperandKind::Literal(_) => Ok(None),
        }
    }

    fn array(&self, node: &Node) -> Result<Array, RuleError> {
        let expected = "an array, such as `http.request.headers.names` or `http.request.headers[\"x\"]`";
        self.array_argument(node)?
            .ok_or_else(|| self.error(&node.span, expected))
    }

    pub(super) fn split(&self, name: &Span, arguments: &[Node]) -> Result<Array, RuleError> {
        let [of, separator, limit] = arguments else {
            return Err(self.error(name, super::usage("split")));
        };
        let term = self.string_argument(of)?;
        if !matches!(*term, Term::Field(_) | Term::Told(_) | Term::At(..)) {
            let expected = "a field, or one value of an array (write other functions around `split`)";
            return Err(self.error(&of.span, expected));
        }
        let between = self.literal_argument(separator)?;
        if between.is_empty() {
            return Err(self.error(&separator.span, "a separator that is not empty"));
        }
        let parts = u8::try_from(self.integer_argument(limit)?).ok();
        let parts = parts.filter(|parts| (1..=MAX_PARTS).contains(parts));
        let expected = || self.error(&limit.span, format!("a number of parts from 1 to {MAX_PARTS}"));
        Ok(Array::Split(Box::new(Split {
            of: *term,
            separator: between,
            limit: parts.ok_or_else(expected)?,
        })))
    }

    pub(super) fn join(&self, of: &Node, separator: &Node) -> Result<Term, RuleError> {
        let array = self.array(of)?;
        let between = self.literal_argument(separator)?;
        if between.len() > MAX_SEPARATOR {
            return Err(self.error(
                &separator.span,
                format!("at most {MAX_SEPARATOR} bytes to put between"),
            ));
        }
        Ok(Term::Join(array, between))
    }

    /// `has_key` is a comparison written as a call.
    pub(super) fn has_key<'a>(&self, of: &Node, key: &Node) -> Result<Meaning<'a>, RuleError> {
        let map = self.map_argument(of);
        let names = Map::ALL.map(|map| format!("`{}`", map.name())).join(" ");
        let map = map.ok_or_else(|| self.error(&of.span, format!("a map ({names})")))?;
        let index = Index {
            kind: IndexKind::Name(self.literal_argument(key)?.into()),
            span: key.span.clone(),
        };
        let count = Term::Count(Array::Of(map, self.entry_name(map, &index)?));
        Ok(Meaning::Test(count, Test::Integer(Order::Greater, 0)))
    }

    fn map_argument(&self, node: &Node) -> Option<Map> {
        let NodeKind::Comparison(operand, None) = &node.kind else {
            return None;
        };
        match &operand.kind {
            OperandKind::Field { name, indexes } if indexes.is_empty() => match self.several(name)? {
                Several::Map(map) => Some(map),
                Several::Array(_) => None,
            },
            _ => None,
        }
    }

    /// `has_value` is `any` of one comparison.
    pub(super) fn has_value<'a>(&self, of: &Node, value: &Node) -> Result<Meaning<'a>, RuleError> {
        Ok(Meaning::HasValue(self.array(of)?, self.literal_argument(value)?))
    }

    /// Names in quotes and positions, from the outermost in.
    pub(super) fn json_keys(&self, keys: &[Node]) -> Result<Vec<Key>, RuleError> {
        let key = |node: &Node| match literal(node) {
            Some(literal) if literal.string.is_some() => self.string(literal).map(Key::Name),
            _ => {
                let position = self.integer_argument(node)?;
                let position = u32::try_from(position).ok().map(Key::Position);
                position.ok_or_else(|| self.error(&node.span, "a name in quotes, or a position from 0"))
            }
        };
        keys.iter().map(key).collect()
    }

    pub(super) fn signed(&self, arguments: &[Node]) -> Result<Option<Term>, RuleError> {
        let [key, of, ttl, now, rest @ ..] = arguments else {
            return Ok(None);
        };
        let (separator, flags) = match rest {
            [] => (None, None),
            [separator] => (Some(separator), None),
            [separator, flags] => (Some(separator), Some(flags)),
            _ => return Ok(None),
        };
        let signed = Signed {
            key: self.literal_argument(key)?,
            of: self.one_argument(of, Type::String)?,
            ttl: self.integer_argument(ttl)?,
            now: self.one_argument(now, Type::Integer)?,
            separator: separator.map_or(Ok(0), |node| self.separator(node))?,
            url_safe: flags.map_or(Ok(false), |node| self.is_url_safe(node))?,
        };
        Ok(Some(Term::Signed(Box::new(signed))))
    }

    fn one_argument(&self, node: &Node, kind: Type) -> Result<Term, RuleError> {
        let term = self.term_argument(node)?;
        if term.kind() == kind && !term.has_several() {
            return Ok(term);
        }
        Err(self.error(&node.span, format!("one value, of the type {kind}")))
    }

    fn separator(&self, node: &Node) -> Result<u32, RuleError> {
        let bytes = u32::try_from(self.integer_argument(node)?);
        bytes.map_err(|_| self.error(&node.span, "the bytes of the separator, from 0"))
    }

    fn is_url_safe(&self, node: &Node) -> Result<bool, RuleError> {
        match &*self.literal_argument(node)? {
            b"" => Ok(false),
            b"s" => Ok(true),
            _ => Err(self.error(&node.span, "the option `s` (base64 that fits a URL)")),
        }
    }
}
