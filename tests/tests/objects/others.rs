//! Namespace ids, holders of ports, generic netlink families.

use super::{conn, look, machine};
use core_netlink::diag::Transport;
use core_netlink::nsid::NsRef;
use core_netlink::{NsId, Protocol};
use std::os::fd::AsFd;
use vetch_tests::lab;

#[test]
fn namespaces_have_numbers() {
    lab(|lab| {
        let (here, blue) = (machine(lab, "m"), lab.anonymous("blue"));
        let mut conn = conn(&here, Protocol::Route);
        let of = NsRef::Fd(blue.net().as_fd());
        assert_eq!(conn.nsid(of).unwrap(), None);
        let seven = NsId::try_from(7).unwrap();
        conn.set_nsid(of, Some(seven)).unwrap();
        assert_eq!(conn.nsid(of).unwrap(), Some(seven));
        assert_eq!(conn.nsids().unwrap(), [seven]);
        assert!(conn.set_nsid(of, None).unwrap_err().is_exists());
        assert_eq!(look(&here, "ip -j netns list-id")[0]["nsid"], 7);
        let green = lab.anonymous("green");
        conn.set_nsid(NsRef::Fd(green.net().as_fd()), None).unwrap();
        assert_eq!(conn.nsids().unwrap().len(), 2);
    });
}

#[test]
fn whoever_holds_a_port_is_found() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip address add 10.1.1.2/24 dev v0").ok();
        let _tcp = node.tcp_server("10.1.1.2:8080");
        let _tcp6 = node.tcp_server("[::]:8081");
        let _udp = node.udp_server("0.0.0.0:53");
        let mut conn = conn(&node, Protocol::SockDiag);
        let mut holders =
            |transport, at: &str| conn.port_holders(transport, at.parse().unwrap()).unwrap();
        let found = holders(Transport::Tcp, "0.0.0.0:8080");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].local.to_string(), "10.1.1.2:8080");
        let link = format!("socket:[{}]", found[0].inode);
        let ours = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        assert!(
            ours.into_iter()
                .any(|target| target.as_os_str() == link.as_str()),
            "{link}"
        );
        assert_eq!(holders(Transport::Tcp, "127.0.0.1:8080"), []);
        assert_eq!(
            holders(Transport::Tcp, "10.1.1.2:8081").len(),
            1,
            "an IPv6 socket holds IPv4 too"
        );
        assert_eq!(holders(Transport::Udp, "10.1.1.2:53").len(), 1);
        assert_eq!(holders(Transport::Udp, "10.1.1.2:54"), []);
    });
}

#[test]
fn generic_families_are_found_by_name() {
    lab(|lab| {
        let mut conn = conn(lab, Protocol::Generic);
        let control = conn.generic_family("nlctrl").unwrap();
        assert_eq!((control.id, control.group("notify")), (16, Some(16)));
        assert!(conn.generic_family("no-such").unwrap_err().is_not_found());
        let all = conn.generic_families().unwrap();
        assert!(all.contains(&control), "{all:?}");
    });
}
