//! The campaign's own tool: if it did not kill and lie where it says, nothing else here could fail.

use nix::errno::Errno;
use std::path::Path;
use vetch_tests::faults::{Act, Call, When, trace};
use vetch_tests::{Lab, Output, lab};

const MADE: &str = "/run/made";

/// `mkdir /run/made`, with what becomes of it at that call.
fn mkdir(lab: &Lab, judge: impl Fn(&Call, When) -> Act) -> (Output, bool) {
    let output = trace(lab, &["mkdir", MADE], |call, when| {
        if call.name == "mkdir" && call.on == MADE {
            judge(call, when)
        } else {
            Act::Go
        }
    });
    let made = Path::new(MADE).exists();
    let _ = std::fs::remove_dir(MADE);
    (output, made)
}

#[test]
fn a_program_dies_before_or_after_its_call() {
    lab(|lab| {
        let kill =
            |at: When| move |_: &Call, when: When| if when == at { Act::KillAll } else { Act::Go };
        assert!(matches!(
            mkdir(lab, |_, _| Act::Go),
            (Output { code: 0, .. }, true)
        ));
        assert!(matches!(
            mkdir(lab, kill(When::Before)),
            (Output { code: 137, .. }, false)
        ));
        assert!(matches!(
            mkdir(lab, kill(When::After)),
            (Output { code: 137, .. }, true)
        ));
    });
}

#[test]
fn a_call_is_not_made_and_its_answer_is_a_lie() {
    lab(|lab| {
        let (output, made) = mkdir(lab, |_, _| Act::Fail(Errno::ENOSPC));
        output.exits(1).complains("No space left");
        assert!(!made);
    });
}

/// A child and what it does are seen; a thread's calls are its process's.
#[test]
fn children_are_followed() {
    lab(|lab| {
        let mut calls = Vec::new();
        let line = "(mkdir /run/made); rmdir /run/made";
        let argv = ["sh", "-c", line];
        trace(lab, &argv, |call, when| {
            calls.extend((when == When::Before).then_some((call.name, call.is_root)));
            Act::Go
        })
        .ok();
        assert!(
            calls.contains(&("clone", true)) || calls.contains(&("fork", true)),
            "{calls:?}"
        );
        // The children are other programs by the time they make directories: that is their business.
        assert!(!calls.contains(&("mkdir", false)), "{calls:?}");
    });
}
