//! `blobwatch list`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::program::Program;

#[test]
fn a_list_is_made_refreshed_and_changed_by_items() {
    let program = Program::new("list");
    program.write(
        "office.txt",
        "# ours\n192.0.2.0/24\n198.51.100.7 # uplink\n\n2001:DB8::/32\n",
    );
    let refresh = ["list", "refresh", "office", "office.txt", "--reason", "first"];
    program.case(&refresh, 2, "expected --kind: there is no list office yet");
    program.case(
        &[&refresh[..], &["--kind", "network"]].concat(),
        0,
        "office: 3 items, 3 added, 0 removed; version 1 at revision 2; named by no rule",
    );
    program.case(
        &refresh,
        0,
        "office: 3 items, 0 added, 0 removed; version 1 at revision 2",
    );
    program.case(
        &["list", "show", "office"],
        0,
        "192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n",
    );
    program.case(
        &["list", "add", "office", "203.0.113.9", "--reason", "r"],
        0,
        "4 items, 1 added",
    );
    program.case(
        &["list", "remove", "office", "203.0.113.9"],
        0,
        "3 items, 0 added, 1 removed",
    );
    program.case(&["list", "show"], 0, "office  network, 3 items, version 3");
    program.case(
        &["list", "add", "office", "somewhere"],
        2,
        "body.add[0]: expected an IP address",
    );
    program.case(&["list", "add", "none", "192.0.2.1"], 2, "list \"none\"");
}

#[test]
fn a_source_that_failed_empties_no_list() {
    let program = Program::new("list-loss");
    program.write("tools.txt", "a\nb\nc\nd\n");
    let make = ["list", "refresh", "tools", "tools.txt", "--kind", "string"];
    program.case(&make, 0, "4 items");
    let refresh = ["list", "refresh", "tools", "tools.txt"];
    program.write("tools.txt", "a\n");
    program.case(
        &refresh,
        2,
        "tools.txt has 1 items, and tools has 4: expected --force",
    );
    program.write("tools.txt", "");
    program.case(&refresh, 2, "tools.txt has 0 items");
    program.case(
        &[&refresh[..], &["--force"]].concat(),
        0,
        "0 items, 0 added, 4 removed",
    );
    program.case(
        &[
            "list",
            "refresh",
            "tools",
            "tools.txt",
            "--kind",
            "number",
            "--force",
        ],
        2,
        "expected --kind string, or none",
    );
    program.case(&["list", "delete", "tools"], 0, "removed tools");
}

/// Lists as others publish them: one there, packed; one led to; one gone.
fn publisher() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let led_to = format!("{address}/there");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut line).unwrap();
            let mut rest = String::new();
            while reader.read_line(&mut rest).unwrap() > 2 {}
            let (status, body) = match line.split(' ').nth(1).unwrap() {
                "/there" => ("200 OK", "# ours\n192.0.2.0/24\n198.51.100.7\n"),
                "/moved" => ("302 Found", ""),
                "/page" => ("200 OK", "<!doctype html><p>Sign in"),
                _ => ("404 Not Found", "gone"),
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nlocation: {led_to}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    address
}

#[test]
fn lists_are_refreshed_from_their_sources() {
    let program = Program::new("list-source");
    let publisher = publisher();
    program.write("tools.txt", "curl\nwget\n");
    let moved = format!("{publisher}/moved");
    program.case(
        &[
            "list", "refresh", "office", "--source", &moved, "--kind", "network",
        ],
        0,
        "office: 2 items, 2 added",
    );
    program.case(
        &[
            "list",
            "refresh",
            "tools",
            "--source",
            "tools.txt",
            "--kind",
            "string",
        ],
        0,
        "tools: 2 items",
    );
    program.case(
        &["list", "show"],
        0,
        &format!("office  network, 2 items, version 1, from {moved}"),
    );
    // Items alone leave the source; so does a file in its place.
    program.case(&["list", "add", "office", "203.0.113.9"], 0, "3 items");
    program.write("tools.txt", "curl\nwget\ncrane\n");
    program.case(
        &["list", "refresh", "--all"],
        0,
        "office: 2 items, 0 added, 1 removed",
    );
    program.case(&["list", "show", "tools"], 0, "crane");
    // One that fails is said, keeps its items, and keeps no other from being refreshed.
    let gone = format!("{publisher}/gone");
    program.case(
        &["list", "refresh", "office", "--source", &gone],
        2,
        "expected the status 200, found 404",
    );
    program.case(
        &[
            "list",
            "refresh",
            "office",
            "--source",
            &format!("{publisher}/page"),
        ],
        2,
        "found a page",
    );
    program.case(
        &["list", "refresh", "office", "--source", "ftp://x/y"],
        2,
        "https://",
    );
    program.write("tools.txt", "");
    program.case(&["list", "refresh", "--all"], 2, "tools.txt has 0 items");
    program.case(&["list", "refresh", "--all"], 2, "office: 2 items");
    program.case(
        &["list", "refresh", "tools", "--source", ""],
        0,
        "tools: 3 items, 0 added, 0 removed; version 3",
    );
    program.case(&["list", "refresh", "tools"], 2, "the list tools has no source");
    program.case(&["rulebook", "pull", "book.toml"], 0, "2 lists");
    let book = program.read("book.toml");
    assert!(book.contains(&format!("source = \"{moved}\"")), "{book}");
    program.case(&["rulebook", "diff", "book.toml"], 0, "no difference");
}

#[test]
fn lists_travel_in_the_file_of_the_rulebook() {
    let program = Program::new("list-file");
    program.write("tools.txt", "curl\nwget\n");
    program.case(
        &["list", "refresh", "tools", "tools.txt", "--kind", "string"],
        0,
        "2 items",
    );
    program.case(&["rulebook", "pull", "book.toml"], 0, "1 lists");
    let book = program.read("book.toml");
    assert!(book.contains("[[lists]]\nname = \"tools\""), "{book}");
    program.case(&["rulebook", "diff", "book.toml"], 0, "no difference");
    program.write("book.toml", &book.replace("\"wget\"", "\"aria2\""));
    program.case(&["rulebook", "diff", "book.toml"], 1, "~ lists/tools");
    program.case(
        &["rulebook", "push", "book.toml", "--reason", "r", "--yes"],
        0,
        "applied as revision 3",
    );
    program.case(&["list", "show", "tools"], 0, "aria2\ncurl\n");
}
