//! Where a client is: what the edge of Cloudflare would know of it, carried by `CF-Blob`.

use serde_json::{Value, json};

use super::http::Request;

#[derive(Debug, Clone)]
pub(crate) struct Place(Value);

impl Default for Place {
    /// A client in Amsterdam, in the documentation's address space.
    fn default() -> Self {
        Self(json!({
            "colo": "AMS", "country": "NL", "continent": "EU", "asn": 64500, "clientIp": "192.0.2.10",
            "httpProtocol": "HTTP/2", "tlsVersion": "TLSv1.3", "tlsCipher": "AEAD-AES128-GCM-SHA256",
            "tlsClientCiphersSha1": "2G3bdBb4GVqtkWVEJUgkPlp7Gjk=", "tlsClientHelloLength": "508",
            "tlsClientExtensionsSha1Le": "u4wtEMFQBY18l3BzHAvORm+KGRw=", "ray": "8f00ba4bad0c0ffe",
        }))
    }
}

impl Place {
    pub(crate) fn colo(colo: &str) -> Self {
        Self::default().with("colo", colo)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    pub(crate) fn address(self, ip: &str) -> Self {
        self.with("clientIp", ip)
    }

    pub(crate) fn blob(&self) -> String {
        self.0.to_string()
    }

    /// The request as a client here sends it.
    pub(crate) fn ask(&self, request: &Request) -> Request {
        request.clone().header("CF-Blob", &self.blob())
    }
}
