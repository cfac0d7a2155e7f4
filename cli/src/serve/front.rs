//! Where clients connect. This process holds the sockets and workerd inherits them: while workerd is started anew, clients
//! wait for it instead of being refused.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use blobwatch_host::Origin;
use rustix::io::{FdFlags, fcntl_setfd};

pub(super) struct Front {
    clients: TcpListener,
    /// Plain HTTP on loopback for this process's own questions, where clients speak TLS.
    own: Option<TcpListener>,
    /// Where data planes of other hosts connect.
    objects: Option<TcpListener>,
    listens: SocketAddr,
    asked_at: SocketAddr,
}

impl Front {
    pub(super) fn open(listen: SocketAddr, is_tls: bool, objects: Option<SocketAddr>) -> Result<Self> {
        let clients = bound(listen, "--listen")?;
        let listens = clients.local_addr().context("failed to read the address")?;
        let own = is_tls.then(|| bound((Ipv4Addr::LOCALHOST, 0).into(), "--listen"));
        let own = own.transpose()?;
        let objects = objects.map(|address| bound(address, "--objects-listen"));
        let asked_at = own.as_ref().map_or(Ok(reached(listens)), TcpListener::local_addr);
        Ok(Self {
            asked_at: asked_at.context("failed to read the address")?,
            clients,
            own,
            objects: objects.transpose()?,
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
        if self.own.is_some() { "https" } else { "http" }
    }

    /// An address that leads to the socket from this machine.
    pub(super) fn reached(&self) -> SocketAddr {
        reached(self.listens)
    }

    /// Where data planes of other hosts connect, if they do.
    pub(super) fn objects(&self) -> Option<SocketAddr> {
        self.objects.as_ref()?.local_addr().ok()
    }

    /// The arguments that hand the sockets to workerd.
    pub(super) fn arguments(&self) -> Vec<String> {
        let pass = |name: &str, socket: &TcpListener| format!("--socket-fd={name}={}", socket.as_raw_fd());
        let mut arguments = match &self.own {
            None => vec![pass("http", &self.clients)],
            Some(own) => vec![pass("http", own), pass("https", &self.clients)],
        };
        arguments.extend(self.objects.as_ref().map(|socket| pass("objects", socket)));
        arguments
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

fn bound(address: SocketAddr, option: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => "; stop the program that listens there (`ss -ltnp` shows it)",
            ErrorKind::PermissionDenied => "; a port below 1024 needs the capability CAP_NET_BIND_SERVICE",
            _ => "",
        };
        anyhow::anyhow!(
            "{address} cannot be listened at: {error}{advice}, or choose another address with {option}"
        )
    })?;
    fcntl_setfd(&listener, FdFlags::empty()).context("failed to hand the socket to workerd")?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use blobwatch_host::Origin;

    use super::Front;

    fn front(address: &str) -> Front {
        Front::open(address.parse().unwrap(), false, None).unwrap()
    }

    #[test]
    fn a_taken_address_is_named() {
        let taken = front("127.0.0.1:0");
        let address = taken.listens();
        let free = "127.0.0.1:0".parse().unwrap();
        for (opened, option) in [
            (Front::open(address, false, None), "with --listen"),
            (Front::open(free, false, Some(address)), "with --objects-listen"),
        ] {
            let error = opened.err().unwrap().to_string();
            assert!(
                error.contains(&address.to_string()) && error.contains(option),
                "{error}"
            );
        }
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
}
