//! The ruleset as a function, row by row; the rules it names are those that are loaded.

use super::*;
use crate::{Network, Owner, Ports, Publish, network, publish};

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn put(all: &mut Vec<Element>, change: crate::Change) {
    all.extend(change.steps().iter().map(|step| step.element().clone()));
}

/// Networks blue (everything as usual), red (lists, reaches blue), grey (internal); port 8080 leads to blue.
fn rules(spoil: impl Fn(&mut Vec<Element>)) -> Rules {
    let mut all = Vec::new();
    let base = |name_: &str, subnet: &str, gate: &str| Network {
        subnets: vec![subnet.parse().unwrap()],
        gateways: vec![gate.parse().unwrap()],
        ..Network::new(name_, name(&format!("v-{name_}")))
    };
    put(
        &mut all,
        network(&base("blue", "10.1.0.0/24", "10.1.0.1")).unwrap(),
    );
    let red = Network {
        allow: vec![
            "10.1.0.0/24".parse().unwrap(),
            "192.0.2.7:443/tcp".parse().unwrap(),
        ],
        deny: vec!["10.1.0.9".parse().unwrap()],
        reaches: vec![name("v-blue")],
        services: vec!["udp:53".parse().unwrap()],
        ..base("red", "10.2.0.0/24", "10.2.0.1")
    };
    put(&mut all, network(&red).unwrap());
    let grey = Network {
        internal: true,
        host_services: true,
        ..base("grey", "10.3.0.0/24", "10.3.0.1")
    };
    put(&mut all, network(&grey).unwrap());
    let web = Publish {
        on: None,
        ports: Ports::new(8080, 8180).unwrap(),
        transport: Transport::Tcp,
        to: "10.1.0.2:8080".parse().unwrap(),
        only: Vec::new(),
    };
    put(
        &mut all,
        publish(&Owner::attachment("blue", "a", "eth0"), &web).unwrap(),
    );
    all.extend(crate::noted(&[(name("up0"), false)], false));
    spoil(&mut all);
    Rules::new([true; 2], all)
}

fn attempt(from: &str, to: &str) -> Attempt {
    Attempt {
        from: name(from),
        to: to.parse().unwrap(),
        transport: Transport::Tcp,
    }
}

#[track_caller]
fn check(decision: Decision, accepted: bool, by: &str) {
    assert!(
        decision.accepted == accepted && decision.by.contains(by),
        "{decision:?}"
    );
}

#[test]
fn forwarding_as_the_chain_decides_it() {
    let rules = rules(|_| ());
    let (passes, stops) = (true, false);
    for (from, into, to, decision, by) in [
        ("up0", "v-blue", "10.1.0.2:80", stops, "oifname @nets drop"),
        (
            "up0",
            "v-blue",
            "10.1.0.2:80 dnat",
            passes,
            "ct status dnat",
        ),
        ("v-blue", "v-blue", "10.1.0.2:80", passes, "@pairs"),
        (
            "v-blue",
            "v-red",
            "10.2.0.2:80",
            stops,
            "oifname @nets drop",
        ),
        (
            "v-blue",
            "up0",
            "192.0.2.9:80",
            passes,
            "iifname @nets accept",
        ),
        ("v-red", "v-blue", "10.1.0.2:80", passes, "@reach"),
        ("v-red", "v-blue", "10.1.0.9:80", stops, "@deny4"),
        (
            "v-red",
            "up0",
            "192.0.2.7:443",
            passes,
            "iifname @nets accept",
        ),
        ("v-red", "up0", "192.0.2.7:80", stops, "allowed: drop"),
        ("v-grey", "up0", "192.0.2.9:80", stops, "iifname @internal"),
        (
            "up0",
            "v-grey",
            "10.3.0.2:80 dnat",
            stops,
            "oifname @internal",
        ),
        ("up0", "lan0", "198.51.100.2:80", stops, "@opened drop"),
        (
            "up0",
            "lan0",
            "198.51.100.2:80 dnat",
            passes,
            "@opened ct status dnat",
        ),
        ("lan0", "up0", "192.0.2.9:80", passes, "no rule"),
    ] {
        let (to, translated) = to
            .strip_suffix(" dnat")
            .map_or((to, false), |to| (to, true));
        let found = rules.forward(&attempt(from, to), name(into), translated);
        check(found, decision, by);
    }
}

