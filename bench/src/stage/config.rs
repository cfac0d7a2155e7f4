//! What `workerd serve` is told, and the modules that it embeds.

use super::Api;
use super::workerd::{BUNDLE, Worker};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The worker, which holds its objects, and so many other isolates that reach them there.
pub(super) fn configuration(
    worker: &Worker,
    origin: SocketAddr,
    vars: &[(&str, &str)],
    others: usize,
    folder: &Path,
) -> Result<String> {
    let (origin, tokens) = (format!("http://{origin}"), Api::tokens());
    let own = [
        ("ORIGIN", origin.as_str()),
        ("PLATFORM", "workerd"),
        ("BLOBWATCH_TOKENS", &tokens),
        ("BLOBWATCH_CLIENT_SECRET", "benchmark"),
    ];
    let mut texts = String::new();
    for (name, value) in own.iter().chain(vars) {
        writeln!(texts, "    (name = {name:?}, text = {value:?}),")?;
    }
    let (objects, bindings) = match worker {
        Worker::Passthrough => ("", texts.clone()),
        Worker::Blobwatch(_) | Worker::Counted | Worker::Held => (OBJECTS, texts.clone() + OBJECT_BINDINGS),
    };
    let mut workers = isolate("worker", worker, objects, &bindings, folder)?;
    let (mut services, mut sockets) = (service("worker"), socket("worker"));
    for number in 1..=others {
        let (name, release) = (format!("worker{number}"), Worker::Blobwatch(BUNDLE.into()));
        let bindings = texts.clone() + BINDINGS_ELSEWHERE;
        workers.push_str(&isolate(&name, &release, "", &bindings, folder)?);
        services.push_str(&service(&name));
        sockets.push_str(&socket(&name));
    }
    let runtime = match worker {
        Worker::Passthrough => String::new(),
        Worker::Blobwatch(_) | Worker::Counted | Worker::Held => runtime_flags()?,
    };
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
{runtime}  services = [
{services}    (name = "internet", network = (allow = ["local", "private"])),
    (name = "objects", disk = (path = "{folder}/objects", writable = true)),
  ],
  sockets = [
{sockets}  ],
);
{workers}"#,
        folder = folder.display(),
    ))
}

/// How a deployment sets the runtime itself up.
fn runtime_flags() -> Result<String> {
    let sample = include_str!("../../../config/workerd.capnp").lines();
    let flags = sample
        .filter(|line| line.trim_start().starts_with("v8Flags"))
        .fold(String::new(), |flags, line| flags + line + "\n");
    ensure!(!flags.is_empty(), "the sample configuration has no v8Flags");
    Ok(flags)
}

fn service(name: &str) -> String {
    format!("    (name = {name:?}, worker = .{name}),\n")
}

fn socket(name: &str) -> String {
    format!(
        "    (name = {name:?}, address = \"127.0.0.1:0\", http = (cfBlobHeader = \"CF-Blob\"), service = {name:?}),\n"
    )
}

fn isolate(name: &str, worker: &Worker, objects: &str, bindings: &str, folder: &Path) -> Result<String> {
    let (modules, flags) = (modules(&worker.files(), folder)?, worker.flags());
    Ok(format!(
        r#"const {name} :Workerd.Worker = (
  compatibilityDate = "2026-11-01",
  compatibilityFlags = [{flags}],
  modules = [
{modules}  ],
{objects}  bindings = [
{bindings}  ],
);
"#
    ))
}

const OBJECT_BINDINGS: &str = r#"    (name = "RULE_BOOK", durableObjectNamespace = "RuleBook"),
    (name = "FIRE_LOG", durableObjectNamespace = "FireLog"),
    (name = "DETECTOR", durableObjectNamespace = "Detector"),
    (name = "PREVIEWS", durableObjectNamespace = "Previews"),
"#;

/// The same objects, from an isolate that does not hold them.
const BINDINGS_ELSEWHERE: &str = r#"    (name = "RULE_BOOK", durableObjectNamespace = (className = "RuleBook", serviceName = "worker")),
    (name = "FIRE_LOG", durableObjectNamespace = (className = "FireLog", serviceName = "worker")),
    (name = "DETECTOR", durableObjectNamespace = (className = "Detector", serviceName = "worker")),
    (name = "PREVIEWS", durableObjectNamespace = (className = "Previews", serviceName = "worker")),
"#;

const OBJECTS: &str = r#"  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "RuleBook", enableSql = true),
    (className = "FireLog", uniqueKey = "FireLog", enableSql = true),
    (className = "Detector", uniqueKey = "Detector", enableSql = true),
    (className = "Previews", uniqueKey = "Previews", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
"#;

/// Copies the files beside the configuration, because workerd embeds only from there. The name of a Wasm module and of
/// data is the specifier that the script imports it by.
fn modules(files: &[PathBuf], folder: &Path) -> Result<String> {
    let mut modules = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default();
        fs::copy(workspace::root().join(file), folder.join(name))
            .with_context(|| format!("failed to find {}: `cargo xtask build` makes it", file.display()))?;
        let name = name.to_string_lossy();
        let (specifier, kind) = match file.extension().and_then(|ending| ending.to_str()) {
            Some("wasm") => (format!("./{name}"), "wasm"),
            Some("bin") => (format!("./{name}"), "data"),
            _ => (name.clone().into_owned(), "esModule"),
        };
        writeln!(modules, "    (name = {specifier:?}, {kind} = embed {name:?}),")?;
    }
    Ok(modules)
}
