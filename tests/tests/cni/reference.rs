//! The reference's plugins and ours, on two hosts alike: the same configurations mean the same.

mod alone;
mod behind;
mod by_design;
mod cases;
mod errors;
mod keys;
mod policy;
mod ptp;
mod switch;
mod view;
mod world;

use crate::call::DIRECTORY;
use cases::Case;
use serde_json::Value;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vetch_tests::{has_tool, lab_within, skip};
use world::World;

const LIMIT: Duration = Duration::from_secs(300);

/// Whoever holds it is the only test here that goes on: what is waited for most is one lock in the kernel, and more at once take longer.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is missing to compare with, if anything is.
fn missing() -> Option<&'static str> {
    let plugins = [
        "bridge",
        "loopback",
        "host-local",
        "static",
        "portmap",
        "firewall",
    ];
    let there = |plugin: &&str| Path::new(DIRECTORY).join(plugin).is_file();
    if !plugins.iter().all(there) {
        return Some(
            "tool:/usr/lib/cni/bridge: nothing to compare with (containernetworking-plugins)",
        );
    }
    (!has_tool("iptables")).then_some("tool:iptables: the reference's plugins need it")
}

/// Plays the cases on both sides; every difference is one by design, and each of those is seen.
fn compare(cases: Vec<Case>, play: fn(&World, &Case) -> Value) {
    let _turn = turn();
    lab_within(LIMIT, move |_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        let wrong = world::some_at_once(&cases, world::worlds, |worlds, case| {
            let [theirs, ours] = world::at_the_same_time(worlds, |world| {
                let seen = play(world, case);
                world.sweep();
                seen
            });
            by_design::unexpected(case, &theirs, &ours)
        });
        let wrong = wrong.concat();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_bridge_is_the_same() {
    compare(cases::bridges(), World::play);
}

#[test]
fn addresses_and_routes_are_the_same() {
    compare(cases::addresses(), World::play);
}

#[test]
fn wishes_of_a_runtime_are_heard_alike() {
    compare(cases::wishes(), World::play);
}

#[test]
fn chains_do_the_same() {
    compare(cases::chains(), World::play);
}

#[test]
fn results_of_0_3_1_are_the_same() {
    compare(cases::of_version("0.3.1"), World::answer);
}

#[test]
fn results_of_0_4_0_are_the_same() {
    compare(cases::of_version("0.4.0"), World::answer);
}
