//! The play: traffic that never stops, and the acts of a story one after the other.

use super::account::Account;
use super::operator::Operator;
use super::scene::Scene;
use super::story::{FACTOR, PATIENCE, RECOVERY, Story, WARM_UP};
use super::traffic::{Score, traffic};
use super::watch::{Sighting, Watch};
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

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

/// How many clients are hit before anybody could call it an incident.
const CLIENTS_HIT: usize = 20;

/// Everything that is up during a play.
pub(super) struct Stage {
    story: Story,
    port: u16,
    scene: Scene,
    operator: Operator,
    account: Account,
    ending: Ending,
    score: Score,
}

impl Stage {
    /// For the worker on `port`.
    pub(super) fn new(
        story: Story,
        scene: Scene,
        port: u16,
        token: &str,
        account: Account,
        ending: Ending,
    ) -> Self {
        Self {
            story,
            port,
            scene,
            account,
            ending,
            operator: Operator::new(port, token),
            score: Score::default(),
        }
    }

    /// The whole story.
    pub(super) async fn play(&self) -> Result<()> {
        self.account.say(&format!("\n{}\n", self.story.title()));
        self.scene.prepare(&self.operator).await?;
        let traffic = tokio::spawn(traffic(self.port, self.score.clone()));
        let played = match self.story {
            Story::July2020Told => tokio::select! {
                played = self.acts() => played,
                never = self.scene.tell(&self.operator) => match never {},
            },
            _ => self.acts().await,
        };
        traffic.abort();
        played
    }

    async fn acts(&self) -> Result<()> {
        let step = Step::start("learning from healthy traffic");
        self.pass(&step, WARM_UP).await?;
        if let Some(anomaly) = self.operator.anomalies().await?.first() {
            bail!("an anomaly was opened on healthy traffic: {anomaly}");
        }
        step.done(&self.score.to_string());

        self.begin().await?;
        let began = Instant::now();
        let is_guarded = self.ending == Ending::Guard;
        self.account
            .say(&format!("\n    +0 s  {}", self.story.what_begins(is_guarded)));
        let mut watch = Watch::new(began);
        if !is_guarded {
            let kinds = self.story.kinds();
            let is_told = self.story == Story::July2020Told;
            let shows = |seen: &Sighting| seen.explains(kinds) && (!is_told || seen.upstream.is_some());
            self.until(&mut watch, PATIENCE, shows).await?;
        }
        match self.ending {
            Ending::Operator => {
                sleep(HESITATION).await;
                self.scene.end(&self.operator).await?;
            }
            Ending::ByHand => {
                let how = format!("          your turn: {}", self.how_to_end());
                self.account.say(&how);
            }
            Ending::Guard => {}
        }
        self.until_switched().await?;
        let switched = began.elapsed().as_secs();
        self.account.say(&format!(
            "{:>5} s  {}",
            format!("+{switched}"),
            self.story.what_ends()
        ));
        if let (Ending::Guard, Some(text)) = (self.ending, self.operator.guard().await?) {
            self.account.say(&format!("          the guard: {text}"));
        }
        // What a guard took back is an anomaly too, which is over when it is told.
        self.until(&mut watch, RECOVERY, |seen| seen.closed.is_some())
            .await?;
        self.tell(&watch, began, switched).await
    }

    /// Pulls go on while a step shows how they come out.
    async fn pass(&self, step: &Step, time: Duration) -> Result<()> {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            let detail = format!("{} s to go; {}", left.as_secs(), self.score);
            step.tick(&detail);
            let done = start.elapsed().as_secs_f64() / time.as_secs_f64();
            self.account
                .progress(done / 2.0, &format!("learning what is normal, {detail}"));
            sleep(left.min(Duration::from_secs(1))).await;
        }
        Ok(())
    }

    async fn begin(&self) -> Result<()> {
        if self.ending != Ending::Guard {
            return self.scene.begin(&self.operator).await;
        }
        let preview = self.operator.preview().await?;
        let sentence = preview.get("sentence").and_then(Value::as_str);
        self.account
            .say(&format!("\nThe preview: {}", sentence.unwrap_or_default()));
        self.operator.enforce_in_steps(&preview).await
    }

    /// Until the switch was made, by whoever makes it: us, a person, or the guard of the rule.
    async fn until_switched(&self) -> Result<()> {
        let patience = match self.ending {
            Ending::ByHand => 4 * RECOVERY,
            Ending::Operator | Ending::Guard => PATIENCE,
        };
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !self.scene.lasts(&self.operator).await? {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("the rule was not switched")
    }

    /// Looks at the anomalies until they show it, and says what is new.
    async fn until(
        &self,
        watch: &mut Watch,
        limit: Duration,
        shows: impl Fn(&Sighting) -> bool,
    ) -> Result<()> {
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
            self.score
        )
    }

    fn how_to_end(&self) -> String {
        if !self.account.is_printed() {
            return "put the rule to monitor".to_owned();
        }
        let api = format!("http://127.0.0.1:{}/_blobwatch/api/v1", self.port);
        self.scene.how_to_end(&api)
    }

    /// The account: what the people of that night had, and what was here.
    async fn tell(&self, watch: &Watch, began: Instant, switched: u64) -> Result<()> {
        let seen = watch.seen();
        let say = |line: String| self.account.say(&line);
        say(format!("\nPulls: {}.", self.score));
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
        if let Some(hit) = self.scene.hit(CLIENTS_HIT, began) {
            say(format!(
                "  here        {:>9}  {CLIENTS_HIT} clients are hit",
                at(Some(hit))
            ));
        }
        say(format!(
            "  here        {:>9}  an anomaly is open",
            at(seen.opened)
        ));
        for (kind, second) in &seen.kinds {
            println!("  here        {:>9}  {kind}", at(Some(*second)));
        }
        println!(
            "  here        {:>9}  the cohort and its cause are named",
            at(seen.explained)
        );
        if let Some(second) = seen.upstream {
            say(format!(
                "  here        {:>9}  the CDN's rule is named, from its own events",
                at(Some(second))
            ));
        }
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
