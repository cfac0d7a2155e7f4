use std::borrow::Cow;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, dense};

use super::{BlobPath, decode, repository_of};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn blob(repository: &str) {
    let path = format!("/v2/{repository}/blobs/{DIGEST}");
    let parsed = BlobPath::parse(&path).unwrap();
    assert_eq!((parsed.repository, parsed.digest.as_str()), (repository, DIGEST));
    assert_eq!(repository_of(&path), Some(repository));
}

#[track_caller]
fn none(path: &str) {
    assert_eq!(BlobPath::parse(path), None, "{path}");
}

#[test]
fn names_follow_the_grammar() {
    for name in [
        "alpine",
        "library/alpine",
        "a/b/c/d",
        "a.b/c_d/e__f/g--h",
        "blobs",
        "a/blobs/blobs",
        "a/blobs/uploads",
        "manifests/uploads",
        "0/9",
    ] {
        blob(name);
    }
    for name in [
        "", "/", "A", "a/", "/a", "a//b", ".a", "a.", "a..b", "a___b", "a._b", "-a", "a-", "..", "a/../b",
        "a%2fb", "a b", "é",
    ] {
        none(&format!("/v2/{name}/blobs/{DIGEST}"));
    }
}

#[test]
fn a_name_is_at_most_255_bytes() {
    blob(&"a".repeat(255));
    none(&format!("/v2/{}/blobs/{DIGEST}", "a".repeat(256)));
}

#[test]
fn other_paths_are_no_blobs() {
    for path in [
        "",
        "/",
        "/v2/",
        "/v2/blobs/",
        "/v2/a/blobs/",
        "/v2/a/blobs/uploads/",
        "/v2/a/blobs/uploads/6b4e",
        "/v2/a/blobs/latest",
        "/v2/a/manifests/latest",
        "/v1/a/blobs/sha256:00",
    ] {
        none(path);
    }
    none(&format!("/v2/a/manifests/{DIGEST}"));
    none(&format!("/v2/a/blobs/{DIGEST}/"));
    none(&format!("v2/a/blobs/{DIGEST}"));
    none(&format!("//v2/a/blobs/{DIGEST}"));
    none(&format!("/v2/a/blobs//{DIGEST}"));
    none(&format!("/v2/blobs/{DIGEST}"));
}

#[test]
fn a_whole_pull_has_one_repository() {
    for path in [
        "/v2/a/b/manifests/latest",
        "/v2/a/b/tags/list",
        "/v2/a/b/blobs/uploads/",
        "/v2/a/b/blobs/uploads/6b4e-1",
        "/v2/a/b/blobs/uploads/x/y",
        "/v2/a/b/referrers/sha256:00",
    ] {
        assert_eq!(repository_of(path), Some("a/b"), "{path}");
    }
    for path in [
        "/v2/",
        "/v2/_catalog",
        "/v2/manifests/latest",
        "/v2/a/manifests/",
        "/v2/A/manifests/x",
        "/token",
    ] {
        assert_eq!(repository_of(path), None, "{path}");
    }
}

#[test]
fn an_escaped_path_is_the_path_that_the_origin_decodes() {
    let path = decode("/v2/library%2Falpine/blobs/sha256%3ae3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8%35%35").unwrap();
    let parsed = BlobPath::parse(&path).unwrap();
    assert_eq!(
        (parsed.repository, parsed.digest.as_str()),
        ("library/alpine", DIGEST)
    );
    for broken in ["%", "%2", "%zz", "%+1", "%é", "%ff", "a%2"] {
        assert_eq!(decode(broken), None, "{broken}");
    }
    // Once: what decodes to an escape is none of ours.
    none(&decode(&format!("/v2/a%252Fb/blobs/{DIGEST}")).unwrap());
    none(&decode(&format!("/v2/a/%2e%2e/b/blobs/{DIGEST}")).unwrap());
}

/// The expression of the distribution-spec ("Pulling manifests") as it stands there.
#[test]
fn a_name_is_what_the_specs_expression_matches() {
    const SPEC: &str = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$";
    const LETTERS: &[u8] = b"az09._-/A";
    let bytes_only = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false);
    let spec = dense::Builder::new().syntax(bytes_only).build(SPEC).unwrap();
    bolero::check!()
        .with_max_len(16)
        .with_iterations(50_000)
        .for_each(|bytes: &[u8]| {
            let letter = |b: &u8| char::from(LETTERS[usize::from(*b) % LETTERS.len()]);
            let name: String = bytes.iter().map(letter).collect();
            let expected = spec.try_search_fwd(&Input::new(&name)).unwrap().is_some();
            assert_eq!(super::repository(&name).is_some(), expected, "{name:?}");
        });
}

#[test]
fn what_parses_joins_to_the_path_again() {
    const PIECES: [&str; 14] = [
        "/v2/",
        "/blobs/",
        "uploads/",
        "manifests",
        "tags",
        "/",
        "a",
        "b-c",
        "_",
        ".",
        "%2F",
        "%",
        "sha256:",
        DIGEST,
    ];
    bolero::check!()
        .with_max_len(12)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            let pieces = bytes.iter().map(|b| PIECES[usize::from(*b) % PIECES.len()]);
            check(&pieces.clone().collect::<String>());
            // Nearly a blob, so that names are tried too.
            check(&format!("/v2/{}/blobs/{DIGEST}", pieces.collect::<String>()));
            check(&String::from_utf8_lossy(bytes));
        });
}

fn check(path: &str) {
    let repository = repository_of(path);
    assert!(repository.is_none_or(|name| path.starts_with(&format!("/v2/{name}/"))));
    if let Some(blob) = BlobPath::parse(path) {
        assert_eq!(
            path,
            format!("/v2/{}/blobs/{}", blob.repository, blob.digest.as_str())
        );
        assert_eq!(repository, Some(blob.repository));
    }
    match decode(path) {
        Some(Cow::Borrowed(plain)) => assert_eq!(plain, path),
        Some(Cow::Owned(plain)) => assert!(plain.len() < path.len()),
        None => assert!(path.contains('%')),
    }
}
