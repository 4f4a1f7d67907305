//! Namespaces: opened with care, created whole, deleted with a truthful answer, listed without exception, talked to from outside.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{panic, process, thread};

use core_netlink::{Conn, Protocol};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use ns_mgmt::{Holder, Kind, Namespace, NetNs, NsName, Target};
use vetch_tests::lab;

fn name(text: &str) -> NsName {
    text.parse().unwrap()
}

fn open(text: &str) -> ns_mgmt::Result<NetNs> {
    NetNs::open(&text.parse::<Target>()?)
}

fn inode_of(path: &str) -> u64 {
    let link = fs::read_link(path).unwrap();
    let text = link.to_str().unwrap();
    text[text.find('[').unwrap() + 1..text.len() - 1]
        .parse()
        .unwrap()
}

#[test]
fn what_is_no_namespace_is_refused_and_a_fifo_does_not_hang() {
    lab(|_| {
        nix::unistd::mkfifo("/run/fifo", Mode::S_IRWXU).unwrap();
        fs::write("/run/file", "text").unwrap();
        let start = Instant::now();
        for foreign in [
            "/run/fifo",
            "/run/file",
            "/run",
            "/dev/null",
            "/proc/self/status",
        ] {
            let err = open(foreign).unwrap_err();
            assert!(err.is_invalid() && err.hint().is_some(), "{err:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(open("/proc/self/ns/uts").unwrap_err().is_invalid());
        assert!(open("/run/nothing").unwrap_err().is_not_found());
        assert!(open("nothing").unwrap_err().is_not_found());
        assert!(open("pid:2147483647").unwrap_err().is_not_found());
        let file = File::open("/run/file").unwrap();
        assert!(
            Namespace::from_fd(Kind::Net, file.into())
                .unwrap_err()
                .is_invalid()
        );
        fs::remove_file("/run/fifo").unwrap();
        fs::remove_file("/run/file").unwrap();
    });
}

#[test]
fn a_namespace_is_the_same_by_name_path_process_and_descriptor() {
    lab(|lab| {
        let blue = lab.netns("blue");
        let sleeper = blue.argv(&["sleep", "60"]).background();
        let by_name = open("blue").unwrap();
        let by_path = open(blue.path()).unwrap();
        let by_pid = open(&format!("pid:{}", sleeper.pid())).unwrap();
        let by_fd = Namespace::from_fd(Kind::Net, blue.net().try_clone().unwrap()).unwrap();
        assert!(by_name == by_path && by_name == by_pid && *by_name.as_namespace() == by_fd);
        assert_eq!(by_name.cookie().unwrap(), by_pid.cookie().unwrap());
        assert_ne!(
            by_name.cookie().unwrap(),
            NetNs::current().unwrap().cookie().unwrap()
        );
        assert!(!by_name.is_current().unwrap());
        assert_eq!(by_pid.names().unwrap(), [name("blue")]);
        assert_eq!(
            ns_mgmt::pids(by_name.as_namespace()).unwrap(),
            [sleeper.pid()]
        );
    });
}

#[test]
fn a_process_that_has_ended_is_not_found() {
    lab(|lab| {
        let gone = lab.argv(&["true"]).background();
        let end = Instant::now() + Duration::from_secs(5);
        // Not reaped yet: the number is taken, the process is no more.
        while let Ok(found) = open(&format!("pid:{}", gone.pid())) {
            assert!(Instant::now() < end, "{found} is still open");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(
            open(&format!("pid:{}", gone.pid()))
                .unwrap_err()
                .is_not_found()
        );
    });
}

#[test]
fn names_are_shared_with_the_reference_tool() {
    lab(|lab| {
        let blue = NetNs::create_named(&name("blue")).unwrap();
        lab.cmd("ip netns list").prints("blue");
        lab.cmd("ip -n blue link set lo up").ok();
        lab.cmd("ip netns add red").ok();
        assert_eq!(open("red").unwrap().names().unwrap(), [name("red")]);
        let names: Vec<_> = NetNs::list()
            .unwrap()
            .into_iter()
            .map(|named| named.name)
            .collect();
        assert_eq!(names, [name("blue"), name("red")]);
        assert!(NetNs::create_named(&name("red")).unwrap_err().is_exists());
        blue.bind_name(&name("azure")).unwrap();
        assert_eq!(blue.names().unwrap(), [name("azure"), name("blue")]);
        NetNs::delete(&name("red")).unwrap();
        lab.cmd("ip netns delete blue").ok();
        lab.cmd("ip netns delete azure").ok();
        assert_eq!(NetNs::list().unwrap(), []);
        assert!(NetNs::delete(&name("red")).unwrap_err().is_not_found());
        leave_no_directory();
    });
}

/// The directory that the first create makes a mount of stays, as it does with the reference tool.
fn leave_no_directory() {
    umount2("/run/netns", MntFlags::MNT_DETACH).unwrap();
    fs::remove_dir("/run/netns").unwrap();
}

#[test]
fn what_a_crash_left_behind_is_no_namespace_and_is_used_again() {
    lab(|_| {
        fs::create_dir("/run/netns").unwrap();
        File::create("/run/netns/blue").unwrap();
        let err = open("blue").unwrap_err();
        assert!(
            err.is_not_found() && err.hint() == Some("vetch netns delete blue"),
            "{err:?}"
        );
        assert_eq!(NetNs::list().unwrap()[0].inode, None);
        let blue = NetNs::create_named(&name("blue")).unwrap();
        assert_eq!(open("blue").unwrap(), blue);
        drop(blue);
        assert_eq!(NetNs::delete(&name("blue")).unwrap().lives_on, []);
        File::create("/run/netns/red").unwrap();
        assert_eq!(NetNs::delete(&name("red")).unwrap().lives_on, []);
        fs::write("/run/netns/mine", "a file with something in it").unwrap();
        assert!(NetNs::create_named(&name("mine")).unwrap_err().is_exists());
        fs::remove_file("/run/netns/mine").unwrap();
        leave_no_directory();
    });
}

#[test]
fn of_many_who_create_one_name_one_wins() {
    lab(|_| {
        const MANY: usize = 8;
        let barrier = Barrier::new(MANY);
        let create = || {
            barrier.wait();
            NetNs::create_named(&name("blue")).map(drop)
        };
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..MANY).map(|_| scope.spawn(create)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(
            results
                .iter()
                .filter_map(|result| result.as_ref().err())
                .all(ns_mgmt::Error::is_exists)
        );
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        assert_eq!(
            mounts.matches(" /run/netns ").count(),
            1,
            "the directory is mounted once:\n{mounts}"
        );
        NetNs::delete(&name("blue")).unwrap();
        leave_no_directory();
    });
}

#[test]
fn a_name_reaches_and_leaves_every_mount_namespace() {
    lab(|lab| {
        NetNs::create_named(&name("first")).unwrap(); // from now on the directory passes mounts on
        let other = lab
            .argv(&[
                "unshare",
                "--mount",
                "--propagation",
                "slave",
                "sleep",
                "60",
            ])
            .background();
        let table = format!("/proc/{}/mountinfo", other.pid());
        await_true(|| {
            fs::read_link(format!("/proc/{}/ns/mnt", other.pid())).unwrap()
                != fs::read_link("/proc/thread-self/ns/mnt").unwrap()
        });
        NetNs::create_named(&name("second")).unwrap();
        assert!(
            fs::read_to_string(&table)
                .unwrap()
                .contains("/run/netns/second")
        );
        for known in ["first", "second"] {
            assert_eq!(NetNs::delete(&name(known)).unwrap().lives_on, [], "{known}");
        }
        assert!(
            !fs::read_to_string(&table)
                .unwrap()
                .contains("/run/netns/second")
        );
        drop(other);
        leave_no_directory();
    });
}

fn await_true(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "it did not come true");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_failed_create_leaves_nothing() {
    lab(|_| {
        mount(
            Some("ro"),
            "/run",
            Some("tmpfs"),
            MsFlags::MS_RDONLY,
            None::<&str>,
        )
        .unwrap();
        let err = NetNs::create_named(&name("blue")).unwrap_err();
        assert!(err.hint().unwrap().contains("read-only"), "{err:?}");
        umount2("/run", MntFlags::empty()).unwrap();
        assert!(!Path::new("/run/netns").exists());
    });
}

#[test]
fn a_delete_says_what_the_namespace_lives_on() {
    lab(|lab| {
        let blue = NetNs::create_named(&name("blue")).unwrap();
        blue.bind_name(&name("azure")).unwrap();
        let inside = lab
            .argv(&["ip", "netns", "exec", "blue", "sleep", "60"])
            .background();
        let comm = format!("/proc/{}/comm", inside.pid());
        await_true(|| fs::read_to_string(&comm).unwrap() == "sleep\n");
        let listener = blue.run(|| std::net::TcpListener::bind("0.0.0.0:80"));
        let deleted = NetNs::delete(&name("blue")).unwrap();
        let said = deleted.to_string();
        assert!(
            said.starts_with("name removed; the namespace lives on: "),
            "{said}"
        );
        let has = |wanted: &dyn Fn(&Holder) -> bool| deleted.lives_on.iter().any(wanted);
        let us = process::id();
        assert!(has(
            &|holder| matches!(holder, Holder::Process { pid, name, .. } if *pid == inside.pid() && name == "sleep")
        ));
        assert!(has(
            &|holder| matches!(holder, Holder::Descriptor { pid, .. } if *pid == us)
        ));
        assert!(has(
            &|holder| matches!(holder, Holder::Socket { pid, .. } if *pid == us)
        ));
        assert!(has(
            &|holder| matches!(holder, Holder::Mount { path, seen_by: None, .. } if path == Path::new("/run/netns/azure"))
        ));
        drop((listener, blue, inside));
        assert_eq!(NetNs::delete(&name("azure")).unwrap().lives_on, []);
        leave_no_directory();
    });
}

#[test]
fn every_namespace_is_listed_with_what_holds_it() {
    lab(|lab| {
        let open = NetNs::create().unwrap();
        let mounted = NetNs::create_named(&name("blue")).unwrap();
        let mounted = {
            let named = mounted;
            named.inode() // and the descriptor is closed
        };
        let alone = lab
            .argv(&[
                "unshare", "--net", "--ipc", "--pid", "--fork", "sleep", "60",
            ])
            .background();
        await_true(|| {
            inode_of(&format!("/proc/{}/ns/net", alone.pid()))
                != inode_of("/proc/thread-self/ns/net")
        });
        let alone_net = inode_of(&format!("/proc/{}/ns/net", alone.pid()));
        let alone_pid = || inode_of(&format!("/proc/{}/ns/pid_for_children", alone.pid()));
        await_true(|| alone_pid() != inode_of("/proc/thread-self/ns/pid"));
        let all = ns_mgmt::list(&Kind::ALL).unwrap().found;
        let find = |kind, inode| {
            all.iter()
                .find(|found| found.kind == kind && found.inode == inode)
                .unwrap()
        };
        let held = &find(Kind::Net, open.inode()).holders;
        assert!(matches!(held[..], [Holder::Descriptor { .. }]), "{held:?}");
        assert_eq!(find(Kind::Net, mounted).names, [name("blue")]);
        assert!(matches!(
            find(Kind::Net, mounted).holders[..],
            [Holder::Mount { .. }]
        ));
        assert!(
            find(Kind::Net, alone_net)
                .pids()
                .any(|pid| pid == alone.pid())
        );
        assert!(
            find(
                Kind::Ipc,
                inode_of(&format!("/proc/{}/ns/ipc", alone.pid()))
            )
            .pids()
            .count()
                >= 1
        );
        assert_eq!(
            find(Kind::Pid, alone_pid()).parent,
            Some(inode_of("/proc/thread-self/ns/pid"))
        );
        assert_eq!(
            find(Kind::Net, alone_net).owner.is_some(),
            find(Kind::Net, mounted).owner.is_some()
        );
        let nets = ns_mgmt::list(&[Kind::Net]).unwrap().found;
        assert!(nets.iter().all(|found| found.kind == Kind::Net));
        drop(alone);
        NetNs::delete(&name("blue")).unwrap();
        leave_no_directory();
    });
}

#[test]
fn a_descriptor_opened_through_a_name_is_found() {
    lab(|_| {
        let blue = NetNs::create_named(&name("blue")).unwrap();
        let inode = blue.inode();
        let through = File::open("/run/netns/blue").unwrap();
        drop(blue);
        let nets = ns_mgmt::list(&[Kind::Net]).unwrap().found;
        let found = nets.iter().find(|found| found.inode == inode).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&through.as_fd()).unsigned_abs();
        assert!(
            found.holders.iter().any(
                |holder| matches!(holder, Holder::Descriptor { fd: found, .. } if *found == fd)
            )
        );
        drop(through);
        NetNs::delete(&name("blue")).unwrap();
        leave_no_directory();
    });
}

#[test]
fn a_socket_is_opened_inside_and_the_caller_stays() {
    lab(|lab| {
        let blue = lab.netns("blue");
        let netns = open("blue").unwrap();
        let before = inode_of("/proc/thread-self/ns/net");
        let conn: Conn = netns.conn(Protocol::Route).unwrap();
        assert_eq!(inode_of("/proc/thread-self/ns/net"), before);
        let there = netns.run(|| inode_of("/proc/thread-self/ns/net")).unwrap();
        assert_eq!(there, netns.inode());
        assert_ne!(there, before);
        let listener = netns
            .run(|| std::net::TcpListener::bind("0.0.0.0:80"))
            .unwrap()
            .unwrap();
        blue.cmd("ss -Hltn").prints("0.0.0.0:80");
        drop((conn, listener));
        // The worker went home: nothing of ours holds the namespace but this descriptor.
        let holders = ns_mgmt::holders(netns.as_namespace()).unwrap();
        assert!(
            !holders
                .iter()
                .any(|holder| matches!(holder, Holder::Thread { .. } | Holder::Socket { .. })),
            "{holders:?}"
        );
    });
}

#[test]
fn a_panic_inside_continues_in_the_caller() {
    lab(|lab| {
        lab.netns("blue");
        let netns = open("blue").unwrap();
        let panic = panic::catch_unwind(panic::AssertUnwindSafe(|| netns.run(|| panic!("inside"))))
            .unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "inside");
        assert_eq!(
            netns.run(|| inode_of("/proc/thread-self/ns/net")).unwrap(),
            netns.inode()
        );
    });
}

#[test]
fn a_sysctl_is_set_in_its_namespace_only() {
    lab(|lab| {
        lab.netns("blue");
        let (blue, key) = (
            open("blue").unwrap(),
            "net.ipv4.conf.lo.arp_ignore".parse().unwrap(),
        );
        blue.set_sysctl(&key, "3").unwrap();
        assert_eq!(blue.sysctl(&key).unwrap(), "3");
        assert_eq!(NetNs::current().unwrap().sysctl(&key).unwrap(), "0");
        let err = blue.set_sysctl(&key, "many").unwrap_err();
        assert!(
            format!("{err}").contains("net.ipv4.conf.lo.arp_ignore")
                && format!("{err}").contains("blue"),
            "{err}"
        );
        assert!(
            blue.sysctl(&"net.ipv4.conf.eth7.arp_ignore".parse().unwrap())
                .unwrap_err()
                .is_not_found()
        );
    });
}

#[test]
fn a_read_only_sysctl_is_explained() {
    lab(|_| {
        let bind = MsFlags::MS_BIND;
        mount(
            Some("/proc/sys/net"),
            "/proc/sys/net",
            None::<&str>,
            bind,
            None::<&str>,
        )
        .unwrap();
        let sealed = bind
            | MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC;
        mount(
            None::<&str>,
            "/proc/sys/net",
            None::<&str>,
            sealed,
            None::<&str>,
        )
        .unwrap();
        let err = NetNs::current()
            .unwrap()
            .set_sysctl(&"net.ipv4.ip_forward".parse().unwrap(), "1")
            .unwrap_err();
        umount2("/proc/sys/net", MntFlags::MNT_DETACH).unwrap();
        assert!(err.hint().unwrap().contains("read-only"), "{err:?}");
    });
}

#[test]
fn a_false_proc_is_not_believed() {
    lab(|_| {
        let blue = NetNs::create().unwrap();
        mount(
            Some("false"),
            "/proc",
            Some("tmpfs"),
            MsFlags::empty(),
            None::<&str>,
        )
        .unwrap();
        fs::create_dir_all("/proc/sys/net/ipv4").unwrap();
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let read = NetNs::current();
        umount2("/proc", MntFlags::MNT_DETACH).unwrap();
        let err = read.unwrap_err();
        assert_eq!(err.hint(), Some("mount -t proc proc /proc"), "{err:?}");
        drop(blue);
    });
}
