//! Checked rules to an [`Engine`]: equal predicates become one, those over one value are grouped, each rule is put
//! behind what it needs.

use std::collections::BTreeMap;

use super::ask::{Ask, Question};
use super::estimate::{cost, likely};
use super::group::Group;
use super::grouping::group;
use super::guard::{Guards, guard};
use super::probe::Probe;
use super::terms::TermFinder;
use super::tree::{FAILS, HOLDS, Interner, PredicateId, Steps, Tree};
use super::{Answer, CompileError, Each, Eager, Engine};
use crate::check::CheckedExpression;
use crate::limits::{MAX_PREDICATES, MAX_REGEX_TOTAL_BYTES, MAX_RULES};
use crate::list::List;

/// A rule alone is simply looked at: its comparisons cost less than finding out whether to make them.
const MIN_GUARDED_RULES: usize = 2;

pub(super) fn compile(rules: &[CheckedExpression]) -> Result<Engine, CompileError> {
    if rules.len() > MAX_RULES {
        return Err(CompileError::TooManyRules { found: rules.len() });
    }
    let mut interner = Interner::default();
    let trees: Vec<Tree> = rules
        .iter()
        .map(|rule| interner.tree(&rule.root, false))
        .collect();
    check_size(&trees, &interner.asks)?;
    let lists = lists(&interner.asks);
    let book = Book::new(interner.asks, trees, lists);
    Ok(book.engine())
}

/// Those that comparisons name, each once.
fn lists(asks: &[Ask]) -> Vec<List> {
    let mut lists: BTreeMap<&str, &List> = BTreeMap::new();
    for ask in asks {
        ask.visit_questions(|question| {
            if let Question::InList(list) = question {
                lists.insert(list.name(), list);
            }
        });
    }
    lists.into_values().cloned().collect()
}

fn check_size(trees: &[Tree], asks: &[Ask]) -> Result<(), CompileError> {
    let mut predicates = 0;
    let written = |ask: &Ask| match ask {
        Ask::Of(..) => 1,
        Ask::Each(_, condition) => {
            let mut comparisons = 0;
            condition.visit(&mut |_| comparisons += 1);
            comparisons
        }
    };
    let count = &mut |id: PredicateId| predicates += asks.get(id as usize).map_or(1, written);
    trees.iter().for_each(|tree| tree.visit(count));
    if predicates > MAX_PREDICATES {
        return Err(CompileError::TooManyPredicates { found: predicates });
    }
    let bytes = asks.iter().map(regexes_size).sum();
    if bytes > MAX_REGEX_TOTAL_BYTES {
        return Err(CompileError::RegexesTooLarge { bytes });
    }
    Ok(())
}

fn regexes_size(ask: &Ask) -> usize {
    let mut bytes = 0;
    let mut add = |question: &Question| {
        if let Question::Matches(pattern) = question {
            bytes += pattern.automaton().size();
        }
    };
    ask.visit_questions(&mut add);
    bytes
}

/// All rules, on the way: predicates have their final numbers.
struct Book {
    lists: Vec<List>,
    terms: TermFinder,
    groups: Vec<Group>,
    answers: Vec<Answer>,
    trees: Vec<Tree>,
    /// By predicate.
    likely: Vec<u32>,
    cost: Vec<u32>,
}

impl Book {
    fn new(asks: Vec<Ask>, mut trees: Vec<Tree>, lists: Vec<List>) -> Self {
        let mut terms = TermFinder::default();
        let likely_before = likely_with_use(&asks, &trees);
        let (groups, order) = group(&asks, &mut terms);
        let mut numbers = vec![0; asks.len()];
        for (number, old) in (0..).zip(&order) {
            if let Some(slot) = numbers.get_mut(*old as usize) {
                *slot = number;
            }
        }
        trees.iter_mut().for_each(|tree| tree.renumber(&numbers));
        let pick = |values: &[u32]| {
            order
                .iter()
                .map(|old| values.get(*old as usize).copied().unwrap_or(0))
                .collect()
        };
        let cost: Vec<u32> = asks.iter().map(cost).collect();
        let (likely, cost) = (pick(&likely_before), pick(&cost));
        let mut book = Self {
            lists,
            terms,
            groups,
            answers: Vec::new(),
            trees,
            likely,
            cost,
        };
        book.answer(asks, &order);
        book
    }

