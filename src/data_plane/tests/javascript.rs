//! The JavaScript's own tests, `*.test.js`, by Node's test runner.

use std::path::Path;
use std::process::Command;

#[test]
fn javascript_holds_alone() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The Node of the npm packages; the machine's where none is for it.
    let own = package.join("../../node_modules/.bin/node");
    let node = if own.is_file() { own } else { "node".into() };
    let output = Command::new(node)
        .args(["--test", "tests/*.test.js", "../control_plane/tests/*.test.js"])
        .current_dir(package)
        .output()
        .expect("there is no Node: `cargo xtask setup` installs one");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
}
