//! The rule language: the Cloudflare Rules language with typed fields of our own (docs/rules.md).
//!
//! In scope: parse, check, print, compile and run; each its own type, so that a compiled rule cannot hold an
//! unknown field. Not in scope: modes and actions (`rulebook`, `verdict`).
//!
//! ```
//! use blobwatch_rules::{Engine, Field, Scratch, Value, Values, parse};
//!
//! let rule = parse(r#"http.user_agent contains "docker/" and ip.src.asnum in {16509 14618}"#)?.check()?;
//! let engine = Engine::compile(&[rule])?;
//! let mut scratch = Scratch::new(&engine);
//!
//! let mut values = Values::new();
//! values.set(Field::UserAgent, Value::Bytes(b"docker/19.03.6-ce go/go1.13.4"));
//! values.set(Field::Asn, Value::Int(16509));
//! engine.run(&values, &mut scratch);
//! assert_eq!(scratch.matched().collect::<Vec<_>>(), [0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod absent;
mod array;
mod automaton;
mod check;
mod decode;
mod engine;
mod error;
mod evaluate;
mod explain;
mod expression;
mod fact;
mod field;
mod json;
mod limits;
mod list;
mod names;
mod networks;
mod operand;
mod parse;
mod pattern;
mod print;
mod ranges;
mod signature;
mod term;
mod text;
mod told;
mod untold;
pub mod values;
mod wildcard;

pub use check::{CheckedExpression, RuleWarning};
pub use engine::{CompileError, Engine, Scratch};
pub use error::RuleError;
pub use expression::Expression;
pub use fact::Fact;
pub use field::{Field, Type};
pub use limits::{
    MAX_LIST_ITEMS, MAX_NESTING, MAX_PREDICATES, MAX_REGEX_BYTES, MAX_RULES, MAX_STARS, MAX_TEXT,
};
pub use list::{ItemError, List, ListKind, Lists, check_list_name};
pub use parse::parse;
pub use told::{PlatformFact, SEPARATOR};
pub use untold::Untold;
pub use values::{Value, Values};
