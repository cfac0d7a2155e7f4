//! Data planes on hosts of their own, and one host with the objects (docs/many-hosts.md): what each needs of the others, and what it
//! does not.

use std::fs::{Permissions, copy, create_dir, set_permissions, write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::clients::{Home, has_pulled, skopeo};
use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::process::{Output, command, run};
use crate::harness::registry::{REPOSITORY, Registry};
use crate::harness::relay::{Fault, Gate, Relay};
use crate::serve::{Served, release};

/// One machine: the release, and a data folder.
struct Host {
    folder: TempDir,
    registry: SocketAddr,
}

impl Host {
    fn new(registry: &Registry) -> Self {
        let folder = TempDir::new().unwrap();
        release(folder.path());
        Self {
            folder,
            registry: registry.addr(),
        }
    }

    /// With the secrets of the objects' host, as the page says.
    fn beside(objects: &Self, registry: &Registry) -> Self {
        let host = Self::new(registry);
        create_dir(host.path("data")).unwrap();
        copy(objects.path("data/secrets.env"), host.path("data/secrets.env")).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn serve(&self, arguments: &[&str]) -> Served {
        Served::start(self.folder.path(), self.registry, arguments)
    }
}

/// An authority of the hosts, and certificates.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let made = Self(TempDir::new().unwrap());
        made.authority("ca");
        made.authority("stranger");
        made.signed("host");
        made
    }

    fn authority(&self, name: &str) {
        let subject = format!("/CN={name}");
        let mut openssl = command("openssl");
        openssl
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj", &subject])
            .args(["-keyout", &self.file(&format!("{name}.key"))])
            .args(["-out", &self.file(&format!("{name}.pem"))]);
        run(openssl).success();
    }

    /// As the page makes them.
    fn signed(&self, name: &str) {
        let subject = format!("/CN={name}");
        let mut openssl = command("openssl");
        openssl
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj", &subject])
            .args(["-CA", &self.file("ca.pem"), "-CAkey", &self.file("ca.key")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "extendedKeyUsage=serverAuth,clientAuth"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-keyout", &self.file(&format!("{name}.key"))])
            .args(["-out", &self.file(&format!("{name}.pem"))]);
        run(openssl).success();
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn arguments(&self) -> [String; 3] {
        [("cert", "host.pem"), ("key", "host.key"), ("ca", "ca.pem")]
            .map(|(option, name)| format!("--objects-{option}={}", self.file(name)))
    }
}

/// Pulls of the registry's smallest blob, by clients that a version tells apart.
struct Blob(String);

impl Blob {
    fn pull(&self, host: &Served, family: &str, version: &str) -> u16 {
        let request = Request::get(&self.0).header("User-Agent", &format!("{family}/{version}"));
        request.send(host.addr()).unwrap().status()
    }
}

fn api<'a>(host: &Served, token: &'a str) -> Api<'a> {
    Api::new(host.addr(), token)
}

/// Waits for a record of that client, which a pull that is told of by the host brings.
#[track_caller]
fn is_recorded(host: &Served, token: &str, version: &str) {
    eventually(&format!("{version} is recorded"), || {
        let records = api(host, token).try_get("/requests?limit=200");
        let records = (records.status() == 200).then(|| records.json())?;
        let mut records = records["items"].as_array().unwrap().iter();
        records.any(|record| record["version"] == version).then_some(())
    });
}

/// Rulebooks that could not be asked for are counted as well.
#[track_caller]
fn no_record_is_lost(host: &Served, token: &str) {
    let lost = api(host, token).get("/losses").to_string();
    assert!(
        !lost.contains("records_lost") && !lost.contains("buffer"),
        "{lost}"
    );
}

fn health(host: &Served, query: &str) -> Answer {
    let request = Request::get(&format!("/_blobwatch/healthz{query}"));
    request.send(host.addr()).unwrap()
}

fn enforce(api: Api<'_>) {
    let rule = json!({"description": "", "expression": "client.family eq \"wget\"", "action": "block"});
    api.put("/rules/own", &rule);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    api.put("/rules/own/modes/default", &mode);
}

/// What curl says of the port of the objects.
fn curl(port: &str, arguments: &[&str], path: &str) -> Output {
    let mut curl = command("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]);
    curl.args(arguments).arg(format!("https://{port}{path}"));
    run(curl)
}

/// Nobody without a certificate of ours is answered; whoever has one reaches nothing but what a data plane needs.
fn is_closed(port: &str, certificates: &Certificates) {
    let (ca, own, key) = (
        certificates.file("ca.pem"),
        certificates.file("host.pem"),
        certificates.file("host.key"),
    );
    let (other, other_key) = (
        certificates.file("stranger.pem"),
        certificates.file("stranger.key"),
    );
    let trusts = ["--cacert", ca.as_str()];
    let flush = "/fire-logs/fl1-none-0/flush";
    for stranger in [&[][..], &["--cert", &other, "--key", &other_key]] {
        let refused = curl(port, &[&trusts, stranger, &["--data", "x"]].concat(), flush);
        assert!(!refused.status.success(), "{refused:?}");
    }
    let known = [&trusts[..], &["--cert", &own, "--key", &key]].concat();
    for path in [
        "/fire-logs/fl1-none-0/slice",
        "/fire-logs/rulebook/document",
        "/v2/",
        "/guard/counts",
    ] {
        let answer = curl(port, &[&known[..], &["--data", "x"]].concat(), path);
        assert_eq!(answer.stdout, "404", "{path}");
    }
    let guess = curl(port, &known, "/_blobwatch/api/v1/rules");
    assert_eq!(guess.stdout, "401", "a certificate is no operator's token");
}

#[test]
fn a_host_that_dies_takes_no_other_with_it() {
    let (registry, certificates) = (Registry::shared(), Certificates::new());
    let blob = Blob(format!(
        "/v2/{REPOSITORY}/blobs/{}",
        registry.image.small().digest
    ));
    let trust = certificates.arguments();
    let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
    let host = Host::new(&registry);
    let objects = host.serve(&[&trust[..], &["--objects-listen=127.0.0.1:0"]].concat());
    let (token, port) = (objects.word("token "), objects.word("objects "));
    is_closed(&port, &certificates);

    let number = port.rsplit_once(':').unwrap().1;
    let edges = [Host::beside(&host, &registry), Host::beside(&host, &registry)];
    let [first, second] = [
        (&edges[0], format!("--objects=https://localhost:{number}")),
        (&edges[1], format!("--objects=https://{port}")),
    ]
    .map(|(edge, at)| edge.serve(&[&trust[..], &[at.as_str()]].concat()));
    for edge in [&first, &second] {
        eventually("it is ready", || {
            (health(edge, "?ready").json() == json!({"status": "ok"})).then_some(())
        });
        let home = Home::new();
        skopeo(&home, edge.addr(), REPOSITORY).success();
        has_pulled(&home, &registry.image);
    }

    // A rule that is switched through one acts on both, and all of them tell what both did.
    enforce(api(&first, &token));
    for (edge, version) in [(&first, "1.1"), (&second, "1.2")] {
        eventually("the rule is in force", || {
            (blob.pull(edge, "wget", version) == 403).then_some(())
        });
    }
    for asked in [&objects, &first, &second] {
        eventually("both are in the fire log", || {
            let fires = api(asked, &token).items("/fires?rule=own&verdict=block");
            let has = |version: &str| fires.iter().any(|fire| fire["version"] == version);
            (has("1.1") && has("1.2")).then_some(())
        });
    }

    // The objects' host is dead: pulls and the rule go on, and what happened is told when it is back.
    objects.kill();
    for (edge, version) in [(&first, "2.1"), (&second, "2.2")] {
        assert_eq!(blob.pull(edge, "wget", version), 403);
        assert_eq!(blob.pull(edge, "skopeo", version), 200);
        let alone = health(edge, "");
        assert_eq!(
            (alone.status(), &alone.json()["status"]),
            (200, &json!("degraded"))
        );
        assert_eq!(health(edge, "?ready").status(), 503);
        assert_eq!(api(edge, &token).try_get("/rules").status(), 503);
    }
    let objects = host.serve(&[&trust[..], &[&format!("--objects-listen={port}")]].concat());
    for (edge, version) in [(&first, "2.1"), (&second, "2.2")] {
        is_recorded(edge, &token, version);
    }

    // One data plane is dead: the other and the objects are as before.
    first.kill();
    assert_eq!(blob.pull(&second, "wget", "3.2"), 403);
    assert_eq!(blob.pull(&second, "skopeo", "3.2"), 200);
    is_recorded(&objects, &token, "3.2");
    no_record_is_lost(&second, &token);
    second.end();
    objects.end();
}

/// A file that its owner alone reads.
fn secret(folder: &Path, text: &str) -> String {
    let path = folder.join("hosts.secret");
    write(&path, text).unwrap();
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    format!("--objects-secret={}", path.display())
}

/// With a secret in place of certificates; what stands between the two hosts breaks.
#[test]
fn an_objects_host_that_hangs_or_talks_nonsense_fails_no_pull() {
    let registry = Registry::shared();
    let blob = Blob(format!(
        "/v2/{REPOSITORY}/blobs/{}",
        registry.image.small().digest
    ));
    let host = Host::new(&registry);
    let known = secret(host.folder.path(), &"k".repeat(64));
    let objects = host.serve(&["--objects-listen=127.0.0.1:0", &known]);
    let token = objects.word("token ");
    let between = Relay::before(objects.word("objects ").parse().unwrap());
    let at = format!("--objects={}", between.url());

    let edge = Host::beside(&host, &registry);
    let stranger = edge.serve(&[&at, &secret(edge.folder.path(), &"x".repeat(64))]);
    assert_eq!(blob.pull(&stranger, "skopeo", "0.1"), 200);
    let alone = health(&stranger, "").json();
    assert!(alone["reasons"].to_string().contains("answered 403"), "{alone}");
    stranger.end();

    let edge = Host::beside(&host, &registry);
    let served = edge.serve(&[&at, &known]);
    enforce(api(&served, &token));
    eventually("the rule is in force", || {
        (blob.pull(&served, "wget", "1.0") == 403).then_some(())
    });
    let (gate, nonsense) = (Gate::default(), |text: &str| {
        Fault::Answer(text.as_bytes().to_vec())
    });
    for (fault, version) in [
        (Fault::Await(gate.clone()), "2.0"),
        (
            nonsense("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nnonsense"),
            "2.1",
        ),
        (
            nonsense("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            "2.2",
        ),
        (nonsense("no HTTP\r\n\r\n"), "2.3"),
        (Fault::Refuse, "2.4"),
    ] {
        between.disarm();
        between.arm(fault, |_| true);
        let before = between.seen().len();
        eventually("the other host was asked", || {
            assert_eq!(blob.pull(&served, "skopeo", version), 200);
            assert_eq!(blob.pull(&served, "wget", version), 403);
            (between.seen().len() > before).then_some(())
        });
    }
    gate.open();
    between.disarm();
    is_recorded(&served, &token, "2.4");
    no_record_is_lost(&served, &token);
    served.end();
    objects.end();
}
