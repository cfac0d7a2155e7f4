//! No spelling of a blob's path is served without a record, or past an enforced rule: before the registry itself, before
//! nginx as Harbor sets it up, and before an nginx that makes the registry decode once more.

use std::fs::write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::image::MANIFEST_TYPE;
use crate::harness::place::Place;
use crate::harness::process::{Service, command};
use crate::harness::registry::{REPOSITORY, Registry, TAG};
use crate::harness::stage::{OPERATOR, configured};
use crate::harness::workerd::Workerd;

/// `DIGEST` is the blob's, `HEX` the digits of it.
const SPELLINGS: [&str; 79] = [
    "/v2/library/app/blobs/DIGEST",
    // Escapes.
    "/v2/library%2Fapp/blobs/DIGEST",
    "/v2/library%2fapp/blobs/sha256%3AHEX",
    "/v2/library/app/blobs/sha256%3aHEX",
    "/%76%32/library/app/blobs/DIGEST",
    "/v2/library/app/%62%6c%6f%62%73/DIGEST",
    "/v2/%6cibrary/%61pp/blobs/DIGEST",
    "/v2%2flibrary%2fapp%2fblobs%2fDIGEST",
    "/v2/library/app/blobs%2fDIGEST",
    "/v2/library/app%2Fblobs/DIGEST",
    "/v2%2Flibrary/app/blobs/DIGEST",
    "/%2fv2/library/app/blobs/DIGEST",
    "/v2/%2flibrary/app/blobs/DIGEST",
    "/v2/library%2f%2fapp/blobs/DIGEST",
    "/v2/library/app/blobs/%2fDIGEST",
    "/v2/library/app/blobs/DIGEST%2f",
    // Escapes of escapes.
    "/v2/library%252Fapp/blobs/DIGEST",
    "/v2/library/app/blobs/sha256%253AHEX",
    "/v2%252flibrary%252fapp%252fblobs%252fDIGEST",
    "/v2/library/app/blobs/sha256%25%33%41HEX",
    "/%2576%2532/library/app/blobs/DIGEST",
    "/v2/x%252f..%252flibrary/app/blobs/DIGEST",
    "/v2/x/%252e%252e/library/app/blobs/DIGEST",
    "/v2/library/app/x%252f%252e%252e%252fblobs/DIGEST",
    // Slashes.
    "//v2/library/app/blobs/DIGEST",
    "///v2/library/app/blobs/DIGEST",
    "/v2//library/app/blobs/DIGEST",
    "/v2/library//app/blobs/DIGEST",
    "/v2/library///app/blobs/DIGEST",
    "/v2/library/app//blobs/DIGEST",
    "/v2/library/app/blobs//DIGEST",
    "/v2/library/app/blobs/DIGEST/",
    "/v2/library/app/blobs/DIGEST//",
    "//v2//library//app//blobs//DIGEST",
    "/v2\\library\\app\\blobs\\DIGEST",
    "/v2/library%5capp/blobs/DIGEST",
    // Dots.
    "/./v2/library/app/blobs/DIGEST",
    "/v2/./library/app/blobs/DIGEST",
    "/v2/library/./app/blobs/./DIGEST",
    "/x/../v2/library/app/blobs/DIGEST",
    "/v2/x/../library/app/blobs/DIGEST",
    "/../v2/library/app/blobs/DIGEST",
    "/v2/library/app/blobs/x/../DIGEST",
    "/v2/library/%2e/app/blobs/DIGEST",
    "/v2/x/%2e%2e/library/app/blobs/DIGEST",
    "/v2/library/%2e%2fapp/blobs/DIGEST",
    "/v2/x/..%2flibrary/app/blobs/DIGEST",
    "/v2/x/.%2e%2flibrary/app/blobs/DIGEST",
    "/v2/x%2f..%2flibrary/app/blobs/DIGEST",
    "/v2/x%2f%2e%2e%2flibrary/app/blobs/DIGEST",
    "/x%2f..%2fv2/library/app/blobs/DIGEST",
    "/v2/..%2fv2/library/app/blobs/DIGEST",
    "/..%2fv2/library/app/blobs/DIGEST",
    "/v2/library/app/x%2f..%2fblobs/DIGEST",
    "/v2/library/app/manifests%2f..%2fblobs/DIGEST",
    "/v2/library/app/blobs/uploads%2f..%2fDIGEST",
    "/v2/library/app/blobs/x%2f..%2fDIGEST",
    "/v2/library/app/blobs/DIGEST%2f.",
    "/v2/library/app/blobs/DIGEST/x%2f..",
    "/v2/library/app/blobs/DIGEST/x%2f..%2f",
    // Dots behind an empty segment, and behind a backslash.
    "/v2/%2f..%2flibrary/app/blobs/DIGEST",
    "/v2/%2f%2e%2e%2flibrary/app/blobs/DIGEST",
    "/v2/library/app/blobs/%2f../DIGEST",
    "/v2/x%5cy%2f..%2flibrary/app/blobs/DIGEST",
    // Parameters, a query, a fragment.
    "/v2/library;a=b/app/blobs/DIGEST",
    "/v2;x/library/app/blobs/DIGEST",
    "/v2/library/app/blobs;jsessionid=1/DIGEST",
    "/v2/library/app/blobs/DIGEST;x",
    "/v2/x/..;/library/app/blobs/DIGEST",
    "/v2/library/app/blobs/DIGEST%3fx=y",
    "/v2/library/app/blobs/DIGEST%23x",
    "/v2//library/app/blobs/DIGEST?ns=docker.io",
    "/v2//library/app/blobs/DIGEST#/../x",
    // Case.
    "/V2/library/app/blobs/DIGEST",
    "/v2/Library/App/blobs/DIGEST",
    "/v2/library/app/BLOBS/DIGEST",
    "/v2/library/app/blobs/SHA256:HEX",
    // Broken escapes, and bytes that are no text.
    "/v2/library/app/%zz%2f..%2fblobs/DIGEST",
    "/v2/x%ff%2f..%2flibrary/app/blobs/DIGEST",
];

