//! The number that stands for each name in stored bytes. A number is never given to another name.

use blobwatch_pull::{Action, Cache, Method, Mode, Outcome, PathShape, RangeKind};
use blobwatch_wire::{DecodeError, Reader};

/// A closed set of names with a pinned number each, below 32.
pub(crate) trait Coded: Copy + Sized + 'static {
    const WHAT: &'static str;

    fn code(self) -> u8;

    fn from_code(code: u8) -> Option<Self>;

    fn of(code: u8) -> Result<Self, DecodeError> {
        Self::from_code(code).ok_or(DecodeError::Invalid(Self::WHAT))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::of(reader.byte()?)
    }

    /// This name's place in a set of names.
    fn bit(self) -> u32 {
        1 << self.code()
    }
}

macro_rules! coded {
    ($type:ident, $what:literal, { $($name:ident = $code:literal),+ $(,)? }) => {
        impl Coded for $type {
            const WHAT: &'static str = $what;

            fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

coded!(Method, "method", { Get = 0, Head = 1 });
coded!(Outcome, "outcome", { NotObserved = 0, Completed = 1, ClientClosed = 2, OriginFailed = 3 });
coded!(Action, "action", { None = 0, Tag = 1, Detour = 2, Throttle = 3, Block = 4, Allow = 5 });
coded!(Mode, "mode", { Off = 0, Monitor = 1, Enforce = 2 });
coded!(PathShape, "path shape", {
    Oci = 0, Prefixed = 1, Storage = 2, Digest = 3, Template = 4, Object = 5,
});
coded!(Cache, "cache", {
    Hit = 1, Miss = 2, Expired = 3, Stale = 4, Bypass = 5, Dynamic = 6, Revalidated = 7, Updating = 8, None = 9,
});
coded!(RangeKind, "range kind", {
    None = 0, Whole = 1, Probe = 2, Tile = 3, Chunk = 4, Scatter = 5, Multi = 6, Suffix = 7, Resume = 8, Repeat = 9,
    Restart = 10, Invalid = 11,
});
#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn dense<T: Coded + PartialEq + std::fmt::Debug>(names: u8) {
        for code in 0..names {
            assert_eq!(T::of(code).unwrap().code(), code);
        }
        assert_eq!(T::from_code(names), None);
        assert!(names <= 32, "a set of names is 32 bits");
    }

    #[test]
    fn every_number_reads_back_as_its_name() {
        dense::<Method>(2);
        dense::<Outcome>(4);
        dense::<Action>(6);
        dense::<Mode>(3);
        dense::<RangeKind>(12);
        dense::<PathShape>(6);
        for cache in Cache::ALL {
            assert_eq!(Cache::of(cache.code()), Ok(cache));
        }
        assert_eq!(Cache::from_code(0), None, "0 stands for no word");
    }
}
