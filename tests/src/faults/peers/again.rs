//! Everyday ends: the namespace is gone, DEL comes twice, a host starts again, many come at once, the same again and again.

use std::thread;
use std::time::{Duration, Instant};

use super::attacked::row;
use super::ground;
use super::place::Place;
use super::trial::{Trial, said};
use crate::exec::Output;
use crate::faults::table::{Kind, Row};
use crate::lab::Lab;
use crate::node::Node;
use crate::peers::{Container, Tool, Verb};

const CROWD: u8 = 64;
const AGAIN: usize = 100;

/// All of them, one after the other on one host.
pub(super) fn worn(lab: &Lab, tool: Box<dyn Tool>, _: usize) -> Vec<Row> {
    let place = Place::new(lab, tool.as_ref());
    let all: [fn(&Place<'_>) -> Row; 7] =
        [gone, twice, same_port, again, crowd, reboot_del, reboot_add];
    let timed = all.map(|one| {
        let start = Instant::now();
        let mut row = one(&place);
        row.points = row.trials;
        row.took = start.elapsed();
        row
    });
    timed.into()
}

/// The namespace goes first.
fn gone(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Del, "with the namespace gone");
    for _ in 0..3 {
        let (of, node) = (Container::new("gone", 9, 8090), Node::named("gone"));
        place.runtime.go(Verb::Add, &of).ok();
        node.unname();
        thread::sleep(Duration::from_millis(300)); // the kernel takes its links away
        let mut trial = Trial::new(&mut row, "DEL with the namespace gone".to_owned());
        let output = place.runtime.go(Verb::Del, &of);
        if output.code != 0 {
            trial.lose(Kind::Refused, said(&output));
        }
        trial.left(place);
        trial.end(place);
    }
    row
}

fn twice(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Del, "twice");
    place.go(Verb::Add).ok();
    place.go(Verb::Del).ok();
    let mut trial = Trial::new(&mut row, "DEL, and DEL again".to_owned());
    trial.must(place, Verb::Del);
    trial.end(place);
    row
}

/// A port of the host that the neighbour has.
fn same_port(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Add, "of a host port that a neighbour has");
    let of = Container {
        host_port: Place::neighbour().host_port,
        ..Place::container()
    };
    let mut trial = Trial::new(&mut row, "ADD of the neighbour's port".to_owned());
    let output = place.runtime.go(Verb::Add, &of);
    if output.code == 0 {
        trial.lose(Kind::Twice, "both have it, and nobody said so".to_owned());
        place.runtime.go(Verb::Del, &of);
    }
    trial.left(place);
    trial.damage(place);
    trial.end(place);
    row
}

/// The same directly after its end.
fn again(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Add, "directly after DEL, 100 times");
    for round in 0..AGAIN {
        let mut trial = Trial::new(&mut row, format!("round {round}"));
        for verb in [Verb::Add, Verb::Del] {
            let output = place.go(verb);
            if output.code != 0 {
                trial.lose(Kind::Refused, format!("{}: {}", verb.word(), said(&output)));
            }
        }
        if round + 1 == AGAIN {
            trial.left(place);
            trial.damage(place);
            trial.end(place);
        }
    }
    row
}

/// 64 at once, each with an address and a port of its own; then their ends at once.
fn crowd(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Add, "and DEL, 64 at once");
    let new = |n: u8| Container::new(&format!("c{n}"), 100 + n, 9000 + u16::from(n));
    let all: Vec<Container> = (0..CROWD).map(new).collect();
    let nodes: Vec<Node> = all.iter().map(|of| Node::named(&of.name)).collect();
    let servers: Vec<_> = nodes
        .iter()
        .map(|node| node.tcp_server("0.0.0.0:80"))
        .collect();
    let added = at_once(place, Verb::Add, &all);
    for (of, output) in all.iter().zip(&added) {
        let mut trial = Trial::new(&mut row, format!("ADD of {}", of.name));
        if output.code != 0 {
            trial.lose(Kind::Refused, said(output));
        } else if place
            .outside
            .tcp(&format!("192.0.2.1:{}", of.host_port))
            .is_err()
        {
            trial.lose(Kind::Left, "its port does not work".to_owned());
        }
    }
    let deleted = at_once(place, Verb::Del, &all);
    for (of, output) in all.iter().zip(&deleted) {
        let mut trial = Trial::new(&mut row, format!("DEL of {}", of.name));
        if output.code != 0 {
            trial.lose(Kind::Refused, said(output));
        }
    }
    drop(servers);
    nodes.into_iter().for_each(Node::unname);
    let mut trial = Trial::new(&mut row, "after all have gone".to_owned());
    trial.left(place);
    trial.damage(place);
    trial.end(place);
    row
}

fn at_once(place: &Place<'_>, verb: Verb, all: &[Container]) -> Vec<Output> {
    let runtime = &place.runtime;
    thread::scope(|scope| {
        let started: Vec<_> = all
            .iter()
            .map(|of| scope.spawn(move || runtime.go(verb, of)))
            .collect();
        let ended = started.into_iter().map(|one| one.join());
        ended
            .map(|output| output.expect("a program ends"))
            .collect()
    })
}

/// The containers are taken away, and come again.
fn reboot_del(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Del, "after a reboot, then ADD");
    place.go(Verb::Add).ok();
    ground::reboot(place.lab, &[&place.web]);
    let all = [Place::neighbour(), Place::container()];
    all.iter()
        .for_each(|of| asked(place, Verb::Del, of, &mut row));
    come_again(place, &all, &mut row);
    row
}

/// Nobody took them away: a host that lost its power.
fn reboot_add(place: &Place<'_>) -> Row {
    let mut row = row(place, Verb::Add, "after a reboot, without DEL");
    place.rebuild();
    place.go(Verb::Add).ok();
    ground::reboot(place.lab, &[&place.web]);
    come_again(place, &[Place::neighbour(), Place::container()], &mut row);
    row
}

fn come_again(place: &Place<'_>, all: &[Container], row: &mut Row) {
    all.iter().for_each(|of| asked(place, Verb::Add, of, row));
    let mut trial = Trial::new(row, "the port of `web`".to_owned());
    if !place.works() {
        trial.lose(Kind::Left, "it does not work".to_owned());
    }
}

fn asked(place: &Place<'_>, verb: Verb, of: &Container, row: &mut Row) {
    let mut trial = Trial::new(row, format!("{} of {}", verb.word(), of.name));
    let output = place.runtime.go(verb, of);
    if output.code != 0 {
        trial.lose(Kind::Refused, said(&output));
    }
}
