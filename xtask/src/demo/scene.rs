//! What breaks in a story and how it is mended, as the calls of its operator.

use super::cdn::Cdn;
use super::operator::{Operator, REMEDY, REMEDY_EXPRESSION, RULE};
use super::path::{Fault, Path};
use super::story::{LAG, ORDINARY, Story};
use anyhow::Result;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep;

/// What is up for a story beside the worker and the registry.
pub(super) enum Scene {
    /// The CDN breaks what the registry's redirects lead to.
    Cdn(Cdn),
    /// A rule leads pulls over a path that breaks.
    Rule { broken: Path },
    /// The default route gets another origin.
    Move { home: String, broken: Path },
}

/// Between two bodies of events.
const PAUSE: Duration = Duration::from_secs(5);

/// "Intermittent hanging downloads": one in eight hangs until the connection is given up.
const HANGING: Fault = Fault {
    stall: 0.125,
    ..ORDINARY
};

const REFUSING: Fault = Fault {
    cut: 0.06,
    refuses_ranges: true,
    ..ORDINARY
};

impl Scene {
    /// For a worker on `port` that forwards to `home`.
    pub(super) async fn open(story: Story, registry: SocketAddr, home: &str, port: u16) -> Result<Self> {
        Ok(match story {
            Story::July2020 | Story::July2020Told => Self::Cdn(Cdn::open(registry, port).await?),
            Story::July2020Rule => Self::Rule {
                broken: Path::open(registry, |_| HANGING).await?,
            },
            Story::August2026 => Self::Move {
                home: home.to_owned(),
                broken: Path::open(registry, |_| REFUSING).await?,
            },
        })
    }

    /// Where the registry's redirects lead.
    pub(super) fn storage(&self) -> Option<String> {
        match self {
            Self::Cdn(cdn) => Some(cdn.url()),
            Self::Rule { .. } | Self::Move { .. } => None,
        }
    }

    pub(super) async fn prepare(&self, operator: &Operator) -> Result<()> {
        match self {
            Self::Cdn(cdn) => operator.write_hosts(cdn).await,
            Self::Rule { broken } => operator.write_signature(&broken.url()).await,
            Self::Move { .. } => Ok(()),
        }
    }

    /// Tells, again and again, of what the CDN did some time ago; what is not taken is told again.
    pub(super) async fn tell(&self, operator: &Operator) -> Infallible {
        let mut due = Vec::new();
        loop {
            sleep(PAUSE).await;
            if let Self::Cdn(cdn) = self {
                due.extend(cdn.mitigation.events.take(LAG));
            }
            if !due.is_empty() && operator.push(&due.join("\n")).await.is_ok() {
                due.clear();
            }
        }
    }

    pub(super) async fn begin(&self, operator: &Operator) -> Result<()> {
        match self {
            Self::Cdn(cdn) => {
                cdn.mitigation.activate();
                Ok(())
            }
            Self::Rule { .. } => operator.enforce().await,
            Self::Move { broken, .. } => operator.set_origin(&broken.url()).await,
        }
    }

    pub(super) async fn end(&self, operator: &Operator) -> Result<()> {
        match self {
            Self::Cdn(_) => operator.remedy().await,
            Self::Rule { .. } => operator.monitor("pulls hang where it acts").await,
            Self::Move { home, .. } => operator.set_origin(home).await,
        }
    }

    /// Until somebody has ended it.
    pub(super) async fn lasts(&self, operator: &Operator) -> Result<bool> {
        match self {
            Self::Cdn(_) => Ok(!operator.is_enforced(REMEDY).await?),
            Self::Rule { .. } => operator.is_enforced(RULE).await,
            Self::Move { broken, .. } => operator.origin_is(&broken.url()).await,
        }
    }

    /// The commands that end it.
    pub(super) fn how_to_end(&self, api: &str) -> String {
        match self {
            Self::Cdn(_) => {
                let rule = REMEDY_EXPRESSION.replace('"', "\\\"");
                let written =
                    format!("{{\"description\":\"\",\"expression\":\"{rule}\",\"action\":\"detour\"}}");
                let mode = "{\"mode\":\"enforce\",\"force\":true,\"reason\":\"…\"}";
                [
                    put(api, &format!("rules/{REMEDY}"), &written),
                    put(api, &format!("rules/{REMEDY}/modes/default"), mode),
                ]
                .join("\n")
            }
            Self::Rule { .. } => {
                let mode = "{\"mode\":\"monitor\",\"reason\":\"…\"}";
                put(api, &format!("rules/{RULE}/modes/default"), mode)
            }
            Self::Move { home, .. } => {
                let route = format!("{{\"repository\":\"**\",\"origin\":\"{home}\"}}");
                put(api, "routes/default", &route)
            }
        }
    }

    /// Of the incidents that hit one client after the other, seconds until so many were hit.
    pub(super) fn hit(&self, clients: usize, since: tokio::time::Instant) -> Option<u64> {
        match self {
            Self::Cdn(cdn) => {
                let hit = cdn.mitigation.hit();
                let at = hit.get(clients.checked_sub(1)?)?;
                Some(at.duration_since(since).as_secs())
            }
            Self::Rule { .. } | Self::Move { .. } => None,
        }
    }
}

fn put(api: &str, target: &str, body: &str) -> String {
    format!("curl -X PUT -H \"Authorization: Bearer $TOKEN\" {api}/{target} -d '{body}'")
}

#[cfg(test)]
mod tests {
    use super::{Scene, Story};
    use std::net::{Ipv4Addr, SocketAddr};

    #[tokio::test]
    async fn what_ends_a_story_can_be_typed() {
        for story in [
            Story::July2020,
            Story::July2020Told,
            Story::July2020Rule,
            Story::August2026,
        ] {
            let registry = SocketAddr::from((Ipv4Addr::LOCALHOST, 5000));
            let scene = Scene::open(story, registry, "http://home", 8788).await.unwrap();
            let how = scene.how_to_end("http://127.0.0.1:8788/_blobwatch/api/v1");
            for command in how.lines() {
                let (_, body) = command.split_once(" -d '").unwrap();
                let body: serde_json::Value = serde_json::from_str(body.trim_end_matches('\'')).unwrap();
                assert!(body.is_object(), "{command}");
            }
        }
    }
}
