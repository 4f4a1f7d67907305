//! Leases in a directory of their own, step by step, broken off, and many at once.

mod any;

use super::super::dir::tests::LISTED;
use super::*;
use ::ipam::{Range, RangeSpec};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

const HERE: &str = "0123456789ab";

fn set(subnet: &str) -> RangeSet {
    let subnet = subnet.parse().unwrap();
    let range = Range::new(&RangeSpec {
        subnet,
        ..RangeSpec::default()
    });
    RangeSet::new(vec![range.unwrap()]).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn key(id: &str) -> Key {
    Key::new(id, "eth0")
}

/// A directory, and what it holds.
struct Disk(TempDir);

impl Disk {
    fn new() -> Disk {
        let disk = Disk(tempfile::tempdir().unwrap());
        fs::create_dir(disk.path("")).unwrap();
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("blue").join(name)
    }

    fn open(&self) -> Leases {
        self.boot(HERE, || None)
    }

    fn boot(&self, id: &str, began: fn() -> Option<SystemTime>) -> Leases {
        let id = id.to_owned();
        let dir = Dir::open(&self.path(""), Duration::from_secs(20)).unwrap();
        Leases::begin(dir, Boot { id, began }).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The names, without the lock and the notes.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("")).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        let notes = ["lock", ".vetch.boot"];
        let mut names: Vec<_> = names
            .filter(|name| !notes.contains(&name.as_str()) && !name.starts_with("last"))
            .collect();
        names.sort();
        names
    }

    fn addresses(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !name.starts_with('.'));
        names
    }
}

fn give(leases: &Leases, set: &RangeSet, id: &str) -> String {
    let given = leases.reserve(0, set, None, &key(id)).unwrap();
    given.address.to_string()
}

fn later() -> Option<SystemTime> {
    SystemTime::now().checked_add(Duration::from_secs(3600))
}

#[test]
fn a_lease_is_written_as_the_reference_writes_it() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    assert_eq!(give(&disk.open(), &set, "c1"), "10.1.0.2/24");
    assert_eq!(
        fs::read_to_string(disk.path("10.1.0.2")).unwrap(),
        "c1\r\neth0"
    );
    assert_eq!(
        fs::read_to_string(disk.path("last_reserved_ip.0")).unwrap(),
        "10.1.0.2"
    );
    assert_eq!(give(&disk.open(), &set, "c2"), "10.1.0.3/24");
    assert_eq!(disk.open().release(&key("c1")).unwrap(), [ip("10.1.0.2")]);
    assert_eq!(disk.addresses(), ["10.1.0.3"]);
    assert_eq!(
        give(&disk.open(), &set, "c3"),
        "10.1.0.4/24",
        "its turn comes later"
    );
    disk.open().release(&key("c2")).unwrap();
    disk.open().release(&key("c3")).unwrap();
    assert_eq!(disk.names(), [""; 0]);
}

#[test]
fn the_same_key_gets_the_same_addresses() {
    let disk = Disk::new();
    let sets = [set("10.1.0.0/24"), set("fd00::/64")];
    let add = || {
        let leases = disk.open();
        let offers = sets.iter().enumerate();
        let offers = offers.map(|(at, set)| leases.reserve(at, set, None, &key("c1")).unwrap());
        offers.collect::<Vec<_>>()
    };
    let first = add();
    assert_eq!(add(), first);
    assert_eq!(disk.addresses(), ["10.1.0.2", "fd00::2"]);
    assert_eq!(
        disk.open().of(&key("c1")).unwrap(),
        [ip("10.1.0.2"), ip("fd00::2")]
    );
    let other = disk
        .open()
        .reserve(0, &sets[0], None, &Key::new("c1", "eth1"));
    assert_eq!(
        other.unwrap().address.addr(),
        ip("10.1.0.3"),
        "another interface"
    );
    assert_eq!(disk.open().release(&key("c1")).unwrap().len(), 2);
    assert_eq!(disk.addresses(), ["10.1.0.3"]);
    assert_eq!(disk.open().release(&key("c1")).unwrap(), [] as [IpAddr; 0]);
}

