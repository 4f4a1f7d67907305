//! Published ports by packets: which address, which transport, from where, and whose address is seen.

use crate::{clear, lab, outside, web};
use core_netlink::{Conn, Protocol};
use nix::sys::socket::{
    self, AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn,
};
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use vetch_tests::{Node, Server, skip};

/// TCP and UDP, on every address of both families.
fn serve(node: &Node, port: u16) -> [Server; 2] {
    let at = format!("[::]:{port}");
    [node.tcp_server(&at), node.udp_server(&at)]
}

/// The client's address as the server sees it, by TCP and by UDP.
#[track_caller]
fn seen(from: &Node, to: &str) -> String {
    let tcp = from.tcp(to).unwrap_or_else(|err| panic!("tcp {to}: {err}"));
    let udp = from.udp(to).unwrap_or_else(|err| panic!("udp {to}: {err}"));
    assert_eq!(tcp.ip(), udp.ip(), "{to}");
    tcp.ip().to_canonical().to_string()
}

#[track_caller]
fn silent(from: &Node, all: &[&str]) {
    std::thread::scope(|scope| {
        for to in all {
            scope.spawn(move || assert!(from.tcp(to).is_err(), "tcp {to} is answered"));
            scope.spawn(move || assert!(from.udp(to).is_err(), "udp {to} is answered"));
        }
    });
}

#[test]
fn on_all_addresses_from_everywhere_with_the_clients_address() {
    lab(|lab| {
        let outside = outside(lab);
        let c2 = lab.netns("c2");
        let c1 = web(lab);
        lab.vetch("attach web c1 -p 8080:80 -p 8080:80/udp").ok();
        lab.vetch("attach web c2").ok();
        let _web = serve(&c1, 80);
        assert_eq!(seen(&outside, "192.0.2.1:8080"), "192.0.2.2");
        assert_eq!(seen(&outside, "[2001:db8:1::1]:8080"), "2001:db8:1::2");
        for to in [
            "127.0.0.1:8080",
            "127.8.8.8:8080",
            "192.0.2.1:8080",
            "[2001:db8:1::1]:8080",
        ] {
            seen(lab, to);
        }
        for node in [&c1, &c2] {
            for to in ["192.0.2.1:8080", "10.77.0.1:8080", "[2001:db8:1::1]:8080"] {
                seen(node, to); // turning back
            }
        }
        silent(&outside, &["192.0.2.1:80", "192.0.2.1:8081"]);
        silent(lab, &["[::1]:8080"]);
        clear(lab);
    });
}

#[test]
fn on_one_address_and_on_no_other() {
    lab(|lab| {
        let outside = outside(lab);
        lab.fixture(|| lab.cmd("ip address add 192.0.2.3/24 dev uplink").ok());
        let c1 = web(lab);
        let ports = [
            "192.0.2.1:8080:80",
            "[2001:db8:1::1]:8081:80",
            "127.0.0.1:8082:80",
        ];
        let both: Vec<String> = ports
            .iter()
            .map(|port| format!("-p {port} -p {port}/udp"))
            .collect();
        lab.vetch(&format!("attach web c1 {}", both.join(" "))).ok();
        let _web = serve(&c1, 80);
        assert_eq!(seen(&outside, "192.0.2.1:8080"), "192.0.2.2");
        assert_eq!(seen(&outside, "[2001:db8:1::1]:8081"), "2001:db8:1::2");
        seen(lab, "127.0.0.1:8082");
        silent(
            &outside,
            &[
                "192.0.2.3:8080",
                "[2001:db8:1::1]:8080",
                "192.0.2.1:8081",
                "192.0.2.1:8082",
            ],
        );
        silent(lab, &["127.0.0.1:8080", "192.0.2.1:8082"]);
        silent(&c1, &["10.77.0.1:8082"]);
        clear(lab);
    });
}

