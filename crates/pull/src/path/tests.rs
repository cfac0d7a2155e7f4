use std::borrow::Cow;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, dense};

use super::normal::MAX_OTHER_FORMS;
use super::{BlobPath, normal_form, other_forms, repository, repository_of};
use blobwatch_wire::MAX_TEXT_BYTES;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// In its one spelling.
#[track_caller]
fn blob(repository: &str) {
    let path = format!("/v2/{repository}/blobs/{DIGEST}");
    assert!(matches!(normal_form(&path), Cow::Borrowed(_)), "{path}");
    let parsed = BlobPath::parse(&path).unwrap();
    assert_eq!((parsed.repository, parsed.digest.as_str()), (repository, DIGEST));
    assert_eq!(repository_of(&path), Some(repository));
}

#[track_caller]
fn none(path: &str) {
    assert_eq!(BlobPath::parse(&normal_form(path)), None, "{path}");
}

/// Another spelling of [`DIGEST`] in this repository.
#[track_caller]
fn odd(path: &str, repository: &str) {
    let form = normal_form(path);
    assert_eq!(form, format!("/v2/{repository}/blobs/{DIGEST}"), "{path}");
    let parsed = BlobPath::parse(&form).unwrap();
    assert_eq!((parsed.repository, parsed.digest.as_str()), (repository, DIGEST));
    assert_eq!(repository_of(&form), Some(repository));
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
        assert_eq!(repository(name), None, "{name}");
    }
}

/// An origin may take what the grammar does not.
#[test]
fn a_name_against_the_grammar_is_watched() {
    #[track_caller]
    fn case(name: &str, read: &str) {
        let path = format!("/v2/{name}/blobs/{DIGEST}");
        let form = normal_form(&path);
        assert_eq!(BlobPath::parse(&form).unwrap().repository, read, "{name}");
    }
    for (name, read) in [
        ("", ""),
        ("/", ""),
        ("A", "a"),
        ("a/", "a"),
        ("/a", "a"),
        ("a//b", "a/b"),
        (".a", ".a"),
        ("a..b", "a..b"),
        ("a___b", "a___b"),
        ("-a", "-a"),
        ("a%2fb", "a/b"),
        ("a b", "a b"),
        ("a%20b", "a b"),
        ("a%1bb%e2%80%ae", "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}"),
        ("%", "%"),
        ("100%zz%", "100%zz%"),
    ] {
        case(name, read);
    }
    let long = "a".repeat(MAX_TEXT_BYTES + 1);
    case(&"a".repeat(256), &"a".repeat(256));
    case(&long, &long[1..]);
    case(&format!("{}é", &long[2..]), &long[2..]);
}

#[test]
fn a_digest_against_the_grammar_is_watched() {
    #[track_caller]
    fn case(digest: &str, read: &str) {
        let path = format!("/v2/a/blobs/{digest}");
        let form = normal_form(&path);
        assert_eq!(BlobPath::parse(&form).unwrap().digest.as_str(), read, "{digest}");
    }
    case("sha256:short", "sha256:short");
    case("SHA256:ABC", "sha256:abc");
    case("Sha512:ABC%20", "sha512:abc ");
    case("multihash+base58:QmRZ", "multihash+base58:QmRZ");
    case("Multihash+base58:QmRZ", "multihash+base58:QmRZ");
    case("a:b:c", "a:b:c");
    for digest in ["latest", "sha256", ":", "sha256:", ":abc", "sha256%3a", "%3aabc"] {
        none(&format!("/v2/a/blobs/{digest}"));
    }
}

#[test]
fn a_name_of_255_bytes_follows_the_grammar() {
    blob(&"a".repeat(255));
    assert_eq!(repository(&"a".repeat(256)), None);
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
        "/v2/a/blobs/uploads/x:y",
        "/v2/a/blobs/latest",
        "/v2/a/manifests/latest",
        "/v1/a/blobs/sha256:00",
        "/v2/a/blobs/x/../manifests/sha256:00",
        "/v2/_catalog",
        "/v2/a/tags/list",
        "/v2/a/referrers/sha256:00",
        "/v2/a%2fmanifests/sha256:00",
        "/v2x/a/blobs/sha256:00",
        "/token",
    ] {
        none(path);
    }
    none(&format!("/v2/a/manifests/{DIGEST}"));
    none(&format!("/a/blobs/{DIGEST}"));
    none(&format!("/v2/a/blobs/..%2fmanifests/{DIGEST}"));
    none(&format!("/v2/a/blobs%2f..%2fmanifests/{DIGEST}"));
}

