//! Inputs that are no text, told by their first bytes.

/// What begins how, and what makes text of it.
const KNOWN: [(&[u8], &str); 9] = [
    (
        b"\x04\x22\x4d\x18",
        "lz4: unpack it with `lz4 -dc FILE` and read that with -",
    ),
    (
        b"PK\x03\x04",
        "a zip archive: unpack it with `unzip -p FILE` and read that with -",
    ),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (
        b"PAR1",
        "Parquet, which `replay` reads as a file that is not packed: write it as CSV or JSON lines first",
    ),
    (b"Obj\x01", "Avro: write it as JSON lines first"),
    (b"ORC", "ORC: write it as CSV or JSON lines first"),
    (b"SQLite format 3\0", "a database of SQLite"),
    (
        b"LPKSHHRH",
        "a journal of systemd: write it with `journalctl --file FILE -o export` and read that with -",
    ),
    (b"%PDF-", "a PDF"),
];

/// Where an archive of tar says that it is one.
const TAR: std::ops::Range<usize> = 257..262;

/// Bytes that are looked at for what no text has.
const LOOKED_AT: usize = 4096;

/// What was expected and found of an input that is no text; `None` for text.
pub(super) fn foreign(first: &[u8]) -> Option<String> {
    let known = KNOWN.iter().find(|(begin, _)| first.starts_with(begin));
    let found = match known {
        Some((_, what)) => what,
        None if first.get(TAR) == Some(b"ustar") => {
            "a tar archive: read its files one after the other with `tar -xOf FILE` and -"
        }
        None if is_binary(first) => "bytes that are no text",
        None => return None,
    };
    Some(format!(
        "expected text, plain or packed with gzip, bzip2, xz or zstd, found {found}"
    ))
}

/// A log whose file was truncated while it was written begins with zeros; but no text has other control characters too.
fn is_binary(first: &[u8]) -> bool {
    let looked_at = || first.iter().take(LOOKED_AT);
    let is_control = |byte: &u8| matches!(byte, 1..=8 | 14..=26);
    looked_at().any(|byte| *byte == 0) && looked_at().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn what_is_no_text_is_named() {
        #[track_caller]
        fn case(first: &[u8], expected: &str) {
            let found = foreign(first).unwrap_or_default();
            assert!(found.contains(expected), "{found}");
        }
        case(
            b"\x04\x22\x4d\x18\x60",
            "found lz4: unpack it with `lz4 -dc FILE`",
        );
        case(b"PAR1\x15\x04", "Parquet");
        case(b"\x7fELF\x02\x01\x01\0\0\0", "bytes that are no text");
        let mut tar = vec![b'a'; 512];
        tar.splice(257..262, *b"ustar");
        case(&tar, "tar");
    }

    #[test]
    fn text_is_text() {
        for text in [
            &b""[..],
            b"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000]",
            b"\0\0\0\0\0\0\n192.0.2.7 - - ",
            b"\x1b[36mregistry\x1b[0m | x",
            b"BZ\nh",
            b"a\tb\r\n\xc3\xa9\xff",
        ] {
            assert_eq!(foreign(text), None, "{text:?}");
        }
    }
}
