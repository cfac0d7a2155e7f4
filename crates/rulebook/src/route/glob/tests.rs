use super::{Glob, GlobError};

#[track_caller]
fn case(glob: &str, name: &str, expected: bool) {
    assert_eq!(
        Glob::parse(glob).unwrap().matches(name),
        expected,
        "{glob} on {name}"
    );
    assert_eq!(
        slow(glob.as_bytes(), name.as_bytes()),
        expected,
        "the twin: {glob} on {name}"
    );
}

/// Says the same in the words of the documentation, by trying everything.
fn slow(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], _) => name.is_empty(),
        ([b'*', b'*', rest @ ..], _) => (0..=name.len()).any(|n| slow(rest, &name[n..])),
        ([b'*', rest @ ..], _) => (0..=name.len())
            .take_while(|n| !name[..*n].contains(&b'/'))
            .any(|n| slow(rest, &name[n..])),
        ([g, rest @ ..], [n, names @ ..]) => g == n && slow(rest, names),
        (_, []) => false,
    }
}

#[test]
fn a_star_stays_within_a_segment() {
    case("library/*", "library/alpine", true);
    case("library/*", "library/", true);
    case("library/*", "library/a/b", false);
    case("*", "alpine", true);
    case("*", "library/alpine", false);
    case("*/cache", "team/cache", true);
    case("a*c*e", "abcde", true);
    case("a*c*e", "ab/cde", false);
}

#[test]
fn two_stars_go_across() {
    case("**", "a/b/c", true);
    case("team/**", "team/a/b", true);
    case("team/**", "team", false);
    case("team**", "team", true);
    case("**/cache", "a/b/cache", true);
    case("**/cache", "cache", false);
    case("a/**/z", "a/b/c/z", true);
    case("a/**/z", "a/z", false);
}

#[test]
fn no_star_is_the_name_itself() {
    case("a/b", "a/b", true);
    case("a/b", "a/bc", false);
    case("a/b", "a", false);
}

#[test]
fn errors_name_the_byte() {
    #[track_caller]
    fn case(glob: &str, expected: &GlobError) {
        assert_eq!(&Glob::parse(glob).unwrap_err(), expected, "{glob}");
    }
    case("", &GlobError::Empty);
    case("a/***", &GlobError::ThreeStars { position: 4 });
    case(
        "a/B",
        &GlobError::Character {
            position: 2,
            found: 'B',
        },
    );
    case(&"a".repeat(256), &GlobError::TooLong { bytes: 256 });
    case(
        &format!("x*{}", "a".repeat(127)),
        &GlobError::TooManyParts { position: 128 },
    );
    assert!(Glob::parse(&format!("{}*{}", "a".repeat(128), "a".repeat(126))).is_ok());
    assert!(Glob::parse(&"a".repeat(255)).is_ok());
}

#[test]
fn it_says_what_the_slow_twin_says() {
    const LETTERS: &[u8] = b"ab/*";
    bolero::check!()
        .with_max_len(40)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            let (glob, name) = bytes.split_at(bytes.len() / 3);
            let spell = |bytes: &[u8], letters: usize| -> String {
                bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % letters]))
                    .collect()
            };
            let (glob, name) = (spell(glob, 4), spell(name, 3));
            if let Ok(fast) = Glob::parse(&glob) {
                assert_eq!(
                    fast.matches(&name),
                    slow(glob.as_bytes(), name.as_bytes()),
                    "{glob} on {name}"
                );
            }
        });
}

#[test]
fn a_glob_of_many_stars_is_as_fast_as_any() {
    let glob = Glob::parse(&"*a".repeat(63)).unwrap();
    let name = format!("{}b", "a".repeat(254));
    // By trying everything this is 10^60 steps.
    assert!(!glob.matches(&name));
}