/// What is no blob, in its own spelling and in others. `DIGEST` is the manifest's.
const OTHERS: [&str; 14] = [
    "/v2/",
    "/v2/_catalog?n=0",
    "/v2/library/app/tags/list",
    "/v2/library/app/manifests/TAG",
    "/v2/library/app/manifests/DIGEST",
    "/v2/library/app/manifests/sha256%3aHEX",
    "/v2/library%2fapp/manifests/TAG",
    "/v2//library/app/manifests/TAG",
    "/v2/x%2f..%2flibrary/app/manifests/DIGEST",
    "/v2/library/app/blobs%2f..%2fmanifests/DIGEST",
    "/v2/library/app/blobs/uploads/0b9e6d3c-7a1f-4a58-9d2e-000000000000",
    "/v2/library/app/blobs/uploads/",
    "/v2//library//app//tags/list",
    "/V2/Library/App/tags/list",
];

/// What stands in front of the registry.
#[derive(Clone, Copy)]
enum Location {
    /// As in Harbor (`make/photon/prepare/templates/nginx/nginx.http.conf.jinja`).
    Harbor,
    /// The same with `merge_slashes off`, where `..` takes back an empty segment.
    Unmerged,
    /// The decoded path is sent as it is, for the registry to decode again.
    DecodedTwice,
}

/// Debian's nginx before the registry.
struct Nginx {
    addr: SocketAddr,
    _service: Service,
    _folder: TempDir,
}

