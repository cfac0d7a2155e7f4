//! A pool of requests as a registry sees them, matching some rules and not others.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use blobwatch_pull::Agent;
use blobwatch_rules::{Field, Value, Values};

/// The facts that rivals understand too.
pub(super) const FIELDS: [Field; 10] = [
    Field::Host,
    Field::Method,
    Field::Path,
    Field::UserAgent,
    Field::Ip,
    Field::Asn,
    Field::Country,
    Field::TlsVersion,
    Field::TlsHelloLength,
    Field::Repository,
];

/// More than the branch predictor learns by heart.
const POOL: usize = 256;

pub(super) struct Requests(Vec<Request>);

#[derive(Clone)]
struct Request {
    host: &'static str,
    method: &'static str,
    path: String,
    user_agent: &'static str,
    agent: Agent<'static>,
    ip: IpAddr,
    asn: i64,
    country: &'static str,
    tls_version: &'static str,
    hello_length: i64,
    repository: String,
}

/// As the clients send them; docker's are the most and have 130 to 170 bytes.
const USER_AGENTS: [&str; 16] = [
    r"docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.186-146.268.amzn2.x86_64 os/linux arch/amd64 UpstreamClient(Docker-Client/19.03.6-ce \(linux\))",
    r"docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/4.19.76-linuxkit os/linux arch/amd64 UpstreamClient(Docker-Client/19.03.12 \(darwin\))",
    r"docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1.0-18-amd64 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.24+dfsg1 \(linux\))",
    r"docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/5.15.133.1-microsoft-standard-WSL2 os/linux arch/amd64 UpstreamClient(Docker-Client/24.0.7 \(windows\))",
    r"docker/25.0.3 go/go1.21.6 git-commit/f417435 kernel/5.10.210-201.852.amzn2.aarch64 os/linux arch/arm64 UpstreamClient(Docker-Client/25.0.3 \(linux\))",
    r"docker/26.1.3 go/go1.21.10 git-commit/8e96db1 kernel/6.6.26-linuxkit os/linux arch/arm64 UpstreamClient(Docker-Client/26.1.3 \(darwin\))",
    r"docker/28.0.1 go/go1.23.6 git-commit/bbd0a17 containerd-client/1.7.25 storage-driver/overlayfs UpstreamClient(Docker-Client/28.0.1 \(linux\))",
    "containerd/1.6.20~ds1",
    "containerd/v2.1.4",
    "containerd/2.1.4+bottlerocket",
    "containerd/1.7.27-k3s1",
    "buildkit/v0.12.5",
    "skopeo/1.9.3 (containers/image) github.com/containers/image",
    "go-containerregistry/v0.19.1",
    "Go-http-client/1.1",
    "curl/7.88.1",
];

const REPOSITORIES: [&str; 12] = [
    "library/alpine",
    "library/ubuntu",
    "library/nginx",
    "library/redis",
    "acme/shop-frontend",
    "acme/shop-backend",
    "acme/ml/training",
    "kubernetes/pause",
    "bitnami/postgresql",
    "team-17/service-42",
    "team-3/service-9",
    "mirror/quay/etcd",
];

/// Network, country and first two bytes of its addresses.
const NETWORKS: [(i64, &str, [u8; 2]); 10] = [
    (16509, "US", [3, 80]),
    (14618, "US", [52, 4]),
    (7224, "IE", [54, 240]),
    (15169, "US", [34, 64]),
    (8075, "NL", [20, 50]),
    (24940, "DE", [88, 198]),
    (16276, "FR", [51, 38]),
    (3320, "DE", [84, 128]),
    (45102, "SG", [47, 74]),
    (64512, "ZZ", [10, 0]),
];

/// A generator of numbers; the same ones every time.
struct Numbers(u64);

impl Numbers {
    /// Knuth's MMIX constants; the upper half is what is random.
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }

    fn of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        let mut choices = choices;
        choices.rotate_left(self.next() as usize % N);
        let [first, ..] = choices.as_slice() else {
            unreachable!("no choice is among none")
        };
        *first
    }
}

/// Docker's are two thirds.
fn user_agent(numbers: &mut Numbers) -> &'static str {
    let [docker @ .., _, _, _, _, _, _, _, _, _] = USER_AGENTS;
    if !numbers.next().is_multiple_of(3) {
        numbers.of::<_, 7>(docker)
    } else {
        numbers.of(USER_AGENTS)
    }
}

impl Requests {
    /// For the whole run: the rivals keep references to it.
    pub(super) fn realistic() -> &'static Self {
        static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
            let mut numbers = Numbers(20_200_705);
            Requests((0..POOL).map(|_| Request::new(&mut numbers)).collect())
        });
        &REQUESTS
    }

    /// Those that are wanted; for the whole run too.
    pub(super) fn filtered(&self, wanted: impl Fn(&Values<'_>) -> bool) -> &'static Self {
        let wanted = self.0.iter().filter(|request| wanted(&request.values()));
        Box::leak(Box::new(Self(wanted.cloned().collect())))
    }

    /// The facts, in place.
    pub(super) fn values(&self) -> Vec<Values<'_>> {
        self.0.iter().map(Request::values).collect()
    }
}

impl Request {
    fn new(numbers: &mut Numbers) -> Self {
        let repository = numbers.of(REPOSITORIES).to_owned();
        let digest: String = (0..8)
            .map(|_| format!("{:08x}", numbers.next() & 0xFFFF_FFFF))
            .collect();
        let (asn, country, [a, b]) = numbers.of(NETWORKS);
        let user_agent = user_agent(numbers);
        Self {
            agent: Agent::parse(user_agent),
            host: numbers.of(["registry.example", "registry.example", "eu.registry.example"]),
            method: numbers.of(["GET", "GET", "GET", "HEAD"]),
            path: format!("/v2/{repository}/blobs/sha256:{digest}"),
            user_agent,
            ip: Ipv4Addr::new(a, b, numbers.next() as u8, numbers.next() as u8).into(),
            asn,
            country,
            tls_version: numbers.of(["TLSv1.2", "TLSv1.3", "TLSv1.3"]),
            hello_length: numbers.of([508, 512, 517, 230, 251, 1_800]),
            repository,
        }
    }

    fn values(&self) -> Values<'_> {
        let mut values = Values::new();
        values.set(Field::Host, self.host.into());
        values.set(Field::Method, self.method.into());
        values.set(Field::Path, self.path.as_str().into());
        values.set(Field::UserAgent, self.user_agent.into());
        values.set(Field::Ip, Value::Ip(self.ip));
        values.set(Field::Asn, Value::Int(self.asn));
        values.set(Field::Country, self.country.into());
        values.set(Field::TlsVersion, self.tls_version.into());
        values.set(Field::TlsHelloLength, Value::Int(self.hello_length));
        values.set(Field::Repository, self.repository.as_str().into());
        self.set_more(&mut values);
        values
    }

    /// The facts of rulebooks that no rival runs.
    fn set_more<'a>(&'a self, values: &mut Values<'a>) {
        let agent = &self.agent;
        values.set(Field::ClientFamily, agent.family.as_str().into());
        values.set(Field::ClientVersion, agent.version.into());
        values.set(Field::Version, "HTTP/2".into());
        values.set(Field::Ssl, Value::Bool(true));
        values.set(Field::RangeKind, "none".into());
        values.set_headers(&[("accept-encoding", "gzip")]);
    }
}
