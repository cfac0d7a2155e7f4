//! Where clients connect. This process holds the sockets and workerd inherits them: while workerd is started anew, clients
//! wait for it instead of being refused.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use blobwatch_host::Origin;
use rustix::io::{FdFlags, fcntl_setfd};

/// Of a chain of certificates; more is none.
const MAX_PEM: u64 = 1 << 20;

pub(super) struct Front {
    clients: TcpListener,
    /// Plain HTTP on loopback for this process's own questions, where clients speak TLS.
    own: Option<TcpListener>,
    tls: Option<Tls>,
    listens: SocketAddr,
    asked_at: SocketAddr,
}

/// A certificate with its key.
pub(super) struct Tls {
    pub(super) certificate: PemFile,
    pub(super) key: PemFile,
}

/// A file that the configuration embeds, by the folder that is an import path and its name there.
pub(super) struct PemFile {
    pub(super) folder: PathBuf,
    pub(super) name: String,
}

impl Front {
    pub(super) fn open(listen: SocketAddr, tls: Option<Tls>) -> Result<Self> {
        let clients = bound(listen)?;
        let listens = clients.local_addr().context("failed to read the address")?;
        let own = match tls {
            None => None,
            Some(_) => Some(bound((Ipv4Addr::LOCALHOST, 0).into())?),
        };
        let asked_at = own.as_ref().map_or(Ok(reached(listens)), TcpListener::local_addr);
        Ok(Self {
            asked_at: asked_at.context("failed to read the address")?,
            clients,
            own,
            tls,
            listens,
        })
    }

    /// Where clients connect.
    pub(super) fn listens(&self) -> SocketAddr {
        self.listens
    }

    /// Where this process asks, in plain HTTP.
    pub(super) fn asked_at(&self) -> SocketAddr {
        self.asked_at
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// An address that leads to the socket from this machine.
    pub(super) fn reached(&self) -> SocketAddr {
        reached(self.listens)
    }

    /// The arguments that hand the sockets to workerd.
    pub(super) fn arguments(&self) -> Vec<String> {
        let pass = |name: &str, socket: &TcpListener| format!("--socket-fd={name}={}", socket.as_raw_fd());
        match &self.own {
            None => vec![pass("http", &self.clients)],
            Some(own) => vec![pass("http", own), pass("https", &self.clients)],
        }
    }

    /// Folders of embedded files.
    pub(super) fn import_paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
        files.map(|file| file.folder.as_path())
    }

    /// # Errors
    /// The origin is this very socket: every request would come back.
    pub(super) fn is_not(&self, origin: Option<&Origin>) -> Result<()> {
        let Some((origin, (host, port))) = origin.map(|origin| (origin, origin.host_and_port())) else {
            return Ok(());
        };
        // A name that is not known yet may be known when a request comes.
        let addresses = (host.as_str(), port).to_socket_addrs().into_iter().flatten();
        let mut own = addresses.filter(|address| address.port() == self.listens.port());
        let is_own = own.any(|address| {
            let ip = address.ip();
            ip == self.listens.ip() || (self.listens.ip().is_unspecified() && is_of_this_machine(ip))
        });
        ensure!(
            !is_own,
            "the origin {origin} is the address that Blobwatch listens at: name the registry behind it, or another --listen"
        );
        Ok(())
    }
}

fn reached(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, listens.port()).into()
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

fn bound(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => "; stop the program that listens there (`ss -ltnp` shows it)",
            ErrorKind::PermissionDenied => "; a port below 1024 needs the capability CAP_NET_BIND_SERVICE",
            _ => "",
        };
        anyhow::anyhow!(
            "{address} cannot be listened at: {error}{advice}, or choose another address with --listen"
        )
    })?;
    fcntl_setfd(&listener, FdFlags::empty()).context("failed to hand the socket to workerd")?;
    Ok(listener)
}

impl Tls {
    /// # Errors
    /// One of the files cannot be read, or is something else.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self> {
        Ok(Self {
            certificate: PemFile::read(certificate, "CERTIFICATE")?,
            key: PemFile::read(key, "PRIVATE KEY")?,
        })
    }
}

impl PemFile {
    fn read(path: &Path, what: &str) -> Result<Self> {
        let mut text = String::new();
        let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
        let read = file.take(MAX_PEM).read_to_string(&mut text);
        read.with_context(|| format!("failed to read {}", path.display()))?;
        let is_pem = |line: &str| line.starts_with("-----BEGIN ") && line.contains(what);
        ensure!(
            text.lines().any(is_pem),
            "{} has no line `-----BEGIN {what}-----`: it must be PEM",
            path.display()
        );
        let path = path.canonicalize().context("failed to find a file")?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| !name.contains(['"', '\\']) && !name.contains(char::is_control));
        Ok(Self {
            name: name
                .with_context(|| format!("{} must have a name without quotes", path.display()))?
                .to_owned(),
            folder: path.parent().unwrap_or(Path::new("/")).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::write;
    use std::net::SocketAddr;

    use blobwatch_host::Origin;

    use super::{Front, Tls};

    fn front(address: &str) -> Front {
        Front::open(address.parse().unwrap(), None).unwrap()
    }

    #[test]
    fn a_taken_address_is_named() {
        let taken = front("127.0.0.1:0");
        let error = Front::open(taken.listens(), None).err().unwrap().to_string();
        assert!(
            error.contains(&taken.listens().to_string()) && error.contains("--listen"),
            "{error}"
        );
    }

    #[track_caller]
    fn comes_back(front: &Front, host: &str, expected: bool) {
        let origin: Origin = format!("http://{host}:{}", front.listens().port())
            .parse()
            .unwrap();
        assert_eq!(front.is_not(Some(&origin)).is_err(), expected, "{origin}");
    }

    #[test]
    fn an_origin_that_is_the_own_address_is_refused() {
        let loopback = front("127.0.0.1:0");
        comes_back(&loopback, "127.0.0.1", true);
        comes_back(&loopback, "localhost", true);
        comes_back(&loopback, "127.0.0.2", false);
        let every = front("0.0.0.0:0");
        comes_back(&every, "127.0.0.2", true);
        comes_back(&every, "192.0.2.1", false);
        comes_back(&every, "no-such-host.invalid", false);
        assert!(every.is_not(None).is_ok());
        let other: Origin = "http://127.0.0.1:1".parse().unwrap();
        assert!(loopback.is_not(Some(&other)).is_ok());
    }

    #[test]
    fn every_address_is_asked_at_loopback() {
        let every = front("0.0.0.0:0");
        assert_eq!(
            every.asked_at(),
            SocketAddr::from(([127, 0, 0, 1], every.listens().port()))
        );
    }

    #[test]
    fn files_of_tls_must_be_pem() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let problem = || {
            Tls::read(&certificate, &key)
                .err()
                .map(|error| format!("{error:#}"))
        };
        assert!(problem().unwrap().contains("failed to open"));
        write(&certificate, "-----BEGIN CERTIFICATE-----\n").unwrap();
        write(&key, "-----BEGIN CERTIFICATE-----\n").unwrap();
        assert!(problem().unwrap().contains("PRIVATE KEY"));
        write(&key, "-----BEGIN EC PRIVATE KEY-----\n").unwrap();
        assert_eq!(problem(), None);
    }
}
