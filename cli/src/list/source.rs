//! Items from where they are kept: a file, standard input, or an address.

use std::io::{Cursor, Read};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use crate::input;
use crate::problem::Problem;

/// Bytes of items: what the API takes.
const MAX_BYTES: u64 = 2_000_000;

/// For a whole answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hosts that publish lists lead to where they store them.
const MAX_REDIRECTS: u32 = 5;

/// The items of a source, one a line. A comment is a line of its own, or follows a space.
///
/// # Errors
/// When it cannot be read, or has too many bytes.
pub(super) fn read(source: &str) -> Result<Vec<String>, Problem> {
    let text = if is_address(source) {
        fetched(source)?
    } else {
        input::text(Path::new(source), MAX_BYTES)?
    };
    Ok(items(&text))
}

/// What to call a source in messages.
pub(super) fn called(source: &str) -> String {
    if is_address(source) {
        source.to_owned()
    } else {
        input::name(Path::new(source))
    }
}

fn is_address(source: &str) -> bool {
    source.contains("://")
}

fn items(text: &str) -> Vec<String> {
    let items = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim());
    items
        .filter(|item| !item.is_empty() && !item.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// The text at an address, unpacked.
fn fetched(address: &str) -> Result<String, Problem> {
    let failed = |why: &dyn std::fmt::Display| Problem::Api(format!("failed to fetch {address}: {why}"));
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(MAX_REDIRECTS)
        .user_agent(concat!("blobwatch/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let answer = agent.get(address).call().map_err(|error| failed(&error))?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(failed(&format_args!("expected the status 200, found {status}")));
    }
    let mut bytes = Vec::new();
    let mut body = answer.into_body().into_reader().take(MAX_BYTES + 1);
    body.read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let read = input::unpacked(Cursor::new(bytes)).and_then(|unpacked| input::bounded(unpacked, MAX_BYTES));
    let text = read.map_err(|error| failed(&error))?;
    let text = text.ok_or_else(|| failed(&format_args!("expected {}", input::at_most(MAX_BYTES))))?;
    // A page that says that something is missing, or asks for a name, comes with 200 at some hosts.
    if text.trim_start().starts_with('<') {
        return Err(failed(&"expected one item a line, found a page"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn a_line_is_an_item_or_a_comment() {
        assert_eq!(
            items("# ours\n192.0.2.0/24\r\n\n198.51.100.7 # uplink\n"),
            ["192.0.2.0/24", "198.51.100.7"]
        );
    }
}
