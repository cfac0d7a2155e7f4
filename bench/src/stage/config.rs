//! What `workerd serve` is told, and the modules that it embeds.

use super::Api;
use super::workerd::Worker;
use crate::workspace;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(super) fn configuration(
    worker: &Worker,
    origin: SocketAddr,
    vars: &[(&str, &str)],
    folder: &Path,
) -> Result<String> {
    let (origin, tokens) = (format!("http://{origin}"), Api::tokens());
    let own = [
        ("ORIGIN", origin.as_str()),
        ("PLATFORM", "workerd"),
        ("BLOBWATCH_TOKENS", &tokens),
        ("BLOBWATCH_CLIENT_SECRET", "benchmark"),
    ];
    let mut bindings = String::new();
    for (name, value) in own.iter().chain(vars) {
        writeln!(bindings, "    (name = {name:?}, text = {value:?}),")?;
    }
    let objects = match worker {
        Worker::Passthrough => "",
        Worker::Blobwatch(_) | Worker::Counted => {
            bindings.push_str(OBJECT_BINDINGS);
            OBJECTS
        }
    };
    let modules = modules(&worker.files(), folder)?;
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "internet", network = (allow = ["local", "private"])),
    (name = "objects", disk = (path = "{folder}/objects", writable = true)),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (cfBlobHeader = "CF-Blob"), service = "worker"),
  ],
);
const worker :Workerd.Worker = (
  compatibilityDate = "2026-11-01",
  compatibilityFlags = [{flags}],
  modules = [
{modules}  ],
{objects}  bindings = [
{bindings}  ],
);
"#,
        folder = folder.display(),
        flags = worker.flags(),
    ))
}

const OBJECT_BINDINGS: &str = r#"    (name = "RULE_BOOK", durableObjectNamespace = "RuleBook"),
    (name = "FIRE_LOG", durableObjectNamespace = "FireLog"),
    (name = "DETECTOR", durableObjectNamespace = "Detector"),
    (name = "PREVIEWS", durableObjectNamespace = "Previews"),
"#;

const OBJECTS: &str = r#"  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "RuleBook", enableSql = true),
    (className = "FireLog", uniqueKey = "FireLog", enableSql = true),
    (className = "Detector", uniqueKey = "Detector", enableSql = true),
    (className = "Previews", uniqueKey = "Previews", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
"#;

/// Copies the files beside the configuration, because workerd embeds only from there. A Wasm module's name is the
/// specifier that the script imports it by.
fn modules(files: &[PathBuf], folder: &Path) -> Result<String> {
    let mut modules = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default();
        fs::copy(workspace::root().join(file), folder.join(name))
            .with_context(|| format!("failed to find {}: `cargo xtask build` makes it", file.display()))?;
        let name = name.to_string_lossy();
        let (specifier, kind) = if name.ends_with(".wasm") {
            (format!("./{name}"), "wasm")
        } else {
            (name.clone().into_owned(), "esModule")
        };
        writeln!(modules, "    (name = {specifier:?}, {kind} = embed {name:?}),")?;
    }
    Ok(modules)
}
