//! When: sequential tests that may be looked at after every slot.
