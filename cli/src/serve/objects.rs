//! Where the objects are: in this process, in this process for data planes of other hosts too, or on another host. What the options say
//! of it, checked before anything is started (docs/many-hosts.md).

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use blobwatch_host::Origin;

use super::pem::{PemFile, Tls};

/// What nobody guesses: 16 bytes in hexadecimal digits have so many letters.
const MIN_SECRET: usize = 32;

/// It goes in a header.
const MAX_SECRET: usize = 1024;

#[derive(clap::Args)]
#[command(next_help_heading = "Many hosts")]
pub(super) struct ObjectsArguments {
    /// Serve pulls only: records and rules are on the host whose --objects-listen is at this address
    #[arg(long = "objects", value_name = "URL", conflicts_with = "objects_listen")]
    objects: Option<Address>,
    /// Keep records and rules for data planes of other hosts too, which connect here
    #[arg(long, value_name = "ADDRESS:PORT")]
    objects_listen: Option<SocketAddr>,
    /// The certificate that this host shows to the others (PEM)
    #[arg(long, value_name = "FILE", requires = "objects_key")]
    objects_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "objects_cert")]
    objects_key: Option<PathBuf>,
    /// The authority that signed the certificates of the other hosts (PEM)
    #[arg(long, value_name = "FILE")]
    objects_ca: Option<PathBuf>,
    /// A file with a secret that all hosts know, where a certificate does not say who connects
    #[arg(long, value_name = "FILE")]
    objects_secret: Option<PathBuf>,
}

/// Where a data plane connects.
#[derive(Clone)]
pub(super) struct Address(Origin);

pub(super) enum Objects {
    /// For this process only.
    Own,
    /// Here, where data planes of other hosts connect as well.
    Shared { listen: SocketAddr, trust: Trust },
    /// On another host.
    Elsewhere { address: Address, trust: Trust },
}

/// How two hosts know each other.
pub(super) struct Trust {
    pub(super) identity: Option<Tls>,
    pub(super) authority: Option<PemFile>,
    pub(super) secret: Option<String>,
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origin = text.parse();
        origin
            .map(Self)
            .map_err(|_| "expected https://HOST:PORT, or http://HOST:PORT in an internal network")
    }
}

impl Address {
    pub(super) fn is_https(&self) -> bool {
        self.to_string().starts_with("https:")
    }

