//! One directory, two who give its addresses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cni::ipam::{Key, Leases};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use tempfile::{TempDir, tempdir};
use vetch_tests::skip;

use super::{Call, MISSING, answer, files, host_local, is_installed, links, two_sets};

/// Who does what to which container.
#[derive(Clone, Debug)]
struct Step {
    ours: bool,
    id: u8,
    /// The last number of an address of 10.1.0.0/29.
    wish: Option<u8>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wish = prop_oneof![3 => Just(None), 1 => (1..7_u8).prop_map(Some)];
    let step = (any::<bool>(), 0..7_u8, wish).prop_map(|(ours, id, wish)| Step { ours, id, wish });
    prop::collection::vec(step, 1..30)
}

/// A directory in which both take turns, and one in which the reference does everything.
struct Pair {
    mixed: TempDir,
    alone: TempDir,
    there: BTreeSet<u8>,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            mixed: tempdir().unwrap(),
            alone: tempdir().unwrap(),
            there: BTreeSet::new(),
        }
    }

    /// A container that has addresses is deleted, one that has none is added.
    fn go(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let is_there = self.there.contains(&step.id);
        let verb = if is_there { "DEL" } else { "ADD" };
        let call = |dir: &Path| {
            let call = Call::new(verb, format!("c{}", step.id), &two_sets(dir));
            match step.wish {
                Some(wish) if verb == "ADD" => call.wishing(&format!("10.1.0.{wish}")),
                _ => call,
            }
        };
        let want = call(self.alone.path()).theirs();
        let mixed = call(self.mixed.path());
        let got = if step.ours {
            mixed.ours()
        } else {
            mixed.theirs()
        };
        prop_assert_eq!(
            got.as_ref().ok(),
            want.as_ref().ok(),
            "{} {:?}: {:?}, {:?}",
            verb,
            step,
            got,
            want
        );
        prop_assert_eq!(
            files(self.mixed.path()),
            files(self.alone.path()),
            "after {} {:?}",
            verb,
            step
        );
        match is_there {
            true => drop(self.there.remove(&step.id)),
            false if want.is_ok() => drop(self.there.insert(step.id)),
            false => {}
        }
        Ok(())
    }

    fn end(self) -> Result<(), TestCaseError> {
        for id in self.there {
            let call = Call::new("DEL", format!("c{id}"), &two_sets(self.mixed.path()));
            prop_assert!(call.ours().is_ok());
        }
        let leases = Leases::open(self.mixed.path(), "blue").unwrap().all();
        prop_assert_eq!(leases.unwrap(), []);
        prop_assert_eq!(links(self.mixed.path()), 0);
        Ok(())
    }
}

#[test]
fn by_turns_the_answers_are_those_of_the_reference_alone() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    let config = Config {
        cases: 12,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(&steps(), |steps| {
        let mut pair = Pair::new();
        steps.iter().try_for_each(|step| pair.go(step))?;
        pair.end()
    });
    if let Err(why) = checked {
        panic!("{why}");
    }
}

#[test]
fn each_gives_back_and_honours_what_the_other_gave() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    let dir = tempdir().unwrap();
    let call = |verb, id: &str| Call::new(verb, id, &two_sets(dir.path()));
    let ours = call("ADD", "c1").ours().unwrap();
    let theirs = call("ADD", "c2").theirs().unwrap();
    assert_eq!(
        call("ADD", "c2").ours().unwrap(),
        theirs,
        "the same again, whoever gave it"
    );
    assert!(
        call("ADD", "c1")
            .theirs()
            .unwrap_err()
            .contains("duplicate allocation")
    );
    for (verb, id) in [("CHECK", "c1"), ("DEL", "c1"), ("DEL", "c3")] {
        call(verb, id).theirs().unwrap();
    }
    assert!(call("CHECK", "c1").theirs().is_err());
    let ipam = call("CHECK", "c1").ipam().unwrap();
    assert!(ipam.check(&Key::new("c1", "eth0"), &[]).is_err());
    ipam.check(&Key::new("c2", "eth0"), &[]).unwrap();
    assert_eq!(links(dir.path()), 2, "c2's two addresses");
    call("DEL", "c2").ours().unwrap();
    assert_eq!(links(dir.path()), 0);
    assert!(
        files(dir.path())
            .keys()
            .all(|name| name.starts_with("last_reserved_ip."))
    );
    assert_ne!(
        call("ADD", "c4").theirs().unwrap(),
        ours,
        "the turn went on"
    );
    fs::write(dir.path().join("blue/10.2.0.2"), "old").unwrap();
    ipam.del(&Key::new("old", "eth7")).unwrap();
    assert!(!dir.path().join("blue/10.2.0.2").exists());
}

#[test]
fn many_at_once_of_both_get_different_addresses() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    let dir = tempdir().unwrap();
    let ipam = host_local(
        dir.path(),
        &json!({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]]}),
    );
    let theirs = (0..32).map(|id| Call::new("ADD", format!("t{id}"), &ipam).start());
    let theirs: Vec<_> = theirs.collect();
    let ours = thread::scope(|scope| {
        let add = |id: u8| Call::new("ADD", format!("o{id}"), &ipam).ours().unwrap();
        let threads: Vec<_> = (0..32).map(|id| scope.spawn(move || add(id))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    let theirs = theirs.into_iter().map(|run| answer(run).unwrap());
    let all = theirs
        .chain(ours)
        .flat_map(|answer| answer["ips"].as_array().unwrap().clone());
    let all: BTreeSet<String> = all.map(|ip| ip["address"].to_string()).collect();
    assert_eq!(all.len(), 2 * 64);
}

#[test]
fn the_reference_waits_for_our_lock() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    let dir = tempdir().unwrap();
    let held = Leases::open(dir.path(), "blue").unwrap();
    let waiting = Call::new("ADD", "c1", &two_sets(dir.path())).start();
    thread::sleep(Duration::from_millis(300));
    assert!(
        files(dir.path()).is_empty(),
        "it gave an address though the directory is locked"
    );
    drop(held);
    answer(waiting).unwrap();
    assert_eq!(files(dir.path()).len(), 4);
}
