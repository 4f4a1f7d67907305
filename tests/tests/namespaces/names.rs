//! Names under /run/netns: created whole, shared with the reference tool, deleted with a truthful answer.

use super::{await_true, lasting, leave_no_directory, name, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use ns_mgmt::{Holder, NetNs};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Barrier;
use std::{process, thread};
use vetch_tests::lab;

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
        assert_eq!(lasting(NetNs::delete(&name("blue")).unwrap().lives_on), []);
        File::create("/run/netns/red").unwrap();
        assert_eq!(lasting(NetNs::delete(&name("red")).unwrap().lives_on), []);
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
            assert_eq!(
                lasting(NetNs::delete(&name(known)).unwrap().lives_on),
                [],
                "{known}"
            );
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
        assert_eq!(lasting(NetNs::delete(&name("azure")).unwrap().lives_on), []);
        leave_no_directory();
    });
}
