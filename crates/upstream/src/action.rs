//! What the words mean by which systems say what they did.

/// What somebody's rule did to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something that a registry's client cannot get past: it answers no challenge.
    Blocked,
    /// It was seen only, or nobody knows.
    Watched,
    /// It let the request through: no mitigation.
    Passed,
}

impl Effect {
    /// By the source's own word, in any spelling: `managed_challenge`, `managedChallenge`. An unknown word is one that
    /// watched: nothing is blamed for what it may not have done.
    #[must_use]
    pub(crate) fn of(word: &str) -> Self {
        let letters = |c: &char| c.is_ascii_alphanumeric();
        let plain: String = word
            .chars()
            .filter(letters)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match plain.as_str() {
            "block"
            | "blocked"
            | "deny"
            | "denied"
            | "drop"
            | "dropped"
            | "reset"
            | "connectionclose"
            | "challenge"
            | "jschallenge"
            | "managedchallenge"
            | "captcha"
            | "challengefailed"
            | "jschallengefailed"
            | "managedchallengefailed"
            | "ratelimit"
            | "ratelimited"
            | "throttle"
            | "ratebasedban"
            | "forcechallenge"
            | "ddosdynamic"
            | "tarpit"
            | "precursorinterstitialpageissued"
            | "redirect" => Self::Blocked,
            "allow" | "allowed" | "accept" | "bypass" | "skip" | "exempt" | "pass" | "none" => Self::Passed,
            other
                if ["solved", "bypassed", "skipped"]
                    .iter()
                    .any(|end| other.ends_with(end)) =>
            {
                Self::Passed
            }
            // Akamai's `deny_custom_4711`, Google's `deny(403)`.
            other if other.starts_with("deny") => Self::Blocked,
            _ => Self::Watched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Effect;

    #[test]
    fn every_documented_word_is_known_by_what_it_does() {
        #[track_caller]
        fn case(words: &str, expected: Effect) {
            for word in words.split(' ') {
                assert_eq!(Effect::of(word), expected, "{word}");
            }
        }
        // Cloudflare, AWS WAF, Google Cloud Armor, Akamai.
        case(
            "block challenge jschallenge managedchallenge connectionclose challengefailed jschallengefailed \
             precursorinterstitialpageissued managed_challenge js_challenge",
            Effect::Blocked,
        );
        case(
            "BLOCK CAPTCHA CHALLENGE DENY deny(403) RATE_BASED_BAN deny_custom_4711 THROTTLE",
            Effect::Blocked,
        );
        case(
            "log COUNT alert monitor preview simulate unknown EXCLUDED_AS_COUNT rewrite something",
            Effect::Watched,
        );
        case(
            "allow bypass skip ALLOW ACCEPT challengesolved jschallengesolved challengebypassed managedchallengeskipped \
             managedchallengenoninteractivesolved precursorinterstitialpagesolved precursorinterstitialpagebypassed none",
            Effect::Passed,
        );
    }
}
