//! Behind a proxy that ends TLS, with the sample configurations of docs/self-hosting.md: the client's scheme is https for rules, and in
//! what a registry tells a client to send its layers and its credential to.

use std::fs::write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::process::{Output, Service, command, run};
use crate::harness::registry::{REPOSITORY, Registry};
use crate::harness::relay::Relay;
use crate::harness::self_hosted::SelfHosted;
use crate::harness::stage::{OPERATOR, tokens};

const PAGE: &str = include_str!("../../docs/self-hosting.md");

/// Debian's nginx with the page's `location`, and a certificate that it made itself.
struct Nginx {
    service: Service,
    addr: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    #[track_caller]
    fn before(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = {
            let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            any.local_addr().unwrap().port()
        };
        certify(folder.path());
        let config = folder.path().join("nginx.conf");
        write(&config, configuration(folder.path(), port, upstream)).unwrap();
        let mut nginx = command("nginx");
        nginx.arg("-c").arg(&config).arg("-p").arg(folder.path());
        let service = Service::start(nginx, &folder.path().join("log"));
        let mut nginx = Self {
            service,
            addr: (Ipv4Addr::LOCALHOST, port).into(),
            folder,
        };
        eventually("nginx listens", || {
            assert!(
                nginx.service.ended().is_none(),
                "nginx ended: {}",
                nginx.service.log()
            );
            TcpStream::connect(nginx.addr).ok()
        });
        nginx
    }

    /// The head of the answer, and the body behind it.
    #[track_caller]
    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let mut curl = command("curl");
        curl.args(["-sS", "-i", "-k"]).args(arguments);
        curl.arg(format!("https://{}{path}", self.addr));
        let Output { stdout, .. } = run(curl).success();
        stdout
    }
}

fn certify(folder: &Path) {
    let mut openssl = command("openssl");
    let subject = ["-subj", "/CN=registry.test", "-days", "2", "-nodes"];
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(subject)
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"));
    run(openssl).success();
}

fn configuration(folder: &Path, port: u16, upstream: SocketAddr) -> String {
    let (_, after) = PAGE.split_once("With nginx:\n\n```\n").unwrap();
    let (location, _) = after.split_once("```").unwrap();
    let location = location.replace("127.0.0.1:8787", &upstream.to_string());
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    {location}
  }}
}}"
    )
}

/// Of an answer's head.
fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    line.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

/// Where an upload goes on, whatever the client claims, and what the rules and the record say of the client.
#[track_caller]
fn is_https(edit: impl Fn(&str) -> String, protocol: &str) {
    let registry = Registry::empty(false);
    let origin = Relay::before(registry.addr());
    let variables = [
        ("ORIGIN", origin.url()),
        ("BLOBWATCH_TOKENS", tokens()),
        ("BLOBWATCH_CLIENT_SECRET", "secret".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let edge = SelfHosted::configured(&variables, edit);
    let nginx = Nginx::before(edge.addr());
    let api = Api::new(edge.addr(), OPERATOR);
    let rule = json!({"description": "", "expression": "ssl", "action": "tag"});
    api.put("/rules/over-tls", &rule);
    for claim in ["X-Nothing: 1", "X-Forwarded-Proto: http"] {
        let upload = ["-X", "POST", "-H", claim, "-H", "Content-Length: 0"];
        let answer = nginx.curl(&upload, &format!("/v2/{REPOSITORY}/blobs/uploads/"));
        let location = field(&answer, "location");
        assert!(
            location.starts_with(&format!("https://{}/", nginx.addr)),
            "{location}"
        );
        assert_eq!(
            origin.seen().pop().unwrap().get("x-forwarded-proto"),
            Some("https")
        );
    }
    let blob = format!("/v2/{REPOSITORY}/blobs/sha256:{}", "0".repeat(64));
    let token = format!("Blobwatch-Token: {OPERATOR}");
    let answer = eventually("the rule is in force", || {
        let answer = nginx.curl(&["-H", &token, "-o", "/dev/null", "-D", "-"], &blob);
        answer
            .to_lowercase()
            .contains("blobwatch-fired")
            .then_some(answer)
    });
    assert!(field(&answer, "blobwatch-fired").contains("over-tls"), "{answer}");
    assert_ne!(
        origin.seen().pop().unwrap().get("x-forwarded-proto"),
        Some("http")
    );
    let explained = format!("/requests/{}", field(&answer, "blobwatch-id"));
    let request = eventually("it is recorded", || {
        let answer = api.try_get(&explained);
        (answer.status() == 200).then(|| answer.json())
    });
    assert!(request.to_string().contains(protocol), "{request}");
    // Another proxy before the proxy: a list of schemes fails nothing.
    for scheme in ["https, http", "http, https", "", "odd one"] {
        let several = Request::get(&blob).header("X-Forwarded-Proto", scheme);
        let answer = several.send(edge.addr()).unwrap();
        assert_eq!(
            (answer.status(), answer.get("blobwatch-id").is_some()),
            (404, true),
            "{scheme}"
        );
    }
    drop(nginx.folder);
}

#[test]
fn with_the_sample_as_it_is() {
    is_https(str::to_owned, "");
}

#[test]
fn with_what_the_proxy_says_of_the_client() {
    let plain = "http = (forwardedProtoHeader = \"X-Forwarded-Proto\")";
    let edit = |sample: &str| {
        let both = "http = (cfBlobHeader = \"Blobwatch-Cf\", forwardedProtoHeader = \"X-Forwarded-Proto\")";
        assert!(sample.contains(plain));
        sample.replace(plain, both)
    };
    is_https(edit, "\"HTTP/2\"");
}

/// A configuration from before the sample had `forwardedProtoHeader`.
#[test]
fn with_an_older_sample() {
    let edit = |sample: &str| {
        sample.replace(
            "forwardedProtoHeader = \"X-Forwarded-Proto\"",
            "cfBlobHeader = \"Blobwatch-Cf\"",
        )
    };
    is_https(edit, "\"HTTP/2\"");
}
