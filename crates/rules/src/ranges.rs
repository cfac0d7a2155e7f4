//! Values as ranges in order: joined once, then found by a binary search.

/// The same values as ranges in ascending order that neither overlap nor touch.
pub(super) fn apart<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if next(*end).is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Up to here looking at each is faster than searching.
const FEW: usize = 8;

#[inline]
pub(super) fn is_in<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    if ranges.len() <= FEW {
        return ranges
            .iter()
            .any(|(first, last)| *first <= value && value <= *last);
    }
    let after = ranges.partition_point(|(first, _)| *first <= value);
    let candidate = after.checked_sub(1).and_then(|at| ranges.get(at));
    candidate.is_some_and(|(_, last)| value <= *last)
}

/// `strings` are sorted.
pub(super) fn is_one_of(strings: &[Box<[u8]>], value: &[u8]) -> bool {
    if strings.len() <= FEW {
        return strings.iter().any(|string| **string == *value);
    }
    strings.binary_search_by(|string| (**string).cmp(value)).is_ok()
}
