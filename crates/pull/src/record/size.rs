//! Blobs by their size.

/// Classes that faults of proxies and caches tell apart: what fits in one response, in memory, below a limit of 1 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SizeClass {
    Small,
    Medium,
    Large,
    Huge,
}

const MIB: u64 = 1 << 20;

impl SizeClass {
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::Huge];

    #[must_use]
    pub const fn of(size: u64) -> Self {
        if size < MIB {
            Self::Small
        } else if size < 64 * MIB {
            Self::Medium
        } else if size <= 1024 * MIB {
            Self::Large
        } else {
            Self::Huge
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "under 1 MiB",
            Self::Medium => "1 MiB to 64 MiB",
            Self::Large => "64 MiB to 1 GiB",
            Self::Huge => "over 1 GiB",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_ends_where_the_next_begins() {
        #[track_caller]
        fn case(size: u64, expected: &str) {
            assert_eq!(SizeClass::of(size).as_str(), expected, "{size}");
        }
        case(0, "under 1 MiB");
        case(MIB - 1, "under 1 MiB");
        case(MIB, "1 MiB to 64 MiB");
        case(64 * MIB - 1, "1 MiB to 64 MiB");
        case(64 * MIB, "64 MiB to 1 GiB");
        case(1024 * MIB, "64 MiB to 1 GiB");
        case(1024 * MIB + 1, "over 1 GiB");
    }
}
