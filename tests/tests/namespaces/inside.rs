//! Acting inside from outside: sockets, closures, sysctls.

use super::{inode_of, lasting, open};
use core_netlink::{Conn, Protocol};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use ns_mgmt::{Holder, NetNs};
use std::fs::{self};
use std::panic;
use vetch_tests::lab;
use vetch_tests::skip::is_real_root;

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
        let holders = lasting(ns_mgmt::holders(netns.as_namespace()).unwrap());
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
fn a_sysctl_is_set_where_it_is_mounted_read_only_or_that_is_explained() {
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
        let (here, key) = (
            NetNs::current().unwrap(),
            "net.ipv4.conf.lo.arp_filter".parse().unwrap(),
        );
        let set = here.set_sysctl(&key, "1");
        umount2("/proc/sys/net", MntFlags::MNT_DETACH).unwrap();
        match set {
            Ok(()) => {
                assert_eq!(here.sysctl(&key).unwrap(), "1");
                here.set_sysctl(&key, "0").unwrap();
            }
            Err(err) => {
                assert!(!is_real_root(), "root may mount a procfs");
                assert!(err.hint().unwrap().contains("read-only"), "{err:?}");
            }
        }
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
