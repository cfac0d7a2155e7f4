//! Whether people could sign in without a token: at a provider, or through Cloudflare Access.

use std::path::Path;

use blobwatch_auth::{Oidc, Provider};

use super::finding::Finding;
use crate::data_folder::SECRETS;
use crate::probe::ask;
use crate::sign_in::{ACCESS, check_access, oidc, oidc_text, variable};

const PROVIDER: &str = "sign-in";

/// Nothing, where nothing is set.
pub(super) fn findings(path: &Path, file: Option<&Path>) -> Vec<Finding> {
    let secrets = path.join(SECRETS);
    let access = variable(ACCESS, &secrets).map(|text| match check_access(&text) {
        Ok(()) => Finding::sound(PROVIDER, "Cloudflare Access"),
        Err(error) => Finding::fault(PROVIDER, format!("{error:#}: nobody comes in through Access")),
    });
    let host = variable("BLOBWATCH_HOST", &secrets);
    let provider = match oidc_text(file, &secrets) {
        Ok(text) => text.map(|text| provider(&text, host.as_deref())),
        Err(error) => Some(Finding::fault(PROVIDER, format!("{error:#}"))),
    };
    access.into_iter().chain(provider).collect()
}

fn provider(text: &str, host: Option<&str>) -> Finding {
    let oidc = match oidc(text) {
        Ok(oidc) => oidc,
        Err(error) => return Finding::fault(PROVIDER, format!("{error:#}")),
    };
    if let Some(host) = host.filter(|host| !leads_to(&oidc.redirect_uri, host)) {
        let told = format!(
            "redirect_uri leads to {}, and BLOBWATCH_HOST is {host}",
            oidc.redirect_uri
        );
        return Finding::fault(PROVIDER, told);
    }
    match discovered(&oidc) {
        Ok(()) => Finding::sound(PROVIDER, format!("{} answers", oidc.issuer)),
        Err(told) => Finding::fault(PROVIDER, told),
    }
}

/// A host without a port is one on every port.
fn leads_to(redirect_uri: &str, host: &str) -> bool {
    let (_, rest) = redirect_uri.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    [authority, name]
        .iter()
        .any(|found| found.eq_ignore_ascii_case(host))
}

fn discovered(oidc: &Oidc) -> Result<(), String> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        oidc.issuer.trim_end_matches('/')
    );
    let answer = ask(&url, None).map_err(|error| format!("{url} does not answer: {error:#}"))?;
    if answer.status().as_u16() != 200 {
        return Err(format!(
            "{url} answers {}: is it the issuer?",
            answer.status().as_u16()
        ));
    }
    Provider::read(answer.body(), oidc)
        .map(drop)
        .map_err(|error| format!("{url}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs::write;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::{findings, leads_to};

    /// Answers one request with a document.
    fn issuer(document: impl FnOnce(&str) -> String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let body = document(&issuer);
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let read = stream.read(&mut asked).unwrap();
            assert!(asked[..read].starts_with(b"GET /.well-known/openid-configuration "));
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).unwrap();
        });
        issuer
    }

    fn found(lines: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("secrets.env"), lines).unwrap();
        let found = findings(folder.path(), None);
        found.iter().map(ToString::to_string).collect()
    }

    fn oidc(issuer: &str) -> String {
        format!(
            r#"BLOBWATCH_OIDC={{"issuer":"{issuer}","client_id":"blobwatch","redirect_uri":"https://b.example/_blobwatch/session/oidc/callback","roles":[{{"group":"sre","role":"operator"}}]}}"#
        )
    }

    #[test]
    fn a_provider_that_answers_is_sound() {
        assert_eq!(found("BLOBWATCH_HOST=b.example\n"), [] as [String; 0]);
        let document = |issuer: &str| {
            format!(
                r#"{{"issuer":"{issuer}","authorization_endpoint":"{issuer}/a","token_endpoint":"{issuer}/t","jwks_uri":"{issuer}/k"}}"#
            )
        };
        let issuer = issuer(document);
        assert_eq!(
            found(&oidc(&issuer)),
            [format!("ok     sign-in      {issuer} answers")]
        );
    }

    #[test]
    fn what_keeps_people_out_is_a_fault() {
        let case = |lines: &str, expected: &str| {
            let found = found(lines);
            assert!(
                found[0].starts_with("FAULT") && found[0].contains(expected),
                "{found:?}"
            );
        };
        case(
            "BLOBWATCH_OIDC={\"issuer\":7}",
            "BLOBWATCH_OIDC cannot be read: oidc.issuer",
        );
        case("BLOBWATCH_ACCESS={}", "BLOBWATCH_ACCESS cannot be read");
        let other = issuer(|_| {
            r#"{"issuer":"https://other.example","authorization_endpoint":"a","token_endpoint":"t","jwks_uri":"k"}"#.to_owned()
        });
        case(&oidc(&other), "expected the issuer");
        case(
            &format!("BLOBWATCH_HOST=c.example\n{}", oidc("http://127.0.0.1:1")),
            "BLOBWATCH_HOST is c.example",
        );
        case(&oidc("http://127.0.0.1:1"), "does not answer");
    }

    #[test]
    fn people_are_sent_back_to_the_host_of_the_dashboard() {
        let uri = "https://b.example:8443/_blobwatch/session/oidc/callback";
        assert!(leads_to(uri, "B.example") && leads_to(uri, "b.example:8443"));
        assert!(!leads_to(uri, "example") && !leads_to(uri, "b.example:443"));
    }
}
