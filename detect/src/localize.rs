//! Where: the set of attribute values that explains an excess of events (multi-dimensional subset scan).
