//! The runtime: open-source workerd, serving one worker as Cloudflare would.
//!
//! A socket that believes the `CF-Blob` header gives every test its own place on the edge (colo, network, address,
//! TLS). `tests/data/between.js` sits before the Durable Objects, so that they can be broken without a special build.

use std::fmt::Write as _;
use std::fs::{copy, read_dir, write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::clock::{PATIENCE, eventually};
use super::http::Request;
use super::process::{Service, command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Every API of the runtime that the worker may use is older than this.
const COMPATIBILITY_DATE: &str = "2026-11-01";

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
}

impl Deployment {
    pub(crate) fn new(bundle: Bundle, origin: &str) -> Self {
        let vars = vec![("ORIGIN", origin.to_owned()), ("PLATFORM", "workerd".to_owned())];
        Self { bundle, vars }
    }

    pub(crate) fn var(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    pub(crate) fn start(self) -> Workerd {
        Workerd::start(self)
    }
}

pub(crate) struct Workerd {
    deployment: Deployment,
    addr: SocketAddr,
    between: SocketAddr,
    service: Service,
    folder: TempDir,
}

impl Workerd {
    fn start(deployment: Deployment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("objects")).unwrap();
        let (service, [addr, between]) = serve(&deployment, folder.path(), [0, 0]);
        Self {
            deployment,
            addr,
            between,
            service,
            folder,
        }
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What workerd and the worker have logged so far.
    pub(crate) fn log(&self) -> String {
        self.service.log()
    }

    /// The folder of a Durable Object class: one SQLite file an object.
    pub(crate) fn objects(&self, class: &str) -> PathBuf {
        self.folder.path().join("objects").join(class)
    }

    /// SIGKILL: whatever was not durable is lost.
    pub(crate) fn kill(&mut self) {
        self.service.kill();
    }

    /// The same storage on the same ports, every isolate new.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let ports = [self.addr.port(), self.between.port()];
        (self.service, _) = serve(&self.deployment, self.folder.path(), ports);
    }

    /// From now on calls to the class fail like this (`tests/data/between.js`); all others work.
    #[track_caller]
    pub(crate) fn sabotage(&self, faults: &Value) {
        let put = Request::new("PUT", "/").body("application/json", faults.to_string());
        assert_eq!(put.send(self.between).unwrap().status(), 200);
    }

    /// Calls that reached the objects so far, by `Class METHOD /path`.
    pub(crate) fn calls(&self) -> Value {
        Request::get("/").send(self.between).unwrap().json()["calls"].take()
    }
}

#[track_caller]
fn serve(deployment: &Deployment, folder: &Path, ports: [u16; 2]) -> (Service, [SocketAddr; 2]) {
    let (config, log) = (folder.join("config.capnp"), folder.join("log"));
    write(&config, configuration(deployment, folder, ports)).unwrap();
    // Each start reports its own sockets: an older report must not be read again.
    write(&log, "").unwrap();
    let mut workerd = command(&binary());
    workerd.args(["serve", "--control-fd=1"]).arg(&config);
    let mut service = Service::start(workerd, &log);
    let sockets = eventually("workerd listens", PATIENCE, || {
        assert!(service.ended().is_none(), "workerd ended: {}", service.log());
        let log = service.log();
        Some([listening(&log, "http")?, listening(&log, "between")?])
    });
    (service, sockets)
}

/// npm leaves either the binary or a script that starts it in `.bin`; the package of the machine has the binary.
fn binary() -> String {
    let machine = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-64",
    };
    let path = format!("{ROOT}/node_modules/@cloudflare/workerd-{machine}/bin/workerd");
    assert!(
        Path::new(&path).is_file(),
        "{path} is missing: `cargo xtask setup` installs it"
    );
    path
}

fn listening(log: &str, socket: &str) -> Option<SocketAddr> {
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let port = events
        .filter(|e| e["socket"] == socket)
        .find_map(|e| e["port"].as_u64())?;
    Some((Ipv4Addr::LOCALHOST, u16::try_from(port).ok()?).into())
}

fn configuration(deployment: &Deployment, folder: &Path, [http, between]: [u16; 2]) -> String {
    let own = modules(deployment.bundle, folder);
    let breaker = script("tests/data/between.js", folder);
    let mut bindings = String::new();
    for (name, value) in &deployment.vars {
        writeln!(bindings, "    (name = {name:?}, text = {value:?}),").unwrap();
    }
    for (name, class) in [("RULE_BOOK", "RuleBook"), ("FIRE_LOG", "FireLog")] {
        let object = format!("(className = {class:?}, serviceName = \"between\")");
        writeln!(
            bindings,
            "    (name = {name:?}, durableObjectNamespace = {object}),"
        )
        .unwrap();
    }
    let objects = match deployment.bundle {
        Bundle::Passthrough => "",
        _ => OBJECTS,
    };
    let target = match deployment.bundle {
        Bundle::Passthrough => "",
        _ => BETWEEN_BINDINGS,
    };
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "between", worker = .between),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "objects", disk = (path = {path:?}, writable = true)),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:{http}", http = (cfBlobHeader = "CF-Blob"), service = "worker"),
    (name = "between", address = "127.0.0.1:{between}", http = (), service = "between"),
  ],
);
const worker :Workerd.Worker = (
  compatibilityDate = "{COMPATIBILITY_DATE}",
  modules = [
{own}  ],
  bindings = [
{bindings}  ],
{objects});
const between :Workerd.Worker = (
  compatibilityDate = "{COMPATIBILITY_DATE}",
  modules = [
{breaker}  ],
{target}  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "between-RuleBook"),
    (className = "FireLog", uniqueKey = "between-FireLog"),
  ],
  durableObjectStorage = (inMemory = void),
);
"#,
        path = folder.join("objects"),
    )
}

const OBJECTS: &str = r#"  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "RuleBook", enableSql = true),
    (className = "FireLog", uniqueKey = "FireLog", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
"#;

const BETWEEN_BINDINGS: &str = r#"  bindings = [
    (name = "RuleBook", durableObjectNamespace = (className = "RuleBook", serviceName = "worker")),
    (name = "FireLog", durableObjectNamespace = (className = "FireLog", serviceName = "worker")),
  ],
"#;

/// The worker's modules as capnp, copied into `folder`: workerd embeds only what is beside its config. A Wasm
/// module's name is the specifier that the script imports it by.
fn modules(bundle: Bundle, folder: &Path) -> String {
    let build = match bundle {
        Bundle::Passthrough => return script("tests/data/passthrough.js", folder),
        Bundle::Release => "build/bundle",
        Bundle::Hooks => "build/test/bundle",
    };
    let files = read_dir(Path::new(ROOT).join(build)).unwrap_or_else(|_| {
        panic!("{build} is missing: `cargo xtask test` builds it and then runs the tests")
    });
    let mut modules = script(&format!("{build}/worker.js"), folder);
    for name in files.map(|file| file.unwrap().file_name().into_string().unwrap()) {
        if name.ends_with(".wasm") {
            copy(Path::new(ROOT).join(build).join(&name), folder.join(&name)).unwrap();
            writeln!(modules, "    (name = \"./{name}\", wasm = embed {name:?}),").unwrap();
        }
    }
    modules
}

fn script(path: &str, folder: &Path) -> String {
    let name = path.replace('/', "-");
    copy(Path::new(ROOT).join(path), folder.join(&name)).unwrap_or_else(|e| panic!("{path}: {e}"));
    format!("    (name = {name:?}, esModule = embed {name:?}),\n")
}
