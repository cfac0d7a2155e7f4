//! The configuration that workerd is given: the sample of the tree with sockets and places of its own.

use std::fmt::{Display, Formatter};

use super::objects::{Address, Objects, Trust};
use super::pem::{PemFile, Tls};

/// What docs/self-hosting.md explains; the worker is set up by it in one place.
const SAMPLE: &str = include_str!("../../../config/workerd.capnp");

/// Where the sample finds the modules; `serve` names their folder as an import path.
const MODULES: &str = "embed \"../build/bundle/";

const SOCKETS: (&str, &str) = ("  sockets = [\n", "  ],\n");

/// Webhooks reach public addresses only, unless an operator says otherwise.
const WEBHOOKS: &str = "(name = \"WEBHOOKS\", service = \"public-internet\"),";
const WEBHOOKS_MAY_REACH: &str = "(name = \"WEBHOOKS_MAY_REACH\", fromEnvironment = \"WEBHOOKS_MAY_REACH\"),";

/// What the sample has of objects: their bindings with the dashboard's, and where they are kept.
const OF_OBJECTS: [&str; 6] = [
    "(name = \"data\",",
    "(name = \"dashboard\",",
    "(name = \"ASSETS\",",
    "durableObjectNamespace = ",
    "uniqueKey = ",
    "durableObjectStorage = ",
];

const NAMESPACES: &str = "  durableObjectNamespaces = [\n  ],\n";

const SERVICES: &str = "  services = [\n";

const BINDINGS: &str = "  bindings = [\n";

/// What a data plane sends and is told; the objects' host believes it of hosts that proved to be ours.
const BETWEEN_HOSTS: &str = "cfBlobHeader = \"Blobwatch-Cf\", forwardedProtoHeader = \"X-Forwarded-Proto\"";

pub(super) struct Config {
    pub(super) tls: Option<Tls>,
    pub(super) objects: Objects,
    pub(super) is_loopback: bool,
    /// Whether a front proxy says who a client is.
    pub(super) believes_proxy: bool,
    pub(super) webhooks_may_reach: bool,
}

impl Display for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let sample = SAMPLE.replace(MODULES, "embed \"/");
        let sample = if self.webhooks_may_reach {
            sample.replace(WEBHOOKS, WEBHOOKS_MAY_REACH)
        } else {
            sample
        };
        let sample = self.with_objects(&without_comments(&sample));
        let (start, end) = SOCKETS;
        let (before, rest) = sample.split_once(start).unwrap_or((&sample, end));
        let after = rest.split_once(end).map_or("", |(_, after)| after);
        writeln!(
            f,
            "# Written by `blobwatch serve` at each start. The program is told where files and sockets are."
        )?;
        write!(f, "{before}{start}{}{end}{after}", self.sockets())
    }
}

fn without_comments(text: &str) -> String {
    without(text, |line| line.trim_start().starts_with('#'))
}

fn without(text: &str, is_left_out: impl Fn(&str) -> bool) -> String {
    let lines = text.lines().filter(|line| !is_left_out(line));
    lines.map(|line| format!("{line}\n")).collect()
}

impl Config {
    /// The objects are where the options say.
    fn with_objects(&self, sample: &str) -> String {
        let mut bindings = String::new();
        if self.objects.secret().is_some() {
            bindings += "    (name = \"OBJECTS_SECRET\", fromEnvironment = \"OBJECTS_SECRET\"),\n";
        }
        let sample = match &self.objects {
            Objects::Own => sample.to_owned(),
            Objects::Shared { trust, .. } => {
                if trust.authority.is_some() {
                    bindings += "    (name = \"OBJECTS_CERTIFICATES\", text = \"required\"),\n";
                }
                sample.to_owned()
            }
            Objects::Elsewhere { address, trust } => {
                bindings += "    (name = \"OBJECTS\", service = \"objects\"),\n";
                let has_objects = |line: &str| OF_OBJECTS.iter().any(|part| line.contains(part));
                let rest = without(sample, has_objects).replacen(NAMESPACES, "", 1);
                rest.replacen(SERVICES, &format!("{SERVICES}{}", service(address, trust)), 1)
            }
        };
        sample.replacen(BINDINGS, &format!("{BINDINGS}{bindings}"), 1)
    }