/// What some origin serves under `/v2/library/app/blobs/<digest>`.
#[test]
fn every_spelling_is_the_blob() {
    let [algorithm, hex] = [&DIGEST[..6], &DIGEST[7..]];
    for path in [
        // Escapes, of one level and of two.
        format!("/v2/library%2Fapp/blobs/{algorithm}%3a{}%35%35", &hex[..62]),
        format!("/%76%32/library/app/%62lobs/{DIGEST}"),
        format!("/v2%2flibrary%2fapp%2fblobs%2f{algorithm}%3A{hex}"),
        format!("/v2%252flibrary%252fapp%252fblobs%252f{algorithm}%253A{hex}"),
        format!("/v2/library/app/blobs/{algorithm}%25%33%61{hex}"),
        // Slashes.
        format!("//v2/library/app/blobs/{DIGEST}"),
        format!("/v2//library/app/blobs/{DIGEST}"),
        format!("/v2/library///app/blobs/{DIGEST}"),
        format!("/v2/library/app//blobs/{DIGEST}"),
        format!("/v2/library/app/blobs//{DIGEST}"),
        format!("/v2/library/app/blobs/{DIGEST}/"),
        format!("/v2/%2flibrary/app/blobs/{DIGEST}"),
        format!("/v2/library%5capp%5Cblobs%5c{DIGEST}"),
        format!("/v2\\library\\app/blobs/{DIGEST}"),
        // Dots.
        format!("/x/../v2/library/app/blobs/{DIGEST}"),
        format!("/v2/../v2/library/app/blobs/{DIGEST}"),
        format!("/../../v2/library/app/blobs/{DIGEST}"),
        format!("/v2/./library/app/blobs/./{DIGEST}/."),
        format!("/v2/x/..%2flibrary/app/blobs/{DIGEST}"),
        format!("/v2/library/%2e%2fapp/blobs/{DIGEST}"),
        format!("/v2/x%2f..%2flibrary/app/blobs/{DIGEST}"),
        format!("/v2/x%252f..%252flibrary/app/blobs/{DIGEST}"),
        format!("/v2/x/%2e%2e/library/app/blobs/{DIGEST}"),
        format!("/v2/x/%252e%252e/library/app/blobs/{DIGEST}"),
        format!("/v2/library/app/tags/%252e%252e/blobs/{DIGEST}"),
        format!("/v2/library/app/manifests%2f..%2fblobs/{DIGEST}"),
        format!("/v2/library/app/blobs/x%2fy%2f%252e%252e%2f..%2f{DIGEST}"),
        // Dots behind what only some origins take for a slash, an empty segment or an end.
        format!("/v2/x%5cy%2f..%2flibrary/app/blobs/{DIGEST}"),
        format!("/v2/x%3by%2f..%2flibrary/app/blobs/{DIGEST}"),
        format!("/v2/%2f../library/app/blobs/{DIGEST}"),
        format!("/v2/library/app/blobs/%2f../{DIGEST}"),
        format!("/v2/..;%252f../library/app/blobs/{DIGEST}"),
        format!("/v2/%3b%5C..%5c%00//v2/..;%2flibrary/app/blobs/{DIGEST}"),
        // Parameters, a query, an end.
        format!("/v2;a=b/library;c/app;/blobs;jsessionid=1/{DIGEST};d"),
        format!("/v2/x/..;/library/app/blobs/{DIGEST}"),
        format!("/v2/x/..;a=b/library/app/blobs/{DIGEST}"),
        format!("/v2/library/app/blobs/{DIGEST}%3bv=1"),
        format!("/v2/library/app/blobs/{DIGEST}%3fx"),
        format!("/v2/library/app/blobs/{DIGEST}%23x"),
        format!("/v2/library/app/blobs/{DIGEST}%00.txt"),
        // Case.
        format!("/V2/Library/APP/BLOBS/{}", DIGEST.to_ascii_uppercase()),
        format!("/v2/library/app/Blobs/SHA256:{hex}"),
        format!("/v2/library/app/blobs/sha256:{}", hex.to_ascii_uppercase()),
        // What stands before and after it.
        format!("/artifactory/api/docker/local/v2/library/app/blobs/{DIGEST}"),
        format!("/repository/hosted/v2/library/app/blobs/{DIGEST}"),
        format!("/v2/library/app/blobs/{DIGEST}/x"),
        format!("/v2/library/app/blobs/{DIGEST}/%2e%2e/x/../../{DIGEST}"),
        format!("/%zz/v2/library/app/blobs/{DIGEST}/%"),
    ] {
        odd(&path, "library/app");
    }
    odd(
        &format!("/v2/a/blobs/{DIGEST}/blobs/{DIGEST}"),
        &format!("a/blobs/{DIGEST}"),
    );
    odd(&format!("/v2/a%ffb/blobs/{DIGEST}"), "a\u{fffd}b");
}

/// What comes before it is as long as a header may be.
#[test]
fn a_long_way_to_the_blob_is_the_blob() {
    for detour in ["x%252f..%252f", "x%2f..%2f", "x/..;/", "x%5c..%5c"] {
        let long = detour.repeat(4_000);
        odd(&format!("/v2/{long}library/app/blobs/{DIGEST}"), "library/app");
    }
}

