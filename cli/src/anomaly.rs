//! `blobwatch anomaly`: what people do about one: they look into it, mute it, say that it is expected, or share its report.

use serde_json::{Value, json};

use crate::answer::{list, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output, records};

/// Acknowledge, assign, comment, mute, reopen or share an anomaly, or say that it is expected
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say that you look into it; pagers stop ringing
    #[command(after_help = EXAMPLES)]
    Ack {
        #[command(flatten)]
        of: Anomaly,
    },
    /// Assign it to somebody
    #[command(after_help = EXAMPLES)]
    Assign {
        #[command(flatten)]
        of: Anomaly,
        /// A name; without one, it is assigned to nobody
        to: Option<String>,
    },
    /// Write down what you found
    #[command(after_help = EXAMPLES)]
    Comment {
        #[command(flatten)]
        of: Anomaly,
        comment: String,
    },
    /// Tell no receiver of it until it closes
    #[command(after_help = EXAMPLES)]
    Mute {
        #[command(flatten)]
        of: Anomaly,
        /// Until then only: 2020-07-06T08:00:00Z, or 2h from now
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Further anomalies of its kinds and cohort too, for 90 days at most
        #[arg(long)]
        cohort: bool,
    },
    /// End what mutes it
    #[command(after_help = EXAMPLES)]
    Unmute {
        #[command(flatten)]
        of: Anomaly,
    },
    /// Close it, because its level is normal from now on
    #[command(after_help = EXAMPLES)]
    Expected {
        #[command(flatten)]
        of: Anomaly,
    },
    /// Open it again, for instance because it closed too soon
    #[command(after_help = EXAMPLES)]
    Reopen {
        #[command(flatten)]
        of: Anomaly,
    },
    /// Make a link to its report, for somebody without an account
    #[command(after_help = EXAMPLES)]
    Share {
        #[command(flatten)]
        of: Anomaly,
        /// Until when the link works: 2020-07-12T08:00:00Z, or 2d from now; a week unless said, 30 days at most
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// List the links to its report that work
    #[command(after_help = EXAMPLES)]
    Shares {
        #[command(flatten)]
        of: Anomaly,
    },
    /// Revoke a link to its report
    #[command(after_help = EXAMPLES)]
    Unshare {
        #[command(flatten)]
        of: Anomaly,
        /// As listed, for instance sh-1593982200000
        share: String,
    },
}

#[derive(clap::Args)]
struct Anomaly {
    /// For instance an-000012
    id: String,
    /// Reason, for its history and the audit log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch anomaly ack an-000012
  blobwatch anomaly assign an-000012 grace
  blobwatch anomaly comment an-000012 'the CDN is asked'
  blobwatch anomaly mute an-000012 --until 2h
  blobwatch anomaly expected an-000012 --reason 'roll-out of containerd 2'
  blobwatch anomaly share an-000012 --until 2d --reason 'for the CDN'

Exit codes: 0 done, or so already; 2 refused, or another error";

/// A call that is asked for.
struct ApiCall<'a> {
    of: &'a Anomaly,
    method: &'static str,
    /// The end of the path.
    act: String,
    body: Value,
}

fn asked(command: &Command) -> ApiCall<'_> {
    let post = |of, act: &str, body| ApiCall {
        of,
        method: "POST",
        act: act.to_owned(),
        body,
    };
    let delete = |of, act: String| ApiCall {
        of,
        method: "DELETE",
        act,
        body: json!({}),
    };
    match command {
        Command::Ack { of } => post(of, "acknowledge", json!({})),
        Command::Assign { of, to } => post(of, "assign", json!({"to": to})),
        Command::Comment { of, comment } => post(of, "comment", json!({"text": comment})),
        Command::Mute { of, until, cohort } => {
            let until = until.as_deref().map(until_of);
            post(of, "mute", json!({"until": until, "cohort": cohort}))
        }
        Command::Unmute { of } => delete(of, "mute".to_owned()),
        Command::Expected { of } => post(of, "expected", json!({})),
        Command::Reopen { of } => post(of, "reopen", json!({})),
        Command::Share { of, until } => {
            let until = until.as_deref().map(until_of);
            post(of, "shares", json!({"until": until}))
        }
        Command::Shares { of } => ApiCall {
            method: "GET",
            ..post(of, "shares", Value::Null)
        },
        Command::Unshare { of, share } => delete(of, format!("shares/{}", escaped(share))),
    }
}

