//! Which rulebook is in force.

use super::*;

#[test]
fn a_learned_rulebook_decides_from_then_on() {
    let mut isolate = isolate();
    assert!(
        isolate
            .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
            .unwrap()
    );
    assert_eq!(isolate.held().revision, 7);
    let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    assert_eq!(plan.refusal.map(|refusal| refusal.status), Some(403));
    isolate.settle(plan.id, &said(NOW));
    let records = flushed(&mut isolate, NOW);
    assert_eq!(
        records[0].verdict,
        Action::Block,
        "an applied enforcement is flushed at once"
    );
    assert!(!records[0].degraded);
}

#[test]
fn a_rulebook_that_cannot_be_used_leaves_the_old_one_in_force() {
    #[track_caller]
    fn case(program: Vec<u8>) {
        let mut isolate = isolate();
        assert!(
            isolate
                .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
                .unwrap()
        );
        assert!(!isolate.learn("fl1-iad-0", &told(0, 8, program), NOW).unwrap());
        assert_eq!(isolate.held().revision, 7);
        assert!(
            watched(isolate.decide(&facts(BLOB, &[]), true).unwrap())
                .refusal
                .is_some()
        );
        let flush = Flush::decode(&isolate.next_flush(NOW + 2_000).unwrap().body).unwrap();
        assert_eq!(flush.losses.get("rulebook_refused"), Some(&1));
    }
    let whole = program(book(8, vec![])).encode();
    case(Vec::new()); // what a FireLog says that cannot compile it
    case(whole[..whole.len() - 1].to_vec());
    let with = |place: usize, byte: u8| {
        let mut damaged = whole.clone();
        damaged[place] = byte;
        damaged
    };
    case(with(3, FORM + 1)); // a form of a newer build
    case(with(whole.len() / 2, !whole[whole.len() / 2]));
}

#[test]
fn an_older_rulebook_never_replaces_a_newer_one() {
    let mut isolate = isolate();
    isolate
        .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
        .unwrap();
    assert!(!isolate.learn("fl1-iad-0", &reply(book(6, vec![])), NOW).unwrap());
    assert_eq!(isolate.held().revision, 7);
}

#[test]
fn a_rulebook_of_another_epoch_replaces_one_of_a_higher_revision() {
    let mut isolate = isolate();
    let told = |epoch, revision| told(epoch, revision, program(book(revision, vec![])).encode());
    assert!(isolate.learn("fl1-iad-0", &told(1, 7), NOW).unwrap());
    assert!(isolate.learn("fl1-iad-0", &told(2, 1), NOW).unwrap());
    let held = |epoch, revision| RulebookVersion { epoch, revision };
    assert_eq!(isolate.held(), held(2, 1));
    // Back from a backup.
    assert!(isolate.learn("fl1-iad-0", &told(1, 7), NOW).unwrap());
    assert_eq!(isolate.held(), held(1, 7));
}