#[test]
fn wishes_are_given_or_refused_with_the_reason() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    let ask = |wish: &str, id: &str| {
        let offer = disk.open().reserve(0, &set, Some(ip(wish)), &key(id));
        offer.map_or_else(
            |err| format!("{}: {err}", u32::from(err.code)),
            |offer| offer.address.to_string(),
        )
    };
    assert_eq!(ask("10.1.0.9", "c1"), "10.1.0.9/24");
    assert_eq!(ask("10.1.0.9", "c1"), "10.1.0.9/24");
    assert_eq!(
        ask("10.1.0.9", "c2"),
        "100: 10.1.0.9 is in use by container c1, interface eth0"
    );
    assert_eq!(
        ask("10.1.0.8", "c1"),
        "100: cannot give 10.1.0.8 to container c1, interface eth0: it holds 10.1.0.9 already"
    );
    assert_eq!(
        ask("10.1.0.1", "c2"),
        "7: 10.1.0.1 is reserved in 10.1.0.0/24: it is the gateway's"
    );
    assert_eq!(
        ask("10.1.0.255", "c2"),
        "7: 10.1.0.255 is in none of the ranges 10.1.0.1-10.1.0.254"
    );
    disk.write("10.1.0.7", "c7");
    assert_eq!(
        ask("10.1.0.7", "c2"),
        "100: 10.1.0.7 is in use by container c7"
    );
    symlink("/etc/passwd", disk.path("10.1.0.6")).unwrap();
    assert_eq!(ask("10.1.0.6", "c2"), "100: 10.1.0.6 is in use");
}

#[test]
fn a_set_that_is_used_up_is_an_error_and_room_is_counted() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/29"));
    let leases = disk.open();
    for (count, left) in [5, 4, 3, 2, 1].into_iter().enumerate() {
        assert_eq!(leases.left(&set).unwrap(), left);
        give(&leases, &set, &format!("c{count}"));
    }
    assert_eq!(leases.left(&set).unwrap(), 0);
    let err = leases.reserve(0, &set, None, &key("c9")).unwrap_err();
    assert_eq!(err.code, Code::Failed);
    assert_eq!(err.msg, "all 5 addresses of 10.1.0.1-10.1.0.6 are in use");
    leases.release(&key("c2")).unwrap();
    disk.write("10.1.0.4", "");
    assert_eq!(
        leases.left(&set).unwrap(),
        1,
        "who made that file was killed"
    );
    assert_eq!(give(&leases, &set, "c9"), "10.1.0.4/29");
}

#[test]
fn leases_of_the_reference_are_honoured_and_given_back() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    give(&disk.open(), &set, "c0");
    disk.write("10.1.0.3", "c1\r\neth0");
    disk.write("10.1.0.4", "c2");
    disk.write("last_reserved_ip.0", "10.1.0.4");
    assert_eq!(
        give(&disk.open(), &set, "c1"),
        "10.1.0.3/24",
        "it holds one"
    );
    assert_eq!(give(&disk.open(), &set, "c3"), "10.1.0.5/24");
    assert_eq!(disk.open().of(&key("c2")).unwrap(), [ip("10.1.0.4")]);
    assert_eq!(disk.open().release(&key("c2")).unwrap(), [ip("10.1.0.4")]);
    disk.write("10.1.0.9", "c9\r\neth0"); // nothing else shows it
    assert_eq!(disk.open().release(&key("c9")).unwrap(), [ip("10.1.0.9")]);
    let all = disk.open().all().unwrap();
    let all: Vec<String> = all.iter().map(|(key, at)| format!("{at} {key}")).collect();
    assert_eq!(
        all,
        [
            "10.1.0.2 container c0, interface eth0",
            "10.1.0.3 container c1, interface eth0",
            "10.1.0.5 container c3, interface eth0"
        ]
    );
}

