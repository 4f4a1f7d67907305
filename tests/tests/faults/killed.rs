//! Ended at a system call that changes something, in every command that changes something.

use vetch_tests::faults::{Call, Depth, OPERATIONS, Operation, killed};
use vetch_tests::lab;

fn operation(name: &str) -> Operation {
    let mut all = OPERATIONS.into_iter();
    all.find(|operation| operation.name == name)
        .expect("an operation of this name")
}

fn check(name: &'static str) {
    let operation = operation(name);
    check_at(name, Depth::Every(2 * operation.stride));
}

fn check_at(name: &'static str, depth: Depth) {
    lab(move |lab| killed(lab, operation(name), depth).check());
}

#[test]
fn a_killed_attach_is_mended_by_the_next_command() {
    check("attach");
}

#[test]
fn a_killed_detach_is_mended_by_the_next_command() {
    check("detach");
}

#[test]
fn a_killed_network_create_is_mended_by_the_next_command() {
    check("network create");
}

#[test]
fn a_killed_network_rm_is_mended_by_the_next_command() {
    check("network rm");
    check("network rm --force");
}

#[test]
fn a_killed_run_is_mended_by_the_next_command() {
    check("run");
}

#[test]
fn a_killed_port_add_or_rm_is_mended_by_the_next_command() {
    check("port add");
    check("port rm");
}

/// Between two processes that wait for each other's word.
#[test]
fn a_run_does_not_wait_for_the_dead() {
    let word = |call: &Call| call.name == "sendto" && !call.is_root;
    check_at("run", Depth::At(word));
}
