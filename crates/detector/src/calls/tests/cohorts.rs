//! Cohorts by attributes that cells do not have, against what was really asked for.

use super::*;
use crate::ATTRIBUTES;
use crate::tests::further::Registry;
use blobwatch_records::{CellBatch, FURTHER};

const HEALTHY_SLOTS: usize = 120;
const FAULT_SLOTS: usize = 18;

/// A registry whose starts of one repository fail for three minutes.
struct Played {
    store: Detector<Native>,
    registry: Registry,
    /// By repository, since the fault began.
    failed: BTreeMap<String, u64>,
    now: u64,
    began: u64,
}

impl Played {
    fn new(seed: u64) -> Self {
        let mut played = Self {
            store: open(),
            registry: Registry::new(seed),
            failed: BTreeMap::new(),
            now: 0,
            began: 0,
        };
        played.play(HEALTHY_SLOTS, |_| false);
        played.failed.clear();
        played.began = played.now;
        played.play(FAULT_SLOTS, |record| record.repository == "team/3");
        played
    }

    fn play(&mut self, slots: usize, is_hit: impl Fn(&Record) -> bool) {
        for _ in 0..slots {
            let failed = &mut self.failed;
            let batches = self.registry.next(503, |record, chance| {
                let fails = is_hit(record) || chance < 0.02;
                if fails {
                    *failed.entry(record.repository.clone()).or_default() += 1;
                }
                fails
            });
            for batch in &batches {
                self.take(batch);
            }
        }
    }

    fn take(&mut self, batch: &CellBatch) {
        accept(&mut self.store, batch, arrival(batch)).unwrap();
        self.now = arrival(batch) + 5_000;
        self.store.tick(self.now).unwrap();
    }

    /// Since the fault began, as a time that the first slot of its minute is in.
    fn since(&self) -> String {
        rfc3339(self.began / 60_000 * 60_000)
    }

    fn ask(&self, query: &str) -> Value {
        let since = self.since();
        get(
            &self.store,
            self.now,
            &format!("cohorts?kind=start_failed&since={since}&{query}"),
        )
    }
}

fn values<'a>(answer: &'a Value, attribute: &str) -> &'a [Value] {
    let mut attributes = answer["attributes"].as_array().unwrap().iter();
    let of = attributes.find(|one| one["attribute"] == attribute);
    of.unwrap()["values"].as_array().unwrap()
}

fn sum(values: &[Value], name: &str) -> f64 {
    values.iter().map(|value| value[name].as_f64().unwrap()).sum()
}

#[test]
fn a_repository_can_be_an_axis() {
    let played = Played::new(1);
    let answer = played.ask("x=colo&y=repository");
    assert_eq!(answer["y"]["values"][0], "team/3");
    let repositories = values(&answer, "repository");
    assert_eq!(repositories[0]["value"], "team/3");
    assert!(
        repositories[0]["ratio"].as_f64().unwrap() > 5.0,
        "{repositories:?}"
    );
    for repository in repositories {
        let truth = played.failed.get(repository["value"].as_str().unwrap());
        let truth = truth.copied().unwrap_or_default() as f64;
        let (events, error) = (
            sum(std::slice::from_ref(repository), "events"),
            &repository["events_error"],
        );
        let most = 4.0 * error.as_f64().unwrap() + 0.1 * truth + 3.0;
        assert!((events - truth).abs() <= most, "{repository}, truly {truth}");
    }
    let cells = answer["cells"].as_array().unwrap();
    assert_eq!(sum(cells, "events"), sum(repositories, "events"));

    // What cells count of everybody is what estimates are scaled to.
    let counted = values(&played.ask("x=colo&y=os"), "colo").to_vec();
    let share = &answer["sample"]["events"];
    assert_eq!(share["of"].as_f64().unwrap(), sum(&counted, "events"));
    assert!((sum(repositories, "events") - sum(&counted, "events")).abs() <= 5.0);
    assert!(counted.iter().all(|value| value.get("events_error").is_none()));
    assert!(share["sampled"].as_u64() <= share["of"].as_u64());
    assert_eq!(answer["sample"]["since"].as_str().unwrap(), played.since());
}

