//! Files of certificates and keys that the configuration embeds, checked before workerd reads them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Of a chain of certificates; more is none.
const MAX_PEM: u64 = 1 << 20;

/// A certificate with its key.
pub(super) struct Tls {
    pub(super) certificate: PemFile,
    pub(super) key: PemFile,
}

/// As the configuration names it: its whole path, which is looked up below the import path `/`.
pub(super) struct PemFile(pub(super) String);

impl Tls {
    /// # Errors
    /// One of the files cannot be read, or is something else.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self> {
        Ok(Self {
            certificate: PemFile::read(certificate, "CERTIFICATE")?,
            key: PemFile::read(key, "PRIVATE KEY")?,
        })
    }

    /// For `tlsOptions`.
    pub(super) fn keypair(&self) -> String {
        let (PemFile(key), PemFile(chain)) = (&self.key, &self.certificate);
        format!("keypair = (privateKey = embed \"{key}\", certificateChain = embed \"{chain}\")")
    }
}

impl PemFile {
    /// # Errors
    /// The file cannot be read, or has no such part.
    pub(super) fn read(path: &Path, what: &str) -> Result<Self> {
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
        let whole = path.canonicalize().context("failed to find a file")?;
        let name = whole.to_str();
        let name = name.filter(|name| !name.contains(['"', '\\']) && !name.contains(char::is_control));
        let name = name.with_context(|| format!("{} must have a path without quotes", path.display()));
        Ok(Self(name?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use super::Tls;

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

    /// Certificates of clients and of data planes may have one name in two folders.
    #[test]
    fn a_file_is_known_by_its_whole_path() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        write(&certificate, "-----BEGIN CERTIFICATE-----\n").unwrap();
        write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        let pair = Tls::read(&certificate, &key).unwrap().keypair();
        let whole = folder.path().canonicalize().unwrap();
        for name in ["c.pem", "k.pem"] {
            let embedded = format!("embed \"{}\"", whole.join(name).display());
            assert!(pair.contains(&embedded), "{pair}");
        }
    }
}
