//! What is said of the work: `--dry-run`, `-v`, `VETCH_LOG`.

use crate::network::{clear, web};
use serde_json::Value;
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
    let plan = lab.vetch(&format!("{words} --dry-run --json")).ok().json();
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
