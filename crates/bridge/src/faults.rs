//! A small kernel that fails the K-th call, for every K: afterwards the world is as before, or complete.

mod assigned;
mod world;

use crate::error::Result;
use crate::host::Host;
use crate::name::AttachmentId;
use crate::publish::PublishSpec;
use crate::spec::{AttachmentSpec, NetworkSpec, Who};
use ns_mgmt::NetNs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use world::{World, host, open};

fn network() -> NetworkSpec {
    NetworkSpec {
        subnets: vec!["10.7.0.0/24".parse().unwrap()],
        ..NetworkSpec::new("blue".parse().unwrap())
    }
}

fn attachment() -> AttachmentSpec {
    let ports = vec!["8080:80".parse().unwrap()];
    AttachmentSpec {
        ports,
        ..AttachmentSpec::new(
            "blue".parse().unwrap(),
            AttachmentId::new("cli", "web").unwrap(),
        )
    }
}

/// The records, but for locks, what is only a hint, and directories that stay while a network is there.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => todo.push(entry.path()),
                false => found.push(
                    entry
                        .path()
                        .strip_prefix(dir)
                        .unwrap()
                        .display()
                        .to_string(),
                ),
            }
        }
    }
    found.retain(|path| {
        !["lock", "boot", ".last4"]
            .iter()
            .any(|hint| path.ends_with(hint))
    });
    found.sort();
    found
}

/// These go with their table.
fn forget_opened(world: &Mutex<World>) {
    let mut world = open(world);
    world.elements.retain(|key, _| !key.starts_with(b"opened"));
}

/// Runs `act` once for every call it makes and every error, in a world made by `before`.
fn every_fault(before: impl Fn(&mut Host), act: impl Fn(&mut Host) -> Result<()>) -> usize {
    faults(&[1, 4, 12, 16, 28, 30, 105], before, act)
}

/// As the records of a host are; thousands of worlds on a disk take a minute.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The same with few errors: long operations have many calls.
fn faults(
    errors: &[i32],
    before: impl Fn(&mut Host),
    act: impl Fn(&mut Host) -> Result<()>,
) -> usize {
    let mut total = 0;
    for errno in errors.iter().copied() {
        for at in 0.. {
            let dir = in_memory();
            let world = Arc::new(Mutex::new(World::new()));
            let mut host = host(dir.path(), &world);
            before(&mut host);
            let then = (open(&world).view(), files(dir.path()));
            {
                let mut world = open(&world);
                (world.calls, world.fail) = (0, Some((at, errno)));
            }
            let done = act(&mut host);
            let reached = open(&world).calls > at;
            open(&world).fail = None;
            if let Err(err) = &done {
                if files(dir.path()).is_empty() {
                    forget_opened(&world);
                }
                let now = (open(&world).view(), files(dir.path()));
                assert_eq!(now, then, "call {at} failed with {errno}: {err:?}");
                assert!(err.left().is_empty(), "{err:?}");
            }
            act(&mut host)
                .unwrap_or_else(|err| panic!("again after call {at} failed with {errno}: {err:?}"));
            host.remove_network(&"blue".parse().unwrap(), true)
                .unwrap()
                .settle()
                .unwrap();
            forget_opened(&world);
            assert_eq!(
                open(&world).view(),
                World::new().view(),
                "after call {at} failed with {errno}"
            );
            assert_eq!(files(dir.path()), [""; 0]);
            if !reached {
                assert!(done.is_ok());
                break;
            }
            total += 1;
        }
    }
    total
}

#[test]
fn a_network_is_whole_or_absent_whichever_call_fails() {
    let tried = every_fault(|_| (), |host| host.create_network(&network()).map(drop));
    assert!(tried > 7 * 30, "{tried}");
}

#[test]
fn an_attachment_is_whole_or_absent_whichever_call_fails() {
    let namespace = NetNs::current().unwrap();
    let before = |host: &mut Host| drop(host.create_network(&network()).unwrap());
    let tried = every_fault(before, |host| {
        host.attach(&attachment(), &namespace).map(drop)
    });
    assert!(tried > 7 * 20, "{tried}");
}

