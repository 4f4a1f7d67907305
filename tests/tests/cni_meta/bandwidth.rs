//! `bandwidth`: rates measured by packets, both ways, and nothing left of it.

use crate::{Call, attached, behind, detached, has_reference, plain};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use vetch_tests::{Lab, Node, lab, skip};

const SETTLE: Duration = Duration::from_millis(250); // the burst, and TCP's slow start
const MEASURE: Duration = Duration::from_millis(1200);
const TRIES: usize = 5; // a machine that is busy with something else hands on less

/// Mbit/s that one stream brings from one node to another, by what the receiver's interface counts: however late somebody reads it.
fn rate(from: &Node, to: &Node, address: &str) -> f64 {
    let listener = to
        .run(|| TcpListener::bind(format!("{address}:0")))
        .unwrap();
    let at = listener.local_addr().unwrap();
    let from = from.clone();
    let sender = thread::spawn(move || {
        let mut stream = from.run(|| TcpStream::connect(at)).unwrap();
        while stream.write_all(&[0; 16_384]).is_ok() {}
    });
    let (mut stream, _) = listener.accept().unwrap();
    let last = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 18];
        while stream.read(&mut buffer).is_ok_and(|got| got > 0) {}
    });
    thread::sleep(SETTLE);
    let (before, start) = received(to);
    thread::sleep(MEASURE);
    let (after, end) = received(to);
    last.shutdown(Shutdown::Both).unwrap();
    sender.join().unwrap();
    reader.join().unwrap();
    (after - before) as f64 * 8.0 / 1e6 / (end - start).as_secs_f64()
}

/// Bytes that came in by `eth0`, and when that was so.
fn received(node: &Node) -> (u64, Instant) {
    let (text, when) = node.run(|| {
        let text = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
        (text, Instant::now())
    });
    let eth0 = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("eth0:"));
    let bytes = eth0.unwrap().split_whitespace().next().unwrap();
    (bytes.parse().unwrap(), when)
}

#[track_caller]
fn holds(from: &Node, to: &Node, address: &str, wanted: f64) {
    let mut measured = Vec::new();
    for _ in 0..TRIES {
        let found = rate(from, to, address);
        if (found - wanted).abs() / wanted < 0.1 {
            return;
        }
        measured.push(found);
    }
    panic!("{measured:.2?} Mbit/s, not {wanted}");
}

fn limits(ingress: u64, egress: u64) -> Value {
    json!({
        "ingressRate": ingress * 1_000_000, "ingressBurst": 20_000 * 8,
        "egressRate": egress * 1_000_000, "egressBurst": 20_000 * 8,
    })
}

/// Two containers, and what `bridge` answered for the first.
fn pair(lab: &Lab) -> (Node, Node, Value) {
    let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
    let previous = attached(lab, &c1);
    attached(lab, &c2);
    assert!(c2.reaches("10.22.0.2"));
    (c1, c2, previous)
}

fn away(lab: &Lab, c1: &Node, c2: &Node) {
    Call::ours(lab, "bridge", c1).del(&serde_json::from_str(crate::BRIDGE).unwrap());
    detached(lab, c2);
}

fn ifb(result: &Value) -> String {
    let last = result["interfaces"].as_array().unwrap().last().unwrap();
    last["name"].as_str().unwrap().to_owned()
}

#[test]
fn rates_hold_both_ways() {
    lab(|lab| {
        let (c1, c2, previous) = pair(lab);
        let call = Call::ours(lab, "bandwidth", &c1);
        let free = rate(&c2, &c1, "10.22.0.2");
        assert!(free > 200.0, "{free:.2} Mbit/s before anything is limited");
        for (ingress, egress) in [(8, 40), (40, 8)] {
            let keys = behind(&previous, limits(ingress, egress));
            call.add(&keys);
            holds(&c2, &c1, "10.22.0.2", ingress as f64);
            holds(&c1, &c2, "10.22.0.3", egress as f64);
            assert!(c1.reaches("fd22::3"));
            call.del(&keys);
        }
        assert!(rate(&c1, &c2, "10.22.0.3") > 200.0);
        away(lab, &c1, &c2);
    });
}

/// A stream hands the pair packets of 64 KiB; the burst here holds one frame and a little.
#[test]
fn packets_larger_than_the_burst_pass() {
    lab(|lab| {
        let (c1, c2, previous) = pair(lab);
        let call = Call::ours(lab, "bandwidth", &c1);
        let keys = json!({"ingressRate": 8_000_000, "ingressBurst": 1600 * 8, "egressRate": 8_000_000, "egressBurst": 1600 * 8});
        let keys = behind(&previous, keys);
        call.add(&keys);
        holds(&c2, &c1, "10.22.0.2", 8.0);
        holds(&c1, &c2, "10.22.0.3", 8.0);
        call.del(&keys);
        away(lab, &c1, &c2);
    });
}

