//! What is said of the work: `--dry-run`, `-v`, `VETCH_LOG`.

use crate::network::{clear, web};
use serde_json::Value;
use std::time::{Duration, Instant};
use vetch_tests::{Lab, Output, lab};

fn logged(lab: &Lab, level: &str, words: &str) -> Output {
    let words: Vec<_> = words.split_whitespace().collect();
    lab.vetch_argv(&words).env("VETCH_LOG", level).go()
}

#[test]
fn the_log_tells_the_conversation_with_the_kernel() {
    lab(|lab| {
        let made = logged(lab, "trace", "link add v0 type veth peer name v1").ok();
        for line in [
            "netlink route > #1 RTM_NEWLINK ack|echo|excl|create: family unspec",
            "IFLA_IFNAME \"v0\"",
            "IFLA_INFO_KIND \"veth\"",
            "VETH_INFO_PEER",
            "netlink route < #1 RTM_NEWLINK: family unspec, type ether, index",
            "netlink route < #1 done",
        ] {
            assert!(made.stderr.contains(line), "{line}\n{made}");
        }
        let again = logged(lab, "debug", "link add v0 type veth peer name v1").exits(2);
        assert!(
            again
                .stderr
                .contains("netlink route < #1 error EEXIST (File exists)"),
            "{again}"
        );
        assert!(!again.stderr.contains("IFLA_"), "{again}");
        let refused = logged(lab, "debug", "link set v0 mtu 10").exits(2);
        assert!(
            refused
                .stderr
                .contains("error EINVAL (Invalid argument): \"mtu less than"),
            "{refused}"
        );
        let plain = lab.vetch("link show v0").ok();
        let told = logged(lab, "trace", "link show v0").ok();
        assert_eq!((plain.stderr.as_str(), &plain.stdout), ("", &told.stdout));
        let original = lab
            .vetch_argv(&["link", "show", "v0"])
            .arg0("ip")
            .env("VETCH_LOG", "debug")
            .go()
            .ok();
        assert!(original.stderr.contains("> #1 RTM_GETLINK"), "{original}");
        let strange = logged(lab, "everything", "link show v0").ok();
        assert!(strange.stderr.starts_with("note: VETCH_LOG"), "{strange}");
        let program = std::env::var("VETCH_BIN").unwrap();
        lab.shell(&format!("VETCH_LOG=trace {program} link show v0 2>&-"))
            .ok();
        lab.vetch("link del v0").ok();
    });
}

#[test]
fn the_log_tells_of_every_protocol_and_where_it_speaks() {
    lab(|lab| {
        web(lab);
        let attached = logged(lab, "trace", "attach web c1 -p 8080:80").ok();
        for line in [
            "netlink route in c1 > #",
            "IFA_LOCAL 10.77.0.2",
            "netlink netfilter > #1 NFNL_MSG_BATCH_BEGIN",
            "NFT_MSG_NEWSETELEM",
            "NFTA_SET_ELEM_LIST_SET \"any4\"",
            "netlink sock_diag > #1 SOCK_DIAG_BY_FAMILY dump: family inet, protocol tcp",
        ] {
            assert!(attached.stderr.contains(line), "{line}\n{attached}");
        }
        clear(lab);
    });
}

/// The steps of `--dry-run --json`, each as a person reads it.
fn planned(lab: &Lab, words: &str) -> Vec<Value> {
    let before = lab.state();
    let program = if words.starts_with("run ") {
        " -- true"
    } else {
        ""
    };
    let plan = lab
        .vetch(&format!("{words} --dry-run --json{program}"))
        .ok()
        .json();
    let changed = before.difference(&lab.state());
    assert!(
        changed.is_empty(),
        "`{words} --dry-run` changed {changed:?}"
    );
    plan.as_array().unwrap().clone()
}

