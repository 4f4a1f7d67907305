//! A system call that is refused: all is as before and said so, or all is done.

use vetch_tests::faults::{Depth, OPERATIONS, refused};
use vetch_tests::lab;

/// In a prime stride, so that a sample of a few sees different kinds of calls.
const STRIDE: usize = 31;

fn check(name: &'static str) {
    lab(move |lab| {
        let operation = OPERATIONS
            .into_iter()
            .find(|operation| operation.name == name);
        let operation = operation.expect("an operation of this name");
        refused(lab, operation, Depth::Every(STRIDE)).check();
    });
}

#[test]
fn an_attach_that_is_refused_a_call_is_whole_or_absent() {
    check("attach");
}

#[test]
fn a_detach_that_is_refused_a_call_is_done() {
    check("detach");
}

#[test]
fn a_network_create_that_is_refused_a_call_is_whole_or_absent() {
    check("network create");
}

#[test]
fn a_port_add_that_is_refused_a_call_is_whole_or_absent() {
    check("port add");
}