#[test]
fn only_some_subnets_are_limited_where_that_is_asked_for() {
    lab(|lab| {
        let (c1, c2, previous) = pair(lab);
        let c3 = lab.netns("c3");
        attached(lab, &c3);
        let call = Call::ours(lab, "bandwidth", &c1);
        for list in ["shapedSubnets", "unshapedSubnets"] {
            let mut keys = behind(&previous, limits(40, 40));
            keys[list] = json!(["10.22.0.3/32", "fd22::3/128"]);
            let result = call.add(&keys);
            assert_eq!(call.add(&keys), result);
            call.run("CHECK", &behind(&result, keys.clone())).ok();
            let (slow, fast) = match list {
                "shapedSubnets" => ((&c2, "10.22.0.3"), (&c3, "10.22.0.4")),
                _ => ((&c3, "10.22.0.4"), (&c2, "10.22.0.3")),
            };
            holds(slow.0, &c1, "10.22.0.2", 40.0);
            holds(&c1, slow.0, slow.1, 40.0);
            assert!(rate(fast.0, &c1, "10.22.0.2") > 200.0);
            assert!(rate(&c1, fast.0, fast.1) > 200.0);
            let v6 = rate(&c2, &c1, "[fd22::2]");
            assert_eq!(v6 < 60.0, list == "shapedSubnets", "{v6:.2} Mbit/s");
            call.del(&keys);
        }
        Call::ours(lab, "bridge", &c3).del(&serde_json::from_str(crate::BRIDGE).unwrap());
        away(lab, &c1, &c2);
    });
}

#[test]
fn what_is_made_is_told_and_goes_with_it() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let host = lab.state();
        let nothing_left = || {
            let left = host.difference(&lab.state());
            assert!(left.is_empty(), "{left:?}");
            let end = previous["interfaces"][1]["name"].as_str().unwrap();
            let qdiscs = lab.cmd(&format!("tc -j qdisc show dev {end}")).ok().json();
            assert_eq!(qdiscs.as_array().unwrap().len(), 1, "{qdiscs}");
            assert_eq!(qdiscs[0]["kind"], "noqueue");
        };
        let call = Call::ours(lab, "bandwidth", &c1);
        let keys = behind(&previous, limits(8, 8));
        let result = call.add(&keys);
        let mut rest = result.clone();
        let made = rest["interfaces"].as_array_mut().unwrap().pop().unwrap();
        assert_eq!(rest, previous, "the rest is passed on");
        let device = lab
            .cmd(&format!("ip -j -d link show {}", ifb(&result)))
            .ok()
            .json()[0]
            .clone();
        assert_eq!(made["mac"], device["address"]);
        assert_eq!(device["linkinfo"]["info_kind"], "ifb");
        assert_eq!(device["ifalias"], "vetch:pods:cni:c1:eth0:");
        assert_eq!(call.add(&keys), result);
        call.run("CHECK", &behind(&result, limits(8, 8))).ok();

        let bare = json!({"ingressRate": "?", "egressBurst": 5});
        for (call, keys) in [
            (
                Call::ours(lab, "bandwidth", &c1),
                behind(&result, limits(8, 8)),
            ),
            (Call::ours(lab, "bandwidth", &c1), json!({})),
            (Call::ours(lab, "bandwidth", &c1).nowhere(), json!({})),
            (Call::ours(lab, "bandwidth", &c1).nowhere(), bare),
        ] {
            call.del(&keys);
            nothing_left();
            call.del(&keys);
            Call::ours(lab, "bandwidth", &c1).add(&behind(&previous, limits(8, 8)));
        }
        call.del(&json!({}));

        let runtime = json!({"capabilities": {"bandwidth": true}, "runtimeConfig": {"bandwidth": limits(8, 8)}});
        assert_eq!(ifb(&call.add(&behind(&previous, runtime))), ifb(&result));
        call.del(&json!({}));
        assert_eq!(
            call.add(&behind(&previous, json!({}))),
            previous,
            "nothing is asked for"
        );
        nothing_left();
        detached(lab, &c1);
    });
}

