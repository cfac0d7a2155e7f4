//! `blobwatch`: detection on files, for people who have counts or logs and no deployment yet.

fn main() {}
