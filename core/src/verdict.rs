//! From matches and modes to what is done: the one place where off, monitor and enforce differ.
