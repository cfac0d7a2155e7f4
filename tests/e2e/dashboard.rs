//! The dashboard: its parts alone, every view on made-up answers, and the page on the real worker.

use crate::harness::browser::{browser_tests, node_tests, types_hold};
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{OPERATOR, Stage, VIEWER};

#[test]
fn parts_hold_alone() {
    node_tests(
        &[
            "unit/client.test.ts",
            "unit/draft.test.ts",
            "unit/facts_text.test.ts",
            "unit/format.test.ts",
            "unit/lines.test.ts",
            "unit/preview_runner.test.ts",
            "unit/records.test.ts",
            "unit/rule_language.test.ts",
            "unit/settings_fields.test.ts",
            "unit/sought.test.ts",
            "unit/waits.test.ts",
            "unit/window.test.ts",
        ],
        &[],
    );
}

/// Node strips types and checks none, so a test that asks for what is no longer there would be told by its failure alone.
#[test]
fn types_of_the_tests_hold() {
    types_hold("dashboard/test");
}

#[test]
fn every_view_holds_on_made_up_answers() {
    browser_tests(&["browser/pages.test.ts"], &[]);
}

#[test]
fn the_page_says_what_it_means() {
    browser_tests(&["browser/reading.test.ts"], &[]);
}

#[test]
fn rules_are_written_on_the_page() {
    browser_tests(&["browser/writing_rules.test.ts"], &[]);
}

#[test]
fn changes_wait_in_a_draft() {
    browser_tests(&["browser/drafts.test.ts"], &[]);
}

#[test]
fn routes_and_settings_are_written_on_the_page() {
    browser_tests(&["browser/settings.test.ts"], &[]);
}

#[test]
fn everybody_is_offered_what_they_may_do() {
    browser_tests(&["browser/people.test.ts"], &[]);
}

#[test]
fn values_and_names_lead_to_what_has_them() {
    browser_tests(&["browser/finding.test.ts"], &[]);
}

#[test]
fn lists_are_written_on_the_page() {
    browser_tests(&["browser/lists.test.ts"], &[]);
}

#[test]
fn rules_are_written_on_the_real_worker() {
    let stage = Stage::new();
    let edge = format!("http://{}", stage.edge.addr());
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    browser_tests(
        &["browser/writing_worker.test.ts"],
        &[("EDGE", &edge), ("BLOB", &blob), ("OPERATOR", OPERATOR)],
    );
}

#[test]
fn the_page_works_on_the_real_worker() {
    let stage = Stage::new();
    let edge = format!("http://{}", stage.edge.addr());
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    browser_tests(
        &["browser/worker.test.ts"],
        &[
            ("EDGE", &edge),
            ("BLOB", &blob),
            ("OPERATOR", OPERATOR),
            ("VIEWER", VIEWER),
        ],
    );
}

#[test]
fn a_rule_is_previewed_enforced_and_taken_back_from_the_page() {
    let stage = Stage::new();
    let edge = format!("http://{}", stage.edge.addr());
    let between = format!("http://{}/", stage.edge.between());
    let image = &stage.registry.image;
    let small = [image.small(), &image.layers[0], &image.config];
    let blobs = small.map(|blob| format!("/v2/{REPOSITORY}/blobs/{}", blob.digest));
    browser_tests(
        &["browser/switch.test.ts"],
        &[
            ("EDGE", &edge),
            ("BETWEEN", &between),
            ("BLOBS", &blobs.join(",")),
            ("OPERATOR", OPERATOR),
            ("VIEWER", VIEWER),
        ],
    );
}