/// A span is from now on, with or without `+`.
fn until_of(text: &str) -> String {
    let is_span = !text.contains(['-', ':', '+']);
    if is_span {
        format!("+{text}")
    } else {
        text.to_owned()
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let ApiCall {
        of,
        method,
        act,
        body,
    } = asked(&arguments.command);
    let reason = of
        .reason
        .as_deref()
        .filter(|_| method != "GET")
        .map(|reason| format!("?reason={}", escaped(reason)));
    let path = format!(
        "anomalies/{}/{act}{}",
        escaped(&of.id),
        reason.unwrap_or_default()
    );
    let api = Api::new(&of.deployment)?;
    let answer = match method {
        "GET" => api.get(&path)?,
        _ => api.send(method, &path, &body, None)?,
    };
    match &arguments.command {
        Command::Share { .. } => {
            output::line(&link_line(&answer))?;
            output::line(&format!("  {}", api.address(text(&answer, "path"))))?;
        }
        Command::Shares { .. } => {
            for item in list(&answer, "items") {
                output::line(&link_line(item))?;
            }
        }
        Command::Unshare { .. } => output::line(&format!("{} opens nothing any more", text(&answer, "id")))?,
        _ => {
            output::line(&records::line(&answer))?;
            if let Some(handling) = handling(&answer) {
                output::line(&handling)?;
            }
        }
    }
    Ok(Outcome::Nothing)
}

/// "sh-1593982200000  an-000012  until 2020-07-12T20:50:00.000Z, by ada".
fn link_line(item: &Value) -> String {
    format!(
        "{}  {}  until {}, by {}",
        text(item, "id"),
        text(item, "anomaly"),
        text(item, "expires"),
        text(item, "actor")
    )
}

/// "acknowledged by ada, assigned to grace, muted by ada until it closes".
fn handling(anomaly: &Value) -> Option<String> {
    let field = |name: &str| anomaly.get(name).filter(|value| !value.is_null());
    let acknowledged = field("acknowledged").map(|one| format!("acknowledged by {}", text(one, "by")));
    let assigned = field("assignee").map(|_| format!("assigned to {}", text(anomaly, "assignee")));
    let muted = field("muted").map(|one| match text(one, "until") {
        "" => format!("muted by {} until it closes", text(one, "by")),
        until => format!("muted by {} until {until}", text(one, "by")),
    });
    let parts: Vec<String> = [acknowledged, assigned, muted].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_from_now_on() {
        #[track_caller]
        fn case(text: &str, until: &str) {
            assert_eq!(until_of(text), until);
        }
        case("2h", "+2h");
        case("+2h", "+2h");
        case("2020-07-06T08:00:00Z", "2020-07-06T08:00:00Z");
        case("-2h", "-2h");
    }

    #[test]
    fn what_was_done_is_one_line() {
        let mut anomaly = json!({"acknowledged": {"by": "ada"}, "assignee": "grace", "muted": {"by": "ada", "until": null}});
        assert_eq!(
            handling(&anomaly).unwrap(),
            "  acknowledged by ada, assigned to grace, muted by ada until it closes"
        );
        anomaly["muted"]["until"] = json!("2020-07-06T08:00:00.000Z");
        assert!(
            handling(&anomaly)
                .unwrap()
                .ends_with("until 2020-07-06T08:00:00.000Z")
        );
        assert_eq!(handling(&json!({"assignee": null})), None);
    }
}
