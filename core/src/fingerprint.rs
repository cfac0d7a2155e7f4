//! `bw1-<tls>-<http>`: a fingerprint that is stable across the requests of one client build.
