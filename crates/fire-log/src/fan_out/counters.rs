//! What FireLogs count for ever, as counters and histograms of Prometheus, over all FireLogs.

use std::collections::BTreeMap;

use super::{FireLogs, ask_all};
use crate::store::{DOWNLOAD_MS, HEADERS_MS, Histogram, RequestSums, SIZE_BYTES, SumsByRoute};
use crate::{CountersCall, RuleAct};
use blobwatch_pull::{Origin, name_of};
use blobwatch_wire::MetricsPage;

/// The counter, which the Detector's page begins with what others' rules did.
const NAME: &str = "blobwatch_rule_fires_total";

/// Adds what FireLogs count to a page, which has others' fires already. Where a FireLog does not answer there is nothing of it: a gap
/// says nothing, and a sum that falls says that the counter began anew.
pub async fn with_counters(fire_logs: &impl FireLogs, names: &[String], page: &str) -> String {
    let gathered = ask_all(fire_logs, names, &CountersCall).await;
    let (mut fires, mut requests) = (BTreeMap::new(), SumsByRoute::new());
    if gathered.incomplete.is_empty() {
        for counters in gathered.answers {
            for one in counters.fires {
                *fires.entry(one.act).or_default() += one.requests;
            }
            for (route, sums) in &counters.requests {
                requests.entry(route.clone()).or_default().merge(sums);
            }
        }
    }
    with_own_fires(page, &fires) + &request_metrics(&requests)
}

/// Puts the lines of our own rules among those that a page has of this counter.
fn with_own_fires(page: &str, sums: &BTreeMap<RuleAct, u64>) -> String {
    let head = format!("# TYPE {NAME} counter\n");
    let (before, after) = page.split_once(&head).unwrap_or((page, ""));
    let mut own = MetricsPage::default();
    for (act, requests) in sums {
        add(&mut own, act, *requests);
    }
    format!("{before}{head}{}{after}", own.0)
}

fn add(page: &mut MetricsPage, act: &RuleAct, requests: u64) {
    let (mode, would, applied) = (name_of(&act.mode), name_of(&act.would), name_of(&act.applied));
    let labels = [
        ("origin", Origin::Own.name()),
        ("rule", &*act.rule),
        ("route", &*act.route),
        ("mode", &*mode),
        ("would", &*would),
        ("applied", &*applied),
    ];
    page.value(NAME, &labels, requests);
}

fn request_metrics(sums: &SumsByRoute) -> String {
    let mut page = MetricsPage::default();
    counter(
        &mut page,
        sums,
        ("blobwatch_range_requests_total", "kind"),
        "Requests by what they asked of a blob, as records say it.",
        |sums| &sums.kinds,
    );
    counter(
        &mut page,
        sums,
        ("blobwatch_family_requests_total", "family"),
        "Requests by the program that asked; one that no list knows is other.",
        |sums| &sums.families,
    );
    histogram(
        &mut page,
        sums,
        "blobwatch_time_to_headers_seconds",
        "Time until an answer's headers, of answers whose body was not observed.",
        (&HEADERS_MS, 1_000.0),
        |sums| &sums.headers_ms,
    );
    histogram(
        &mut page,
        sums,
        "blobwatch_download_duration_seconds",
        "Time until an observed body had arrived whole.",
        (&DOWNLOAD_MS, 1_000.0),
        |sums| &sums.downloads_ms,
    );
    histogram(
        &mut page,
        sums,
        "blobwatch_answer_size_bytes",
        "Bytes that an answer with a body, or with a part of it, promised.",
        (&SIZE_BYTES, 1.0),
        |sums| &sums.sizes,
    );
    page.0
}

fn counter(
    page: &mut MetricsPage,
    sums: &SumsByRoute,
    (name, label): (&str, &str),
    help: &str,
    of: fn(&RequestSums) -> &BTreeMap<String, u64>,
) {
    page.head(name, "counter", help);
    for (route, sums) in sums {
        for (value, count) in of(sums) {
            page.value(name, &[("route", route), (label, value)], count);
        }
    }
}

/// Of each route, where there is a value; `unit` is how much of what was counted one of the metric's is.
fn histogram(
    page: &mut MetricsPage,
    sums: &SumsByRoute,
    name: &str,
    help: &str,
    (bounds, unit): (&[u64], f64),
    of: fn(&RequestSums) -> &Histogram,
) {
    page.head(name, "histogram", help);
    let [buckets, total, count] = ["bucket", "sum", "count"].map(|part| format!("{name}_{part}"));
    for (route, histogram) in sums.iter().map(|(route, sums)| (route, of(sums))) {
        if histogram.counts.is_empty() {
            continue;
        }
        let bounds = bounds.iter().map(|bound| (*bound as f64 / unit).to_string());
        let mut below = 0;
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&histogram.counts) {
            below += count;
            page.value(&buckets, &[("route", route), ("le", &bound)], below);
        }
        page.value(&total, &[("route", route)], histogram.sum as f64 / unit);
        page.value(&count, &[("route", route)], below);
    }
}
