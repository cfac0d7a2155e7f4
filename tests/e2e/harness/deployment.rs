//! How a worker is set up, as a config of workerd.
//!
//! The bindings of the Durable Objects lead through `tests/data/between.js`, which a test can tell to break them.

use std::env::var_os;
use std::fmt::Write as _;
use std::fs::{copy, read_dir, read_to_string, write};
use std::path::Path;

use super::workerd::{ROOT, Sockets, Workerd};

/// What is served.
#[derive(Clone, Copy)]
pub(crate) enum Bundle {
    /// As deployed: `cargo xtask build`.
    Release,
    /// With the triggers that trap Wasm: feature `test-hooks`.
    Hooks,
    /// `tests/data/passthrough.js`.
    Passthrough,
}

/// How a worker is set up before it starts.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) bundle: Bundle,
    pub(crate) vars: Vec<(&'static str, String)>,
    /// How many isolates serve requests, each on a socket of its own; the first holds the Durable Objects too.
    pub(crate) isolates: usize,
    /// In place of the table of cloud prefixes that was built in.
    cloud_prefixes: Option<Vec<u8>>,
    /// Of the runtime's process.
    pub(super) environment: Vec<(&'static str, String)>,
}

impl Deployment {
    pub(crate) fn new(bundle: Bundle, origin: &str) -> Self {
        let vars = vec![("ORIGIN", origin.to_owned()), ("PLATFORM", "workerd".to_owned())];
        Self {
            bundle,
            vars,
            isolates: 1,
            cloud_prefixes: None,
            environment: Vec::new(),
        }
    }

    pub(crate) fn var(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    pub(crate) fn isolates(mut self, isolates: usize) -> Self {
        self.isolates = isolates;
        self
    }

    pub(crate) fn environment(mut self, variables: &[(&'static str, String)]) -> Self {
        self.environment.extend_from_slice(variables);
        self
    }

    pub(crate) fn cloud_prefixes(mut self, table: Vec<u8>) -> Self {
        self.cloud_prefixes = Some(table);
        self
    }

    pub(crate) fn start(self) -> Workerd {
        Workerd::start(self)
    }
}

impl Deployment {
    fn modules(&self, folder: &Path) -> String {
        let modules = modules(self.bundle, folder);
        if let Some(table) = &self.cloud_prefixes {
            write(folder.join("cloud_prefixes.bin"), table).unwrap();
        }
        modules
    }

    /// For `workerd serve`; the modules it embeds are copied into `folder`.
    pub(super) fn configuration(&self, folder: &Path, sockets: &Sockets) -> String {
        let compatibility = compatibility();
        let (mut services, mut listeners, mut workers) = (String::new(), String::new(), String::new());
        for (i, port) in sockets.isolates.iter().enumerate() {
            writeln!(services, "    (name = \"isolate-{i}\", worker = .isolate{i}),").unwrap();
            let http = "http = (cfBlobHeader = \"CF-Blob\")";
            let socket = format!("name = \"isolate-{i}\", address = \"127.0.0.1:{port}\"");
            writeln!(listeners, "    ({socket}, {http}, service = \"isolate-{i}\"),").unwrap();
            let objects = if i == 0 { own_objects(self) } else { "" };
            let parts = [self.modules(folder), bindings(self), objects.to_owned()].concat();
            writeln!(
                workers,
                "const isolate{i} :Workerd.Worker = (\n{parts}{compatibility});"
            )
            .unwrap();
        }
        let breaker = script("tests/data/between.js", folder);
        let behind = if own_objects(self).is_empty() { "" } else { BEHIND };
        format!(
            r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
{services}    (name = "between", worker = .between),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "objects", disk = (path = {path:?}, writable = true)),
{pages}  ],
  sockets = [
{listeners}    (name = "between", address = "127.0.0.1:{between}", http = (), service = "between"),
  ],
);
{workers}const between :Workerd.Worker = (
  modules = [
{breaker}  ],
{behind}  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "between-RuleBook"),
    (className = "FireLog", uniqueKey = "between-FireLog"),
    (className = "Detector", uniqueKey = "between-Detector"),
    (className = "Previews", uniqueKey = "between-Previews"),
  ],
  durableObjectStorage = (inMemory = void),
{compatibility});
"#,
            between = sockets.between,
            pages = pages("    (name = \"dashboard\", disk = (path = {path}))"),
            path = folder.join("objects"),
        )
    }
}

