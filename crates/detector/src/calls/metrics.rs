//! Prometheus text (version 0.0.4): what the Detector counts.

use std::collections::BTreeMap;

use crate::ingest::SourceState;
use crate::store::Detector;
use crate::{AnomalyKind, Coverage, CoverageState, Engine, Fill};
use blobwatch_pull::Origin;
use blobwatch_records::slot_of;
use blobwatch_sql::Sql;
use blobwatch_wire::{MetricsPage, Problem};

pub(super) fn text<S: Sql>(store: &Detector<S>, now_ms: u64) -> Result<String, Problem> {
    let mut page = MetricsPage::default();
    let engine = store.engine();
    for (name, help, of) in engine.totals_by_route() {
        page.by("route", name, "counter", help, of);
    }
    let mut open: BTreeMap<AnomalyKind, u64> = AnomalyKind::ALL.map(|kind| (kind, 0)).into();
    for anomaly in engine.open() {
        *open.entry(anomaly.kind()).or_default() += 1;
    }
    let open = open.iter().map(|(kind, count)| (kind.as_str(), count));
    let help = "Open anomalies, by kind.";
    page.by("kind", "blobwatch_anomalies_open", "gauge", help, open);
    let slot_s = engine
        .ticked()
        .map_or(0, |slot| (slot + 1) * blobwatch_records::SLOT_S);
    page.one(
        "blobwatch_detector_tested_timestamp_seconds",
        "gauge",
        "End of the newest slot that was tested.",
        slot_s,
    );
    page.one(
        "blobwatch_detector_cohorts",
        "gauge",
        "Cohorts whose rates are tested, over all kinds.",
        engine.cohorts(),
    );
    let (max, evicted) = engine.cohort_bounds();
    page.one(
        "blobwatch_detector_cohorts_max",
        "gauge",
        "Cohorts for which there is room.",
        max,
    );
    page.one(
        "blobwatch_detector_cohorts_evicted_total",
        "counter",
        "Idle cohorts that made room for others.",
        evicted,
    );
    coverage(&mut page, &engine.coverage(slot_of(now_ms)));
    values(&mut page, &engine.fill());
    page.one(
        "blobwatch_detector_sources",
        "gauge",
        "FireLogs that sent counts.",
        store.sources(),
    );
    let uncounted = engine.uncounted();
    page.one(
        "blobwatch_detector_out_of_time_batches_total",
        "counter",
        "Batches of counts that came too late or too early to be tested.",
        uncounted.out_of_time,
    );
    page.one(
        "blobwatch_detector_other_requests_total",
        "counter",
        "Requests that were counted in no cohort because the table of cohorts was full.",
        uncounted.other_requests,
    );
    upstream(&mut page, engine);
    ingest(&mut page, store, now_ms)?;
    let name = "blobwatch_webhook_deliveries";
    let help = "Deliveries of the last 90 days, by state.";
    page.by("state", name, "gauge", help, store.delivery_counts()?);
    Ok(page.0)
}

/// What other parties' rules did, in the words that records have.
fn upstream(page: &mut MetricsPage, engine: &Engine) {
    let name = "blobwatch_rule_fires_total";
    page.head(
        name,
        "counter",
        "Requests that a rule fired on: our own as recorded, others' as their events tell.",
    );
    for (rule, route, [acted, logged]) in engine.upstream().totals() {
        for (mode, applied, count) in [("enforce", "block", acted), ("monitor", "none", logged)] {
            let labels = [
                ("origin", Origin::of(rule).name()),
                ("rule", rule),
                ("route", route),
                ("mode", mode),
                ("would", "block"),
                ("applied", applied),
            ];
            page.value(name, &labels, count);
        }
    }
    page.one(
        "blobwatch_detector_upstream_dropped_total",
        "counter",
        "Fires of other parties' rules for which there was no room, or that came more than two hours late.",
        engine.upstream().dropped(),
    );
}

