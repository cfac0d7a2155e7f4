//! The Node that wrangler runs on: the npm packages bring one, because machines often have an older one.

use crate::command::ask;
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Oldest Node that wrangler accepts (`engines` in its package.json).
const OLDEST: (u32, u32) = (22, 12);

/// Answers with the version in use.
pub(super) fn check(workspace: &Workspace) -> Result<String> {
    let found = [workspace.npm_bin("node"), "node".into()]
        .iter()
        .find_map(|node| ask(node, &["--version"]));
    let (major, minor) = OLDEST;
    match found {
        Some(version) if parse(&version) >= Some(OLDEST) => Ok(version),
        Some(version) => bail!(
            "wrangler needs Node {major}.{minor} or newer, this machine has {version}, and no npm package brings a newer \
             one for it; install Node {major} from your system or nodejs.org"
        ),
        None => bail!(
            "wrangler needs Node {major}.{minor} or newer, and none is installed; install it from your system"
        ),
    }
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, parse};

    #[track_caller]
    fn case(version: &str, enough: bool) {
        assert_eq!(parse(version) >= Some(OLDEST), enough, "{version}");
    }

    #[test]
    fn versions_compare_as_numbers() {
        case("v20.20.2", false);
        case("v22.9.0", false);
        case("v22.12.0", true);
        case("v24.21.0\n", true);
        case("v100.0.0", true);
        case("something", false);
    }
}