#[test]
fn services_of_the_host_as_the_chain_decides_it() {
    let rules = rules(|_| ());
    let input = |from: &str, to: &str| rules.input(&attempt(from, to));
    check(
        input("v-blue", "10.1.0.1:22"),
        false,
        "from_container: drop",
    );
    check(input("v-blue", "127.0.0.1:22"), false, "early");
    check(input("v-grey", "10.3.0.1:22"), true, "@host");
    check(input("v-red", "10.1.0.9:22"), false, "@deny4");
    check(input("v-red", "10.2.0.1:22"), false, "allowed: drop");
    let dns = Attempt {
        transport: Transport::Udp,
        ..attempt("v-red", "10.2.0.1:53")
    };
    check(rules.input(&dns), true, "@service");
    check(input("up0", "192.0.2.1:22"), true, "no rule");
    check(input("up0", "10.1.0.1:22"), false, "@gate4");
    check(input("lo", "10.1.0.1:22"), true, "iif lo");
}

#[test]
fn a_published_port_is_found_by_range_and_address() {
    let one = Publish {
        on: Some("192.0.2.1".parse().unwrap()),
        ports: Ports::one(80).unwrap(),
        transport: Transport::Tcp,
        to: "10.1.0.3:80".parse().unwrap(),
        only: Vec::new(),
    };
    let owner = Owner::attachment("blue", "b", "eth0");
    let rules = rules(|all| put(all, publish(&owner, &one).unwrap()));
    let found = |to: &str| {
        let found = rules.published(to.parse().unwrap(), Transport::Tcp);
        found
            .and_then(Element::published)
            .map(|found| found.to.ip().to_string())
    };
    assert_eq!(found("127.0.0.1:8090").as_deref(), Some("10.1.0.2"));
    assert_eq!(found("192.0.2.1:80").as_deref(), Some("10.1.0.3"));
    assert_eq!(found("192.0.2.2:80"), None);
    assert_eq!(found("192.0.2.2:8181"), None);
    assert_eq!(found("[::1]:8090"), None);
}

#[test]
fn without_the_tables_nothing_is_closed() {
    let rules = Rules::default();
    check(
        rules.input(&attempt("v-blue", "10.1.0.1:22")),
        true,
        "missing",
    );
    let direct = rules.forward(&attempt("up0", "10.1.0.2:80"), name("v-blue"), false);
    check(direct, true, "missing");
}

/// The rules that are named here are those that are loaded.
#[test]
fn every_rule_that_is_named_is_in_the_ruleset() {
    let ruleset = include_str!("../../../../tests/tests/firewall/ruleset.nft");
    let source = include_str!("../verdict.rs");
    let mut named = 0;
    for text in source.split('"').skip(1).step_by(2) {
        let text = text.trim_start_matches("inet vetch ");
        let Some((chain, rule)) = text.split_once(": ") else {
            continue;
        };
        if ![
            "early",
            "input",
            "from_container",
            "denied",
            "allowed",
            "forward",
        ]
        .contains(&chain)
        {
            continue;
        }
        let body = ruleset.split(&format!("chain {chain} {{")).nth(1).unwrap();
        let body = body.split("\n  }").next().unwrap();
        let mut rules = body
            .lines()
            .map(|line| line.split('#').next().unwrap().trim());
        assert!(rules.any(|found| found == rule), "{chain}: {rule}");
        named += 1;
    }
    assert!(named >= 20, "{named}");
}
