//! What somebody may have meant by a name that is not there.

/// The nearest of the names, if one is close: no more than a third of its letters differ.
#[must_use]
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let by_distance = names.into_iter().map(|name| (distance(wrong, name), name));
    let (distance, name) = by_distance.min()?;
    (distance * 3 <= wrong.len()).then_some(name)
}

/// Fits behind what is said of a name that is not there, or stands at the wrong place; empty where none is near.
#[must_use]
pub fn did_you_mean<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let near = nearest(wrong, names).filter(|name| *name != wrong);
    near.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// Bytes of a name that is compared: no name of ours is longer.
const MAX_COMPARED: usize = 256;

/// Levenshtein's distance in bytes, letters compared without case.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > MAX_COMPARED {
        return usize::MAX / 4;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let changed = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            diagonal = *slot;
            before = changed.min(before + 1).min(*slot + 1);
            *slot = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn only_what_is_close_is_offered() {
        #[track_caller]
        fn case(wrong: &str, expected: Option<&str>) {
            assert_eq!(
                nearest(wrong, ["docker", "containerd", "cri-o"]),
                expected,
                "{wrong}"
            );
        }
        case("dokcer", Some("docker"));
        case("Docker", Some("docker"));
        case("containrd", Some("containerd"));
        case("crio", Some("cri-o"));
        case("skopeo", None);
        case("", None);
        case(&"docker".repeat(1_000), None);
        assert_eq!(did_you_mean("dockr", ["docker"]), " (did you mean `docker`?)");
        assert_eq!(did_you_mean("x", ["docker"]), "");
    }
}
