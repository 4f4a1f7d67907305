//! Ended at a system call that changes something, in every command that changes something.

use vetch_tests::faults::{Depth, OPERATIONS, killed};
use vetch_tests::lab;

fn check(name: &'static str) {
    lab(move |lab| {
        let operation = OPERATIONS
            .into_iter()
            .find(|operation| operation.name == name);
        let operation = operation.expect("an operation of this name");
        killed(lab, operation, Depth::Every(2 * operation.stride)).check();
    });
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
