//! What can be seen and what cannot: an empty system, a young one, a small one, a fleet behind one proxy, a quiet route.

use std::sync::Arc;

use super::stories::healthy;
use super::traffic::{Build, Fault, HEALTHY, NOON, World};
use crate::coverage::MissingTraffic;
use crate::{CoverageState, Engine};
use blobwatch_pull::{ClientKey, Method, NetworkKey, Outcome, Profile, Record, RecordId, sample};
use blobwatch_records::{CellBatch, History, RouteBreadth, RouteBreadths, SLOT_S, Tally};
use blobwatch_rulebook::AnomalyBreadth;

const HOUR: u64 = 360;

fn least(clients: u32, networks: u32) -> AnomalyBreadth {
    AnomalyBreadth { clients, networks }
}

#[test]
fn an_empty_system_sees_nothing() {
    let engine = Engine::default();
    let coverage = engine.coverage(NOON);
    assert_eq!(coverage.state, CoverageState::NoTraffic);
    assert!(engine.is_idle() && coverage.routes.is_empty());
}

#[test]
fn a_young_system_learns_for_five_minutes_and_a_week() {
    let mut world = World::new(1);
    world.play(12, healthy);
    let coverage = world.engine.coverage(world.slot);
    assert_eq!(coverage.state, CoverageState::Learning);
    let from = coverage.tested_from.unwrap();
    assert!((NOON + 30..=NOON + 32).contains(&from), "{from}");
    world.play(HOUR, healthy);
    let coverage = world.engine.coverage(world.slot);
    assert_eq!(
        (coverage.state, coverage.tested_from),
        (CoverageState::Watching, None)
    );
    let senders = coverage.senders.unwrap();
    assert!(senders.clients > 1_000 && !senders.exact, "{senders:?}");
    assert_eq!(coverage.missing, MissingTraffic::Learning(from + 7 * 24 * HOUR));
    let after = world.engine.coverage(world.slot + 2 * HOUR);
    assert_eq!(after.state, CoverageState::NoTraffic);
    assert!(!world.engine.is_idle());
}

#[test]
fn a_small_system_has_too_few_clients_unless_its_settings_say_otherwise() {
    let mut world = World::new(2).crowd(3, 2);
    world.play(HOUR, healthy);
    let coverage = world.engine.coverage(world.slot);
    assert_eq!(coverage.state, CoverageState::TooFewClients);
    let senders = coverage.senders.unwrap();
    assert_eq!((senders.clients, senders.networks, senders.exact), (3, 2, true));
    assert_eq!(coverage.routes[0].state, CoverageState::TooFewClients);
    world.engine.set_breadth(least(3, 2));
    assert_eq!(world.engine.coverage(world.slot).state, CoverageState::Watching);
}

/// What is said agrees with what opens.
#[test]
fn a_fleet_behind_one_proxy_is_judged_once_the_settings_say_so() {
    #[track_caller]
    fn case(clients: u64, breadth: Option<AnomalyBreadth>, state: CoverageState) {
        let mut world = World::new(3).crowd(clients, 1);
        if let Some(breadth) = breadth {
            world.engine.set_breadth(breadth);
        }
        let of_proxy = move |fault: Fault| Fault {
            clients,
            networks: 1,
            ..fault
        };
        world.play(HOUR, |_: &Build, _: &str, _: bool| of_proxy(HEALTHY));
        assert_eq!(world.engine.coverage(world.slot).state, state);
        let stuck = Fault {
            resumed: 0.3,
            ..HEALTHY
        };
        world.play(60, |_: &Build, _: &str, _: bool| of_proxy(stuck));
        let opens = state == CoverageState::Watching;
        assert_eq!(
            world.engine.open().count(),
            usize::from(opens),
            "{clients} {breadth:?}"
        );
    }
    case(40, None, CoverageState::TooFewClients);
    case(40, Some(least(10, 1)), CoverageState::Watching);
    case(1, Some(least(10, 1)), CoverageState::TooFewClients);
    case(1, Some(least(1, 1)), CoverageState::Watching);
}

