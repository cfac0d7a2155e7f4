//! Text to [`Expression`]: the grammar, by recursive descent.
//!
//! In scope: operators, precedence, brackets, strings. Not in scope: names, types and bare values (`check`).

use super::error::RuleError;
use super::expression::{
    Combiner, Comparison, Expression, Index, IndexKind, Literal, Node, NodeKind, Operand, OperandKind,
    Operator, Order, Right, Span,
};
use super::limits::{MAX_ARGUMENTS, MAX_LIST, MAX_NESTING, MAX_TEXT};
use super::text::{Cursor, Quoting, is_bare};
use blobwatch_wire::did_you_mean;

/// Reads an expression.
///
/// # Errors
/// The first place that does not follow the grammar, or that goes beyond a `MAX_…` of this module.
pub fn parse(text: &str) -> Result<Expression, RuleError> {
    if text.len() > MAX_TEXT {
        let beyond = text.floor_char_boundary(MAX_TEXT)..text.len();
        return Err(RuleError::new(
            text,
            beyond,
            format!("at most {MAX_TEXT} bytes of text"),
        ));
    }
    let mut parser = Parser {
        cursor: Cursor::new(text),
        nesting: 0,
    };
    parser.cursor.skip_space();
    let root = parser.logical()?;
    parser.cursor.skip_space();
    if parser.cursor.peek().is_some() {
        let expected = match root.kind {
            NodeKind::Comparison(_, None) => OPERATORS,
            _ => "`and`, `or`, `xor` or the end",
        };
        return Err(parser.missing_operator(expected));
    }
    Ok(Expression {
        text: text.into(),
        root,
    })
}

/// What may follow an operand.
const OPERATORS: &str = "an operator (`eq` `ne` `lt` `le` `gt` `ge` `in` `contains` `matches` `wildcard` \
                         `strict wildcard` `&`), `and`, `or`, `xor` or the end";

/// Symbols that a longer one starts with come after it; `&` alone, since `&&` combines.
const OPERATOR_WORDS: &[(&str, Operator)] = &[
    ("==", Operator::Order(Order::Equal)),
    ("!=", Operator::Order(Order::NotEqual)),
    ("<=", Operator::Order(Order::LessOrEqual)),
    (">=", Operator::Order(Order::GreaterOrEqual)),
    ("<", Operator::Order(Order::Less)),
    (">", Operator::Order(Order::Greater)),
    ("~", Operator::Matches),
    ("eq", Operator::Order(Order::Equal)),
    ("ne", Operator::Order(Order::NotEqual)),
    ("lt", Operator::Order(Order::Less)),
    ("le", Operator::Order(Order::LessOrEqual)),
    ("gt", Operator::Order(Order::Greater)),
    ("ge", Operator::Order(Order::GreaterOrEqual)),
    ("in", Operator::In),
    ("contains", Operator::Contains),
    ("matches", Operator::Matches),
    ("wildcard", Operator::Wildcard),
    ("bitwise_and", Operator::BitwiseAnd),
];

/// What other languages call an operator; the longer symbols first.
const ELSEWHERE: &[(&str, &str)] = &[
    ("=~", "`matches`"),
    ("=<", "`le`"),
    ("=>", "`ge`"),
    ("=", "`eq` or `==`"),
    ("!~", "`not (… matches …)`"),
    ("equals", "`eq`"),
    ("is", "`eq`"),
    ("like", "`wildcard`"),
    ("glob", "`wildcard`"),
    ("regex", "`matches`"),
    ("starts_with", "`starts_with(…, \"…\")`"),
    ("ends_with", "`ends_with(…, \"…\")`"),
    ("startswith", "`starts_with(…, \"…\")`"),
    ("endswith", "`ends_with(…, \"…\")`"),
    ("|", "`or`"),
];