#[test]
fn an_old_lease_without_interface_goes_only_if_there_is_no_other() {
    let disk = Disk::new();
    disk.write("10.1.0.4", "c2");
    disk.write("10.1.0.5", "c2\r\neth0");
    assert_eq!(disk.open().release(&key("c2")).unwrap(), [ip("10.1.0.5")]);
    assert_eq!(disk.open().release(&key("c2")).unwrap(), [ip("10.1.0.4")]);
}

#[test]
fn leases_of_an_earlier_boot_are_nobodys_whatever_the_clock_says() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/29"));
    for at in 0..5 {
        give(&disk.open(), &set, &format!("c{at}"));
    }
    let next = disk.boot("fedcba987654", || None);
    assert_eq!(next.left(&set).unwrap(), 5);
    assert_eq!(
        give(&next, &set, "d0"),
        "10.1.0.2/29",
        "after the last one given, 10.1.0.6"
    );
    drop(next);
    assert_eq!(disk.names().len(), 2, "no link of the earlier boot is left");
    let same = disk.boot("fedcba987654", later);
    assert_eq!(same.of(&key("d0")).unwrap(), [ip("10.1.0.2")]);
}

#[test]
fn leases_of_the_reference_go_if_they_are_older_than_the_boot() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    disk.write("10.1.0.2", "c1\r\neth0");
    disk.write("10.1.0.3", "c2");
    disk.write("10.1.0.4", "");
    let old = || SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1));
    assert_eq!(
        disk.boot("a1", || None).all().unwrap().len(),
        2,
        "not known"
    );
    assert_eq!(
        disk.boot("a2", old).all().unwrap().len(),
        1,
        "c1 got a link in a1"
    );
    assert!(!disk.path("10.1.0.4").exists(), "never a lease");
    let leases = disk.boot("a3", later);
    assert_eq!(leases.all().unwrap(), []);
    assert_eq!(give(&leases, &set, "d0"), "10.1.0.2/24");
}

#[test]
fn leases_of_this_boot_stay_when_the_note_of_it_is_lost() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    give(&disk.open(), &set, "c1");
    fs::remove_file(disk.path(".vetch.boot")).unwrap();
    assert_eq!(
        disk.boot(HERE, later).of(&key("c1")).unwrap(),
        [ip("10.1.0.2")]
    );
    disk.write(".vetch.boot", "");
    assert_eq!(disk.boot(HERE, later).all().unwrap().len(), 1);
    disk.write("10.1.0.3", "c2\r\neth0");
    disk.write("last_reserved_ip.0", "10.1.0.3");
    assert_eq!(
        give(&disk.boot(HERE, later), &set, "c3"),
        "10.1.0.4/24",
        "looked through, but no boot lies between"
    );
}

/// What each step of giving and giving back leaves if it is the last one.
#[test]
fn nothing_that_a_killed_process_leaves_blocks() {
    let set = set("10.1.0.0/30");
    let mark = Mark::new(HERE, &key("c1"), 0).to_string();
    type Cut = fn(&Disk, &str);
    let cuts: [(&str, Cut); 5] = [
        ("the turn only", |disk, _| {
            disk.write("last_reserved_ip.0", "10.1.0.2");
        }),
        ("an empty turn", |disk, _| {
            disk.write("last_reserved_ip.0", "")
        }),
        ("a link without its lease", |disk, mark| {
            symlink("10.1.0.2", disk.path(mark)).unwrap();
        }),
        ("a lease without a word", |disk, _| {
            disk.write("10.1.0.2", "")
        }),
        ("a link that leads elsewhere", |disk, mark| {
            symlink("../../x", disk.path(mark)).unwrap();
        }),
    ];
    for (what, cut) in cuts {
        for id in ["c1", "c2"] {
            let disk = Disk::new();
            drop(disk.open());
            cut(&disk, &mark);
            assert_eq!(give(&disk.open(), &set, id), "10.1.0.2/30", "{what}");
            assert_eq!(disk.open().release(&key(id)).unwrap().len(), 1, "{what}");
            assert_eq!(give(&disk.open(), &set, "c3"), "10.1.0.2/30", "{what}");
            assert_eq!(give(&disk.open(), &set, "c3"), "10.1.0.2/30", "{what}");
        }
    }
}

