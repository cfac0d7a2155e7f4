//! The secrets that the worker needs on the account. Cloudflare tells their names only.

use crate::command::quiet;
use crate::progress::Step;
use crate::setup::Tools;
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What the worker needs to open its API and to make client keys.
const NEEDED: [&str; 2] = ["BLOBWATCH_TOKENS", "BLOBWATCH_CLIENT_SECRET"];

pub(super) fn check(tools: &Tools, step: &Step) -> Result<String> {
    let mut list = tools.wrangler();
    list.args(["secret", "list", "--format", "json"]);
    let output = quiet(step, &mut list).context(
        "failed to read the names of the worker's secrets; log in with `cargo xtask wrangler login` or set \
         CLOUDFLARE_API_TOKEN; before the first deploy, `cargo xtask wrangler secret put NAME` makes the worker",
    )?;
    let missing = missing(&output)?;
    if let Some(first) = missing.first() {
        bail!(
            "the worker has no {}; set each, for instance with `cargo xtask wrangler secret put {first}`",
            missing.join(" and ")
        );
    }
    Ok("set".to_owned())
}

/// The needed secrets that are not in wrangler's answer.
fn missing(output: &str) -> Result<Vec<&'static str>> {
    // Messages may be around the list.
    let list = output
        .find('[')
        .zip(output.rfind(']'))
        .and_then(|(start, end)| output.get(start..=end));
    let entries: Vec<Value> = list
        .and_then(|list| serde_json::from_str(list).ok())
        .with_context(|| format!("failed to read wrangler's list of secrets: {output}"))?;
    let known = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.get("name").is_some_and(|known| known == name))
    };
    Ok(NEEDED.into_iter().filter(|name| !known(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[track_caller]
    fn case(output: &str, expected: &[&str]) {
        assert_eq!(missing(output).unwrap(), expected);
    }

    #[test]
    fn secrets_that_are_not_listed_are_missing() {
        case("[]", &["BLOBWATCH_TOKENS", "BLOBWATCH_CLIENT_SECRET"]);
        case(
            r#"[{"name":"BLOBWATCH_TOKENS","type":"secret_text"}]"#,
            &["BLOBWATCH_CLIENT_SECRET"],
        );
        case(
            "note\n[\n{\"name\":\"BLOBWATCH_CLIENT_SECRET\"},{\"name\":\"BLOBWATCH_TOKENS\"}]\n",
            &[],
        );
        assert!(missing("You are not logged in").is_err());
    }
}