impl Nginx {
    #[track_caller]
    fn before(upstream: SocketAddr, location: Location) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = any.local_addr().unwrap();
        drop(any);
        let config = folder.path().join("nginx.conf");
        write(&config, configuration(folder.path(), addr, upstream, location)).unwrap();
        let mut nginx = command("nginx");
        nginx.arg("-c").arg(&config).arg("-p").arg(folder.path());
        let mut service = Service::start(nginx, &folder.path().join("log"));
        eventually("nginx listens", || {
            assert!(service.ended().is_none(), "nginx ended: {}", service.log());
            TcpStream::connect(addr).ok()
        });
        Self {
            addr,
            _service: service,
            _folder: folder,
        }
    }
}

fn configuration(folder: &Path, addr: SocketAddr, upstream: SocketAddr, location: Location) -> String {
    let pass = match location {
        Location::Harbor => "location /v2/ { proxy_pass http://core/v2/; }",
        Location::Unmerged => "merge_slashes off; location /v2/ { proxy_pass http://core/v2/; }",
        Location::DecodedTwice => "location / { proxy_pass http://core$uri; }",
    };
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream core {{ server {upstream}; }}
  server {{ listen {addr}; {pass} }}
}}"
    )
}

/// Blobwatch before an origin that has the registry's blobs.
struct Before {
    registry: Arc<Registry>,
    edge: Workerd,
    origin: SocketAddr,
}

impl Before {
    fn new(origin: impl FnOnce(SocketAddr) -> SocketAddr) -> Self {
        let registry = Registry::shared();
        let origin = origin(registry.addr());
        let edge = configured(Bundle::Release, &format!("http://{origin}")).start();
        Self {
            registry,
            edge,
            origin,
        }
    }

