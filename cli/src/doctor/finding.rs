//! One line: what was looked at, and what was found.

use std::fmt::{Display, Formatter};

pub(super) struct Finding {
    what: &'static str,
    found: String,
    is_fault: bool,
}

impl Finding {
    pub(super) fn sound(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            what,
            found: found.into(),
            is_fault: false,
        }
    }

    pub(super) fn fault(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            is_fault: true,
            ..Self::sound(what, found)
        }
    }

    pub(super) fn is_fault(&self) -> bool {
        self.is_fault
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.is_fault { "FAULT" } else { "ok" };
        write!(f, "{verdict:<6} {:<12} {}", self.what, self.found)
    }
}
