//! `blobwatch pending`: enforcements that wait for a second person, approved or declined.

use serde_json::{Value, json};

use crate::answer::{self, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output};

/// Show, approve and decline enforcements that wait for a second person
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print what waits: whom it would hit, who asked for it, why, and until when
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Approve it, as somebody else than who asked for it
    #[command(after_help = EXAMPLES)]
    Approve {
        #[command(flatten)]
        of: Waiting,
    },
    /// Decline it
    #[command(after_help = EXAMPLES)]
    Decline {
        #[command(flatten)]
        of: Waiting,
    },
}

#[derive(clap::Args)]
struct Waiting {
    rule: String,
    route: String,
    /// Reason, for the audit log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch pending list
  blobwatch pending approve botnet-sig hub
  blobwatch pending decline botnet-sig hub --reason 'it would hit our own builders'

Exit codes of `list`: 0 nothing waits, 1 something does; of the others: 0 done; 2 an error";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    match &arguments.command {
        Command::List { deployment } => list(&Api::new(deployment)?),
        Command::Approve { of } => decide(of, "approve", "approved"),
        Command::Decline { of } => decide(of, "decline", "declined"),
    }
}

fn list(api: &Api) -> Result<Outcome, Problem> {
    let pending = api.get(PENDING)?;
    let waiting = answer::list(&pending, "items");
    for one in waiting {
        output::line(&line(one))?;
    }
    Ok(if waiting.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

/// More than wait at a time.
const PENDING: &str = "pending?limit=100";

fn line(one: &Value) -> String {
    let reason = text(one, "reason");
    format!(
        "{}; {reason} (until {})",
        text(one, "sentence"),
        text(one, "expires")
    )
}

fn decide(of: &Waiting, act: &str, done: &str) -> Result<Outcome, Problem> {
    let Waiting {
        rule, route, reason, ..
    } = of;
    let api = Api::new(&of.deployment)?;
    // The one that was read: another may take its place meanwhile.
    let pending = api.get(PENDING)?;
    let mut waiting = answer::list(&pending, "items").iter();
    let found = waiting.find(|one| text(one, "rule") == rule && text(one, "route") == route);
    let Some(found) = found else {
        let expected =
            format!("nothing waits for {rule} on {route}; `blobwatch pending list` shows what does");
        return Err(Problem::Usage(expected));
    };
    let body = json!({"id": text(found, "id"), "reason": reason});
    let path = format!("rules/{}/modes/{}/{act}", escaped(rule), escaped(route));
    api.send("POST", &path, &body, None)?;
    output::line(&format!("{done}: {}", line(found)))?;
    Ok(Outcome::Nothing)
}

#[cfg(test)]
mod tests {
    use super::line;
    use serde_json::json;

    #[test]
    fn what_waits_is_one_line() {
        let one = json!({"sentence": "ada wants it", "reason": "too many pulls", "expires": "2020-07-05T20:00:00.000Z"});
        assert_eq!(
            line(&one),
            "ada wants it; too many pulls (until 2020-07-05T20:00:00.000Z)"
        );
    }
}
