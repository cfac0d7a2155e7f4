//! The rule engine against wirefilter-engine 0.6.1 and cel 0.15, in this process.
//!
//! In scope: time, instructions and allocations of running compiled rules. Not in scope: compiling them, and putting a request's facts
//! in place: everybody finds rules compiled and facts in place. Before anything is timed, all must find the same matches.

mod contest;
mod instructions;
mod requests;
mod rivals;
mod rulebooks;

use crate::figure::{Figure, Target};
use crate::report::Report;
use anyhow::{Result, ensure};
use blobwatch_rules::{CheckedExpression, Engine, Scratch, Values, parse};
use contest::{Contender, Contest};
use requests::Requests;
use rivals::{CelRule, Wirefilter};
use rulebooks::Book;
use serde_json::json;

/// Two substrings, one set of three numbers, one equality.
const RULE: &str = r#"http.user_agent contains "amzn2" and http.request.uri.path contains "/blobs/sha256:"
    and ip.src.asnum in {16509 14618 7224} and http.request.method eq "GET""#;

const RULE_IN_CEL: &str = r#"user_agent.contains("amzn2") && path.contains("/blobs/sha256:")
    && asnum in [16509, 14618, 7224] && method == "GET""#;

/// What `rules` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds, in each of which every contender runs once
    #[arg(long, default_value_t = 31)]
    rounds: u32,
    /// Count the instructions of the engine alone instead, with valgrind
    #[arg(long)]
    instructions: bool,
}

/// What `count-rules` understands.
#[derive(clap::Args)]
pub(crate) struct CountArgs {
    #[arg(value_enum)]
    book: Book,
}

/// # Errors
/// When a rule is refused.
pub(crate) fn count(args: &CountArgs) -> Result<()> {
    instructions::count(args.book)
}

/// # Errors
/// When a rule is refused by somebody, the contenders find other matches, or valgrind prints no count.
pub(crate) fn run(args: &Args) -> Result<Report> {
    if args.instructions {
        return instructions::run();
    }
    let requests = Requests::realistic();
    let (fifty, thousand) = (rulebooks::fifty(), rulebooks::thousand());
    let mut figures = one_rule("one rule", requests, args.rounds)?;
    let matching = requests.filtered(|values| matches(RULE, values).unwrap_or(false));
    figures.extend(one_rule("one rule, all true", matching, args.rounds)?);
    figures.extend(rulebook("50 rules", &fifty, 3.0, requests, args.rounds)?);
    figures.extend(rulebook("1,000 rules", &thousand, 10.0, requests, args.rounds)?);
    Ok(Report {
        name: "rules",
        setup: json!({ "rounds": args.rounds, "requests": requests.values().len(), "rule": RULE, "rule_in_cel": RULE_IN_CEL }),
        figures,
    })
}

fn one_rule(name: &str, requests: &'static Requests, rounds: u32) -> Result<Vec<Figure>> {
    let rules = [RULE.to_owned()];
    let (engine, mut scratch) = ours(&rulebooks::checked(&rules)?)?;
    let wirefilter = Wirefilter::new(&rules, requests)?;
    let cel = CelRule::new(RULE_IN_CEL, requests)?;
    let values = requests.values();
    for (number, values) in values.iter().enumerate() {
        engine.run(values, &mut scratch);
        let ours = scratch.matched().count();
        let theirs = (wirefilter.matched(number).len(), cel.run(number));
        ensure!(
            (ours, ours) == theirs,
            "contenders disagree on request {number}: {ours} and {theirs:?}"
        );
    }
    let contest = Contest {
        requests: values.len(),
        ours: Contender::new("blobwatch", |number| {
            values.get(number).map_or(0, |values| {
                engine.run(values, &mut scratch);
                usize::from(scratch.is_matched(0))
            })
        }),
        rivals: vec![
            (
                Contender::new("wirefilter 0.6.1", |number| wirefilter.run(number)),
                Target::AtLeast(1.0),
            ),
            (
                Contender::new("cel 0.15", |number| cel.run(number)),
                Target::AtLeast(10.0),
            ),
        ],
    };
    Ok(contest.run(name, rounds))
}

fn rulebook(
    name: &str,
    rules: &[String],
    target: f64,
    requests: &'static Requests,
    rounds: u32,
) -> Result<Vec<Figure>> {
    let (engine, mut scratch) = ours(&rulebooks::checked(rules)?)?;
    let wirefilter = Wirefilter::new(rules, requests)?;
    let values = requests.values();
    for (number, values) in values.iter().enumerate() {
        engine.run(values, &mut scratch);
        let ours: Vec<usize> = scratch.matched().collect();
        ensure!(
            ours == wirefilter.matched(number),
            "contenders disagree on request {number}"
        );
    }
    let contest = Contest {
        requests: values.len(),
        ours: Contender::new("blobwatch", |number| {
            values.get(number).map_or(0, |values| {
                engine.run(values, &mut scratch);
                scratch.matched().count()
            })
        }),
        rivals: vec![(
            Contender::new("wirefilter 0.6.1", |number| wirefilter.run(number)),
            Target::AtLeast(target),
        )],
    };
    Ok(contest.run(name, rounds))
}

fn ours(rules: &[CheckedExpression]) -> Result<(Engine, Scratch)> {
    let engine = Engine::compile(rules)?;
    let scratch = Scratch::new(&engine);
    Ok((engine, scratch))
}

fn matches(rule: &str, values: &Values<'_>) -> Result<bool> {
    Ok(parse(rule)?.check()?.evaluate(values))
}
