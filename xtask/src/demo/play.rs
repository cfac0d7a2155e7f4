//! The play: traffic that never stops, and the acts of a story one after the other.

use super::account::Account;
use super::cast::Cast;
use super::client::{Outcome, Pull};
use super::operator::{Operator, RULE};
use super::path::Path;
use super::story::{FACTOR, PATIENCE, RECOVERY, Story, WARM_UP};
use super::watch::{Seen, Watch};
use crate::progress::Step;
use crate::registry::Registry;
use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// About 30 MB/s of bodies.
const PULLS_PER_SECOND: u32 = 24;

/// Hosts are drawn from it.
const SEED: u64 = 2020;

/// How often the operator looks.
const GLANCE: Duration = Duration::from_secs(2);

/// What an operator takes from reading the sentence to the switch.
const HESITATION: Duration = Duration::from_secs(10);

/// Who ends the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The demo's operator, once the cause is named.
    Operator,
    /// A person, with the API or the dashboard.
    ByHand,
    /// The guard of the rule, by itself.
    Guard,
}

/// How many pulls came out how.
type Score = Arc<Mutex<BTreeMap<Outcome, u64>>>;

/// Everything that is up during a play.
pub(super) struct Stage {
    story: Story,
    port: u16,
    /// Where the worker forwards to before anything happens.
    home: String,
    broken: Path,
    operator: Operator,
    account: Account,
    ending: Ending,
    score: Score,
}

impl Stage {
    /// For the worker on `port` that forwards to `home`, and a registry.
    pub(super) async fn open(
        story: Story,
        registry: SocketAddr,
        home: String,
        port: u16,
        token: &str,
        account: Account,
        ending: Ending,
    ) -> Result<Self> {
        Ok(Self {
            story,
            port,
            account,
            ending,
            home,
            broken: Path::open(registry, story.broken()).await?,
            operator: Operator::new(port, token),
            score: Score::default(),
        })
    }

    /// The whole story.
    pub(super) async fn play(&self) -> Result<()> {
        self.account.say(&format!("\n{}\n", self.story.title()));
        self.prepare().await?;
        let traffic = tokio::spawn(traffic(self.port, Arc::clone(&self.score)));
        let played = self.acts().await;
        traffic.abort();
        played
    }

    async fn acts(&self) -> Result<()> {
        let step = Step::start("learning from healthy traffic");
        self.pass(&step, WARM_UP).await?;
        if let Some(anomaly) = self.operator.anomalies().await?.first() {
            bail!("an anomaly was opened on healthy traffic: {anomaly}");
        }
        step.done(&self.score());

        self.begin().await?;
        let began = Instant::now();
        self.account.say(&format!("\n    +0 s  {}", self.what_begins()));
        let mut watch = Watch::new(began);
        if self.ending != Ending::Guard {
            self.until(&mut watch, PATIENCE, Seen::is_explained).await?;
        }
        match self.ending {
            Ending::Operator => {
                sleep(HESITATION).await;
                self.end().await?;
            }
            Ending::ByHand => {
                let how = format!("          your turn: {}", self.how_to_end());
                self.account.say(&how);
            }
            Ending::Guard => {}
        }
        self.until_switched().await?;
        let switched = began.elapsed().as_secs();
        self.account
            .say(&format!("{:>5} s  {}", format!("+{switched}"), self.what_ends()));
        if let (Ending::Guard, Some(text)) = (self.ending, self.operator.guard().await?) {
            self.account.say(&format!("          the guard: {text}"));
        }
        // What a guard took back is an anomaly too, which is over when it is told.
        self.until(&mut watch, RECOVERY, |seen| seen.closed.is_some())
            .await?;
        self.tell(&watch, switched).await
    }