    /// The name that the other host's certificate must have, and what is connected to.
    pub(super) fn host_and_address(&self) -> (String, String) {
        let (host, port) = self.0.host_and_port();
        let address = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        (host, address)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ObjectsArguments {
    /// # Errors
    /// Whoever connects could not be told from a stranger, would be overheard, or a file is something else.
    pub(super) fn objects(&self) -> Result<Objects> {
        match (&self.objects, self.objects_listen) {
            (Some(address), _) => self.elsewhere(address).context("failed to set up --objects"),
            (None, Some(listen)) => self.shared(listen).context("failed to set up --objects-listen"),
            (None, None) if self.has_trust() => bail!(
                "--objects-cert, --objects-key, --objects-ca and --objects-secret need --objects or --objects-listen"
            ),
            (None, None) => Ok(Objects::Own),
        }
    }

    const fn has_trust(&self) -> bool {
        let Self {
            objects_cert,
            objects_ca,
            objects_secret,
            ..
        } = self;
        objects_cert.is_some() || objects_ca.is_some() || objects_secret.is_some()
    }

    fn elsewhere(&self, address: &Address) -> Result<Objects> {
        let trust = self.trust()?;
        let has_files = trust.identity.is_some() || trust.authority.is_some();
        ensure!(
            address.is_https() || !has_files,
            "certificates need an address with https://, and {address} has none"
        );
        ensure!(
            trust.identity.is_some() || trust.secret.is_some(),
            "{address} lets nobody in who is not known: give --objects-cert and --objects-key, or --objects-secret"
        );
        if !address.is_https() {
            let (host, port) = address.0.host_and_port();
            // A name that is not known yet may be known later; it is a person's word then.
            let addresses = (host.as_str(), port).to_socket_addrs().into_iter().flatten();
            addresses
                .map(|address| address.ip())
                .try_for_each(must_be_internal)?;
        }
        Ok(Objects::Elsewhere {
            address: address.clone(),
            trust,
        })
    }

    fn shared(&self, listen: SocketAddr) -> Result<Objects> {
        let trust = self.trust()?;
        ensure!(
            trust.authority.is_some() || trust.secret.is_some(),
            "anybody could connect: give --objects-ca with --objects-cert and --objects-key, or --objects-secret"
        );
        ensure!(
            trust.identity.is_some() || trust.authority.is_none(),
            "--objects-ca needs --objects-cert and --objects-key: certificates are asked for within TLS"
        );
        if trust.identity.is_none() {
            must_be_internal(listen.ip())?;
        }
        Ok(Objects::Shared { listen, trust })
    }

    fn trust(&self) -> Result<Trust> {
        let pair = self.objects_cert.as_deref().zip(self.objects_key.as_deref());
        let identity = pair.map(|(certificate, key)| Tls::read(certificate, key));
        let authority = self.objects_ca.as_deref();
        let authority = authority.map(|path| PemFile::read(path, "CERTIFICATE"));
        let secret = self.objects_secret.as_deref().map(secret_of);
        Ok(Trust {
            identity: identity.transpose()?,
            authority: authority.transpose()?,
            secret: secret.transpose()?,
        })
    }
}

impl Objects {
    pub(super) const fn listens(&self) -> Option<SocketAddr> {
        match self {
            Self::Shared { listen, .. } => Some(*listen),
            Self::Own | Self::Elsewhere { .. } => None,
        }
    }

    pub(super) const fn elsewhere(&self) -> Option<&Address> {
        match self {
            Self::Elsewhere { address, .. } => Some(address),
            Self::Own | Self::Shared { .. } => None,
        }
    }

    pub(super) const fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Shared { trust, .. } | Self::Elsewhere { trust, .. } => Some(trust),
            Self::Own => None,
        }
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.trust()?.secret.as_deref()
    }

    /// Whether workerd reads certificates of it.
    pub(super) fn has_files(&self) -> bool {
        let has = |trust: &Trust| trust.identity.is_some() || trust.authority.is_some();
        self.trust().is_some_and(has)
    }
}

/// Without TLS everybody on the way reads records, and the secret.
fn must_be_internal(ip: IpAddr) -> Result<()> {
    let is_internal = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    ensure!(
        is_internal,
        "{ip} is not an address of an internal network, where alone records and the secret may travel without TLS: use https:// \
         with --objects-cert, --objects-key and --objects-ca"
    );
    Ok(())
}

