//! From the reference to ours and back, on a host that runs: the same data directories, the same bridge.

use super::world::{World, addresses};
use super::{missing, turn};
use crate::call::{Container, List, Runtime, Whose, cmd, reaches, shell};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};
use vetch_tests::{Node, lab, skip};

fn list() -> List {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]]});
    let bridge = json!({"type": "bridge", "isDefaultGateway": true, "ipMasq": true, "ipam": ipam});
    List::new(vec![bridge])
}

fn runtime(whose: Whose, host: &Node) -> Runtime<'_> {
    Runtime { whose, host }
}

/// Leases that are held, and interfaces in the container beside `lo`.
fn held(host: &Node, of: &Container) -> (Vec<String>, Vec<String>) {
    let names = cmd(host, "ls /var/lib/cni/networks/blue").stdout;
    let is_lease = |name: &&str| name.parse::<std::net::IpAddr>().is_ok();
    let leases = names.lines().filter(is_lease).map(str::to_owned);
    let links = cmd(&of.node, "ip -j link show").ok().json();
    let links = links.as_array().unwrap().iter();
    let links = links.map(|link| link["ifname"].as_str().unwrap().to_owned());
    (
        leases.collect(),
        links.filter(|name| name != "lo").collect(),
    )
}

/// Nothing is held; what was put aside may still be there for a moment.
fn gone(host: &Node, of: &Container) {
    gone_but(host, of, 0);
}

fn gone_but(host: &Node, of: &Container, leases: usize) {
    let end = Instant::now() + Duration::from_secs(4);
    loop {
        let (held, links) = held(host, of);
        assert_eq!(held.len(), leases, "{held:?}");
        if links.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{links:?}");
        thread::sleep(Duration::from_millis(30));
    }
}

fn del(whose: Whose, host: &Node, of: &Container, kept: Option<&Value>) {
    for output in runtime(whose, host).del(&list(), of, kept) {
        output.ok();
    }
}

/// Added by the first, taken away by the second, twice; then each adds it again.
fn there_and_back(first: Whose, second: Whose, keeps: bool) {
    let world = World::new(first);
    let (host, [of, other]) = (&world.host, &world.containers);
    let result = runtime(first, host).add(&list(), of);
    assert_eq!(held(host, of).1, ["eth0"]);
    let kept = keeps.then_some(&result);
    let first_time = runtime(second, host).del(&list(), of, kept);
    gone(host, of);
    for output in first_time {
        // The reference takes all away, and then misses the chain that it would have masqueraded with. The runtime asks again.
        let misses = second == Whose::Theirs && output.stdout.contains("does not exist");
        assert!(output.code == 0 || misses, "{output}");
    }
    del(second, host, of, kept);
    if first == Whose::Ours {
        del(first, host, of, kept); // the reference's fails: without the interface it does not find the rule that leads to its chain
    }
    // The reference leaves the rules of an id whose interface went without it: the next container has another id, as it always does.
    for (whose, id) in [(second, "again"), (first, "and-again"), (second, "at-last")] {
        let of = &Container { id, ..of.clone() };
        let result = runtime(whose, host).add(&list(), of);
        let neighbour = runtime(first, host).add(&list(), other);
        for address in addresses(&neighbour) {
            assert!(
                reaches(&of.node, address),
                "{whose:?} to {first:?}: {address}"
            );
        }
        del(whose, host, of, Some(&result));
        gone_but(host, of, 2);
        del(first, host, other, Some(&neighbour));
        gone(host, other);
    }
}

#[test]
fn each_takes_away_what_the_other_added() {
    let _turn = turn();
    lab(|_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        for keeps in [true, false] {
            there_and_back(Whose::Theirs, Whose::Ours, keeps);
            there_and_back(Whose::Ours, Whose::Theirs, keeps);
        }
    });
}

#[test]
fn a_container_that_is_gone_is_given_back_by_either() {
    let _turn = turn();
    lab(|_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        for (first, second) in [(Whose::Theirs, Whose::Ours), (Whose::Ours, Whose::Theirs)] {
            let host = Node::machine("host");
            shell(&host, "ip netns add one").ok();
            let of = Container::at("one", "/run/netns/one");
            let result = runtime(first, &host).add(&list(), &of);
            shell(&host, "ip netns del one").ok();
            del(second, &host, &of, Some(&result));
            let leases = held(&host, &of).0;
            assert!(leases.is_empty(), "{first:?}, {second:?}: {leases:?}");
        }
    });
}

/// A container of the first, then one of the second on the same bridge: they reach each other, their gateway and the outside.
fn side_by_side(first: Whose, second: Whose) {
    let world = World::new(first);
    let (host, [one, two]) = (&world.host, &world.containers);
    let results = [
        runtime(first, host).add(&list(), one),
        runtime(second, host).add(&list(), two),
    ];
    let [at_one, at_two] = results.each_ref().map(addresses);
    for (from, to) in [(one, &at_two), (two, &at_one)] {
        let more =
            ["10.1.0.1", "fd01::1", "192.0.2.2", "2001:db8::2"].map(|to| to.parse().unwrap());
        for to in to.iter().chain(&more) {
            assert!(
                reaches(&from.node, *to),
                "{first:?} first: {} to {to}",
                from.id
            );
        }
    }
    del(first, host, one, Some(&results[0]));
    assert!(
        reaches(&two.node, "192.0.2.2".parse().unwrap()),
        "{second:?} lives on without {first:?}"
    );
    del(second, host, two, Some(&results[1]));
    gone(host, two);
}

#[test]
fn containers_of_both_on_one_bridge_reach_each_other() {
    let _turn = turn();
    lab(|_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        side_by_side(Whose::Theirs, Whose::Ours);
        side_by_side(Whose::Ours, Whose::Theirs);
    });
}
