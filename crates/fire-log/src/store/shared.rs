//! A FireLog that others use while long work pauses.

use std::cell::RefCell;

use super::{FireLog, FireLogError};

/// Whoever holds a FireLog, and lends it for as long as something is done at once.
pub trait Shared<S> {
    type Error;

    /// # Errors
    /// Those of `body`, or why there is no FireLog to lend. The FireLog is in doubt then.
    fn with<T>(
        &self,
        body: impl FnOnce(&mut FireLog<S>) -> Result<T, FireLogError>,
    ) -> Result<T, Self::Error>;
}

/// Of one caller.
impl<S> Shared<S> for RefCell<&mut FireLog<S>> {
    type Error = FireLogError;

    fn with<T>(
        &self,
        body: impl FnOnce(&mut FireLog<S>) -> Result<T, FireLogError>,
    ) -> Result<T, FireLogError> {
        body(&mut self.borrow_mut())
    }
}
