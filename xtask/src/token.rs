//! `cargo xtask token`: a token for a person to keep, and the entry with its hash for `BLOBWATCH_TOKENS`.

use anyhow::Result;
use blobwatch_host::token::{Role, entry, random};

/// What `cargo xtask token` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who will use it; the audit log shows this name
    name: String,
    /// Role
    #[arg(long, value_enum, default_value_t = Role::Viewer)]
    role: Role,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let token = random()?;
    println!("token, for {} to keep:\n  {token}", args.name);
    println!(
        "entry for the list in BLOBWATCH_TOKENS:\n  {}",
        entry(&args.name, args.role, &token)
    );
    Ok(())
}
