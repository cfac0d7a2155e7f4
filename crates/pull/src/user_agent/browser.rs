//! Browsers, which all begin with `Mozilla/5.0`, and the programs that begin like them.

use super::products::{Word, words};

/// Products that carry a browser's version, the more special first: Edge also says Chrome, Chrome also says Safari.
const PRODUCTS: &[&str] = &["Edg", "OPR", "Firefox", "FxiOS", "CriOS", "Chrome", "Version"];

/// What the comment shows, the more special first: Android also says Linux, an iPhone also says Mac OS X.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows", "windows"),
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("Mac OS X", "macos"),
    ("CrOS", "chromeos"),
    ("Linux", "linux"),
];

/// What is inside a browser: an app's web view names nothing else.
const ENGINES: &[&str] = &["AppleWebKit", "Gecko", "KHTML", "Trident"];

/// The browser's version; `None` where no browser's product follows.
pub(super) fn version(text: &str) -> Option<&str> {
    let version =
        |wanted: &str| products(text).find_map(|(name, version)| (name == wanted).then_some(version));
    let said = PRODUCTS
        .iter()
        .chain(ENGINES)
        .find_map(|product| version(product));
    said.or_else(|| compatible(text)?.strip_prefix("MSIE ").map(first_word))
}

/// The program that only begins like a browser: what it is compatible as (`(compatible; Googlebot/2.1; …)`), what its only
/// comment names (`(Nikto/2.1.5)`), or its second product, where that is no browser's (`Mozilla/5.0 zgrab/0.x`). `has_version` is
/// whether it has a browser's [`version`].
pub(super) fn other_program(text: &str, has_version: bool) -> Option<(&str, &str)> {
    match compatible(text) {
        Some(name) if name.starts_with("MSIE ") => return None,
        Some(name) => return Some(product(name)),
        None => {}
    }
    if has_version {
        return None;
    }
    let named = comments(text).next().filter(|comment| is_product(comment));
    named.map(product).or_else(|| products(text).nth(1))
}

/// What follows `compatible` in a comment.
fn compatible(text: &str) -> Option<&str> {
    comments(text).find_map(|comment| {
        let mut parts = comment.split([';', ',']).map(str::trim);
        parts.find(|part| *part == "compatible")?;
        parts.next().filter(|name| !name.is_empty())
    })
}

/// `name/version` alone, and no address.
fn is_product(comment: &str) -> bool {
    comment.contains('/') && !comment.contains([' ', ';', ':'])
}

fn product(text: &str) -> (&str, &str) {
    let word = first_word(text);
    word.split_once('/').unwrap_or((word, ""))
}

fn first_word(text: &str) -> &str {
    text.split([' ', ';']).next().unwrap_or_default()
}

fn products(text: &str) -> impl Iterator<Item = (&str, &str)> {
    words(text).filter_map(|word| match word {
        Word::Product { name, version } => Some((name, version)),
        Word::Comment(_) => None,
    })
}

fn comments(text: &str) -> impl Iterator<Item = &str> {
    words(text).filter_map(|word| match word {
        Word::Comment(comment) => Some(comment),
        Word::Product { .. } => None,
    })
}

/// The system that the first comment names.
pub(super) fn system(text: &str) -> &'static str {
    let shown = |comment: &str| SYSTEMS.iter().find(|(hint, _)| comment.contains(hint));
    comments(text)
        .next()
        .and_then(shown)
        .map_or("", |(_, system)| *system)
}
