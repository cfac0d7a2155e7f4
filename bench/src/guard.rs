//! How often a guard takes back a harmless rule, and how many clean clients a harmful one denies before it is taken back:
//! whole promotions (1 % for 10 minutes, 10 % for 30, 100 %), simulated with the code that runs in FireLogs and RuleBook.

mod promotion;

use crate::figure::{Figure, Target};
use crate::report::Report;
use anyhow::Result;
use promotion::{Crowd, End, Promotion, Rule, STAGES};
use serde_json::json;

/// What `guard` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Promotions of each harmless rule
    #[arg(long, default_value_t = 10_000)]
    harmless: u64,
    /// Promotions of each harmful rule
    #[arg(long, default_value_t = 500)]
    harmful: u64,
    /// Seed of the first promotion; each next one has the next number
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Promotions of a harmless rule that are taken back.
const FALSE: Target = Target::AtMost(0.001);

/// Clean clients that were denied when it is taken back.
const DENIED: Target = Target::AtMost(199.0);

/// # Errors
/// Never.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let mut figures = Vec::new();
    for (name, rule, crowds) in harmless() {
        let ends = promotions(args.seed, args.harmless, rule, &crowds, &STAGES);
        let share =
            |is: fn(&End) -> bool| ends.iter().filter(|end| is(end)).count() as f64 / ends.len() as f64;
        figures.push(Figure::new(
            format!("{name}: taken back"),
            "",
            vec![share(|end| end.is_demoted)],
            FALSE,
        ));
        let through = share(|end| !end.is_demoted && end.percent >= 100.0);
        figures.push(Figure::new(
            format!("{name}: reach 100 %"),
            "",
            vec![through],
            Target::None,
        ));
    }
    for Case {
        name,
        rule,
        crowds,
        stages,
    } in harmful()
    {
        let ends = promotions(args.seed, args.harmful, rule, &crowds, stages);
        let stopped = |end: &&End| end.is_demoted || end.percent < 10.0;
        let share = ends.iter().filter(stopped).count() as f64 / ends.len() as f64;
        figures.push(Figure::new(
            format!("{name}: stopped"),
            "",
            vec![share],
            Target::AtLeast(1.0),
        ));
        let denied = ends.iter().map(|end| f64::from(end.clean_denied)).collect();
        let target = if stages.len() > 1 { DENIED } else { Target::None };
        figures.push(Figure::new(
            format!("{name}: clean clients hit"),
            "",
            denied,
            target,
        ));
        let taken = ends
            .iter()
            .filter(|end| end.is_demoted)
            .map(|end| end.after_s)
            .collect();
        figures.push(Figure::new(
            format!("{name}: taken back after"),
            "s",
            taken,
            Target::None,
        ));
    }
    Ok(Report {
        name: "guard",
        setup: json!({ "harmless": args.harmless, "harmful": args.harmful, "seed": args.seed,
            "stages": "1 % 10 min, 10 % 30 min, 100 % 10 min" }),
        figures,
    })
}

/// Rules that must reach everybody. Bots ask once in two minutes and never pull; some share an address with a clean client.
fn harmless() -> Vec<(&'static str, Rule, Vec<Crowd>)> {
    let bots = |count, clean| Crowd {
        count,
        clean,
        ..Crowd::BOTS
    };
    vec![
        ("2,000 bots", Rule::Block, vec![bots(2_000, 0.0)]),
        (
            "2,000 bots, 0.5 % share an address",
            Rule::Block,
            vec![bots(2_000, 0.005)],
        ),
        (
            "2,000 bots, 1 % share an address",
            Rule::Block,
            vec![bots(2_000, 0.01)],
        ),
        (
            "20,000 bots, 1 % share an address",
            Rule::Block,
            vec![bots(20_000, 0.01)],
        ),
        ("100 bots", Rule::Block, vec![bots(100, 0.01)]),
        (
            "2,000 bots in 40 networks, 1 % share an address",
            Rule::Block,
            vec![Crowd {
                of_network: 50,
                ..bots(2_000, 0.01)
            }],
        ),
        (
            "2,000 bots that nobody saw before",
            Rule::Block,
            vec![Crowd {
                is_seen: false,
                ..bots(2_000, 0.0)
            }],
        ),
        (
            "a detour of 2,000 clients that works",
            Rule::Detour,
            vec![Crowd {
                count: 2_000,
                ..Crowd::CLIENTS
            }],
        ),
    ]
}

/// A rule, whom it hits, and how it is promoted.
struct Case {
    name: &'static str,
    rule: Rule,
    crowds: Vec<Crowd>,
    stages: &'static [(f64, u64)],
}

/// Rules that hit a cohort of 2 % of the traffic: 1,000 of 50,000 clients, 100,000 of 5 million; and of bots of which some
/// pull cleanly.
fn harmful() -> Vec<Case> {
    let cohort = Crowd {
        count: 1_000,
        ..Crowd::CLIENTS
    };
    let large = Crowd {
        count: 100_000,
        ..cohort
    };
    let unknown = Crowd { clean: 0.0, ..cohort };
    let bots = Crowd {
        count: 5_000,
        clean: 0.01,
        ..Crowd::BOTS
    };
    let few = |clean| Crowd {
        count: 20_000,
        clean,
        ..Crowd::BOTS
    };
    let broken = Crowd {
        bad_enforced: 0.2,
        ..cohort
    };
    let case = |name, rule, crowds, stages| Case {
        name,
        rule,
        crowds,
        stages,
    };
    let at_once = STAGES.split_at(2).1;
    vec![
        case("a cohort of 1,000", Rule::Block, vec![cohort], &STAGES),
        case("a cohort of 100,000", Rule::Block, vec![large], &STAGES),
        case(
            "a cohort of 1,000 without a past",
            Rule::Block,
            vec![unknown],
            &STAGES,
        ),
        case(
            "a cohort of 1,000 among 5,000 bots",
            Rule::Block,
            vec![cohort, bots],
            &STAGES,
        ),
        case(
            "a cohort of 1,000 in 20 networks",
            Rule::Block,
            vec![Crowd {
                of_network: 50,
                ..cohort
            }],
            &STAGES,
        ),
        case(
            "a cohort of 1,000 without a past among 5,000 bots",
            Rule::Block,
            vec![unknown, bots],
            &STAGES,
        ),
        case(
            "a detour that breaks one download in five",
            Rule::Detour,
            vec![broken],
            &STAGES,
        ),
        case(
            "a cohort of 1,000, all at once",
            Rule::Block,
            vec![cohort],
            at_once,
        ),
        case(
            "20,000 bots, 2 % with a clean client",
            Rule::Block,
            vec![few(0.02)],
            &STAGES,
        ),
        case(
            "20,000 bots, 3 % with a clean client",
            Rule::Block,
            vec![few(0.03)],
            &STAGES,
        ),
    ]
}

fn promotions(seed: u64, count: u64, rule: Rule, crowds: &[Crowd], stages: &[(f64, u64)]) -> Vec<End> {
    (seed..seed + count)
        .map(|seed| Promotion::new(seed, rule, crowds).run(stages))
        .collect()
}