/// The runtime's behaviour as `wrangler.toml` deploys it: capnp writes both values as TOML does.
fn compatibility() -> String {
    let deployed = read_to_string(Path::new(ROOT).join("wrangler.toml")).unwrap();
    let value = |key: &str| {
        let line = deployed
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.unwrap_or_else(|| panic!("wrangler.toml has no {key}"))
            .trim()
            .to_owned()
    };
    let (date, flags) = (value("compatibility_date"), value("compatibility_flags"));
    format!("  compatibilityDate = {date},\n  compatibilityFlags = {flags},\n")
}

fn own_objects(deployment: &Deployment) -> &'static str {
    match deployment.bundle {
        Bundle::Passthrough => "",
        Bundle::Release | Bundle::Hooks => OBJECTS,
    }
}

const OBJECTS: &str = r#"  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "RuleBook", enableSql = true),
    (className = "FireLog", uniqueKey = "FireLog", enableSql = true),
    (className = "Detector", uniqueKey = "Detector", enableSql = true),
    (className = "Previews", uniqueKey = "Previews", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
"#;

/// The objects behind `between`.
const BEHIND: &str = r#"  bindings = [
    (name = "RuleBook", durableObjectNamespace = (className = "RuleBook", serviceName = "isolate-0")),
    (name = "FireLog", durableObjectNamespace = (className = "FireLog", serviceName = "isolate-0")),
    (name = "Detector", durableObjectNamespace = (className = "Detector", serviceName = "isolate-0")),
    (name = "Previews", durableObjectNamespace = (className = "Previews", serviceName = "isolate-0")),
  ],
"#;

fn bindings(deployment: &Deployment) -> String {
    let mut bindings = String::from("  bindings = [\n");
    for (name, value) in &deployment.vars {
        writeln!(bindings, "    (name = {name:?}, text = {value:?}),").unwrap();
    }
    for (name, class) in [
        ("RULE_BOOK", "RuleBook"),
        ("FIRE_LOG", "FireLog"),
        ("DETECTOR", "Detector"),
        ("PREVIEWS", "Previews"),
    ] {
        let object = format!("(className = {class:?}, serviceName = \"between\")");
        writeln!(
            bindings,
            "    (name = {name:?}, durableObjectNamespace = {object}),"
        )
        .unwrap();
    }
    bindings + &pages("    (name = \"ASSETS\", service = \"dashboard\")") + "  ],\n"
}

/// A line of the configuration about the dashboard's files, where they are built.
fn pages(line: &str) -> String {
    let folder = Path::new(ROOT).join("build/dashboard");
    if folder.is_dir() {
        line.replace("{path}", &format!("{folder:?}")) + ",\n"
    } else {
        String::new()
    }
}

/// The worker's modules as capnp, copied into `folder`: workerd embeds only what is beside its config. A Wasm
/// module's name is the specifier that the script imports it by.
fn modules(kind: Bundle, folder: &Path) -> String {
    if let Bundle::Passthrough = kind {
        return list(&script("tests/data/passthrough.js", folder));
    }
    let build = bundle(kind);
    let files = read_dir(Path::new(ROOT).join(build)).unwrap_or_else(|_| {
        panic!("{build} is missing: `cargo xtask test` builds it and then runs the tests")
    });
    let mut modules = script(&format!("{build}/worker.js"), folder);
    for name in files.map(|file| file.unwrap().file_name().into_string().unwrap()) {
        let kind = match Path::new(&name).extension().and_then(|ending| ending.to_str()) {
            Some("wasm") => "wasm",
            Some("bin") => "data",
            _ => continue,
        };
        copy(Path::new(ROOT).join(build).join(&name), folder.join(&name)).unwrap();
        writeln!(modules, "    (name = \"./{name}\", {kind} = embed {name:?}),").unwrap();
    }
    list(&modules)
}

/// Whether the worker of `cargo xtask dev` is tested, as `cargo xtask test --quick` does.
pub(crate) fn is_quick() -> bool {
    var_os("BLOBWATCH_TEST_QUICK").is_some()
}

/// The folder of a built worker.
pub(crate) fn bundle(kind: Bundle) -> &'static str {
    match (kind, is_quick()) {
        (Bundle::Hooks, false) => "build/test/bundle",
        (Bundle::Hooks, true) => "build/quick/bundle",
        (Bundle::Release | Bundle::Passthrough, false) => "build/bundle",
        (Bundle::Release | Bundle::Passthrough, true) => "build/dev/bundle",
    }
}

fn list(modules: &str) -> String {
    format!("  modules = [\n{modules}  ],\n")
}

fn script(path: &str, folder: &Path) -> String {
    let name = path.replace('/', "-");
    copy(Path::new(ROOT).join(path), folder.join(&name)).unwrap_or_else(|e| panic!("{path}: {e}"));
    format!("    (name = {name:?}, esModule = embed {name:?}),\n")
}
