//! What the library does with a file that is broken: it answers with an error, or panics where a length or a time does not fit.
//! For whoever reads a log both are the same.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use parquet::errors::{ParquetError, Result};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does it, with a panic as an error; what it worked on is not to be used again.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let broken = |_| {
        Err(ParquetError::General(
            "what it says of itself does not fit".to_owned(),
        ))
    };
    say_nothing_of_guarded();
    IS_GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(false);
    done.unwrap_or_else(broken)
}

/// A panic that becomes an error is said as one, and other panics as ever.
fn say_nothing_of_guarded() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                usual(panic);
            }
        }));
    });
}
