//! What the deployment says to every isolate.

use std::fmt;
use std::sync::Arc;

use blobwatch_clouds::CloudTable;
use blobwatch_pull::ClientKeys;
use blobwatch_tokens::{Tokens, TokensError};
use blobwatch_wire::DecodeError;

/// Read once when the isolate starts. What cannot be read is left out and said: a broken secret fails no pull.
#[derive(Debug)]
pub struct Config {
    /// Random, 48 bits: part of every record's id.
    pub isolate: u64,
    pub keys: ClientKeys,
    /// Whether `keys` come from the deployment's secret. Without it they are this isolate's own, and mean nothing
    /// elsewhere.
    pub keys_are_shared: bool,
    pub tokens: Tokens,
    /// Origin of routes that name none; empty: the request's own address.
    pub origin: String,
    /// Where clouds are, for the fields `ip.src.cloud` and `ip.src.cloud_region`.
    pub clouds: Arc<CloudTable>,
}

/// What could not be read; fits "failed to configure: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    Isolate(String),
    Tokens(TokensError),
    CloudPrefixes(DecodeError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Isolate(text) => write!(
                f,
                "expected 12 hex digits for the isolate's number, found {text:?}"
            ),
            Self::Tokens(error) => write!(f, "BLOBWATCH_TOKENS: {error}"),
            Self::CloudPrefixes(error) => write!(f, "cloud_prefixes.bin: {error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads what the edge hands over: `isolate` is random hex, made anew for each instance of the module.
    ///
    /// # Errors
    /// When the number is not one. What else cannot be read comes back beside a configuration without it.
    pub fn read(
        isolate: &str,
        secret: &str,
        tokens: &str,
        origin: &str,
        cloud_prefixes: &[u8],
    ) -> Result<(Self, Vec<ConfigError>), ConfigError> {
        let number =
            u64::from_str_radix(isolate, 16).map_err(|_| ConfigError::Isolate(isolate.to_owned()))?;
        let mut errors = Vec::new();
        let tokens = Tokens::from_json(tokens).unwrap_or_else(|error| {
            errors.push(ConfigError::Tokens(error));
            Tokens::default()
        });
        let clouds = CloudTable::decode(cloud_prefixes).unwrap_or_else(|error| {
            errors.push(ConfigError::CloudPrefixes(error));
            CloudTable::default()
        });
        let keys_are_shared = !secret.is_empty();
        let config = Self {
            isolate: number & 0xffff_ffff_ffff,
            keys: ClientKeys::new(if keys_are_shared { secret } else { isolate }.as_bytes()),
            keys_are_shared,
            tokens,
            origin: origin.trim_end_matches('/').to_owned(),
            clouds: Arc::new(clouds),
        };
        Ok((config, errors))
    }
}
