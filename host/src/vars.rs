//! A file of the worker's variables, most of them secrets. Lines that a person wrote stay as they are; what is missing is added.
//!
//! `.dev.vars` of a development worker keeps its admin's token, so that it stays the same from run to run. The file of an
//! installation keeps hashes only.

use crate::token::{self, Role, entry, random};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// In the root of the clone.
pub const FILE: &str = ".dev.vars";

const TOKEN: &str = "BLOBWATCH_DEV_TOKEN";
pub const TOKENS: &str = "BLOBWATCH_TOKENS";
pub const SECRET: &str = "BLOBWATCH_CLIENT_SECRET";

/// Whose token an installation makes first: it makes all others.
const FIRST_ADMIN: &str = "admin";

/// What the worker may be given; `config/dev.capnp` has them all.
const OF_THE_WORKER: [&str; 6] = [
    TOKENS,
    SECRET,
    "BLOBWATCH_ACCESS",
    "BLOBWATCH_OIDC",
    "BLOBWATCH_HOST",
    "WEBHOOKS_MAY_REACH",
];

/// The worker's variables that are in the file.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path) -> Result<Vec<(&'static str, String)>> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let known = OF_THE_WORKER.into_iter();
    Ok(known
        .filter_map(|name| Some((name, value(&text, name)?.to_owned())))
        .collect())
}

/// Completes `.dev.vars`; answers with what was done and the admin's token.
///
/// # Errors
/// The file cannot be read or written.
pub fn ensure(path: &Path) -> Result<(String, String)> {
    let before = text_of(path)?;
    let after = complete(&before, &random()?, &random()?);
    if after != before {
        write(path, &after).with_context(|| format!("failed to write {}", path.display()))?;
    }
    close(path, 0o600)?;
    let outcome = if after == before {
        "unchanged in .dev.vars"
    } else {
        "written to .dev.vars"
    };
    Ok((
        outcome.to_owned(),
        value(&after, TOKEN).unwrap_or_default().to_owned(),
    ))
}

/// Makes the secrets of an installation where it has none, tokens where they are wanted; answers with the token of its first
/// admin, which is kept nowhere.
///
/// # Errors
/// The file cannot be read or written.
pub fn found(path: &Path, wants_tokens: bool) -> Result<Option<String>> {
    let mut text = text_of(path)?;
    if value(&text, SECRET).is_none() {
        set(&mut text, SECRET, &random()?);
        replace(path, &text)?;
    }
    close(path, 0o600)?;
    match value(&text, TOKENS) {
        None if wants_tokens => add_token(path, FIRST_ADMIN, Role::Admin).map(Some),
        _ => Ok(None),
    }
}

/// Gives somebody a token, in place of the one of that name; answers with it.
///
/// # Errors
/// The file cannot be read or written, or its tokens are no list.
pub fn add_token(path: &Path, name: &str, role: Role) -> Result<String> {
    let mut text = text_of(path)?;
    let tokens = value(&text, TOKENS).unwrap_or("[]");
    let mut entries: Vec<Value> = serde_json::from_str(tokens)
        .with_context(|| format!("{TOKENS} in {} is not a JSON list of tokens", path.display()))?;
    let token = random()?;
    give(&mut entries, name, role, &token);
    set(&mut text, TOKENS, &Value::from(entries).to_string());
    replace(path, &text)?;
    Ok(token)
}

/// The text of a file, or none.
fn text_of(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("failed to read {}", path.display())),
    }
}

/// Writes the file whole or not at all: a client secret that is lost makes every client a new one.
fn replace(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    write(&new, text)
        .and_then(|()| fs::File::open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Readable by its owner only.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// For its owner only, also where somebody made it before.
///
/// # Errors
/// The file is another's, or not there.
pub fn close(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("failed to set the mode of {} to {mode:o}", path.display()))
}

/// The text with all three variables in it; `new_token` and `new_secret` are used where there are none.
fn complete(text: &str, new_token: &str, new_secret: &str) -> String {
    let mut text = text.to_owned();
    let token = value(&text, TOKEN).unwrap_or(new_token).to_owned();
    set(&mut text, TOKEN, &token);
    let tokens = with_admin(value(&text, TOKENS).unwrap_or_default(), &token);
    set(&mut text, TOKENS, &tokens);
    let secret = value(&text, SECRET).unwrap_or(new_secret).to_owned();
    set(&mut text, SECRET, &secret);
    text
}

/// The list with the token's hash as an admin named `dev`; other entries stay, and so does the whole text when the
/// hash is in it.
fn with_admin(tokens: &str, token: &str) -> String {
    let sha256 = token::sha256(token);
    let mut entries: Vec<Value> = serde_json::from_str(tokens).unwrap_or_default();
    if entries
        .iter()
        .any(|entry| entry.get("sha256").is_some_and(|known| *known == sha256))
    {
        return tokens.to_owned();
    }
    give(&mut entries, "dev", Role::Admin, token);
    Value::from(entries).to_string()
}

/// One token for each name.
fn give(entries: &mut Vec<Value>, name: &str, role: Role, token: &str) {
    entries.retain(|entry| entry.get("name").is_none_or(|known| known != name));
    entries.push(entry(name, role, token));
}

/// The value of a variable; an empty one, or none, is `None`. Quotes around it are not part of it.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    let value = value.trim();
    let unquoted = value
        .strip_prefix('\'')
        .and_then(|value| value.strip_suffix('\''));
    unquoted.or(Some(value)).filter(|value| !value.is_empty())
}