/// 100.64.0.0/10, as overlay networks use it.
const fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// # Errors
/// The file cannot be read, is open to others, or its text is no secret.
fn secret_of(path: &Path) -> Result<String> {
    let place = path.display();
    let file = File::open(path).with_context(|| format!("failed to open {place}"))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("failed to read {place}"))?;
    ensure!(
        metadata.permissions().mode() & 0o007 == 0,
        "{place} can be read by everybody: `chmod o= {place}`"
    );
    let mut text = String::new();
    let read = file.take(MAX_SECRET as u64 + 2).read_to_string(&mut text);
    read.with_context(|| format!("failed to read {place}"))?;
    let secret = text.trim();
    ensure!(
        (MIN_SECRET..=MAX_SECRET).contains(&secret.len())
            && secret.bytes().all(|byte| byte.is_ascii_graphic()),
        "{place} must hold one line of {MIN_SECRET} to {MAX_SECRET} letters without spaces, as `openssl rand -hex 32` prints it"
    );
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use clap::Parser;

    use super::{Objects, ObjectsArguments};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        objects: ObjectsArguments,
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Files that are sound, by names that stand for them.
    fn files(folder: &Path) {
        for (name, text) in [
            ("cert", "-----BEGIN CERTIFICATE-----\n"),
            ("key", "-----BEGIN PRIVATE KEY-----\n"),
            ("ca", "-----BEGIN CERTIFICATE-----\n"),
            ("secret", &format!("{SECRET}\n")),
        ] {
            write(folder.join(name), text).unwrap();
            set_permissions(folder.join(name), Permissions::from_mode(0o640)).unwrap();
        }
    }

    /// `with` names the files that are given.
    fn objects(folder: &Path, line: &[&str], with: &[&str]) -> Result<Objects, String> {
        let file = |name: &&str| format!("--objects-{name}={}", folder.join(name).display());
        let arguments = ["serve"].into_iter().chain(line.iter().copied());
        let all = arguments.map(str::to_owned).chain(with.iter().map(file));
        let line = Line::try_parse_from(all).map_err(|error| error.to_string())?;
        line.objects.objects().map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn case(line: &[&str], with: &[&str], expected: Result<(), &str>) {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        let found = objects(folder.path(), line, with);
        match (found, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, expected) => panic!("{:?} in place of {expected:?}", found.err()),
        }
    }

    const BOTH: [&str; 3] = ["cert", "key", "ca"];

    #[test]
    fn whoever_connects_is_known() {
        let listen = ["--objects-listen=10.0.0.1:8788"];
        case(&listen, &BOTH, Ok(()));
        case(&listen, &["cert", "key", "secret"], Ok(()));
        case(&listen, &["secret"], Ok(()));
        case(&listen, &[], Err("anybody could connect"));
        case(&listen, &["cert", "key"], Err("anybody could connect"));
        case(&listen, &["ca"], Err("--objects-ca needs --objects-cert"));
        case(&listen, &["cert", "ca"], Err("--objects-key"));
        let at = ["--objects=https://objects.example:8788"];
        case(&at, &BOTH, Ok(()));
        case(&at, &["cert", "key"], Ok(()));
        case(&at, &["ca", "secret"], Ok(()));
        case(&at, &["ca"], Err("who is not known"));
        case(&[], &[], Ok(()));
        case(&[], &["secret"], Err("need --objects or --objects-listen"));
        case(&[at[0], listen[0]], &BOTH, Err("cannot be used with"));
    }

    #[test]
    fn nothing_travels_without_tls_through_other_networks() {
        for host in ["10.0.0.1", "127.0.0.1", "[fd00::1]", "100.64.0.9", "[::1]"] {
            case(&[&format!("--objects=http://{host}:8788")], &["secret"], Ok(()));
            case(&[&format!("--objects-listen={host}:8788")], &["secret"], Ok(()));
        }
        for host in ["192.0.2.1", "[2001:db8::1]", "100.128.0.1", "[::ffff:192.0.2.1]"] {
            let expected = Err("not an address of an internal network");
            case(&[&format!("--objects=http://{host}:8788")], &["secret"], expected);
            case(&[&format!("--objects-listen={host}:8788")], &["secret"], expected);
            case(&[&format!("--objects-listen={host}:8788")], &BOTH, Ok(()));
        }
        let every = ["--objects-listen=0.0.0.0:8788"];
        case(
            &every,
            &["secret"],
            Err("0.0.0.0 is not an address of an internal"),
        );
        let plain = ["--objects=http://10.0.0.1:8788"];
        case(
            &plain,
            &["ca", "secret"],
            Err("certificates need an address with https://"),
        );
        case(
            &["--objects=10.0.0.1:8788"],
            &["secret"],
            Err("expected https://HOST:PORT"),
        );
    }

    #[test]
    fn a_secret_is_long_and_closed() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        let path = folder.path().join("secret");
        let problem = || {
            let line = ["--objects-listen=127.0.0.1:8788"];
            objects(folder.path(), &line, &["secret"]).map(|objects| objects.secret().unwrap().to_owned())
        };
        assert_eq!(problem().unwrap(), SECRET);
        for text in ["", "short", &format!("{SECRET} {SECRET}"), &SECRET.repeat(33)] {
            write(&path, text).unwrap();
            assert!(problem().unwrap_err().contains("must hold one line"), "{text}");
        }
        write(&path, SECRET).unwrap();
        set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(problem().unwrap_err().contains("chmod o="));
    }
}