    /// Pulls go on while a step shows how they come out.
    async fn pass(&self, step: &Step, time: Duration) -> Result<()> {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            let detail = format!("{} s to go; {}", left.as_secs(), self.score());
            step.tick(&detail);
            let done = start.elapsed().as_secs_f64() / time.as_secs_f64();
            self.account
                .progress(done / 2.0, &format!("learning what is normal, {detail}"));
            sleep(left.min(Duration::from_secs(1))).await;
        }
        Ok(())
    }

    async fn prepare(&self) -> Result<()> {
        match self.story {
            Story::July2020 => self.operator.write_signature(&self.broken.url()).await,
            Story::August2026 => Ok(()),
        }
    }

    async fn begin(&self) -> Result<()> {
        match self.story {
            Story::July2020 if self.ending == Ending::Guard => {
                let preview = self.operator.preview().await?;
                let sentence = preview.get("sentence").and_then(Value::as_str);
                self.account
                    .say(&format!("\nThe preview: {}", sentence.unwrap_or_default()));
                self.operator.enforce_in_steps(&preview).await
            }
            Story::July2020 => self.operator.enforce().await,
            Story::August2026 => self.operator.set_origin(&self.broken.url()).await,
        }
    }

    async fn end(&self) -> Result<()> {
        match self.story {
            Story::July2020 => self.operator.monitor("pulls hang where it acts").await,
            Story::August2026 => self.operator.set_origin(&self.home).await,
        }
    }

    /// Until the switch was made, by whoever makes it: us, a person, or the guard of the rule.
    async fn until_switched(&self) -> Result<()> {
        let patience = match self.ending {
            Ending::ByHand => 4 * RECOVERY,
            Ending::Operator | Ending::Guard => PATIENCE,
        };
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let is_on = match self.story {
                Story::July2020 => self.operator.is_enforced().await?,
                Story::August2026 => self.operator.origin_is(&self.broken.url()).await?,
            };
            if !is_on {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("the rule was not switched")
    }

    /// Looks at the anomalies until they show it, and says what is new.
    async fn until(&self, watch: &mut Watch, limit: Duration, shows: impl Fn(&Seen) -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            for line in watch.take(&self.operator.anomalies().await?) {
                self.account.say(&line);
            }
            if shows(watch.seen()) {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!(
            "after {} s the anomalies did not show the expected result; pulls: {}",
            limit.as_secs(),
            self.score()
        )
    }

    fn what_begins(&self) -> &'static str {
        match self.story {
            Story::July2020 if self.ending == Ending::Guard => {
                "the signature is enforced for a quarter of the clients"
            }
            Story::July2020 => "the signature is enforced",
            Story::August2026 => "the default route has another origin",
        }
    }

    fn what_ends(&self) -> &'static str {
        match self.story {
            Story::July2020 => "the signature is in monitor again",
            Story::August2026 => "the default route has its previous origin again",
        }
    }

    fn how_to_end(&self) -> String {
        if !self.account.is_printed() {
            return "put the rule to monitor".to_owned();
        }
        let api = format!("http://127.0.0.1:{}/_blobwatch/api/v1", self.port);
        match self.story {
            Story::July2020 => format!(
                "curl -X PUT -H \"Authorization: Bearer $TOKEN\" {api}/rules/{RULE}/modes/default \
                 -d '{{\"mode\":\"monitor\",\"reason\":\"…\"}}'"
            ),
            Story::August2026 => format!(
                "curl -X PUT -H \"Authorization: Bearer $TOKEN\" {api}/routes/default \
                 -d '{{\"repository\":\"**\",\"origin\":\"{}\"}}'",
                self.home
            ),
        }
    }

    fn score(&self) -> String {
        let score = self.score.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |outcome| score.get(&outcome).copied().unwrap_or(0);
        format!(
            "{} pulls done, {} of them late, {} failed",
            of(Outcome::Done) + of(Outcome::DoneLate),
            of(Outcome::DoneLate),
            of(Outcome::Failed) + of(Outcome::Refused)
        )
    }

    /// The account: what the people of that night had, and what was here.
    async fn tell(&self, watch: &Watch, switched: u64) -> Result<()> {
        let seen = watch.seen();
        let say = |line: String| self.account.say(&line);
        say(format!("\nPulls: {}.", self.score()));
        say(format!(
            "Clients' pauses and hanging connections are {FACTOR} times shorter than in reality; \
             detection runs at its normal speed."
        ));
        for then in self.story.then() {
            println!(
                "  that night  {}  +{:>3} min  {}",
                then.clock, then.minute, then.what
            );
        }
        let at = |second: Option<u64>| second.map_or("never".to_owned(), |second| format!("+{second} s"));
        say(format!(
            "  here        {:>9}  an anomaly is open",
            at(seen.opened)
        ));
        println!(
            "  here        {:>9}  the cohort and its cause are named",
            at(seen.explained)
        );
        say(format!("  here        {:>9}  switched", at(Some(switched))));
        say(format!(
            "  here        {:>9}  the anomaly is closed",
            at(seen.closed)
        ));
        if let Some(id) = &seen.id {
            let report = self
                .operator
                .report(id)
                .await
                .context("failed to get the report")?;
            say(format!("\nThe report for the CDN:\n\n{report}"));
        }
        Ok(())
    }
}

/// Pulls at an even pace until it is aborted.
async fn traffic(port: u16, score: Score) -> Result<()> {
    let (path, size) = Registry::app_blob()?;
    let url: Arc<str> = format!("http://127.0.0.1:{port}{path}").into();
    let http = Client::new();
    let mut cast = Cast::new(SEED);
    let mut pace = interval(Duration::from_secs(1) / PULLS_PER_SECOND);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(host) = cast.next() {
        pace.tick().await;
        let (http, url, score) = (http.clone(), Arc::clone(&url), Arc::clone(&score));
        tokio::spawn(async move {
            let pull = Pull {
                http: &http,
                url: &url,
                size,
            };
            let outcome = pull.run(&host).await;
            *score
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(outcome)
                .or_default() += 1;
        });
    }
    Ok(())
}