#[test]
fn a_whole_pull_has_one_repository() {
    #[track_caller]
    fn case(path: &str, repository: Option<&str>) {
        assert_eq!(repository_of(&normal_form(path)), repository, "{path}");
    }
    for path in [
        "/v2/a/b/manifests/latest",
        "/v2/a/b/manifests/Latest",
        "/v2/a/b/manifests/sha256:00",
        "/v2/a/b/tags/list",
        "/v2/a/b/blobs/uploads/",
        "/v2/a/b/blobs/uploads/6b4e-1",
        "/v2/a/b/blobs/uploads/x/y",
        "/v2/a/b/referrers/sha256:00",
        "/v2/a//b/manifests/latest",
        "/v2/a%2fb/manifests/latest",
        "/V2/A/x/../B/tags/list",
        "/proxy/v2/a/b/manifests/latest",
    ] {
        case(path, Some("a/b"));
    }
    for path in [
        "/v2/",
        "/v2/_catalog",
        "/v2/manifests/latest",
        "/v2/a/manifests/",
        "/v2/a_/manifests/x",
        "/token",
    ] {
        case(path, None);
    }
    case(&format!("/v2/blobs/{DIGEST}"), None);
}

/// What is normal is not looked at twice, and neither are manifests and tags in their one spelling.
#[test]
fn the_one_spelling_is_not_copied() {
    #[track_caller]
    fn case(path: &str, is_borrowed: bool) {
        assert_eq!(
            matches!(normal_form(path), Cow::Borrowed(_)),
            is_borrowed,
            "{path}"
        );
    }
    case("/v2/library/app/manifests/latest", true);
    case("/v2/library/app/manifests/sha256:00", true);
    case("/v2/library/app/tags/list", true);
    case("/v2/", false);
    case("/token", true);
    case("/v2/library/app/manifests/a%2fb", false);
    case("/v2/library/app/blobs/a", false);
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

const PIECES: [&str; 29] = [
    "/v2/",
    "/blobs/",
    "%5c",
    "%5C..%5c",
    "%2f..",
    "%2f%2f",
    "%252f..%252f",
    "%3b",
    "%00",
    "uploads/",
    "manifests",
    "tags",
    "/",
    "a",
    "b-c",
    "_",
    ".",
    "..",
    "%2F",
    "%252f",
    "%2e%2e",
    "%252E%252e",
    "\\",
    ";",
    "%3f",
    "%",
    "sha256:",
    "V2",
    DIGEST,
];

#[test]
fn what_parses_joins_to_the_path_again() {
    bolero::check!()
        .with_max_len(12)
        .with_iterations(1_000)
        .for_each(|bytes: &[u8]| {
            let pieces = bytes.iter().map(|b| PIECES[usize::from(*b) % PIECES.len()]);
            check(&pieces.clone().collect::<String>());
            // Nearly a blob, so that names are tried too.
            check(&format!("/v2/{}/blobs/{DIGEST}", pieces.collect::<String>()));
            check(&String::from_utf8_lossy(bytes));
        });
}

fn check(path: &str) {
    let form = normal_form(path);
    assert!(form.len() <= path.len().max(2 * MAX_TEXT_BYTES + 16) + 2 * path.matches('%').count());
    let repository = repository_of(&form);
    assert!(repository.is_none_or(|name| form.starts_with(&format!("/v2/{name}/"))));
    if let Some(blob) = BlobPath::parse(&form) {
        let slash = if blob.repository.is_empty() { "" } else { "/" };
        let digest = blob.digest.as_str();
        assert_eq!(form, format!("/v2/{}{slash}blobs/{digest}", blob.repository));
        assert_eq!(repository.unwrap_or_default(), blob.repository);
    }
}

/// Origins, each in the obvious way: whichever of them finds a blob in a path, it is watched. Of the first, which is the
/// most common one, the name is right, too.
#[test]
fn what_an_origin_serves_is_watched() {
    fn once(path: &str) -> String {
        let mut plain = String::new();
        let mut letters = path.chars();
        while let Some(letter) = letters.next() {
            let digits: String = letters.clone().take(2).collect();
            match u8::from_str_radix(&digits, 16) {
                Ok(byte) if letter == '%' && digits.len() == 2 => {
                    plain.push(char::from(byte));
                    letters.nth(1);
                }
                _ => plain.push(letter),
            }
        }
        plain
    }
    fn clean(path: &str) -> String {
        let mut kept = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(kept.pop()),
                segment => kept.push(segment),
            }
        }
        format!("/{}", kept.join("/"))
    }
    /// As the runtime hands a path over: dots are resolved where they are a segment before anything is decoded.
    fn sent(path: &str) -> String {
        let mut kept = Vec::new();
        let slashes = path.replace('\\', "/");
        for segment in slashes.split('/') {
            match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
                "." => {}
                // Nobody leaves the root.
                ".." if kept.len() > 1 => drop(kept.pop()),
                ".." => {}
                _ => kept.push(segment),
            }
        }
        kept.join("/")
    }
    /// nginx with `merge_slashes off`: `..` takes an empty segment back.
    fn resolved(path: &str) -> String {
        let mut kept = Vec::new();
        for segment in path.split('/').skip(1) {
            match segment {
                "." => {}
                ".." => drop(kept.pop()),
                segment => kept.push(segment),
            }
        }
        format!("/{}", kept.join("/"))
    }
    fn without_parameters(path: &str) -> String {
        let names = path.split('/').map(|segment| segment.split(';').next().unwrap());
        names.collect::<Vec<_>>().join("/")
    }
    fn until_the_end(path: &str) -> &str {
        path.split(['?', '#', '\0']).next().unwrap()
    }
    let origins: [fn(&str) -> String; 17] = [
        |path| clean(&once(path)),
        str::to_owned,
        once,
        |path| once(&once(path)),
        clean,
        |path| clean(&once(&clean(&once(path)))),
        |path| clean(&once(&once(path))),
        |path| clean(&once(&without_parameters(path))),
        |path| clean(until_the_end(&once(path))),
        |path| clean(until_the_end(&once(&once(path)))),
        |path| clean(&once(path).replace('\\', "/")),
        // A front, and Go behind it, which decodes what is left.
        |path| clean(&resolved(&once(path))),
        |path| clean(&once(&resolved(&once(path)))),
        |path| clean(&once(&clean(&once(&without_parameters(path))))),
        |path| clean(&without_parameters(&once(&clean(&once(path))))),
        |path| clean(&once(&without_parameters(&once(path)))),
        |path| clean(&once(path).replace('\\', "/")).to_ascii_lowercase(),
    ];
    fn name(served: &str) -> Option<&str> {
        let rest = served.strip_prefix("/v2/")?.strip_suffix(DIGEST)?;
        rest.strip_suffix("/blobs/").and_then(repository)
    }
    bolero::check!()
        .with_max_len(12)
        .with_iterations(1_000)
        .for_each(|bytes: &[u8]| {
            let pieces = bytes.iter().map(|b| PIECES[usize::from(*b) % PIECES.len()]);
            let path = format!("/v2/{}/blobs/{DIGEST}", pieces.collect::<String>());
            let path = sent(&path);
            let served = origins.map(|origin| origin(&path));
            if let Some(name) = name(&served[0]) {
                odd(&path, name);
            }
            let form = normal_form(&path);
            let others = other_forms(&path, &form);
            for name in served.iter().filter_map(|served| name(served)) {
                let is_read = |form: &str| BlobPath::parse(form).unwrap().repository == name;
                let is_known = is_read(&form) || others.iter().any(|other| is_read(other));
                assert!(is_known, "{path}: {form}, {others:?}, served as {name}");
            }
        });
}

