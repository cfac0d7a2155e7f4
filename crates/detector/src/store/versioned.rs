//! What is saved piece by piece, and must not change meanwhile: whoever may change it gives it another version.

use std::ops::{Deref, DerefMut};

#[derive(Debug)]
pub(super) struct Versioned<T> {
    value: T,
    version: u64,
}

impl<T> Versioned<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { value, version: 0 }
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Versioned<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.version += 1;
        &mut self.value
    }
}