#[test]
fn a_failure_undoes_what_was_made_before() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let call = Call::ours(lab, "bandwidth", &c1);
        let keys = behind(&previous, limits(8, 8));
        let end = previous["interfaces"][1]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let device = ifb(&call.add(&keys));
        call.del(&keys);
        let tc = |words: &str| lab.cmd(&format!("tc {words}")).ok().stdout;
        // The kernel lets go of what was deleted a moment later.
        let qdiscs = || {
            let shown = tc("qdisc show");
            let word = |line: &str| line.split(" refcnt").next().unwrap_or_default().to_owned();
            let mut all: Vec<String> = shown.lines().map(word).collect();
            all.sort();
            all
        };
        let refused = |keys: &Value, named: &str| {
            let (before, before_of_tc) = (lab.state(), qdiscs());
            let (code, said) = call.refused("ADD", keys);
            assert!(said.contains(named), "{said}");
            let left = before.difference(&lab.state());
            assert!(left.is_empty(), "{left:?}");
            assert_eq!(qdiscs(), before_of_tc);
            code
        };
        lab.cmd(&format!("ip link add {device} type bridge")).ok();
        assert_eq!(refused(&keys, "not made for this attachment"), 100);
        assert_eq!(
            call.run("DEL", &keys).code,
            0,
            "it stays away from another's link"
        );
        lab.cmd(&format!("ip link delete {device}")).ok();

        tc(&format!("qdisc add dev {end} root handle 5: htb"));
        assert_eq!(refused(&keys, "has a htb qdisc of somebody else"), 100);
        call.del(&keys);
        assert!(tc(&format!("qdisc show dev {end}")).contains("htb"));
        tc(&format!("qdisc delete dev {end} root"));

        let mut small = keys.clone();
        small["egressBurst"] = (1513 * 8).into();
        assert_eq!(
            refused(&small, "`egressBurst`: 1513 bytes are less than a packet"),
            7
        );
        assert_eq!(refused(&limits(8, 8), "`prevResult` is missing"), 7);
        let mut unnamed = keys.clone();
        unnamed["prevResult"]["interfaces"][1]["name"] = "other".into();
        let (mut lo, other) = (keys.clone(), lab.anonymous("c1"));
        lo["prevResult"] = previous.clone();
        let (code, said) = Call::ours(lab, "bandwidth", &other).refused("ADD", &lo);
        assert!(code == 100 && said.contains("`eth0`"), "{said}");
        other.cmd("ip link add eth0 type bridge").ok();
        let (code, said) = Call::ours(lab, "bandwidth", &other).refused("ADD", &lo);
        assert!(code == 7 && said.contains("`eth0` is a bridge"), "{said}");
        detached(lab, &c1);
    });
}

#[test]
fn filters_of_others_stay() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let end = previous["interfaces"][1]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let tc = |words: &str| lab.cmd(&format!("tc {words}")).ok().stdout;
        tc(&format!("qdisc add dev {end} clsact"));
        tc(&format!(
            "filter add dev {end} ingress prio 9 protocol ip u32 match ip dst 192.0.2.9 classid 1:1"
        ));
        let before = tc(&format!("filter show dev {end} ingress"));
        let call = Call::ours(lab, "bandwidth", &c1);
        let keys = behind(&previous, limits(8, 8));
        call.add(&keys);
        assert!(tc(&format!("filter show dev {end} ingress")).contains("mirred"));
        call.del(&keys);
        assert_eq!(tc(&format!("filter show dev {end} ingress")), before);
        detached(lab, &c1);
    });
}

#[test]
fn each_difference_is_found() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let call = Call::ours(lab, "bandwidth", &c1);
        let add = behind(&previous, limits(8, 8));
        let result = call.add(&add);
        let (end, device) = (
            result["interfaces"][1]["name"].as_str().unwrap(),
            ifb(&result),
        );
        let keys = behind(&result, limits(8, 8));
        for (words, named) in [
            (
                format!("tc qdisc delete dev {end} root"),
                format!("`{end}` sends without a limit, not 1000000"),
            ),
            (
                format!(
                    "tc qdisc change dev {device} root handle 1: tbf rate 9mbit burst 20000 limit 45000"
                ),
                format!("`{device}` sends 1125000"),
            ),
            (
                format!("tc filter delete dev {end} ingress"),
                format!("do not lead to `{device}`"),
            ),
            (
                format!("tc qdisc delete dev {end} clsact"),
                format!("do not lead to `{device}`"),
            ),
            (
                format!("ip link set {device} down"),
                format!("`{device}` is down"),
            ),
            (
                format!("ip link delete {device}"),
                format!("there is no ifb `{device}`"),
            ),
        ] {
            lab.cmd(&words).ok();
            let (code, said) = call.refused("CHECK", &keys);
            assert!(code == 101 && said.contains(&named), "{words}: {said}");
        }
        let again = call.add(&add);
        call.run("CHECK", &behind(&again, limits(8, 8))).ok();
        let (code, said) = call.refused("CHECK", &behind(&again, limits(9, 8)));
        assert!(
            code == 101 && said.contains("1000000 bytes per second, burst 20000, not 1125000"),
            "{said}"
        );
        call.del(&json!({}));
        detached(lab, &c1);
    });
}

