//! What the Previews object asks of a FireLog. What it asks of the RuleBook is in `blobwatch-rule-book`.

use crate::{Slice, SliceCall};
use blobwatch_wire::{Method, Object, ObjectCall};

/// One slice of a preview.
pub struct ReplayCall;

impl ObjectCall for ReplayCall {
    const OBJECT: Object = Object::FireLog;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "slice";
    const PURPOSE: &'static str = "replay records";
    type Request = SliceCall;
    type Reply = Slice;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_pinned() {
        assert_eq!(ReplayCall::OBJECT, Object::FireLog);
        assert_eq!(ReplayCall::METHOD.name(), "POST");
        assert_eq!(ReplayCall::PATH, "slice");
    }
}