/// Fits behind what was expected.
fn hint(rest: &str, word: &str) -> String {
    let is_there = |(name, _): &&(&str, &str)| match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => word.eq_ignore_ascii_case(name),
        false => rest.starts_with(name),
    };
    if let Some((_, meant)) = ELSEWHERE.iter().find(is_there) {
        return format!(" (did you mean {meant}?)");
    }
    let words = OPERATOR_WORDS.iter().map(|(name, _)| *name);
    let words = words.filter(|name| name.len() > 1).chain(["and", "or", "xor"]);
    did_you_mean(word, words)
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    nesting: usize,
}

impl Parser<'_> {
    fn logical(&mut self) -> Result<Node, RuleError> {
        self.combined(Combiner::Or)
    }

    /// Operands joined by `level`, each made of what binds stronger.
    fn combined(&mut self, level: Combiner) -> Result<Node, RuleError> {
        let first = self.stronger(level)?;
        let mut items = vec![first];
        while self.take_combiner(level) {
            self.cursor.skip_space();
            items.push(self.stronger(level)?);
        }
        let span = span_of(&items);
        match items.pop() {
            Some(only) if items.is_empty() => Ok(only),
            last => {
                items.extend(last);
                Ok(Node {
                    kind: NodeKind::Combined(level, items),
                    span,
                })
            }
        }
    }

    fn stronger(&mut self, level: Combiner) -> Result<Node, RuleError> {
        match level {
            Combiner::Or => self.combined(Combiner::Xor),
            Combiner::Xor => self.combined(Combiner::And),
            Combiner::And => self.simple(),
        }
    }

    fn take_combiner(&mut self, level: Combiner) -> bool {
        let before = self.cursor.at();
        self.cursor.skip_space();
        let symbol = match level {
            Combiner::Or => "||",
            Combiner::Xor => "^^",
            Combiner::And => "&&",
        };
        let found = self.cursor.take(symbol) || self.cursor.take_word(level.word());
        if !found {
            self.cursor.go_back(before);
        }
        found
    }

    fn simple(&mut self) -> Result<Node, RuleError> {
        let start = self.cursor.at();
        if self.cursor.take("(") {
            return self.group(start);
        }
        let bang = self.cursor.peek() == Some('!');
        if (bang && self.cursor.take("!")) || self.cursor.take_word("not") {
            return self.negated(start);
        }
        self.comparison()
    }

    fn group(&mut self, start: usize) -> Result<Node, RuleError> {
        self.nested(start, |parser| {
            let inner = parser.logical()?;
            parser.close(")", &inner)?;
            let span = start..parser.cursor.at();
            Ok(Node { span, ..inner })
        })
    }

    fn negated(&mut self, start: usize) -> Result<Node, RuleError> {
        self.nested(start, |parser| {
            let inner = parser.simple()?;
            let span = start..inner.span.end;
            Ok(Node {
                kind: NodeKind::Not(Box::new(inner)),
                span,
            })
        })
    }

    /// Runs `inner` after the space that follows, one level deeper.
    fn nested<T>(
        &mut self,
        start: usize,
        inner: impl FnOnce(&mut Self) -> Result<T, RuleError>,
    ) -> Result<T, RuleError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let expected = format!("at most {MAX_NESTING} nested parentheses, `not` and calls");
            return Err(self.cursor.error(start..self.cursor.at(), expected));
        }
        self.cursor.skip_space();
        let node = inner(self)?;
        self.nesting -= 1;
        Ok(node)
    }

    /// The bracket that ends what `inner` is in.
    fn close(&mut self, bracket: &str, inner: &Node) -> Result<(), RuleError> {
        self.cursor.skip_space();
        if self.cursor.take(bracket) {
            return Ok(());
        }
        Err(self.missing_operator(&match inner.kind {
            NodeKind::Comparison(_, None) => format!("an operator or `{bracket}`"),
            _ => format!("`and`, `or`, `xor` or `{bracket}`"),
        }))
    }

    fn comparison(&mut self) -> Result<Node, RuleError> {
        let left = self.operand()?;
        let before = self.cursor.at();
        self.cursor.skip_space();
        let operator = self.operator()?;
        let start = left.span.start;
        let test = match operator {
            Some((operator, operator_span)) => Some(Comparison {
                operator,
                operator_span,
                right: self.right(operator)?,
            }),
            None => {
                self.cursor.go_back(before);
                None
            }
        };
        Ok(Node {
            kind: NodeKind::Comparison(left, test),
            span: start..self.cursor.at(),
        })
    }

    fn operator(&mut self) -> Result<Option<(Operator, Span)>, RuleError> {
        let start = self.cursor.at();
        for (word, operator) in OPERATOR_WORDS {
            let symbol = !word.starts_with(|c: char| c.is_ascii_alphabetic());
            let found = if symbol {
                self.cursor.take(word)
            } else {
                self.cursor.take_word(word)
            };
            if found {
                return Ok(Some((*operator, start..self.cursor.at())));
            }
        }
        if self.cursor.take_word("strict") {
            return self.strict_wildcard(start).map(Some);
        }
        Ok(self.bitwise_and(start))
    }

    /// What else stands where an operator should, with the one that other languages mean by it.
    fn missing_operator(&self, expected: &str) -> RuleError {
        let mut error = self.cursor.error_here(expected);
        let hint = hint(self.cursor.rest(), &error.word);
        error.expected.push_str(&hint);
        error
    }

    fn strict_wildcard(&mut self, start: usize) -> Result<(Operator, Span), RuleError> {
        self.cursor.skip_space();
        if self.cursor.take_word("wildcard") {
            return Ok((Operator::StrictWildcard, start..self.cursor.at()));
        }
        Err(self.cursor.error_here("`wildcard` after `strict`"))
    }

    fn bitwise_and(&mut self, start: usize) -> Option<(Operator, Span)> {
        if self.cursor.take("&") && self.cursor.peek() != Some('&') {
            return Some((Operator::BitwiseAnd, start..self.cursor.at()));
        }
        None
    }

    fn right(&mut self, operator: Operator) -> Result<Right, RuleError> {
        self.cursor.skip_space();
        match operator {
            Operator::In => self.list(),
            Operator::Matches => self.literal(Quoting::Regex).map(Right::One),
            Operator::Order(Order::Equal | Order::NotEqual) if self.at_operand() => {
                self.operand().map(Right::Operand)
            }
            _ => self.literal(Quoting::Text).map(Right::One),
        }
    }

    /// Whether a field or a function begins here, and no value: `true`, an address or a string.
    fn at_operand(&self) -> bool {
        let span = self.cursor.name_span();
        let name = self.cursor.slice(&span);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let goes_on = self
            .cursor
            .starts_at(span.end, |c| matches!(c, ':' | '/' | '-' | '"' | '#'));
        is_name && !goes_on && !matches!(name, "true" | "false")
    }

    fn list(&mut self) -> Result<Right, RuleError> {
        let start = self.cursor.at();
        if self.cursor.take("$") {
            return self.list_name(start);
        }
        if !self.cursor.take("{") {
            return Err(self
                .cursor
                .error_here("`{` and values separated by spaces, or the `$name` of a list"));
        }
        let mut values = Vec::new();
        loop {
            self.cursor.skip_space();
            if self.cursor.take("}") {
                break;
            }
            if values.len() == MAX_LIST {
                return Err(self
                    .cursor
                    .error_here(format!("at most {MAX_LIST} values in a list")));
            }
            values.push(self.list_value()?);
        }
        let span = start..self.cursor.at();
        if values.is_empty() {
            return Err(self.cursor.error(span, "at least one value in the list"));
        }
        Ok(Right::List(values))
    }

    fn list_name(&mut self, start: usize) -> Result<Right, RuleError> {
        match self.cursor.take_while(is_name_part).is_empty() {
            true => Err(self.cursor.error_here("the name of a list after `$`")),
            false => Ok(Right::Named(start..self.cursor.at())),
        }
    }

    fn list_value(&mut self) -> Result<Literal, RuleError> {
        match self.cursor.peek() {
            Some(',') => Err(self
                .cursor
                .error_here("a value or `}` (values are separated by spaces)")),
            None => Err(self.cursor.error_here("a value or `}`")),
            _ => self.literal(Quoting::Text),
        }
    }

    fn literal(&mut self, quoting: Quoting) -> Result<Literal, RuleError> {
        let start = self.cursor.at();
        let string = match self.cursor.at_string() {
            true => Some(self.cursor.string(quoting)?),
            false if self.cursor.take_while(is_bare).is_empty() => {
                return Err(self
                    .cursor
                    .error_here("a value: a string in quotes, a number or an address"));
            }
            false => None,
        };
        Ok(Literal {
            string,
            span: start..self.cursor.at(),
        })
    }

    fn operand(&mut self) -> Result<Operand, RuleError> {
        let name = self.cursor.take_while(is_name_part);
        let starts_as_name = self
            .cursor
            .slice(&name)
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_as_name {
            self.cursor.go_back(name.start);
            return Err(self.cursor.error_here("a field or a function"));
        }
        let after_name = self.cursor.at();
        self.cursor.skip_space();
        let kind = if self.cursor.take("(") {
            let start = name.start;
            let arguments = self.nested(start, Self::arguments)?;
            let indexes = self.indexes()?;
            OperandKind::Call {
                name,
                arguments,
                indexes,
            }
        } else {
            self.cursor.go_back(after_name);
            let indexes = self.indexes()?;
            OperandKind::Field { name, indexes }
        };
        let start = match &kind {
            OperandKind::Field { name, .. } | OperandKind::Call { name, .. } => name.start,
            OperandKind::Literal(literal) => literal.span.start,
        };
        Ok(Operand {
            kind,
            span: start..self.cursor.at(),
        })
    }

    fn arguments(&mut self) -> Result<Vec<Node>, RuleError> {
        let mut arguments = Vec::new();
        loop {
            self.cursor.skip_space();
            if arguments.len() == MAX_ARGUMENTS {
                return Err(self
                    .cursor
                    .error_here(format!("at most {MAX_ARGUMENTS} arguments")));
            }
            arguments.push(self.argument()?);
            self.cursor.skip_space();
            if self.cursor.take(")") {
                return Ok(arguments);
            }
            if !self.cursor.take(",") {
                return Err(self.cursor.error_here("`,` or `)`"));
            }
        }
    }

    /// A value, or whatever an expression can be: `any` and `all` take a comparison.
    fn argument(&mut self) -> Result<Node, RuleError> {
        let is_number = self.cursor.peek().is_some_and(|c| c.is_ascii_digit() || c == '-');
        if !is_number && !self.cursor.at_string() {
            return self.logical();
        }
        let literal = self.literal(Quoting::Text)?;
        let span = literal.span.clone();
        let operand = Operand {
            kind: OperandKind::Literal(literal),
            span: span.clone(),
        };
        Ok(Node {
            kind: NodeKind::Comparison(operand, None),
            span,
        })
    }

    fn indexes(&mut self) -> Result<Vec<Index>, RuleError> {
        let mut indexes = Vec::new();
        let mut start = self.cursor.at();
        while self.cursor.take("[") {
            self.cursor.skip_space();
            let kind = self.index()?;
            self.cursor.skip_space();
            if !self.cursor.take("]") {
                return Err(self.cursor.error_here("`]`"));
            }
            let span = start..self.cursor.at();
            indexes.push(Index { kind, span });
            start = self.cursor.at();
        }
        Ok(indexes)
    }

    fn index(&mut self) -> Result<IndexKind, RuleError> {
        if self.cursor.at_string() {
            return self.cursor.string(Quoting::Text).map(IndexKind::Name);
        }
        if self.cursor.take("*") {
            return Ok(IndexKind::Each);
        }
        let digits = self.cursor.take_while(|c| c.is_ascii_digit());
        let number = self.cursor.slice(&digits).parse();
        number.map(IndexKind::At).map_err(|_| {
            self.cursor.go_back(digits.start);
            self.cursor.error_here("a name in quotes, a number or `*`")
        })
    }
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

fn span_of(items: &[Node]) -> Span {
    let start = items.first().map_or(0, |first| first.span.start);
    let end = items.last().map_or(0, |last| last.span.end);
    start..end
}
