//! How large a rule and a rulebook may be.

/// Bytes of one expression; Cloudflare's own limit
/// (<https://developers.cloudflare.com/ruleset-engine/rules-language/expressions/>).
pub const MAX_TEXT: usize = 4096;

/// Parentheses, `not` and function calls within each other. A level costs the parser about 1 KB of stack and the
/// evaluators less: 32 KB of the 1 MB that Wasm has.
pub const MAX_NESTING: usize = 32;

/// Values of one list. A value and its space take at least two bytes of [`MAX_TEXT`], so this binds only in theory;
/// it keeps the bound where the list is, should the text limit grow.
pub(crate) const MAX_LIST: usize = 1000;

/// Items of one list by name: what Cloudflare lets an account have.
/// <https://developers.cloudflare.com/waf/tools/lists/custom-lists/>
pub const MAX_LIST_ITEMS: usize = 10_000;

/// Bytes of a list's name, as at Cloudflare.
pub(super) const MAX_LIST_NAME: usize = 50;

/// Bytes of a host name: what DNS lets one have. Each of its dots is one look-up.
pub(super) const MAX_HOST_NAME: usize = 253;

/// Arguments of one function call; `concat` is the only one without a fixed number.
pub(crate) const MAX_ARGUMENTS: usize = 16;

/// `*` of one wildcard: each is one more search of the value.
pub const MAX_STARS: usize = 8;

/// Bytes of the automaton of one regular expression, and of the work to build it. `docker/.*kernel/.*amzn2` takes
/// 6 KB and `/blobs/sha256:[0-9a-f]{64}$` 10 KB; only counted repetitions of wide classes reach it.
pub const MAX_REGEX_BYTES: usize = 128 << 10;

/// Groups and repetitions within each other in one regular expression; its parser is recursive in parts.
pub(super) const MAX_REGEX_NESTING: u32 = 50;

/// Bytes of all regular expressions of a rulebook: 3 % of the 128 MB that one isolate has.
pub(crate) const MAX_REGEX_TOTAL_BYTES: usize = 4 << 20;

/// Rules of one rulebook.
pub const MAX_RULES: usize = 4096;

/// Comparisons of one rulebook, each counted as often as it is written: 16 each for the most rules. Compiled, one
/// takes 12 bytes of a tree, and 2 bits of each [`super::Scratch`].
pub const MAX_PREDICATES: usize = 1 << 16;

/// Bytes that one run of a rulebook may take for values of `lower`, `upper`, `concat` and `to_string` before its
/// buffer has to grow: the request line and headers that Cloudflare lets through are 32 KB in practice, and one
/// lower-cased copy of them fits. The buffer keeps what it grew to.
pub(super) const DERIVED_BYTES: usize = 32 << 10;
