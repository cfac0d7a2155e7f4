//! `blobwatch token`: a token for a person or a program.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use blobwatch_host::token::{Role, entry, random};
use blobwatch_host::vars;

use crate::data_folder::SECRETS;
use crate::problem::Problem;
use crate::{Outcome, output};

const EXAMPLES: &str = "Examples:
  blobwatch token ada --role admin                                the token, and the entry for BLOBWATCH_TOKENS
  blobwatch token ada --data blobwatch-data                       gives it to an installation; restart that

A token of the same name in the installation ends with that. Exit codes: 0 made, 2 an error";

/// Make a token for the secret of a deployment; `tokens` makes them through the API
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Token {
    /// Who will use it; the audit log shows this name
    name: String,
    /// What its holder may do
    #[arg(long, value_enum, default_value_t = Role::Viewer)]
    role: Role,
    /// The data folder of `blobwatch serve` that is to know it
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

pub(crate) fn token(arguments: &Token) -> Result<Outcome, Problem> {
    let Token { name, role, data } = arguments;
    let text = match data {
        None => {
            let token = random()?;
            let entry = entry(name, *role, &token);
            format!(
                "token, for {name} to keep:\n  {token}\nentry for the list in BLOBWATCH_TOKENS:\n  {entry}\n"
            )
        }
        Some(data) => {
            let file = data.join(SECRETS);
            // Another folder gets no file of ours.
            file.metadata().with_context(|| {
                format!("{} has no secrets: `blobwatch serve` makes them", data.display())
            })?;
            let token = vars::add_token(&file, name, *role)?;
            give_back(&file, data)?;
            format!(
                "token, for {name} to keep:\n  {token}\nRestart `blobwatch serve`: it reads its tokens when it starts.\n"
            )
        }
    };
    output::text(&text)?;
    Ok(Outcome::Nothing)
}

/// What root wrote is for the user that serves.
fn give_back(file: &Path, data: &Path) -> anyhow::Result<()> {
    let owner = data.metadata().context("failed to read the data folder")?;
    let own = file.metadata().context("failed to read the secrets")?;
    if own.uid() != owner.uid() {
        chown(file, Some(owner.uid()), Some(owner.gid()))
            .with_context(|| format!("failed to give {} to the user that serves", file.display()))?;
    }
    Ok(())
}
