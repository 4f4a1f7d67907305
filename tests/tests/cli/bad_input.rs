//! Refused for what is there, or for who asks; words that cannot be right are rows of `vetch_tests::faults::bad_input`.

use crate::launch::is_real_root;
use crate::network::{clear, web};
use vetch_tests::{Lab, lab, skip};

/// Each line of words is refused, the complaint holds each text, and nothing has changed.
#[track_caller]
fn refuses(lab: &Lab, rows: &[(&[&str], &[&str])]) {
    for (words, texts) in rows {
        let before = lab.state();
        let said = lab.vetch_argv(words).go().exits(2);
        for text in *texts {
            assert!(
                said.stderr.contains(text),
                "`{text}` is not in the complaint; {said}"
            );
        }
        assert!(!said.stderr.contains('\u{1b}'), "{said}");
        let changed = before.difference(&lab.state());
        assert!(changed.is_empty(), "{said}\n{}", changed.join("\n"));
    }
}

#[test]
fn the_wrong_way_around_and_already_there() {
    lab(|lab| {
        let c1 = web(lab);
        c1.cmd("ip link add eth0 type veth peer name other").ok();
        refuses(lab, &[(&["attach", "web", "c1"], &["eth0", "c1"])]);
        c1.cmd("ip link delete eth0").ok();
        lab.vetch("attach web c1 --id one").ok();
        refuses(lab, &[(&["attach", "web", "c1", "--id", "two"], &["eth0"])]);
        clear(lab);
    });
}

#[test]
fn without_the_privilege() {
    lab(|lab| {
        let vetch = std::env::var("VETCH_BIN").unwrap_or_default();
        let c1 = web(lab);
        let unprivileged = |words: &str| {
            let drop = "--bounding-set=-net_admin,-sys_admin,-sys_ptrace";
            let before = lab.state();
            let argv = ["setpriv", drop, &vetch]
                .into_iter()
                .chain(words.split(' '))
                .collect::<Vec<_>>();
            let said = lab.argv(&argv).go();
            assert_eq!(
                before.difference(&lab.state()),
                Vec::<String>::new(),
                "{said}"
            );
            said
        };
        unprivileged("network create two")
            .exits(2)
            .complains("hint:")
            .complains("vetch sandbox");
        unprivileged("attach web c1").exits(2).complains("hint:");
        unprivileged("run -- true").exits(125).complains("hint:");
        assert!(c1.cmd("ip link show eth0").code != 0);
        clear(lab);
    });
}

#[test]
fn an_ordinary_user_is_told_of_the_sandbox() {
    lab(|lab| {
        if !is_real_root() {
            skip!("root: becoming another user takes all user numbers");
        }
        let vetch = std::env::var("VETCH_BIN").unwrap_or_default();
        let nobody = [
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
        ];
        lab.fixture(|| {
            lab.shell("mkdir -m 700 /run/own; chown 65534 /run/own")
                .ok()
        });
        for words in ["network create two", "run -- true"] {
            let argv: Vec<_> = nobody
                .into_iter()
                .chain([&*vetch])
                .chain(words.split(' '))
                .collect();
            lab.argv(&argv).go().fails().complains("vetch sandbox");
            let own = lab.argv(&argv).env("XDG_RUNTIME_DIR", "/run/own").go();
            own.fails().complains("vetch sandbox");
        }
    });
}