/// Replaces the variable's lines if its value is another one, or adds a line.
fn set(text: &mut String, name: &str, new: &str) {
    if value(text, name) == Some(new) {
        return;
    }
    let is_other = |line: &&str| {
        line.trim()
            .strip_prefix(name)
            .is_none_or(|rest| !rest.trim_start().starts_with('='))
    };
    let mut lines: Vec<_> = text.lines().filter(is_other).map(str::to_owned).collect();
    lines.push(format!("{name}={new}"));
    *text = lines.join("\n") + "\n";
}

#[cfg(test)]
mod tests {
    use super::{add_token, complete, ensure, found, read, value};
    use crate::token::{Role, sha256};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    // printf token | sha256sum
    const HASH: &str = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";

    fn admin() -> String {
        format!(r#"{{"name":"dev","role":"admin","sha256":"{HASH}"}}"#)
    }

    #[track_caller]
    fn case(before: &str, after: &str) {
        assert_eq!(complete(before, "token", "secret"), after);
        assert_eq!(
            complete(after, "other", "other"),
            after,
            "a second run changes nothing"
        );
    }

    #[test]
    fn an_empty_file_gets_all_three() {
        let all = format!(
            "BLOBWATCH_DEV_TOKEN=token\nBLOBWATCH_TOKENS=[{}]\nBLOBWATCH_CLIENT_SECRET=secret\n",
            admin()
        );
        case("", &all);
    }

    #[test]
    fn what_a_person_added_stays() {
        let ada = r#"{"name":"ada","role":"viewer","sha256":"00"}"#;
        case(
            &format!(
                "# mine\nDEBUG=1\nBLOBWATCH_CLIENT_SECRET=kept\nBLOBWATCH_DEV_TOKEN=token\nBLOBWATCH_TOKENS=[{ada}]"
            ),
            &format!(
                "# mine\nDEBUG=1\nBLOBWATCH_CLIENT_SECRET=kept\nBLOBWATCH_DEV_TOKEN=token\nBLOBWATCH_TOKENS=[{ada},{}]\n",
                admin()
            ),
        );
    }

    #[test]
    fn another_token_replaces_the_hash_of_the_old_one() {
        let old = r#"BLOBWATCH_TOKENS=[{"name":"dev","role":"operator","sha256":"00"}]"#;
        let after = complete(
            &format!("BLOBWATCH_DEV_TOKEN=token\nBLOBWATCH_CLIENT_SECRET=s\n{old}\n"),
            "x",
            "y",
        );
        assert_eq!(
            value(&after, "BLOBWATCH_TOKENS").unwrap(),
            format!("[{}]", admin())
        );
    }

    #[test]
    fn quotes_are_not_part_of_a_value() {
        let text = format!(
            "BLOBWATCH_DEV_TOKEN='token'\nBLOBWATCH_CLIENT_SECRET=s\nBLOBWATCH_TOKENS='[{}]'\n",
            admin()
        );
        case(&text, &text);
    }

    #[test]
    fn the_worker_is_given_its_variables_and_not_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".dev.vars");
        fs::write(
            &path,
            "BLOBWATCH_DEV_TOKEN=t\nBLOBWATCH_TOKENS='[]'\nPATH=/nowhere\nWEBHOOKS_MAY_REACH=private\n",
        )
        .unwrap();
        let expected = [("BLOBWATCH_TOKENS", "[]"), ("WEBHOOKS_MAY_REACH", "private")];
        assert_eq!(
            read(&path).unwrap(),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn the_token_survives_a_restart_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".dev.vars");
        let first = ensure(&path).unwrap();
        let second = ensure(&path).unwrap();
        assert_eq!((first.1.len(), &first.1), (64, &second.1));
        assert_eq!(second.0, "unchanged in .dev.vars");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for text in [fs::read_to_string(&path).unwrap(), String::new()] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            ensure(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    fn mode(path: &std::path::Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_installation_keeps_hashes_and_tells_its_first_token_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.env");
        let token = found(&path, true).unwrap().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&token) && text.contains(&sha256(&token)), "{text}");
        assert!(value(&text, "BLOBWATCH_CLIENT_SECRET").is_some());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(found(&path, true).unwrap(), None);
        assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (text, 0o600));
    }

    #[test]
    fn a_token_takes_the_place_of_that_name_and_of_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.env");
        fs::write(&path, "# mine\nBLOBWATCH_HOST=b.example\n").unwrap();
        let first = found(&path, true).unwrap().unwrap();
        let old = add_token(&path, "ada", Role::Viewer).unwrap();
        let new = add_token(&path, "ada", Role::Operator).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for (token, is_there) in [(&first, true), (&old, false), (&new, true)] {
            assert_eq!(text.contains(&sha256(token)), is_there);
        }
        assert!(text.starts_with("# mine\nBLOBWATCH_HOST=b.example\n"), "{text}");
        assert_eq!(mode(&path), 0o600);
        fs::write(&path, "BLOBWATCH_TOKENS=ada\n").unwrap();
        let error = add_token(&path, "ada", Role::Viewer).unwrap_err().to_string();
        assert!(error.contains("is not a JSON list"), "{error}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "BLOBWATCH_TOKENS=ada\n",
            "left as it was"
        );
    }
}
