//! The dashboard's pages: which file answers an address, and the headers that every one of them has.
//!
//! In scope: addresses, media types, the content security policy. Not in scope: the files, which `cargo xtask build`
//! makes from `dashboard/` and the platform keeps, and the API.

/// Where the pages are.
pub const PREFIX: &str = "/_blobwatch/";

/// Scripts, styles, images and calls are ours alone; nothing is inline, nothing may frame us, and text never becomes
/// markup: where the browser has Trusted Types, assigning it fails, and no policy can be made that would allow it.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// On every answer that a browser may show.
pub const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    // An address of ours has cohorts, repositories and clients in it.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
];

/// The views, which are one document: the script shows what the address says.
const VIEWS: [&str; 13] = [
    "",
    "timeline",
    "cohorts",
    "rules",
    "fires",
    "audit",
    "settings",
    "anomalies",
    "rule",
    "lists",
    "list",
    "draft",
    "revert",
];

/// A file that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DashboardFile<'a> {
    /// Within the folder of the pages.
    pub file: &'a str,
    pub media_type: &'static str,
    pub cache_control: &'static str,
}

impl<'a> DashboardFile<'a> {
    /// The page at a path; `None` where there is none.
    #[must_use]
    pub fn at(path: &'a str) -> Option<Self> {
        let below = path.strip_prefix(PREFIX)?;
        if let Some(name) = below.strip_prefix("assets/") {
            return is_plain(name).then_some(Self {
                file: below,
                media_type: media_type(name)?,
                // Names carry a hash of the content.
                cache_control: "public, max-age=31536000, immutable",
            });
        }
        let view = below.split('/').next().unwrap_or_default();
        VIEWS.contains(&view).then_some(Self {
            file: "index.html",
            media_type: "text/html; charset=utf-8",
            cache_control: "no-cache",
        })
    }
}

/// One segment, without anything that a file system or an address would read otherwise.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain)
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(path: &str, expected: Option<&str>) {
        assert_eq!(DashboardFile::at(path).map(|page| page.file), expected, "{path}");
    }

    #[test]
    fn every_view_is_the_document() {
        for view in VIEWS {
            case(&format!("/_blobwatch/{view}"), Some("index.html"));
        }
        case("/_blobwatch/anomalies/an-000012", Some("index.html"));
        case("/_blobwatch/rules/botnet-sig/hub", Some("index.html"));
    }

    /// The page's script names its views by `name: "timeline"`: an address that it shows must not be 404 when it is copied.
    #[test]
    fn the_script_has_these_views_and_no_other() {
        let script = include_str!("../../../dashboard/src/app.tsx");
        let names = script.split("{ name: \"").skip(1);
        let mut shown: Vec<&str> = names.filter_map(|rest| rest.split('"').next()).collect();
        let mut known = VIEWS.to_vec();
        shown.sort_unstable();
        known.sort_unstable();
        assert_eq!(shown, known);
    }

    #[test]
    fn a_script_has_its_type_and_stays_in_the_cache() {
        let page = DashboardFile::at("/_blobwatch/assets/index-B1f2.js").unwrap();
        assert_eq!(page.file, "assets/index-B1f2.js");
        assert_eq!(page.media_type, "text/javascript; charset=utf-8");
        assert!(page.cache_control.contains("immutable"));
    }

    #[test]
    fn nothing_else_is_a_page() {
        for path in [
            "/",
            "/_blobwatch",
            "/_blobwatch/nothing",
            "/_blobwatch/api/v1/rules",
            "/_blobwatch/session",
            "/_blobwatch/index.html",
            "/_blobwatch/assets/",
            "/_blobwatch/assets/x",
            "/_blobwatch/assets/x.wasm",
            "/_blobwatch/assets/.x.js",
            "/_blobwatch/assets/../index.html",
            "/_blobwatch/assets/%2e%2e/x.js",
            "/_blobwatch/assets/a/x.js",
        ] {
            case(path, None);
        }
    }

    #[test]
    fn the_policy_allows_nothing_inline() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
        assert!(!CONTENT_SECURITY_POLICY.contains("data:"));
        assert!(!CONTENT_SECURITY_POLICY.contains("  "));
    }
}