/// Blobs of two repositories by one path: that of Go's registries comes first, and the others are known.
#[test]
fn a_path_may_be_read_in_several_ways() {
    #[track_caller]
    fn case(path: &str, names: &[&str]) {
        let path = format!("{path}/blobs/{DIGEST}");
        let form = normal_form(&path);
        let others = other_forms(&path, &form);
        let forms = std::iter::once(&*form).chain(others.iter().map(String::as_str));
        let read: Vec<&str> = forms
            .map(|form| BlobPath::parse(form).unwrap().repository)
            .collect();
        assert_eq!(read, names, "{path}");
    }
    case("/v2/library/app", &["library/app"]);
    case("/v2/library%2fapp", &["library/app"]);
    case("/v2//library//app", &["library/app"]);
    case("/artifactory/api/docker/local/v2/library/app", &["library/app"]);
    // nginx with `merge_slashes off` takes an empty segment back.
    case("/v2/team/free%2f%2f..%2fapp", &["team/app", "team/free/app"]);
    case("/v2/free/x%5c..%2f..%2fteam", &["free/team", "team"]);
    case("/v2/a/free/..;%2f..%2fteam", &["a/free/team", "team", "a"]);
    // The proxy decodes, and the registry behind it once more.
    case("/v2/free/x/%252e%252e/team", &["free/team"]);
}

/// Whoever writes a path that means everything makes no more work than this.
#[test]
fn readings_are_bounded() {
    let path: String = (0..60).map(|n| format!("a{n}%252f..%2f%2f..%5c")).collect();
    let path = format!("/v2/{path}b/blobs/{DIGEST}");
    let others = other_forms(&path, &normal_form(&path));
    assert!(others.len() <= MAX_OTHER_FORMS, "{}", others.len());
}