    /// How each predicate is answered: the first ones are the groups', in order.
    fn answer(&mut self, asks: Vec<Ask>, order: &[PredicateId]) {
        let in_groups = (0..)
            .zip(&self.groups)
            .flat_map(|(index, group)| group.predicates.clone().map(move |_| index));
        self.answers = in_groups.map(Answer::Group).collect();
        let mut asks: Vec<Option<Ask>> = asks.into_iter().map(Some).collect();
        for old in order.iter().skip(self.answers.len()) {
            let ask = asks.get_mut(*old as usize).and_then(Option::take);
            self.answers.extend(ask.map(|ask| match ask {
                Ask::Of(term, question) => Answer::Single(self.terms.source(&term), Probe::new(question)),
                Ask::Each(quantifier, condition) => Answer::Each(Box::new(Each {
                    quantifier,
                    condition: condition.ready(),
                })),
            }));
        }
    }

    fn engine(mut self) -> Engine {
        let (always, guarded) = self.guards();
        let eager = self.eager(&guarded);
        let cost = |predicate: PredicateId| self.cost.get(predicate as usize).copied().unwrap_or(0);
        self.trees.iter_mut().for_each(|tree| tree.sort(&cost));
        let mut steps = Steps {
            first_odd: self.answers.len() as u32,
            ..Steps::default()
        };
        let roots = self
            .trees
            .iter()
            .map(|tree| steps.add(tree, HOLDS, FAILS))
            .collect();
        self.answers.extend(steps.odds.into_iter().map(Answer::Odd));
        let mut guards = Guards::default();
        guarded.into_iter().for_each(|rules| guards.add(rules));
        Engine {
            lists: self.lists,
            terms: self.terms.into_terms(),
            groups: self.groups,
            answers: self.answers,
            steps: steps.steps,
            roots,
            always,
            eager,
            guards,
        }
    }

    /// The rules that are always looked at, as bits, and to each predicate the rules that it lets be looked at.
    fn guards(&self) -> (Vec<u64>, Vec<Vec<u32>>) {
        let mut always = vec![0_u64; self.trees.len().div_ceil(64)];
        let mut guarded = vec![Vec::new(); self.answers.len()];
        let likely = |predicate: PredicateId| self.likely.get(predicate as usize).copied().unwrap_or(1000);
        for (rule, tree) in (0_u32..).zip(&self.trees) {
            match guard(tree, &likely) {
                Some(guard) if self.trees.len() >= MIN_GUARDED_RULES => {
                    for predicate in guard.predicates {
                        if let Some(rules) = guarded.get_mut(predicate as usize)
                            && rules.last() != Some(&rule)
                        {
                            rules.push(rule);
                        }
                    }
                }
                _ => {
                    if let Some(word) = always.get_mut(rule as usize / 64) {
                        *word |= 1 << (rule % 64);
                    }
                }
            }
        }
        (always, guarded)
    }

    /// What is asked of every request, so that the guards are known.
    fn eager(&self, guarded: &[Vec<u32>]) -> Vec<Eager> {
        let mut eager = Vec::new();
        let guards = |predicate: PredicateId| {
            guarded
                .get(predicate as usize)
                .is_some_and(|rules| !rules.is_empty())
        };
        for (index, group) in self.groups.iter().enumerate() {
            if group.predicates.clone().any(guards) {
                eager.push(Eager::Group(index as u32));
            }
        }
        let first_single = self.groups.last().map_or(0, |group| group.predicates.end);
        let singles = first_single..self.answers.len() as u32;
        eager.extend(singles.filter(|predicate| guards(*predicate)).map(Eager::Single));
        eager
    }
}

/// A predicate that many rules share is thought to be a common one.
fn likely_with_use(asks: &[Ask], trees: &[Tree]) -> Vec<u32> {
    let mut likely: Vec<u32> = asks.iter().map(likely).collect();
    for tree in trees {
        tree.visit(&mut |predicate| {
            if let Some(likely) = likely.get_mut(predicate as usize) {
                *likely += 1;
            }
        });
    }
    likely
}
