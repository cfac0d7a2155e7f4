//! `blobwatch serve`: Blobwatch on this machine, from an unpacked release.
//!
//! In scope: checks before the start, the start of workerd, and what a person needs to know then. Not in scope: the worker
//! itself, and what a front proxy is told (docs/self-hosting.md).

use std::env::var;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use blobwatch_host::progress::step;
use blobwatch_host::{Origin, vars};

use crate::data_folder::DataFolder;
use crate::installation::Installation;
use crate::problem::Problem;
use crate::{Outcome, output, sign_in};
use banner::Banner;
use config::Config;
use front::Front;
use objects::{Objects, ObjectsArguments};
use pem::Tls;
use service::Service;

mod banner;
mod config;
mod front;
mod notify;
mod objects;
mod pem;
mod service;
mod signals;
mod watch;

const EXAMPLES: &str = "Examples:
  blobwatch serve --origin https://registry.example.com
  blobwatch serve --origin http://127.0.0.1:5000 --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
  blobwatch serve --origin http://127.0.0.1:5000 --print-config
  blobwatch serve --origin https://registry.example.com --objects https://objects.example:8788 \\
      --objects-cert host.pem --objects-key host.key --objects-ca hosts-ca.pem

Ctrl-C or SIGTERM ends it when the requests in flight have ended. Exit codes: 0 ended by a signal, 2 an error";

/// Serve Blobwatch on this machine, in front of a registry
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The registry behind, for instance <https://registry.example.com>; without it every route needs an origin of its own
    #[arg(long, env = "ORIGIN", value_name = "URL")]
    origin: Option<Origin>,
    /// Where clients connect
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The folder of records, rules and secrets, which one process may serve at a time
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
    /// Serve TLS with this chain of certificates (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Believe the header Blobwatch-Cf: only for a front proxy that sets it on every request, where nobody else connects
    #[arg(long, conflicts_with = "tls_cert")]
    proxy: bool,
    /// Let people sign in at an OpenID Connect provider: a file with the JSON of BLOBWATCH_OIDC
    #[arg(long, value_name = "FILE")]
    oidc: Option<PathBuf>,
    /// How long requests in flight may go on after a signal
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    /// Print the configuration of workerd, and do nothing else
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    objects: ObjectsArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    if arguments.print_config {
        output::raw(arguments.config()?.to_string().as_bytes())?;
    } else {
        serve(arguments)?;
    }
    Ok(Outcome::Nothing)
}

fn serve(arguments: &Arguments) -> Result<()> {
    let installation = step("release", |_| {
        let found = Installation::find(arguments.bundle.as_deref())?;
        Ok((found.folder().display().to_string(), found))
    })?;
    let config = arguments.config()?;
    let data = step("data folder", |_| opened(&arguments.data))?;
    let token = step("secrets", |_| secrets(&data, &config.objects))?;
    let oidc = sign_in::oidc_text(arguments.oidc.as_deref(), &data.secrets())?;
    if let Some(text) = &oidc {
        step("sign-in", |_| Ok((sign_in::oidc(text)?.issuer, ())))?;
    }
    if let Some(text) = sign_in::variable(sign_in::ACCESS, &data.secrets()) {
        sign_in::check_access(&text)?;
    }
    let front = step("address", |_| {
        let front = Front::open(arguments.listen, config.tls.is_some(), config.objects.listens())?;
        front.is_not(arguments.origin.as_ref())?;
        Ok((front.listens().to_string(), front))
    })?;
    data.write_config(&config.to_string())?;
    let (origin, elsewhere) = (arguments.origin.as_ref(), config.objects.elsewhere());
    let banner = Banner::new(&front, origin, &data, elsewhere, token);
    let service = Service {
        installation: &installation,
        data: &data,
        front: &front,
        origin,
        objects: &config.objects,
        has_files: config.tls.is_some() || config.objects.has_files(),
        oidc,
    };
    watch::until_ended(&service, &banner, arguments.patience)
}

/// The folder, and what is to be said of it.
fn opened(path: &Path) -> Result<(String, DataFolder)> {
    let data = DataFolder::open(path)?;
    let newer = data.note_version(env!("CARGO_PKG_VERSION"))?;
    let newer = newer.map(|newer| {
        format!(
            "; {newer} served it, which is newer than this {}: what that build changed answers newer-schema, and pulls go on",
            env!("CARGO_PKG_VERSION")
        )
    });
    Ok((
        format!("{}{}", data.path().display(), newer.unwrap_or_default()),
        data,
    ))
}

/// Answers with the first admin's token where it was made now.
fn secrets(data: &DataFolder, objects: &Objects) -> Result<(String, Option<String>)> {
    let is_given = |name| var(name).is_ok_and(|value| !value.is_empty());
    if is_given(vars::TOKENS) && is_given(vars::SECRET) {
        return Ok(("of the environment".to_owned(), None));
    }
    if objects.elsewhere().is_some() {
        return Ok((secrets_of_others(data, is_given(vars::SECRET))?, None));
    }
    let token = vars::found(&data.secrets(), !is_given(vars::TOKENS))?;
    let outcome = if token.is_some() { "made" } else { "unchanged" };
    Ok((format!("{outcome} in {}", data.secrets().display()), token))
}

/// A data plane makes no secret: a client must have the same key on every host.
fn secrets_of_others(data: &DataFolder, is_given: bool) -> Result<String> {
    let path = data.secrets();
    let kept = if path.exists() {
        vars::close(&path, 0o600)?;
        vars::read(&path)?
    } else {
        Vec::new()
    };
    ensure!(
        is_given || kept.iter().any(|(name, _)| *name == vars::SECRET),
        "a data plane needs the client secret of the objects' host: copy that line of secrets.env in its data folder to {}, or set {}",
        path.display(),
        vars::SECRET
    );
    let place = if is_given {
        "of the environment".to_owned()
    } else {
        format!("in {}", path.display())
    };
    Ok(place)
}

impl Arguments {
    fn tls(&self) -> Result<Option<Tls>> {
        let files = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        files
            .map(|(certificate, key)| Tls::read(certificate, key))
            .transpose()
            .context("failed to set up TLS")
    }

    fn config(&self) -> Result<Config> {
        Ok(Config {
            tls: self.tls()?,
            objects: self.objects.objects()?,
            is_loopback: self.listen.ip().is_loopback(),
            believes_proxy: self.proxy,
            webhooks_may_reach: var("WEBHOOKS_MAY_REACH").is_ok_and(|value| !value.is_empty()),
        })
    }
}