    fn sockets(&self) -> String {
        let socket = |name: &str, protocol: String| {
            format!("    (name = \"{name}\", service = \"blobwatch\", {protocol}),\n")
        };
        let plain = socket("http", format!("http = ({})", self.headers().join(", ")));
        let secure = self.tls.as_ref().map(|tls| {
            let pair = tls.keypair();
            socket("https", format!("https = (options = (), tlsOptions = ({pair}))"))
        });
        plain + &secure.unwrap_or_default() + &self.objects_socket().unwrap_or_default()
    }

    /// Leads to an entrypoint of its own, which hands no more to the objects than data planes need.
    fn objects_socket(&self) -> Option<String> {
        let Objects::Shared { trust, .. } = &self.objects else {
            return None;
        };
        let protocol = match &trust.identity {
            None => format!("http = ({BETWEEN_HOSTS})"),
            Some(_) => {
                let asks = trust.authority.is_some().then_some("requireClientCerts = true");
                let options: Vec<_> = asks.map(str::to_owned).into_iter().chain(tls(trust)).collect();
                format!(
                    "https = (options = ({BETWEEN_HOSTS}), tlsOptions = ({}))",
                    options.join(", ")
                )
            }
        };
        let service = "service = (name = \"blobwatch\", entrypoint = \"objectsPort\")";
        Some(format!("    (name = \"objects\", {service}, {protocol}),\n"))
    }

    /// Which headers are believed: those of a proxy on this machine, or of one that the operator speaks for.
    fn headers(&self) -> Vec<&'static str> {
        let mut headers = Vec::new();
        if self.tls.is_none() && (self.is_loopback || self.believes_proxy) {
            headers.push("forwardedProtoHeader = \"X-Forwarded-Proto\"");
        }
        if self.believes_proxy {
            headers.push("cfBlobHeader = \"Blobwatch-Cf\"");
        }
        headers
    }
}

/// The other host, as a service that bindings lead to.
fn service(address: &Address, trust: &Trust) -> String {
    let (host, at) = address.host_and_address();
    let protocol = if address.is_https() {
        let browsers = trust
            .authority
            .is_none()
            .then(|| "trustBrowserCas = true".to_owned());
        let options: Vec<_> = browsers.into_iter().chain(tls(trust)).collect();
        let options = options.join(", ");
        format!(
            "https = (options = ({BETWEEN_HOSTS}), tlsOptions = ({options}), certificateHost = \"{host}\")"
        )
    } else {
        format!("http = ({BETWEEN_HOSTS})")
    };
    format!("    (name = \"objects\", external = (address = \"{at}\", {protocol})),\n")
}

/// For `tlsOptions`, on both sides.
fn tls(trust: &Trust) -> impl Iterator<Item = String> {
    let authority = trust.authority.as_ref();
    let trusted = authority.map(|PemFile(path)| format!("trustedCertificates = [embed \"{path}\"]"));
    let identity = trust.identity.as_ref().map(Tls::keypair);
    identity.into_iter().chain(trusted)
}

#[cfg(test)]
mod tests {
    use super::super::objects::{Objects, Trust};
    use super::super::pem::{PemFile, Tls};
    use super::Config;

    fn pair(folder: &str) -> Tls {
        let file = |name: &str| PemFile(format!("{folder}/{name}"));
        Tls {
            certificate: file("c.pem"),
            key: file("k.pem"),
        }
    }

    fn config(tls: bool, is_loopback: bool, believes_proxy: bool) -> String {
        Config {
            tls: tls.then(|| pair("/tls")),
            objects: Objects::Own,
            is_loopback,
            believes_proxy,
            webhooks_may_reach: false,
        }
        .to_string()
    }

    #[test]
    fn it_is_the_sample_with_its_own_sockets_and_modules() {
        let text = config(false, true, false);
        for part in [
            "(name = \"worker.js\", esModule = embed \"/worker.js\")",
            "wasm = embed \"/index_bg.wasm\"",
            "data = embed \"/cloud_prefixes.bin\"",
            "(name = \"PLATFORM\", text = \"workerd\")",
            "(name = \"WEBHOOKS\", service = \"public-internet\")",
            "uniqueKey = \"blobwatch-rule-book\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        for gone in ["../build", "address = ", "WEBHOOKS_MAY_REACH"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert_eq!(
            text.lines()
                .filter(|line| line.trim_start().starts_with('#'))
                .count(),
            1
        );
        assert_eq!(text.matches("service = \"blobwatch\"").count(), 1);
    }

