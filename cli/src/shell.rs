//! `blobwatch completions` and `blobwatch man`: from the same definition as `--help`.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::problem::Problem;
use crate::{Outcome, input, output};

const COMPLETIONS: &str = "Examples:
  blobwatch completions bash > /etc/bash_completion.d/blobwatch
  blobwatch completions zsh > ~/.zfunc/_blobwatch
  blobwatch completions fish > ~/.config/fish/completions/blobwatch.fish";

/// Write completions for a shell
#[derive(clap::Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

const MAN: &str = "Examples:
  blobwatch man | man -l -
  blobwatch man --out /usr/local/share/man/man1     also one page for each subcommand";

/// Write the manual page
#[derive(clap::Args)]
#[command(after_help = MAN)]
pub(crate) struct Manual {
    /// Write blobwatch.1 and a page for each subcommand into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn completions(arguments: &Completions, mut command: Command) -> Result<Outcome, Problem> {
    let mut text = Vec::new();
    generate(arguments.shell, &mut command, "blobwatch", &mut text);
    output::raw(&text)?;
    Ok(Outcome::Nothing)
}

pub(crate) fn manual(arguments: &Manual, command: Command) -> Result<Outcome, Problem> {
    match &arguments.out {
        None => Man::new(command)
            .render(&mut output::stream())
            .map_err(Problem::Write)?,
        Some(folder) => write_pages(folder, command)?,
    }
    Ok(Outcome::Nothing)
}

fn write_pages(folder: &Path, command: Command) -> Result<(), Problem> {
    clap_mangen::generate_to(command, folder).map_err(|source| Problem::Create {
        file: input::name(folder),
        source,
    })
}
