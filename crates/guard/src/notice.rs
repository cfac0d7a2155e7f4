//! What the RuleBook tells the Detector of an enforcement that the guard took back.

use serde::{Deserialize, Serialize};

use crate::judge::Against;

/// What a RuleBook means that does not say it: one of a build that took 2 % for harmless.
const HARMLESS_UNTOLD: f64 = 0.02;

/// What the guard saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HarmNotice {
    /// The same each time that it is told; of this deployment. Empty from a RuleBook of an older build.
    #[serde(default)]
    pub id: String,
    /// When it was taken back; RFC 3339.
    pub time: String,
    /// Since when the rule was enforced; RFC 3339. Not told by a RuleBook of an older build, as what follows from it.
    #[serde(default)]
    pub since: Option<String>,
    pub rule: String,
    pub route: String,
    /// For a person.
    pub text: String,
    pub family: Option<String>,
    pub os: Option<String>,
    /// Clients that the rule fired or acted on.
    pub clients: u64,
    /// Of them: that pull cleanly and were denied, or whose first minute went wrong.
    #[serde(alias = "healthy")]
    pub harmed: u64,
    #[serde(default)]
    pub against: Against,
    /// Share of the clients that a harmless rule would harm.
    #[serde(default = "harmless")]
    pub expected: f64,
    /// Ids of records.
    #[serde(default)]
    pub evidence: Vec<String>,
}

fn harmless() -> f64 {
    HARMLESS_UNTOLD
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RuleBook and Detector may be of two builds for the time of a deploy.
    const PINNED: &str = r#"{"id":"1593975600000-2-sweep-default","time":"2020-07-05T19:00:00.000Z","since":"2020-07-05T18:58:00.000Z","rule":"sweep","route":"default","text":"3 of 40 clients pull cleanly","family":"skopeo","os":"","clients":40,"harmed":3,"against":"harmless","expected":0.02,"evidence":["01M850MDRGD6ZQ9TZR58000002"]}"#;

    #[test]
    fn the_json_of_a_harm_is_pinned() {
        let notice: HarmNotice = serde_json::from_str(PINNED).unwrap();
        assert_eq!(serde_json::to_string(&notice).unwrap(), PINNED);
    }

    #[test]
    fn the_notice_of_another_build_is_read() {
        let older = r#"{"time":"2020-07-05T19:00:00.000Z","rule":"sweep","route":"default","text":"harms","family":null,
            "os":null,"clients":40,"healthy":3,"more":"of a newer build"}"#;
        let notice: HarmNotice = serde_json::from_str(older).unwrap();
        assert_eq!(
            (
                notice.id.as_str(),
                notice.since,
                notice.harmed,
                notice.against,
                notice.expected
            ),
            ("", None, 3, Against::Harmless, HARMLESS_UNTOLD)
        );
    }
}
