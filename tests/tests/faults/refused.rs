//! A system call that is refused: all is as before and said so, or all is done.

use vetch_tests::faults::{Call, Depth, OPERATIONS, refused};
use vetch_tests::lab;

/// In a prime stride, so that a sample of a few sees different kinds of calls.
const STRIDE: usize = 31;

fn check(name: &'static str) {
    check_at(name, Depth::Every(STRIDE));
}

fn check_at(name: &'static str, depth: Depth) {
    lab(move |lab| {
        let operation = OPERATIONS
            .into_iter()
            .find(|operation| operation.name == name);
        let operation = operation.expect("an operation of this name");
        refused(lab, operation, depth).check();
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

#[test]
fn a_network_that_cannot_be_looked_for_is_there() {
    let looks = |call: &Call| call.name == "statx" && call.on.ends_with("/blue/definition.json");
    check_at("network rm", Depth::At(looks));
}

/// What names a container, and the words between `vetch run` and the process that becomes it.
#[test]
fn a_run_that_is_refused_its_name_or_a_word_has_never_been() {
    let first = |call: &Call| {
        let named = call.on.ends_with("/containers/job");
        let word = !call.is_root && matches!(call.name, "sendto" | "recvfrom");
        word || (named && matches!(call.name, "flock" | "ftruncate" | "unlink"))
    };
    check_at("run", Depth::At(first));
}
