//! The compact block that a batch of records is stored as.