/// Three machines of an internal registry, beside a public one with thousands.
#[test]
fn a_small_route_is_judged_by_its_own_breadth() {
    #[track_caller]
    fn case(own: Option<AnomalyBreadth>, of_all: AnomalyBreadth, opens: bool) {
        let mut world = World::new(5).crowd(3, 2);
        let mut public = World::new(6);
        world.engine.set_breadth(of_all);
        let of_routes = own.map(|own| ("hub".to_owned(), own));
        (world.engine).set_route_breadths(of_routes.into_iter().collect());
        let few = |resumed| {
            move |_: &Build, _: &str, _: bool| Fault {
                resumed,
                clients: 3,
                networks: 2,
                ..HEALTHY
            }
        };
        for slot in 0..HOUR + 60 {
            let mut batch = world.batch(&few(if slot < HOUR { 0.0 } else { 0.3 }));
            let mut beside = public.batch(&healthy);
            let route: Arc<str> = "public".into();
            beside
                .cells
                .iter_mut()
                .for_each(|cell| cell.key.route = Arc::clone(&route));
            batch.cells.extend(beside.cells);
            world.take(batch);
        }
        let coverage = world.engine.coverage(world.slot);
        let hub = coverage.routes.iter().find(|of| of.route == "hub").unwrap();
        assert_eq!(hub.state == CoverageState::Watching, opens, "{own:?}");
        let names: Vec<String> = world.engine.open().map(|anomaly| anomaly.sentence()).collect();
        assert_eq!(names.len(), usize::from(opens), "{names:?}");
        assert!(names.iter().all(|name| name.contains("route hub")), "{names:?}");
    }
    let usual = AnomalyBreadth::default();
    case(None, usual, false);
    case(Some(least(3, 2)), usual, true);
    case(Some(least(4, 2)), usual, false);
    // It may ask for more than the others, too.
    case(Some(least(20, 5)), least(3, 2), false);
}

#[test]
fn a_quiet_route_learns_beside_a_busy_one() {
    let mut world = World::new(4);
    for _ in 0..HOUR {
        let mut batch = world.batch(&healthy);
        let edge: Arc<str> = "edge".into();
        if world.slot.is_multiple_of(10) {
            let mut cell = batch.cells[0].clone();
            cell.key.route = Arc::clone(&edge);
            cell.counts = blobwatch_records::CellCounts {
                requests: 1,
                starts: 1,
                ..Default::default()
            };
            batch.cells.push(cell);
            let mut routes = RouteBreadths::default();
            routes.insert(&edge, ClientKey(7), NetworkKey(7));
            batch.routes.extend(routes.into_list());
        }
        world.take(batch);
    }
    let coverage = world.engine.coverage(world.slot);
    assert_eq!(coverage.state, CoverageState::Watching);
    let [edge, hub] = &coverage.routes[..] else {
        panic!("{:?}", coverage.routes);
    };
    assert_eq!((edge.state, edge.learned), (CoverageState::Learning, Some(36)));
    assert_eq!((hub.state, hub.learned), (CoverageState::Watching, None));
}

/// FireLogs of an older build count requests and do not say whose.
#[test]
fn nobody_is_called_few_who_was_not_counted() {
    let mut world = World::new(5).crowd(1, 1);
    for _ in 0..60 {
        let batch = world.batch(&healthy);
        world.take(CellBatch {
            routes: Vec::<RouteBreadth>::new(),
            ..batch
        });
    }
    let coverage = world.engine.coverage(world.slot);
    assert_eq!(
        (coverage.state, coverage.senders),
        (CoverageState::Watching, None)
    );
}

/// A pull by way of a redirect: what the registry answers, and the fetch at the target.
fn pull_of(client: u64) -> [Record; 2] {
    let at = |after_ms: u64, host: &str, status: u16| Record {
        id: RecordId::from_parts(NOON * SLOT_S * 1000 + client * 10 + after_ms, 1, client as u32),
        route: Arc::from("hub"),
        digest: format!("sha256:{client:064x}"),
        method: Method::Get,
        status,
        client: ClientKey(client),
        network: NetworkKey(client),
        profile: Profile {
            host: host.to_owned(),
            ..Profile::default()
        },
        ..sample::sparse()
    };
    let redirect = Record {
        size: None,
        sent_to: "cdn.example".to_owned(),
        ..at(0, "registry.example", 307)
    };
    let fetched = Record {
        size: Some(5 << 20),
        outcome: Outcome::Completed,
        ..at(1, "cdn.example", 200)
    };
    [redirect, fetched]
}

/// Of 100 pulls, so many are redirected, and of so many the fetch at the target is recorded.
#[test]
fn downloads_are_out_of_sight_where_only_their_redirects_are_recorded() {
    #[track_caller]
    fn case(redirected: u64, recorded: u64, expected: bool) {
        let (mut history, mut tally) = (History::default(), Tally::default());
        for client in 0..100 {
            let [redirect, fetched] = pull_of(client);
            let redirect = (client < redirected).then_some(redirect);
            let fetched = (client < recorded || client >= redirected).then_some(fetched);
            for record in redirect.into_iter().chain(fetched) {
                let judged = history.take(&record);
                tally.count(&record, &judged);
            }
        }
        let mut engine = Engine::default();
        for batch in tally.into_batches("fl1-ALL-0", 1, 1) {
            engine.add(batch, NOON);
        }
        let coverage = engine.coverage(NOON);
        assert_eq!(coverage.is_redirected, expected, "{redirected} {recorded}");
    }
    case(100, 0, true);
    case(100, 20, true);
    case(100, 100, false);
    case(80, 0, true);
    case(40, 0, false);
    case(0, 0, false);
}