fn words(step: &Value, key: &str) -> Vec<String> {
    let lines = step[key].as_array().unwrap().iter();
    lines
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

/// What is planned is what is done, with the same words and a time; the text of the plan says how to undo it.
fn as_planned(lab: &Lab, command: &str) {
    let plan = planned(lab, command);
    let text = lab.vetch(&format!("{command} --dry-run")).ok().stdout;
    let mut lines = Vec::new();
    for step in &plan {
        lines.push(format!("# {}", step["what"].as_str().unwrap()));
        lines.extend(words(step, "words"));
        lines.extend(
            words(step, "undo")
                .iter()
                .map(|line| format!("# undo: {line}")),
        );
    }
    assert_eq!(text.lines().collect::<Vec<_>>(), lines, "{command}");
    let done = lab.vetch(&format!("{command} -v")).ok();
    let without_time = |line: &str| match line.strip_prefix("# ") {
        Some(_) => line
            .rsplit_once(" (")
            .map_or("no time", |(what, _)| what)
            .to_owned(),
        None => line.to_owned(),
    };
    let done: Vec<String> = done.stderr.lines().map(without_time).collect();
    lines.retain(|line| !line.starts_with("# undo: "));
    assert_eq!(done, lines, "{command}");
}

#[test]
fn what_a_dry_run_shows_is_what_is_done() {
    lab(|lab| {
        lab.netns("c1");
        for command in [
            "network create web --subnet 10.77.0.0/24 --subnet fd77::/64",
            "attach web c1 -p 8080:80",
            "port add web c1 -p 127.0.0.1:81:81/udp",
            "port rm web c1 -p 8080:80",
            "detach web c1 --wait",
            "network rm --wait web",
        ] {
            as_planned(lab, command);
        }
    });
}

#[test]
fn what_is_cleared_is_shown_before() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        for name in ["c1", "c2"] {
            lab.vetch(&format!("netns add {name}")).ok();
            lab.vetch(&format!("attach web {name}")).ok();
        }
        lab.vetch("netns delete c1").ok();
        let end = Instant::now() + Duration::from_secs(5);
        while lab
            .cmd("ip -o link show master vbr-web")
            .ok()
            .stdout
            .lines()
            .count()
            > 1
        {
            assert!(Instant::now() < end, "the namespace does not go");
        }
        as_planned(lab, "gc");
        assert_eq!(planned(lab, "gc"), Vec::<Value>::new());
        as_planned(lab, "purge");
        lab.vetch("netns delete c2").ok();
        lab.shell("umount /run/netns; rmdir /run/netns").ok();
    });
}

#[test]
fn run_shows_what_it_would_do_to_networks() {
    lab(|lab| {
        let before = lab.state();
        let first = lab.vetch("run --dry-run -p 8080:80 -- true").ok();
        for line in [
            "# make bridge `vbr-default`",
            "type veth peer name eth0",
            " netns PID",
            "# undo: ip link delete vbr-default",
        ] {
            assert!(first.stdout.contains(line), "{line}\n{first}");
        }
        assert!(
            before.difference(&lab.state()).is_empty(),
            "{:?}",
            before.difference(&lab.state())
        );
        web(lab);
        let line = "run --name box --net web -p 8080:80";
        let plan = planned(lab, line);
        let run = lab
            .vetch_argv(&[
                "run", "-v", "--name", "box", "--net", "web", "-p", "8080:80", "--", "true",
            ])
            .go()
            .ok();
        let done: Vec<_> = run
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .collect();
        for (step, done) in plan.iter().zip(&done) {
            let planned = step["what"].as_str().unwrap();
            let shown = planned.split("pid:PID").next().unwrap();
            assert!(done.starts_with(shown), "{planned} / {done}");
        }
        assert!(plan.len() > 5 && done.len() > plan.len(), "{run}");
        assert!(
            lab.vetch("run --dry-run --net none -- true")
                .ok()
                .stdout
                .is_empty()
        );
        clear(lab);
    });
}
