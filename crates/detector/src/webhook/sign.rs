//! How a receiver knows that it was us, and when: by the header of Blobwatch's own, and by those of Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use blobwatch_wire::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `t=<unix seconds>,v1=<hex>`.
pub const SIGNATURE_HEADER: &str = "Blobwatch-Signature";

/// HMAC-SHA256 under the secret over the seconds, a full stop and the body. The time is inside what is signed, so that a
/// receiver can refuse an old message that somebody sends again.
#[must_use]
pub fn signature(secret: &str, unix_s: u64, body: &str) -> String {
    let digest = hmac(secret.as_bytes(), &format!("{unix_s}.{body}"));
    format!("t={unix_s},v1={}", hex(&digest))
}

/// What `webhook-signature` says, of the message that `webhook-id` names: <https://www.standardwebhooks.com>.
#[must_use]
pub fn standard_signature(secret: &str, id: &str, unix_s: u64, body: &str) -> String {
    let digest = hmac(&standard_key(secret), &format!("{id}.{unix_s}.{body}"));
    format!("v1,{}", STANDARD.encode(digest))
}

/// Its libraries take a secret for base 64, `whsec_` before it or not. One that is none is used as it stands.
fn standard_key(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD_NO_PAD.decode(text.trim_end_matches('='));
    key.unwrap_or_else(|_| secret.as_bytes().to_vec())
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{signature, standard_signature};

    /// `printf '1594036800.{"a":1}' | openssl dgst -sha256 -hmac secret`
    #[test]
    fn the_signature_is_what_openssl_makes() {
        assert_eq!(
            signature("secret", 1_594_036_800, "{\"a\":1}"),
            "t=1594036800,v1=af014149fef1ace375dc3786d6bd32f24f8179feea2c986d36dd85fa720b81b0"
        );
    }

    /// The example of the specification's libraries.
    #[test]
    fn the_standard_signature_is_what_its_libraries_make() {
        let sign = |secret| {
            standard_signature(
                secret,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
            )
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), expected);
        assert_eq!(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), expected);
        assert_ne!(sign("a secret that is no base 64"), expected);
    }
}
