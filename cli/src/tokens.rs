//! `blobwatch tokens`: who may call a deployment, through its API. `blobwatch token` makes entries of its secret instead.

use std::time::{SystemTime, UNIX_EPOCH};

use blobwatch_host::token::Role;
use blobwatch_wire::rfc3339;
use serde_json::{Value, json};

use crate::answer::{self, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output};

const DAY_MS: u64 = 86_400_000;

/// List, make, expire and revoke the tokens of a deployment
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print who has a token, with which role, until when
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Make a token; it is printed once, and kept nowhere
    #[command(after_help = EXAMPLES)]
    Create {
        /// Who will use it; the audit log shows this name
        name: String,
        /// What its holder may do
        #[arg(long, value_enum, default_value_t = Role::Viewer)]
        role: Role,
        /// A route on which an operator may change something; may be given several times
        #[arg(long = "route")]
        routes: Vec<String>,
        /// Days until it expires
        #[arg(long)]
        days: Option<u32>,
        #[command(flatten)]
        change: Change,
    },
    /// Set when a token expires
    #[command(after_help = EXAMPLES)]
    Expire {
        name: String,
        /// In so many days
        #[arg(long, required_unless_present = "never")]
        days: Option<u32>,
        /// Not at all
        #[arg(long, conflicts_with = "days")]
        never: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Revoke a token: within five seconds it opens nothing any more, and neither do the sessions that it opened
    #[command(after_help = EXAMPLES)]
    Revoke {
        name: String,
        #[command(flatten)]
        change: Change,
    },
}

#[derive(clap::Args)]
struct Change {
    /// Reason, for the audit log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…   (an admin's)
  blobwatch tokens list
  blobwatch tokens create ada --role operator --route hub --days 90 --reason 'on call'
  blobwatch tokens expire ci --days 7
  blobwatch tokens revoke ada --reason left

Exit codes: 0 done; 2 refused, or another error";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    match &arguments.command {
        Command::List { deployment } => list(&Api::new(deployment)?),
        Command::Create {
            name,
            role,
            routes,
            days,
            change,
        } => {
            let body = json!({"name": name, "role": role.name(), "routes": some(routes), "expires": days.map(in_days),
                "reason": change.reason});
            let made = Api::new(&change.deployment)?.send("POST", "tokens", &body, None)?;
            let token = text(&made, "token");
            told(&format!("token, for {name} to keep:\n  {token}\n{}", line(&made)))
        }
        Command::Expire {
            name, days, change, ..
        } => {
            let body = json!({"expires": days.map(in_days), "reason": change.reason});
            let path = format!("tokens/{}", escaped(name));
            told(&line(
                &Api::new(&change.deployment)?.send("PUT", &path, &body, None)?,
            ))
        }
        Command::Revoke { name, change } => {
            let reason = change.reason.as_deref().map(escaped);
            let query = reason
                .map(|reason| format!("?reason={reason}"))
                .unwrap_or_default();
            let path = format!("tokens/{}{query}", escaped(name));
            Api::new(&change.deployment)?.send("DELETE", &path, &Value::Null, None)?;
            told(&format!("revoked {name}\n"))
        }
    }
}

fn list(api: &Api) -> Result<Outcome, Problem> {
    let tokens = api.get("tokens")?;
    let lines: String = answer::list(&tokens, "items").iter().map(line).collect();
    told(&lines)
}

/// One token in a line.
fn line(token: &Value) -> String {
    let routes = answer::texts(token, "routes");
    let routes = if routes.is_empty() {
        String::new()
    } else {
        format!(" of {}", routes.join(", "))
    };
    let end = match (text(token, "source"), text(token, "expires")) {
        ("secret", _) => "in BLOBWATCH_TOKENS".to_owned(),
        (_, "") => "never expires".to_owned(),
        (_, at) if token.get("expired").is_some_and(|expired| expired == true) => format!("expired {at}"),
        (_, at) => format!("expires {at}"),
    };
    let made = match text(token, "created_by") {
        "" => String::new(),
        by => format!("; made by {by} {}", text(token, "created")),
    };
    let used = match text(token, "used") {
        "" => String::new(),
        at => format!("; used {at}"),
    };
    format!(
        "{}  {}{routes}; {end}{made}{used}\n",
        text(token, "name"),
        text(token, "role")
    )
}

fn some(routes: &[String]) -> Option<&[String]> {
    Some(routes).filter(|routes| !routes.is_empty())
}

fn in_days(days: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    rfc3339(now.as_millis() as u64 + u64::from(days) * DAY_MS)
}

fn told(text: &str) -> Result<Outcome, Problem> {
    output::text(text)?;
    Ok(Outcome::Nothing)
}

#[cfg(test)]
mod tests {
    use super::line;
    use serde_json::json;

    #[test]
    fn a_token_is_one_line() {
        let ada = json!({"name": "ada", "role": "operator", "routes": ["hub", "mirror"], "source": "rulebook",
            "created": "2020-07-05T19:00:00.000Z", "created_by": "adam", "expires": "2020-07-06T19:00:00.000Z",
            "expired": false, "used": "2020-07-05T20:00:00.000Z"});
        assert_eq!(
            line(&ada),
            "ada  operator of hub, mirror; expires 2020-07-06T19:00:00.000Z; made by adam 2020-07-05T19:00:00.000Z; \
             used 2020-07-05T20:00:00.000Z\n"
        );
        let adam = json!({"name": "adam", "role": "admin", "routes": null, "source": "secret", "expires": null,
            "created_by": null, "used": null});
        assert_eq!(line(&adam), "adam  admin; in BLOBWATCH_TOKENS\n");
    }
}
