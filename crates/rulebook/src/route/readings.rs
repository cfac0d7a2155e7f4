//! The requests that origins may take one request for.
//!
//! In scope: which blob each reading of the path names, and the route of each. Not in scope: which readings there are
//! (`blobwatch_pull`), and which one holds ([`crate::Verdict::or_stricter`]).

use std::iter::Chain;
use std::{option, vec};

use super::RouteTable;
use blobwatch_pull::{Facts, Identity, Request, other_forms, repository_of};

/// Nearly always one, for which nothing is allocated.
type Readings<'a> = Chain<option::IntoIter<(Request<'a>, usize)>, vec::IntoIter<(Request<'a>, usize)>>;

impl RouteTable {
    /// What a request is, with the position of its route: as Go's registries read its path, and then as others do. None of
    /// what is not watched. `form` is the path's normal form.
    pub fn readings<'a>(
        &self,
        facts: &'a Facts<'a>,
        form: &'a str,
        mut identify: impl FnMut() -> Identity,
    ) -> Readings<'a> {
        let route = self.best(facts.host, repository_of(form));
        let shapes = self.shapes(route);
        let first = shapes.and_then(|shapes| Request::read(facts, form, shapes, &mut identify));
        let mut others = self.of_other_forms(facts, form, identify);
        if let (Some(first), Some(shapes)) = (&first, shapes) {
            let blobs = shapes.others(facts.path, &first.blob).into_iter();
            others.extend(blobs.map(|blob| (first.with_blob(blob), route)));
        }
        let first = first.map(|first| (first, route));
        first.into_iter().chain(others)
    }

    /// By another name the request may be on another route.
    fn of_other_forms<'a>(
        &self,
        facts: &'a Facts<'a>,
        form: &str,
        mut identify: impl FnMut() -> Identity,
    ) -> Vec<(Request<'a>, usize)> {
        let mut found = Vec::new();
        for other in other_forms(facts.path, form) {
            let route = self.best(facts.host, repository_of(&other));
            let blob = self
                .shapes(route)
                .and_then(|shapes| shapes.find(facts.path, &other));
            let request = blob.and_then(|blob| Request::of_blob(facts, blob.into_owned(), &mut identify));
            found.extend(request.map(|request| (request, route)));
        }
        found
    }
}