#[test]
fn a_neighbour_keeps_what_both_need_whichever_call_fails() {
    let namespace = NetNs::current().unwrap();
    let neighbour = AttachmentSpec {
        ports: ports(&["8081:80"]).ports,
        id: AttachmentId::new("cli", "neighbour").unwrap(),
        ..attachment()
    };
    let before = |host: &mut Host| {
        host.create_network(&network()).unwrap();
        host.attach(&neighbour, &namespace).unwrap();
    };
    let tried = every_fault(before, |host| {
        host.attach(&attachment(), &namespace).map(drop)
    });
    assert!(tried > 7 * 20, "{tried}");
}

/// Two with a port each; NetNs is that of the test for both, which the fake kernel does not mind.
fn two() -> Vec<(AttachmentSpec, NetNs)> {
    let other = AttachmentSpec {
        id: AttachmentId::new("cli", "other").unwrap(),
        ports: ports(&["8081:80"]).ports,
        ..attachment()
    };
    let here = || NetNs::current().unwrap();
    vec![(attachment(), here()), (other, here())]
}

#[test]
fn a_batch_is_whole_or_absent_whichever_call_fails() {
    let before = |host: &mut Host| drop(host.create_network(&network()).unwrap());
    let wishes = two();
    let tried = every_fault(before, |host| host.attach_all_or_none(&wishes).map(drop));
    assert!(tried > 7 * 20, "{tried}");
}

#[test]
fn a_batch_does_what_it_can_whichever_call_fails() {
    let wishes = two();
    for at in 0..60 {
        let dir = in_memory();
        let world = Arc::new(Mutex::new(World::new()));
        let mut host = host(dir.path(), &world);
        host.create_network(&network()).unwrap();
        {
            let mut world = open(&world);
            (world.calls, world.fail) = (0, Some((at, 12)));
        }
        let made = host.attach_all(&wishes);
        open(&world).fail = None;
        let there = host.attachments(None).unwrap();
        let made = made.map_or(0, |made| made.iter().filter(|made| made.is_ok()).count());
        assert_eq!(there.len(), made, "call {at}");
        let again = host.attach_all(&wishes).unwrap();
        assert!(again.iter().all(Result::is_ok), "call {at}");
    }
}

/// Fails once, it is done all the same; fails for good, the next one finishes it.
#[test]
fn a_detach_is_done_however_a_call_fails() {
    let namespace = NetNs::current().unwrap();
    let detach = |host: &mut Host| {
        let gone = host.detach(&"blue".parse().unwrap(), &web(), None)?;
        gone.settle()
    };
    for (at, errno, for_good) in every_detach() {
        let dir = in_memory();
        let world = Arc::new(Mutex::new(World::new()));
        let mut host = host(dir.path(), &world);
        host.create_network(&network()).unwrap();
        let then = (open(&world).view(), files(dir.path()));
        host.attach(&attachment(), &namespace).unwrap();
        {
            let mut world = open(&world);
            (world.calls, world.fail, world.for_good) = (0, Some((at, errno)), for_good);
        }
        let first = detach(&mut host);
        open(&world).fail = None;
        assert!(
            for_good || first.is_ok(),
            "call {at} failed with {errno}: {first:?}"
        );
        detach(&mut host).unwrap();
        host.gc().unwrap();
        let now = (open(&world).view(), files(dir.path()));
        assert_eq!(now, then, "call {at} failed with {errno}: {first:?}");
    }
}