#[test]
fn ranges_short_long_and_shifted() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        let ports = [
            "5000-5009:5000-5009",
            "6000-6999:6000-6999",
            "7000-7099:8000-8099",
        ];
        let both: Vec<String> = ports
            .iter()
            .map(|port| format!("-p {port} -p {port}/udp"))
            .collect();
        lab.vetch(&format!("attach web c1 {}", both.join(" "))).ok();
        let _servers = [5000, 5009, 6000, 6500, 6999, 8000, 8099].map(|port| serve(&c1, port));
        for port in [5000, 5009, 6000, 6500, 6999, 7000, 7099] {
            assert_eq!(seen(&outside, &format!("192.0.2.1:{port}")), "192.0.2.2");
            seen(&outside, &format!("[2001:db8:1::1]:{port}"));
        }
        seen(lab, "127.0.0.1:6500");
        silent(
            &outside,
            &[
                "192.0.2.1:4999",
                "192.0.2.1:5010",
                "192.0.2.1:7100",
                "192.0.2.1:8000",
            ],
        );
        clear(lab);
    });
}

#[test]
fn five_hundred_ports_come_and_go_in_one_transaction() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        lab.vetch("attach web c1").ok();
        let ports: String = (10_000..10_500)
            .map(|port| format!(" -p {port}:80"))
            .collect();
        let mut conn = lab.run(|| Conn::open(Protocol::Netfilter).unwrap());
        let mut transactions = || conn.ruleset_generation().unwrap();
        let first = transactions();
        let began = std::time::Instant::now();
        lab.vetch(&format!("port add web c1{ports}")).ok();
        let took = began.elapsed();
        assert!(took.as_secs() < 5, "{took:?}");
        let list = lab.cmd("nft list map inet vetch any4").ok().stdout;
        assert_eq!(list.matches("10.77.0.2 . 80").count(), 500);
        let _web = c1.tcp_server("[::]:80");
        outside.tcp("192.0.2.1:10000").unwrap();
        outside.tcp("[2001:db8:1::1]:10499").unwrap();
        lab.vetch("port rm web c1 --all").ok();
        assert!(outside.tcp("192.0.2.1:10000").is_err());
        // as many as one range may shift, both families
        lab.vetch("port add web c1 -p 20000-21023:30000-31023").ok();
        let list = lab.cmd("nft list map inet vetch any6").ok().stdout;
        assert_eq!(list.matches("fd77::2").count(), 1024);
        assert_eq!(transactions() - first, 3, "one each");
        clear(lab);
    });
}

fn sctp() -> nix::Result<OwnedFd> {
    let protocol = Some(SockProtocol::Sctp);
    socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::empty(),
        protocol,
    )
}

fn at(to: &str) -> SockaddrIn {
    to.parse::<SocketAddrV4>().unwrap().into()
}

#[test]
fn sctp_is_published_too() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        lab.vetch("attach web c1 -p 36412:36412/sctp -p 192.0.2.1:9:9/sctp")
            .ok();
        let ruleset = lab.cmd("nft list table inet vetch").ok();
        let ruleset = ruleset
            .prints("sctp . 36412")
            .prints("192.0.2.1 . sctp . 9");
        drop(ruleset);
        if sctp().is_err() {
            clear(lab);
            skip!("CONFIG_IP_SCTP: no sockets of SCTP");
        }
        let listener = c1.run(|| {
            let socket = sctp().unwrap();
            socket::bind(socket.as_raw_fd(), &at("0.0.0.0:36412")).unwrap();
            socket::listen(&socket, Backlog::new(1).unwrap()).unwrap();
            TcpListener::from(socket)
        });
        let server =
            std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"it works"));
        let mut stream = outside.run(|| {
            let socket = sctp().unwrap();
            socket::connect(socket.as_raw_fd(), &at("192.0.2.1:36412")).unwrap();
            TcpStream::from(socket)
        });
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        server.join().unwrap().unwrap();
        assert_eq!(said, "it works");
        clear(lab);
    });
}
