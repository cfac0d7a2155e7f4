//! How a receiver knows that it was us, and when.

use blobwatch_wire::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `t=<unix seconds>,v1=<hex>`.
pub const SIGNATURE_HEADER: &str = "Blobwatch-Signature";

/// HMAC-SHA256 under the secret over the seconds, a full stop and the body. The time is inside what is signed, so that a
/// receiver can refuse an old message that somebody sends again.
#[must_use]
pub fn signature(secret: &str, unix_s: u64, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{unix_s}.{body}").as_bytes());
    let digest = mac.finalize().into_bytes();
    format!("t={unix_s},v1={}", hex(&digest))
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// `printf '1594036800.{"a":1}' | openssl dgst -sha256 -hmac secret`
    #[test]
    fn the_signature_is_what_openssl_makes() {
        assert_eq!(
            signature("secret", 1_594_036_800, "{\"a\":1}"),
            "t=1594036800,v1=af014149fef1ace375dc3786d6bd32f24f8179feea2c986d36dd85fa720b81b0"
        );
    }
}
