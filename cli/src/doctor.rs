//! `blobwatch doctor`: what is wrong with an installation on this machine.
//!
//! In scope: the release, the folder, its databases, the disk, the clock, the registry, and what the service says of itself. Not
//! in scope: what the detector found (`blobwatch status`).

use std::path::{Path, PathBuf};

use blobwatch_host::Origin;

use crate::problem::Problem;
use crate::{Outcome, output};
use finding::Finding;

mod databases;
mod disk;
mod finding;
mod folder;
mod network;
mod sign_in;

const EXAMPLES: &str = "Examples:
  blobwatch doctor --data blobwatch-data --origin http://127.0.0.1:5000

The databases are looked at only while nothing serves them. Run it as the user that serves. Exit codes: 0 nothing is wrong,
1 something is, 2 usage or another error";

/// Say what is wrong with an installation of `blobwatch serve`
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The data folder of the installation
    #[arg(
        long,
        env = "BLOBWATCH_DATA",
        value_name = "FOLDER",
        default_value = "blobwatch-data"
    )]
    data: PathBuf,
    /// The folder with workerd, bundle/ and dashboard/ [default: beside this program]
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// The registry behind
    #[arg(long, env = "ORIGIN", value_name = "URL")]
    origin: Option<Origin>,
    /// The provider at which people sign in, as for `serve`: a file with the JSON of BLOBWATCH_OIDC
    #[arg(long, value_name = "FILE")]
    oidc: Option<PathBuf>,
    /// Where the service is asked; with TLS, its name
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: Origin,
}

pub(crate) fn doctor(arguments: &Doctor) -> Result<Outcome, Problem> {
    let findings = examine(arguments);
    findings
        .iter()
        .try_for_each(|finding| output::line(&finding.to_string()))?;
    Ok(if findings.iter().any(Finding::is_fault) {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

fn examine(arguments: &Doctor) -> Vec<Finding> {
    let mut findings = vec![folder::release(arguments.bundle.as_deref())];
    findings.extend(data(&arguments.data));
    findings.extend(sign_in::findings(&arguments.data, arguments.oidc.as_deref()));
    findings.push(network::service(&arguments.url));
    findings.extend(network::registry(arguments.origin.as_ref()));
    findings
}

fn data(path: &Path) -> Vec<Finding> {
    if !path.is_dir() {
        let expected = "no such folder: `blobwatch serve` makes it, or name it with --data";
        return vec![Finding::fault(
            "data folder",
            format!("{}: {expected}", path.display()),
        )];
    }
    let mut findings = folder::permissions(path);
    findings.push(folder::secrets(path));
    findings.push(folder::version(path));
    findings.push(disk::space(path));
    findings.extend(databases::examined(path));
    findings
}