#[test]
fn every_attribute_is_told_beside_those_of_cells() {
    let played = Played::new(2);
    let counted = played.ask("x=colo&y=os");
    let attributes = counted["attributes"].as_array().unwrap().iter();
    let names = attributes.map(|one| one["attribute"].as_str().unwrap());
    assert!(names.eq(ATTRIBUTES.into_iter().chain(FURTHER)));
    assert_eq!(values(&counted, "repository")[0]["value"], "team/3");
    for attribute in FURTHER {
        let answer = played.ask(&format!("x=family&y={attribute}"));
        assert_eq!(values(&answer, attribute), values(&counted, attribute));
        let unknown = values(&answer, attribute)
            .iter()
            .all(|value| value["value"] == "unknown");
        assert_eq!(
            unknown,
            attribute.starts_with("cloud") || attribute == "ip_version",
            "{attribute}"
        );
    }
}

#[test]
fn those_with_a_value_that_cells_do_not_have_can_be_asked_about() {
    let played = Played::new(3);
    let all = played.ask("x=colo&y=repository");
    let of_one = played.ask("x=colo&y=family&repository=team/3");
    let events = |answer: &Value| sum(values(answer, "repository"), "events");
    assert_eq!(values(&of_one, "repository").len(), 1);
    assert_eq!(values(&of_one, "repository")[0], values(&all, "repository")[0]);
    let both = played.ask("x=colo&y=family&repository=team/3,team/1");
    assert!(events(&of_one) < events(&both) && events(&both) < events(&all));
    let docker = played.ask("x=colo&y=repository&family=docker");
    assert!(events(&docker) < events(&all));
    let signature = "4:255:0:1460:26883,0:mss:df:0";
    let signed = played.ask(&format!("x=colo&y=tcp&tcp={signature}"));
    assert_eq!(values(&signed, "tcp")[0]["value"], signature);
}

/// Two hours later minutes are rows, and say the same from fewer requests; what an older build wrote has no sample.
#[test]
fn what_has_left_the_window_is_told_from_rows() {
    let mut played = Played::new(4);
    let (until, since) = (rfc3339(played.now / 60_000 * 60_000), played.since());
    let query = format!("cohorts?kind=start_failed&x=colo&y=repository&since={since}&until={until}");
    let fresh = get(&played.store, played.now, &query);
    played.play(720, |_| false);
    keep_all_sums(&mut played.store, played.now);
    let from_rows = |played: &Played| get(&played.store, played.now, &query);
    let old = from_rows(&played);
    assert_eq!(old["sample"]["events"]["of"], fresh["sample"]["events"]["of"]);
    assert!(old["sample"]["trials"]["sampled"].as_u64() < fresh["sample"]["trials"]["sampled"].as_u64());
    let worst = |answer: &Value| values(answer, "repository")[0].clone();
    assert_eq!(worst(&old)["value"], "team/3");
    let (then, now) = (worst(&fresh), worst(&old));
    let apart = (then["events"].as_f64().unwrap() - now["events"].as_f64().unwrap()).abs();
    assert!(
        apart <= 4.0 * now["events_error"].as_f64().unwrap() + 3.0,
        "{then} {now}"
    );

    let counts = get(
        &played.store,
        played.now,
        &query.replace("y=repository", "y=family"),
    );
    played.store = crate::store::tests::without_samples(played.store, played.now);
    let older = get(
        &played.store,
        played.now,
        &query.replace("y=repository", "y=family"),
    );
    assert_eq!(older["cells"], counts["cells"], "counts are what they were");
    assert_eq!(
        (&older["sample"], older["attributes"].as_array().unwrap().len()),
        (&Value::Null, 7)
    );
    let nothing = from_rows(&played);
    assert_eq!(
        (&nothing["sample"], &nothing["cells"]),
        (&Value::Null, &json!([]))
    );
}

#[test]
fn an_attribute_that_nobody_has_is_refused() {
    let played = Played::new(5);
    refused(&played.store, played.now, "cohorts?y=client", 400, "query.y");
    refused(&played.store, played.now, "cohorts?client=1", 400, "query.client");
    refused(
        &played.store,
        played.now,
        "timeline?repository=team/3",
        400,
        "query.repository",
    );
}
