//! `blobwatch addresses`: what a deployment keeps of its clients' addresses, and its erasure.

use serde_json::Value;

use crate::answer::{list, number, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output};

/// Write what is kept of clients' addresses, as NDJSON, or erase what is kept of a client
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Addresses {
    /// Of this client: 16 hex digits, as `client` of records has them
    client: Option<String>,
    /// Erase what is kept of the client
    #[arg(long, requires = "client")]
    erase: bool,
    /// Reason, for the audit log
    #[arg(long, requires = "erase")]
    reason: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch addresses > addresses.ndjson
  blobwatch addresses 00c0ffee00c0ffee
  blobwatch addresses 00c0ffee00c0ffee --erase --reason 'asked by the client'

Exit codes: 0 written or erased, 2 refused, or another error";

pub(crate) fn addresses(arguments: &Addresses) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    match &arguments.client {
        Some(client) if arguments.erase => erase(&api, client, arguments.reason.as_deref())?,
        Some(client) => page(&api, &format!("addresses?client={}", escaped(client))).map(drop)?,
        None => all(&api)?,
    }
    Ok(Outcome::Nothing)
}

fn all(api: &Api) -> Result<(), Problem> {
    let mut path = "addresses?limit=1000".to_owned();
    while let Some(cursor) = page(api, &path)? {
        path = format!("addresses?limit=1000&cursor={}", escaped(&cursor));
    }
    Ok(())
}

/// Where the next page begins.
fn page(api: &Api, path: &str) -> Result<Option<String>, Problem> {
    let page = api.get(path)?;
    for item in list(&page, "items") {
        output::json_line(&item.to_string())?;
    }
    let cursor = page.get("next_cursor").and_then(Value::as_str);
    Ok(cursor.map(str::to_owned))
}

fn erase(api: &Api, client: &str, reason: Option<&str>) -> Result<(), Problem> {
    let reason = reason.map_or_else(String::new, |reason| format!("?reason={}", escaped(reason)));
    let path = format!("addresses/{}{reason}", escaped(client));
    let erased = api.send("DELETE", &path, &Value::Null, None)?;
    let (client, logs) = (text(&erased, "client"), number(&erased, "fire_logs"));
    output::text(&format!("erased the address of {client} in {logs} FireLogs\n"))
}
