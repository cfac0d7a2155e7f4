//! The origin: Debian's `docker-registry`, with one image in it.

use std::fs::write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use super::clock::eventually;
use super::http::Request;
use super::image::{Blob, Image, MANIFEST_TYPE};
use super::process::{Service, command};

/// Every test finds the image under this name and under what it publishes itself.
pub(crate) const REPOSITORY: &str = "library/app";
pub(crate) const TAG: &str = "v1";

pub(crate) struct Registry {
    addr: SocketAddr,
    pub(crate) image: Image,
    _service: Service,
    _folder: TempDir,
}

impl Registry {
    /// One for all tests that run at the same time: pushing 70 MB for each would take longer than the tests.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Registry>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let registry = Arc::new(Self::start());
            *shared = Arc::downgrade(&registry);
            registry
        })
    }

    fn start() -> Self {
        let registry = Self::empty(true);
        registry
            .image
            .blobs()
            .for_each(|blob| registry.upload(REPOSITORY, blob));
        registry.tag(REPOSITORY, TAG);
        registry
    }

    /// Without an image; with or without `relativeurls`.
    pub(crate) fn empty(is_relative: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, log) = (folder.path().join("config.yml"), folder.path().join("log"));
        write(&config, configuration(folder.path(), is_relative)).unwrap();
        let mut registry = command("docker-registry");
        registry.arg("serve").arg(&config);
        let service = Service::start(registry, &log);
        let addr = eventually("docker-registry listens", || listening(&service.log()));
        Self {
            addr,
            image: Image::build(),
            _service: service,
            _folder: folder,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The image under a name of the test's own.
    #[track_caller]
    pub(crate) fn publish(&self, repository: &str) {
        for blob in self.image.blobs() {
            let query = format!("mount={}&from={REPOSITORY}", blob.digest);
            let target = format!("/v2/{repository}/blobs/uploads/?{query}");
            let answer = Request::new("POST", &target)
                .body("text/plain", "")
                .send(self.addr)
                .unwrap();
            assert_eq!(answer.status(), 201, "{}", answer.text());
        }
        self.tag(repository, TAG);
    }

    #[track_caller]
    fn upload(&self, repository: &str, blob: &Blob) {
        let start = Request::new("POST", &format!("/v2/{repository}/blobs/uploads/"));
        let answer = start.body("text/plain", "").send(self.addr).unwrap();
        let location = answer.get("location").unwrap();
        let put = Request::new("PUT", &format!("{location}&digest={}", blob.digest));
        let answer = put
            .body("application/octet-stream", blob.bytes.clone())
            .send(self.addr)
            .unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text());
    }

    #[track_caller]
    fn tag(&self, repository: &str, tag: &str) {
        let put = Request::new("PUT", &format!("/v2/{repository}/manifests/{tag}"));
        let answer = put
            .body(MANIFEST_TYPE, self.image.manifest.bytes.clone())
            .send(self.addr)
            .unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text());
    }
}

/// `relativeurls` keeps a push on the host that it began with: without, it leaves Blobwatch after the first POST.
fn configuration(folder: &Path, is_relative: bool) -> String {
    let root = folder.join("data");
    format!(
        "version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}, redirect: {{disable: true}}}}
http: {{addr: '127.0.0.1:0', relativeurls: {is_relative}}}
",
        root.display()
    )
}

fn listening(log: &str) -> Option<SocketAddr> {
    let (_, after) = log.split_once("listening on ")?;
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')?;
    after[..end].parse().ok()
}
