//! Pages that need no script: a report behind a link, and what a browser is shown where nothing is.
//!
//! In scope: the frame, its one style and the headers that keep it safe. Not in scope: what is on a page.

use crate::visible;

/// Works on paper, and in the dark.
const STYLE: &str = include_str!("plain_page.css");

/// Of [`STYLE`], in base 64: the one thing that the policy allows.
const STYLE_SHA256: &str = "tj9YuGILLEKQyBz35VeYmVuiQlKaDSWX9TiqytVA+w8=";

/// Nothing but the style: no script, no image, no call, no form, no frame around it.
#[must_use]
pub fn plain_page_headers() -> [(&'static str, String); 9] {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; sandbox"
    );
    [
        ("Content-Type", "text/html; charset=utf-8".to_owned()),
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-store".to_owned()),
        ("Referrer-Policy", "no-referrer".to_owned()),
        ("X-Robots-Tag", "noindex, nofollow".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("X-Frame-Options", "DENY".to_owned()),
        ("Cross-Origin-Opener-Policy", "same-origin".to_owned()),
        ("Cross-Origin-Resource-Policy", "same-origin".to_owned()),
    ]
}

/// A page; `main` is markup, `title` is text.
#[must_use]
pub fn plain_page(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{main}\n</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

/// Text that is no markup, in an element or in a quoted attribute; what would be hidden is shown.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in visible(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        assert_eq!(STYLE_SHA256, STANDARD.encode(Sha256::digest(STYLE)));
        let [_, (_, policy), ..] = plain_page_headers();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("script"),
            "{policy}"
        );
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            escaped("</title><script>\"'&\u{202e}"),
            "&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;\\u{202e}"
        );
        let page = plain_page("<b>", "<h1>one</h1>");
        assert!(page.contains("<title>&lt;b&gt;</title>") && page.contains("<h1>one</h1>"));
    }
}