/// What sources push.
fn ingest<S: Sql>(page: &mut MetricsPage, store: &Detector<S>, now_ms: u64) -> Result<(), Problem> {
    let sources = store.ingest_sources()?;
    results(
        page,
        &sources,
        "blobwatch_ingest_lines_total",
        "Lines that sources pushed, and what became of those that are no events.",
        SourceState::lines,
    );
    results(
        page,
        &sources,
        "blobwatch_ingest_events_total",
        "Events that sources pushed, by what the FireLogs made of them.",
        SourceState::events,
    );
    results(
        page,
        &sources,
        "blobwatch_ingest_refused_total",
        "Bodies that were refused: too large (413), or to be sent again later (429).",
        SourceState::refused,
    );
    let mut by_source = |name, kind, help, value: fn(&SourceState, u64) -> Option<u64>| {
        let values = sources
            .iter()
            .filter_map(|(source, state)| Some((&**source, value(state, now_ms)?)));
        page.by("source", name, kind, help, values);
    };
    by_source(
        "blobwatch_ingest_bytes_total",
        "counter",
        "Bytes that sources pushed, unpacked.",
        |state, _| Some(state.counts.bytes),
    );
    by_source(
        "blobwatch_ingest_received_timestamp_seconds",
        "gauge",
        "Time at which a source pushed last.",
        |state, _| state.last_received_ms().map(|ms| ms / 1000),
    );
    by_source(
        "blobwatch_ingest_lag_seconds",
        "gauge",
        "Seconds since the newest event of a source.",
        SourceState::newest_lag_s,
    );
    by_source(
        "blobwatch_ingest_silent",
        "gauge",
        "1 where a source pushed regularly and does so no more.",
        |state, now_ms| Some(u64::from(state.silent_since_ms(now_ms).is_some())),
    );
    Ok(())
}

/// A counter of each source by result.
fn results<const N: usize>(
    page: &mut MetricsPage,
    sources: &[(String, SourceState)],
    name: &str,
    help: &str,
    of: fn(&SourceState) -> [(&'static str, u64); N],
) {
    page.head(name, "counter", help);
    for (source, state) in sources {
        for (result, value) in of(state) {
            page.value(name, &[("source", source), ("result", result)], value);
        }
    }
}

/// Whether a fault would open an anomaly.
fn coverage(page: &mut MetricsPage, coverage: &Coverage) {
    let help = "Whether a fault would open an anomaly: 1 for the state that holds.";
    let states = CoverageState::ALL.map(|state| (state.as_str(), u8::from(state == coverage.state)));
    page.by("state", "blobwatch_detector_state", "gauge", help, states);
    let help = "1 where a fault of the route alone would open an anomaly.";
    let routes = coverage.routes.iter().map(|route| {
        let is_watched = u8::from(route.state == CoverageState::Watching);
        (&*route.route, is_watched)
    });
    page.by("route", "blobwatch_detector_route_watched", "gauge", help, routes);
    let least = coverage.least;
    for (name, help, value) in [
        (
            "blobwatch_detector_anomaly_clients_min",
            "Clients that an anomaly needs.",
            least.clients,
        ),
        (
            "blobwatch_detector_anomaly_networks_min",
            "Networks that an anomaly needs.",
            least.networks,
        ),
    ] {
        page.one(name, "gauge", help, value);
    }
    if let Some(senders) = coverage.senders {
        let (clients, networks) = (senders.clients, senders.networks);
        let help = "Clients of the last hour; above 32 within some 18 %.";
        page.one("blobwatch_detector_clients", "gauge", help, clients);
        let help = "Networks of the last hour; above 32 within some 18 %.";
        page.one("blobwatch_detector_networks", "gauge", help, networks);
    }
}

/// How full the values are that clients choose.
fn values(page: &mut MetricsPage, fills: &[Fill]) {
    let name = "blobwatch_detector_values";
    let help = "Values of an attribute that are told apart, by whether several networks send them.";
    page.head(name, "gauge", help);
    for fill in fills {
        for (breadth, count) in [("broad", fill.broad), ("narrow", fill.narrow)] {
            page.value(
                name,
                &[("attribute", fill.attribute), ("breadth", breadth)],
                count,
            );
        }
    }
    let name = "blobwatch_detector_values_max";
    let help = "Values of an attribute for which there is room.";
    let room = [("broad", Fill::MAX_BROAD), ("narrow", Fill::MAX_NARROW)];
    page.by("breadth", name, "gauge", help, room);
    let name = "blobwatch_detector_values_evicted_total";
    let help = "Idle values that made room for others.";
    let evicted = fills.iter().map(|fill| (fill.attribute, fill.evicted));
    page.by("attribute", name, "counter", help, evicted);
    let name = "blobwatch_detector_values_other_requests_total";
    let help = "Requests whose value is counted as other.";
    let other = fills.iter().map(|fill| (fill.attribute, fill.other_requests));
    page.by("attribute", name, "counter", help, other);
}
