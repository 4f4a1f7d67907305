//! A watch mends what somebody changes while packets flow.

use crate::*;
use nix::sys::signal::Signal;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use vetch_tests::Background;

const EVERY: Duration = Duration::from_millis(10);
const PACKETS: u8 = 50;

/// Sends a packet every 10 ms, each from a port of its own, does `harm` after the tenth, and answers which of them arrived.
fn stream(outside: &Node, to: &Node, harm: impl FnOnce()) -> Vec<u8> {
    let server = to.run(|| UdpSocket::bind("0.0.0.0:53").unwrap());
    server
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut harm = Some(harm);
    for n in 0..PACKETS {
        let socket = outside.run(|| UdpSocket::bind("0.0.0.0:0").unwrap());
        let _ = socket.send_to(&[n], "192.0.2.1:53");
        if n == 10 {
            harm.take().into_iter().for_each(|harm| harm());
        }
        std::thread::sleep(EVERY);
    }
    let mut arrived = Vec::new();
    let mut byte = [0];
    while let Ok((1, _)) = server.recv_from(&mut byte) {
        arrived.push(byte[0]);
    }
    arrived
}

/// Running, and done with its first look.
fn watch(lab: &Lab) -> Background {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    let socket = UnixDatagram::bind(&ready).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let words = lab.vetch_argv(&["watch", "--json"]);
    let watch = words
        .env("NOTIFY_SOCKET", ready.to_str().unwrap())
        .background();
    let mut said = [0; 16];
    let len = socket.recv(&mut said).expect("the watch is ready");
    assert_eq!(&said[..len], b"READY=1");
    watch
}

#[test]
fn a_watch_mends_while_packets_flow() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &["53:53/udp"]);
        attach(&mut host, &b, &[]);

        let watch = watch(lab);
        let end = one.host_end;
        let harms = [
            "nft flush ruleset".to_owned(),
            "nft delete table bridge vetch".to_owned(),
            format!("ip link set {end} nomaster"),
            format!("ip link set {end} down"),
            format!("bridge fdb del {} dev {end} master", one.mac),
            "ip address del 10.7.0.1/24 dev vbr-blue".to_owned(),
        ];
        for harm in &harms {
            let arrived = stream(&outside, &a, || drop(lab.shell(harm).ok()));
            println!(
                "{harm}: {} of {PACKETS} lost",
                usize::from(PACKETS) - arrived.len()
            );
            assert!(
                arrived.ends_with(&[PACKETS - 2, PACKETS - 1]),
                "{harm}: {arrived:?}"
            );
        }
        host.detach(&blue(), &who("b"), None)
            .unwrap()
            .settle()
            .unwrap(); // ours, and no alarm
        lab.vetch("network check").ok().prints("");
        watch.signal(Signal::SIGTERM);
        check_told(&watch.wait().stdout);
        away(host);
    });
}

fn check_told(told: &str) {
    assert!(
        told.contains("its tables are missing") && told.contains("(nft)"),
        "{told}"
    );
    for word in [
        "is no port of",
        "is down",
        "no entry for",
        "10.7.0.1/24 is missing",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let is_mended =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["state"] == "mended";
    assert!(told.lines().all(is_mended), "{told}");
    assert!(
        !told.contains("cli:b ("),
        "a detach is nobody's harm: {told}"
    );
}

#[test]
fn a_unit_is_printed() {
    lab(|lab| {
        lab.vetch("watch --unit")
            .ok()
            .prints("ExecStart=")
            .prints("Type=notify");
        lab.vetch("watch --every 0").exits(2).complains("1..=86400");
    });
}