/// The pair dies with the namespace; the device on the host does not.
#[test]
fn devices_of_attachments_that_are_gone_are_collected() {
    lab(|lab| {
        let (c1, c2, previous) = pair(lab);
        let call = Call::ours(lab, "bandwidth", &c1);
        let gone = ifb(&call.add(&behind(&previous, limits(8, 8))));
        let second =
            Call::ours(lab, "bridge", &c2).add(&serde_json::from_str(crate::BRIDGE).unwrap());
        let stays = ifb(&Call::ours(lab, "bandwidth", &c2).add(&behind(&second, limits(8, 8))));
        let there = |name: &str| lab.cmd(&format!("ip link show {name}")).code == 0;
        c1.cmd("ip link delete eth0").ok();
        let valid = json!({"cniVersion": "1.1.0", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]});
        let mut other = valid.clone();
        other["name"] = "other".into();
        other["cni.dev/valid-attachments"] = json!([]);
        call.run("GC", &other).ok();
        assert!(there(&gone), "another network's");
        call.run("GC", &valid).ok();
        assert!(!there(&gone) && there(&stays));
        call.run("GC", &valid).ok();
        call.run("STATUS", &json!({"cniVersion": "1.1.0"})).ok();
        Call::ours(lab, "bridge", &c2).del(&serde_json::from_str(crate::BRIDGE).unwrap());
        assert!(there(&stays));
        Call::ours(lab, "bandwidth", &c2).nowhere().del(&json!({}));
        assert!(!there(&stays), "without namespace and pair");
        away(lab, &c1, &c2);
    });
}

#[test]
fn result_and_qdiscs_are_those_of_the_reference() {
    lab(|lab| {
        if !has_reference("bandwidth") {
            skip!("tool:/usr/lib/cni/bandwidth: the reference is not here");
        }
        let [theirs, ours] = ["theirs", "ours"].map(|name| plain(lab, name));
        let keys = limits(8, 40);
        let run = |call: Call<'_>, (machine, node, previous): &(Node, Node, Value)| {
            let result = call.add(&behind(previous, keys.clone()));
            let name = ifb(&result);
            let device = machine
                .cmd(&format!("ip -j -d link show {name}"))
                .ok()
                .json()[0]
                .clone();
            let mac = device["address"].as_str().unwrap().to_owned();
            let parse = |text: String| serde_json::from_str::<Value>(&text).unwrap();
            let result = parse(
                result
                    .to_string()
                    .replace(node.path(), "SANDBOX")
                    .replace(&name, "IFB")
                    .replace(&mac, "MAC"),
            );
            let qdisc = |dev: &str| {
                let all = machine
                    .cmd(&format!("tc -j qdisc show dev {dev}"))
                    .ok()
                    .json();
                let of = all
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|of| of["kind"] == "tbf")
                    .unwrap()
                    .clone();
                of["options"].clone()
            };
            let link = ["mtu", "linkinfo"].map(|key| device[key].clone());
            (result, qdisc("veth0"), qdisc(&name), link)
        };
        let want = run(Call::theirs(&theirs.0, "bandwidth", &theirs.1), &theirs);
        let got = run(Call::ours(&ours.0, "bandwidth", &ours.1), &ours);
        assert_eq!(got, want);

        taken_away_by_ours(&theirs);
        Call::ours(&ours.0, "bandwidth", &ours.1).del(&json!({}));
    });
}

/// What the reference made, on a machine that was switched over.
fn taken_away_by_ours((machine, container, result): &(Node, Node, Value)) {
    let devices = machine.cmd("ip -j link show type ifb").ok().json();
    let name = devices[0]["ifname"].clone();
    let mut result = result.clone();
    result["interfaces"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": name}));
    Call::ours(machine, "bandwidth", container).del(&behind(&result, json!({})));
    assert_eq!(machine.cmd("ip -br link show type ifb").ok().stdout, "");
    assert!(
        !machine
            .cmd("tc qdisc show dev veth0")
            .ok()
            .stdout
            .contains("tbf")
    );
    assert!(container.reaches("10.9.0.1"));
}