#[test]
fn a_lease_without_its_link_is_found_by_looking_through() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    give(&disk.open(), &set, "c1");
    fs::remove_file(disk.path(&Mark::new(HERE, &key("c1"), 0).to_string())).unwrap();
    assert_eq!(disk.open().release(&key("c1")).unwrap(), [ip("10.1.0.2")]);
}

#[test]
fn one_of_several_addresses_can_be_given_back() {
    let disk = Disk::new();
    let sets = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"].map(set);
    let leases = disk.open();
    for (at, set) in sets.iter().enumerate() {
        leases.reserve(at, set, None, &key("c1")).unwrap();
    }
    leases.give_back(&key("c2"), ip("10.2.0.2")).unwrap();
    assert_eq!(leases.of(&key("c1")).unwrap().len(), 3, "not c2's to give");
    leases.give_back(&key("c1"), ip("10.1.0.2")).unwrap();
    let left = leases.of(&key("c1")).unwrap();
    assert_eq!(left, [ip("10.3.0.2"), ip("10.2.0.2")]);
    assert_eq!(leases.release(&key("c1")).unwrap(), left);
    drop(leases);
    assert_eq!(disk.names(), [""; 0]);
}

#[test]
fn names_that_are_no_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for network in ["", ".", "..", "a/b", "/etc", "a\0b"] {
        let err = Leases::open(dir.path(), network).unwrap_err();
        assert_eq!(err.code, Code::InvalidConfig, "{network:?}");
        assert!(err.msg.starts_with("`name`"), "{err}");
    }
    let (disk, set) = (Disk::new(), set("10.1.0.0/24"));
    for (id, ifname) in [
        ("", "eth0"),
        ("c1", ""),
        ("a\r\nb", "eth0"),
        ("a", "eth\n0"),
    ] {
        let err = disk.open().reserve(0, &set, None, &Key::new(id, ifname));
        assert_eq!(err.unwrap_err().code, Code::InvalidEnvironment);
    }
    assert!(disk.names().is_empty());
}

#[test]
fn asking_makes_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Leases::open_existing(dir.path(), "blue").unwrap().is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(Leases::open(dir.path(), "blue").unwrap());
    assert!(Leases::open_existing(dir.path(), "blue").unwrap().is_some());
}

#[test]
fn a_thousand_leases_cost_no_more_than_none() {
    let (disk, set) = (Disk::new(), set("10.1.0.0/16"));
    give(&disk.open(), &set, "first");
    let listed = || LISTED.with(std::cell::Cell::get);
    let before = listed();
    for at in 0..1000 {
        give(&disk.open(), &set, &format!("c{at}"));
    }
    give(&disk.open(), &set, "c500");
    for at in (0..1000).step_by(7) {
        assert_eq!(disk.open().of(&key(&format!("c{at}"))).unwrap().len(), 1);
        disk.open().release(&key(&format!("c{at}"))).unwrap();
    }
    assert_eq!(listed(), before, "names read from the directory");
    disk.open().release(&key("nobody")).unwrap();
    assert!(listed() > before + 1000, "that one has to look");
}

#[test]
fn sixty_four_at_once_get_sixty_four_addresses() {
    let (disk, sets) = (Disk::new(), [set("10.1.0.0/24"), set("fd00::/64")]);
    let given = thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|at| {
                let (disk, sets) = (&disk, &sets);
                scope.spawn(move || {
                    let leases = disk.open();
                    let offers = sets.iter().enumerate();
                    let offers = offers.map(|(index, set)| {
                        leases
                            .reserve(index, set, None, &key(&format!("c{at}")))
                            .unwrap()
                    });
                    offers.map(|offer| offer.address).collect::<Vec<_>>()
                })
            })
            .collect();
        let given = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        given.collect::<HashSet<_>>()
    });
    assert_eq!(given.len(), 128);
    assert_eq!(disk.addresses().len(), 128);
}