    fn api(&self) -> Api<'static> {
        Api::new(self.edge.addr(), OPERATOR)
    }

    #[track_caller]
    fn ask(&self, request: &Request) -> Answer {
        Place::default().ask(request).send(self.edge.addr()).unwrap()
    }

    #[track_caller]
    fn get(&self, method: &str, target: &str, agent: &str) -> Answer {
        self.ask(&Request::new(method, target).header("User-Agent", agent))
    }

    fn spelled(&self, spelling: &str) -> String {
        let digest = &self.registry.image.small().digest;
        let hex = digest.trim_start_matches("sha256:");
        spelling.replace("DIGEST", digest).replace("HEX", hex)
    }

    /// How many spellings of the blob the origin serves; each of them has an id and a record.
    #[track_caller]
    fn every_spelling_is_watched(&self) -> usize {
        let blob = self.registry.image.small();
        let mut answers = Vec::new();
        for spelling in SPELLINGS {
            let answer = self.get("GET", &self.spelled(spelling), "free/1");
            let id = answer.get("blobwatch-id").map(str::to_owned);
            let is_served = answer.status() == 200 && answer.body == blob.bytes;
            let what = || format!("not watched: {spelling}: {}", answer.head.start);
            answers.push((spelling, id.unwrap_or_else(|| panic!("{}", what())), is_served));
        }
        let records = eventually("a record of each", || {
            Some(self.api().items("/requests?limit=1000")).filter(|records| records.len() >= answers.len())
        });
        for (spelling, id, is_served) in &answers {
            let record = records.iter().find(|record| record["id"] == **id).unwrap();
            let read = [&record["repository"], &record["digest"]];
            let is_read = read == [&json!(REPOSITORY), &json!(blob.digest)];
            assert!(is_read || !is_served, "{spelling}: {record}");
        }
        let odd = records.iter().filter(|record| record["odd_path"] == true).count();
        assert!(odd > SPELLINGS.len() / 2, "{odd} are marked");
        assert_eq!(self.api().items("/requests?odd_path=true&limit=1000").len(), odd);
        answers.iter().filter(|(_, _, is_served)| *is_served).count()
    }

    #[track_caller]
    fn every_spelling_is_refused(&self) {
        let rule = json!({"description": "", "expression": "http.user_agent contains \"probe/\"", "action": "block"});
        self.api().put("/rules/probe", &rule);
        let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
        self.api().put("/rules/probe/modes/default", &mode);
        let target = self.spelled(SPELLINGS[0]);
        eventually("the block is in force", || {
            (self.get("GET", &target, "probe/1").status() == 403).then_some(())
        });
        for spelling in SPELLINGS {
            for method in ["GET", "HEAD"] {
                let answer = self.get(method, &self.spelled(spelling), "probe/1");
                assert_eq!(answer.status(), 403, "{method} {spelling}");
            }
        }
    }

    /// Registries written in Go take this for a blob of `app`, and so does a rule of nobody; the nginx in front serves that of
    /// the repository that a rule is for.
    #[track_caller]
    fn a_rule_holds_for_what_the_origin_serves(&self) {
        let target = self.spelled("/v2/library/%2f..%2fapp/blobs/DIGEST");
        let served = self.get("GET", &target, "free/1");
        assert_eq!(served.status(), 200, "nginx serves it: the path tries nothing");
        let id = |answer: &Answer| answer.get("blobwatch-id").unwrap().to_owned();
        let repository = |id: String| {
            let records = eventually("its record", || {
                Some(self.api().items(&format!("/requests?id={id}"))).filter(|found| !found.is_empty())
            });
            records[0]["repository"].as_str().unwrap().to_owned()
        };
        assert_eq!(repository(id(&served)), "app");
        let expression = format!("oci.repository eq \"{REPOSITORY}\"");
        let rule = json!({"description": "", "expression": expression, "action": "block"});
        self.api().put("/rules/of-one", &rule);
        let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
        self.api().put("/rules/of-one/modes/default", &mode);
        let refused = eventually("the block is in force", || {
            Some(self.get("GET", &target, "free/1")).filter(|answer| answer.status() == 403)
        });
        assert_eq!(repository(id(&refused)), REPOSITORY);
    }

    /// Past a rule that refuses every blob.
    #[track_caller]
    fn others_pass(&self) {
        let digest = &self.registry.image.manifest.digest;
        let hex = digest.trim_start_matches("sha256:");
        for other in OTHERS {
            let target = other
                .replace("DIGEST", digest)
                .replace("HEX", hex)
                .replace("TAG", TAG);
            for method in ["GET", "HEAD"] {
                let request = Request::new(method, &target)
                    .header("Accept", MANIFEST_TYPE)
                    .header("User-Agent", "probe/1");
                let (straight, through) = (request.send(self.origin).unwrap(), self.ask(&request));
                assert_eq!(through.status(), straight.status(), "{method} {other}");
                assert_eq!(through.get("blobwatch-id"), None, "{method} {other}");
                assert!(
                    through.body == straight.body,
                    "{method} {other}: {}",
                    through.text()
                );
            }
        }
    }
}

#[track_caller]
fn holds(before: &Before, at_least: usize) {
    let served = before.every_spelling_is_watched();
    println!("{served} of {} spellings are served", SPELLINGS.len());
    assert!(
        served >= at_least,
        "only {served} are served: the table tries nothing"
    );
    before.every_spelling_is_refused();
    before.others_pass();
}

#[test]
fn no_spelling_passes_before_the_registry() {
    holds(&Before::new(|registry| registry), 5);
}

#[test]
fn no_spelling_passes_before_nginx_as_harbor_sets_it_up() {
    let mut nginx = None;
    let before = Before::new(|registry| nginx.insert(Nginx::before(registry, Location::Harbor)).addr);
    holds(&before, 20);
}

#[test]
fn no_spelling_passes_before_nginx_that_keeps_empty_segments() {
    let mut nginx = None;
    let before = Before::new(|registry| nginx.insert(Nginx::before(registry, Location::Unmerged)).addr);
    holds(&before, 15);
    before.a_rule_holds_for_what_the_origin_serves();
}

#[test]
fn no_spelling_passes_before_an_origin_that_decodes_twice() {
    let mut nginx = None;
    let before = Before::new(|registry| nginx.insert(Nginx::before(registry, Location::DecodedTwice)).addr);
    holds(&before, 20);
}
