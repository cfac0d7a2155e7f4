//! The configuration that workerd is given: the sample of the tree with sockets and places of its own.

use std::fmt::{Display, Formatter};

use super::front::Tls;

/// What docs/self-hosting.md explains; the worker is set up by it in one place.
const SAMPLE: &str = include_str!("../../../config/workerd.capnp");

/// Where the sample finds the modules; `serve` names their folder as an import path.
const MODULES: &str = "embed \"../build/bundle/";

const SOCKETS: (&str, &str) = ("  sockets = [\n", "  ],\n");

/// Webhooks reach public addresses only, unless an operator says otherwise.
const WEBHOOKS: &str = "(name = \"WEBHOOKS\", service = \"public-internet\"),";
const WEBHOOKS_MAY_REACH: &str = "(name = \"WEBHOOKS_MAY_REACH\", fromEnvironment = \"WEBHOOKS_MAY_REACH\"),";

pub(super) struct Config {
    pub(super) tls: Option<Tls>,
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
        let (start, end) = SOCKETS;
        let (before, rest) = sample.split_once(start).unwrap_or((&sample, end));
        let after = rest.split_once(end).map_or("", |(_, after)| after);
        let lines = |text: &str| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        writeln!(
            f,
            "# Written by `blobwatch serve` at each start. The program is told where files and sockets are."
        )?;
        write!(
            f,
            "{}{start}{}{end}{}",
            lines(before),
            self.sockets(),
            lines(after)
        )
    }
}

impl Config {
    fn sockets(&self) -> String {
        let socket = |name: &str, protocol: String| {
            format!("    (name = \"{name}\", service = \"blobwatch\", {protocol}),\n")
        };
        let plain = socket("http", format!("http = ({})", self.headers().join(", ")));
        let secure = self.tls.as_ref().map(|tls| {
            let (key, chain) = (&tls.key.name, &tls.certificate.name);
            let pair = format!("privateKey = embed \"/{key}\", certificateChain = embed \"/{chain}\"");
            socket(
                "https",
                format!("https = (options = (), tlsOptions = (keypair = ({pair})))"),
            )
        });
        plain + &secure.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::front::{PemFile, Tls};
    use super::Config;

    fn config(tls: bool, is_loopback: bool, believes_proxy: bool) -> String {
        let file = |name: &str| PemFile {
            folder: PathBuf::from("/tls"),
            name: name.to_owned(),
        };
        let tls = tls.then(|| Tls {
            certificate: file("c.pem"),
            key: file("k.pem"),
        });
        Config {
            tls,
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
        assert!(text.contains("privateKey = embed \"/k.pem\", certificateChain = embed \"/c.pem\""));
        assert_eq!(text.matches("service = \"blobwatch\"").count(), 2);
    }

    #[test]
    fn webhooks_reach_private_addresses_where_the_operator_says_so() {
        let text = Config {
            tls: None,
            is_loopback: true,
            believes_proxy: false,
            webhooks_may_reach: true,
        }
        .to_string();
        assert!(text.contains("WEBHOOKS_MAY_REACH") && !text.contains("\"WEBHOOKS\""));
    }
}