    /// Whoever can set such a header can be anybody.
    #[test]
    fn headers_of_a_proxy_are_believed_where_one_is() {
        let believed = |tls, is_loopback, proxy| {
            let text = config(tls, is_loopback, proxy);
            ["X-Forwarded-Proto", "Blobwatch-Cf"].map(|name| text.contains(name))
        };
        assert_eq!(believed(false, true, false), [true, false]);
        assert_eq!(believed(false, false, false), [false, false]);
        assert_eq!(believed(false, false, true), [true, true]);
        assert_eq!(believed(true, true, false), [false, false]);
    }

    #[test]
    fn tls_is_a_socket_of_its_own() {
        let text = config(true, false, false);
        assert!(text.contains("privateKey = embed \"/tls/k.pem\", certificateChain = embed \"/tls/c.pem\""));
        assert_eq!(text.matches("service = \"blobwatch\"").count(), 2);
    }

    #[test]
    fn webhooks_reach_private_addresses_where_the_operator_says_so() {
        let text = Config {
            tls: None,
            objects: Objects::Own,
            is_loopback: true,
            believes_proxy: false,
            webhooks_may_reach: true,
        }
        .to_string();
        assert!(text.contains("WEBHOOKS_MAY_REACH") && !text.contains("\"WEBHOOKS\""));
    }

    fn of_objects(objects: Objects) -> String {
        Config {
            tls: None,
            objects,
            is_loopback: true,
            believes_proxy: false,
            webhooks_may_reach: false,
        }
        .to_string()
    }

    fn trust(is_tls: bool, secret: Option<&str>) -> Trust {
        Trust {
            identity: is_tls.then(|| pair("/hosts")),
            authority: (is_tls && secret.is_none()).then(|| PemFile("/hosts/ca.pem".to_owned())),
            secret: secret.map(str::to_owned),
        }
    }

    #[test]
    fn a_port_of_the_objects_asks_who_connects() {
        let shared = |trust| {
            let listen = "10.0.0.1:8788".parse().unwrap();
            of_objects(Objects::Shared { listen, trust })
        };
        let mutual = shared(trust(true, None));
        for part in [
            "entrypoint = \"objectsPort\"",
            "tlsOptions = (requireClientCerts = true, keypair = (privateKey = embed \"/hosts/k.pem\"",
            "trustedCertificates = [embed \"/hosts/ca.pem\"]",
            "(name = \"OBJECTS_CERTIFICATES\", text = \"required\")",
            "uniqueKey = \"blobwatch-rule-book\"",
        ] {
            assert!(mutual.contains(part), "{part}: {mutual}");
        }
        for is_tls in [true, false] {
            let secret = shared(trust(is_tls, Some("s3cret")));
            assert!(
                secret.contains("fromEnvironment = \"OBJECTS_SECRET\""),
                "{secret}"
            );
            for gone in ["OBJECTS_CERTIFICATES", "requireClientCerts", "s3cret"] {
                assert!(!secret.contains(gone), "{gone}: {secret}");
            }
            assert_eq!(secret.contains("https = "), is_tls);
        }
        for own in ["objectsPort", "OBJECTS"] {
            assert!(!config(false, true, false).contains(own));
        }
    }

    #[test]
    fn a_data_plane_has_no_objects() {
        let elsewhere = |address: &str, trust| {
            let address = address.parse().ok().unwrap();
            of_objects(Objects::Elsewhere { address, trust })
        };
        let mutual = elsewhere("https://objects.example:8788", trust(true, None));
        for part in [
            "external = (address = \"objects.example:8788\", https = ",
            "certificateHost = \"objects.example\"",
            "trustedCertificates = [embed \"/hosts/ca.pem\"]",
            "(name = \"OBJECTS\", service = \"objects\")",
            "(name = \"ORIGIN\", fromEnvironment = \"ORIGIN\")",
        ] {
            assert!(mutual.contains(part), "{part}: {mutual}");
        }
        for gone in [
            "durableObject",
            "uniqueKey",
            "dashboard",
            "\"data\"",
            "objectsPort",
        ] {
            assert!(!mutual.contains(gone), "{gone}: {mutual}");
        }
        let public = elsewhere("https://[2001:db8::1]", trust(true, Some("s3cret")));
        assert!(public.contains("address = \"[2001:db8::1]:443\"") && public.contains("trustBrowserCas"));
        let plain = elsewhere("http://10.0.0.1:8788", trust(false, Some("s3cret")));
        assert!(
            plain.contains("external = (address = \"10.0.0.1:8788\", http = "),
            "{plain}"
        );
        assert!(!plain.contains("s3cret"), "{plain}");
    }
}