/// A network with ten attachments goes while a call fails, or its process is killed there; the same again finishes it.
fn with_many(disturb: fn(&mut World, usize)) -> usize {
    let blue = || "blue".parse().unwrap();
    for at in 0.. {
        let dir = in_memory();
        let world = Arc::new(Mutex::new(World::new()));
        let mut first = host(dir.path(), &world);
        first.create_network(&network()).unwrap();
        let spec = |n: u16| AttachmentSpec {
            id: AttachmentId::new("cli", &format!("n{n}")).unwrap(),
            ports: ports(&[&format!("{}:80", 8000 + n)]).ports,
            ..attachment()
        };
        let wishes = (0..10).map(|n| (spec(n), NetNs::current().unwrap()));
        let wishes: Vec<_> = wishes.collect();
        first.attach_all_or_none(&wishes).unwrap();
        open(&world).calls = 0;
        disturb(&mut open(&world), at);
        let go = |host: &mut Host| host.remove_network(&blue(), true)?.settle();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| go(&mut first)));
        let reached = open(&world).calls > at;
        (open(&world).fail, open(&world).kill) = (None, None);
        drop(first);
        if !matches!(done, Ok(Ok(()))) {
            go(&mut host(dir.path(), &world)).unwrap();
        }
        open(&world)
            .elements
            .retain(|key, _| !key.starts_with(b"opened")); // these go with their table
        assert_eq!(open(&world).view(), World::new().view(), "call {at}");
        assert_eq!(files(dir.path()), [""; 0], "call {at}");
        if !reached {
            return at;
        }
    }
    0
}

#[test]
fn a_network_with_many_goes_however_a_call_fails() {
    let tried = with_many(|world, at| world.fail = Some((at, 12)));
    assert!(
        tried > 30 && tried < 200,
        "{tried} calls: one by one are more"
    );
}

#[test]
fn a_network_with_many_goes_wherever_it_is_killed() {
    let tried = with_many(|world, at| world.kill = Some(at));
    assert!(tried > 30, "{tried}");
}

fn every_detach() -> impl Iterator<Item = (usize, i32, bool)> {
    let errnos = [1, 4, 12, 16, 28, 30, 105].into_iter();
    let points = errnos.flat_map(|errno| (0..60).map(move |at| (at, errno)));
    points.flat_map(|(at, errno)| [(at, errno, false), (at, errno, true)])
}

#[test]
fn the_hundredth_attach_costs_what_the_first_did_and_lists_nothing() {
    let namespace = NetNs::current().unwrap();
    let dir = in_memory();
    let world = Arc::new(Mutex::new(World::new()));
    let mut host = host(dir.path(), &world);
    host.create_network(&network()).unwrap();
    open(&world).dumps = 0;
    let mut costs = Vec::new();
    for at in 0..100 {
        let id = AttachmentId::new("cli", &format!("n{at}")).unwrap();
        let spec = AttachmentSpec {
            id,
            ports: Vec::new(),
            ..attachment()
        };
        let before = open(&world).calls;
        host.attach(&spec, &namespace).unwrap();
        costs.push(open(&world).calls - before);
    }
    assert_eq!((costs[0], open(&world).dumps), (costs[99], 0));
    assert!(costs[0] <= 30, "{} requests and sysctls", costs[0]);
}

fn web() -> Who {
    Who::Id(AttachmentId::new("cli", "web").unwrap())
}

fn ports(ports: &[&str]) -> PublishSpec {
    PublishSpec {
        ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
        ..PublishSpec::new("blue".parse().unwrap(), web())
    }
}

/// Attached, with these ports.
fn attached(host: &mut Host, published: &[&str]) {
    host.create_network(&network()).unwrap();
    let spec = AttachmentSpec {
        ports: ports(published).ports,
        ..attachment()
    };
    host.attach(&spec, &NetNs::current().unwrap()).unwrap();
}

const SOME: [&str; 3] = ["8081:81", "53:53/udp", "192.0.2.3:90-92:90-92"];

fn publish(host: &mut Host) -> Result<()> {
    let spec = PublishSpec {
        nonlocal: true,
        ..ports(&SOME)
    };
    host.publish(&spec).map(drop)
}

fn unpublish(host: &mut Host) -> Result<()> {
    host.unpublish(&ports(&SOME)).map(drop)
}

#[test]
fn ports_are_published_all_or_none_whichever_call_fails() {
    for before in [&[][..], &["8080:80"]] {
        let tried = every_fault(|host| attached(host, before), publish);
        assert!(tried > 6 * 10, "{tried}");
    }
}

