//! Which predicates are answered together.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::ask::{Ask, Question};
use super::group::{Group, Kind};
use super::search::Strides;
use super::terms::{Source, TermFinder};
use super::tree::PredicateId;

type FxMap<K, V> = HashMap<K, V, FxBuildHasher>;

/// Predicates of one value that one look-up can answer.
type Members<'a> = Vec<(PredicateId, &'a Question)>;

/// Groups, and the order of predicates in which each group's are neighbours and come first.
pub(super) fn group(asks: &[Ask], terms: &mut TermFinder) -> (Vec<Group>, Vec<PredicateId>) {
    let mut groups = Vec::new();
    let mut order = Vec::new();
    for (source, kind, members) in worthwhile(collect(asks, terms)) {
        let questions: Vec<&Question> = members.iter().map(|(_, question)| *question).collect();
        if let Some(group) = Group::new(source, kind, order.len() as u32, &questions) {
            groups.push(group);
            order.extend(members.iter().map(|(id, _)| *id));
        }
    }
    let mut is_grouped = vec![false; asks.len()];
    for id in &order {
        if let Some(slot) = is_grouped.get_mut(*id as usize) {
            *slot = true;
        }
    }
    let alone = (0..).zip(is_grouped).filter(|(_, grouped)| !grouped);
    order.extend(alone.map(|(id, _)| id));
    (groups, order)
}

/// All that could be grouped, in the order in which rules mention it.
fn collect<'a>(asks: &'a [Ask], terms: &mut TermFinder) -> Vec<(Source, Kind, Members<'a>)> {
    let mut strides: FxMap<Source, Strides> = FxMap::default();
    let mut places: FxMap<(Source, Kind), usize> = FxMap::default();
    let mut found: Vec<(Source, Kind, Members<'_>)> = Vec::new();
    for (id, ask) in (0..).zip(asks) {
        let Ask::Of(term, question) = ask else {
            continue;
        };
        let source = terms.source(term);
        let Some(kind) = Kind::of(question, strides.entry(source).or_default()) else {
            continue;
        };
        let place = *places.entry((source, kind)).or_insert_with(|| {
            found.push((source, kind, Vec::new()));
            found.len() - 1
        });
        if let Some((.., members)) = found.get_mut(place) {
            members.push((id, question));
        }
    }
    found
}

/// What is worth a group. A value that is searched at a narrow stride anyway is searched once, for all its strings.
fn worthwhile(found: Vec<(Source, Kind, Members<'_>)>) -> Vec<(Source, Kind, Members<'_>)> {
    let mut narrowest: FxMap<Source, usize> = FxMap::default();
    for (source, kind, members) in &found {
        if let Kind::Search(stride) = kind
            && members.len() >= kind.min_size()
        {
            let known = narrowest.entry(*source).or_insert(*stride);
            *known = (*known).min(*stride);
        }
    }
    let mut places: FxMap<(Source, Kind), usize> = FxMap::default();
    let mut merged: Vec<(Source, Kind, Members<'_>)> = Vec::new();
    for (source, kind, members) in found {
        let kind = match (kind, narrowest.get(&source)) {
            (Kind::Search(stride), Some(narrow)) => Kind::Search(stride.min(*narrow)),
            _ => kind,
        };
        let place = *places.entry((source, kind)).or_insert_with(|| {
            merged.push((source, kind, Vec::new()));
            merged.len() - 1
        });
        if let Some((.., all)) = merged.get_mut(place) {
            all.extend(members);
        }
    }
    merged.retain(|(_, kind, members)| members.len() >= kind.min_size());
    merged
}
