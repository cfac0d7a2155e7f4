//! Browsers, which all begin with `Mozilla/5.0`.

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

/// The browser's version; `None` where no browser's product follows, as with bots that only begin like one.
pub(super) fn version(text: &str) -> Option<&str> {
    PRODUCTS.iter().find_map(|wanted| {
        words(text).find_map(|word| match word {
            Word::Product { name, version } if name == *wanted => Some(version),
            _ => None,
        })
    })
}

/// The system that the first comment names.
pub(super) fn system(text: &str) -> &'static str {
    let comment = words(text).find_map(|word| match word {
        Word::Comment(comment) => Some(comment),
        Word::Product { .. } => None,
    });
    let shown = |comment: &str| SYSTEMS.iter().find(|(hint, _)| comment.contains(hint));
    comment.and_then(shown).map_or("", |(_, system)| *system)
}