#[test]
fn ports_are_taken_back_all_or_none_whichever_call_fails() {
    let before = |host: &mut Host| {
        attached(host, &[]);
        publish(host).unwrap();
    };
    let tried = every_fault(before, unpublish);
    assert!(tried > 6 * 10, "{tried}");
}

#[test]
fn a_plan_leaves_what_it_finds_dead() {
    let dir = in_memory();
    let world = Arc::new(Mutex::new(World::new()));
    let mut host = host(dir.path(), &world);
    attached(&mut host, &["8080:80"]);
    open(&world)
        .links
        .retain(|_, link| !link[&3].starts_with(b"vtp"));
    let then = (open(&world).view(), files(dir.path()));
    let other = AttachmentSpec {
        id: AttachmentId::new("cli", "other").unwrap(),
        ..attachment()
    };
    let namespace = NetNs::current().unwrap();
    let plan = host.plan_attach(&other, &namespace).unwrap();
    assert!(
        plan.iter()
            .any(|step| step.words.join("").contains("tcp . 8080"))
    );
    assert_eq!((open(&world).view(), files(dir.path())), then);
    host.attach(&other, &namespace).unwrap();
    let ports = host.attachment(&"blue".parse().unwrap(), &Who::Id(other.id), None);
    assert_eq!(ports.unwrap().ports, other.ports);
}

/// Ends `act` without a word in place of every call it makes; the next command makes the world as it was, or complete.
fn every_kill(before: impl Fn(&mut Host), act: impl Fn(&mut Host) -> Result<()>) -> usize {
    for at in 0.. {
        let dir = in_memory();
        let world = Arc::new(Mutex::new(World::new()));
        let look = || (open(&world).view(), files(dir.path()));
        let mut first = host(dir.path(), &world);
        before(&mut first);
        let then = look();
        {
            let mut world = open(&world);
            (world.calls, world.kill) = (0, Some(at));
        }
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&mut first)));
        open(&world).kill = None;
        drop(first);
        let mut next = host(dir.path(), &world);
        next.gc().unwrap();
        let now = look();
        act(&mut next).unwrap();
        let complete = look();
        assert!(now == then || now == complete, "call {at}:\n{now:?}");
        assert_ne!(then, complete);
        let gone = next.detach(&"blue".parse().unwrap(), &web(), None).unwrap();
        gone.settle().unwrap();
        let left = files(dir.path());
        assert!(
            !left
                .iter()
                .any(|path| path.contains("vtp") || path.contains("ports/")),
            "{left:?}"
        );
        if killed.is_ok() {
            return at;
        }
    }
    0
}

#[test]
fn a_killed_change_of_ports_is_finished_or_undone() {
    let tried = every_kill(|host| attached(host, &["8080:80"]), publish);
    assert!(tried > 10, "{tried}");
    let published = |host: &mut Host| {
        attached(host, &[]);
        publish(host).unwrap();
    };
    let tried = every_kill(published, unpublish);
    assert!(tried > 8, "{tried}");
}

#[test]
fn a_port_that_is_there_or_gone_already_costs_no_change() {
    let dir = in_memory();
    let world = Arc::new(Mutex::new(World::new()));
    let mut host = host(dir.path(), &world);
    attached(&mut host, &["8080:80"]);
    let then = (open(&world).view(), files(dir.path()));
    host.publish(&ports(&["8080:80"])).unwrap();
    host.unpublish(&ports(&["8081:80"])).unwrap();
    assert_eq!((open(&world).view(), files(dir.path())), then);
    let other = host.unpublish(&ports(&["8080:81"])).unwrap_err();
    assert!(other.is_invalid() && other.hint().is_some(), "{other:?}");
    let other = host.publish(&ports(&["127.0.0.1:8080:80"])).unwrap_err();
    assert!(other.is_exists(), "{other:?}");
    assert!(host.plan_publish(&ports(&["8080:80"])).unwrap().is_empty());
    assert_eq!(host.plan_publish(&ports(&["81:80"])).unwrap().len(), 5);
}
