//! Whole command lines against a kernel that is a function: words in, text, JSON, errors and exit codes out.

use crate::args::Args;
use crate::session::Session;
use crate::{Env, Program, table};
use core_netlink::fake::{Reply, Sent};
use core_netlink::{Conn, Writer};
use proptest::prelude::*;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

/// What came of a command line.
struct Said {
    code: u8,
    out: String,
    err: String,
}

fn run(
    program: Program,
    words: &[String],
    kernel: impl FnMut(&Sent<'_>) -> Reply + Send + 'static,
) -> Said {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let env = Env {
        program,
        ..Env::default()
    };
    let kernel = Arc::new(Mutex::new(kernel));
    let conn = || {
        let kernel = Arc::clone(&kernel);
        Conn::fake(move |sent| kernel.lock().unwrap()(sent))
    };
    let mut session = Session::new(&env, &mut out, &mut err).with_conns(conn(), conn());
    let done = table::run(&mut session, Args::new(&words));
    let code = session.finish(done);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code,
        out: text(out),
        err: text(err),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn message(header: &[u8], attributes: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.raw(header);
    attributes(&mut w);
    bytes
}

/// `struct ifinfomsg` and attributes of an Ethernet link that is up.
fn link(index: u8, name: &str, more: impl FnOnce(&mut Writer<'_>)) -> (u16, Vec<u8>) {
    let header = [0, 0, 1, 0, index, 0, 0, 0, 0x43, 0x10, 1, 0, 0, 0, 0, 0];
    let body = message(&header, |w| {
        w.str(3, name); // IFLA_IFNAME
        w.u32(4, 1500); // IFLA_MTU
        w.str(6, "noqueue"); // IFLA_QDISC
        w.u32(13, 1000); // IFLA_TXQLEN
        w.u8(16, 6); // IFLA_OPERSTATE
        w.u8(17, 0); // IFLA_LINKMODE
        w.u32(27, 0); // IFLA_GROUP
        w.bytes(1, &[2, 0, 0, 0, 0, index]); // IFLA_ADDRESS
        w.bytes(2, &[0xff; 6]); // IFLA_BROADCAST
        more(w);
    });
    (16, body)
}

/// `struct ifaddrmsg`: 10.0.0.1/24 on link 2.
fn address() -> (u16, Vec<u8>) {
    let body = message(&[2, 24, 0x80, 0, 2, 0, 0, 0], |w| {
        w.bytes(1, &[10, 0, 0, 1]);
        w.bytes(2, &[10, 0, 0, 1]);
        w.bytes(4, &[10, 0, 0, 255]);
        w.str(3, "eth0");
        w.u32(8, 0x80);
        w.bytes(6, &[0xff; 16]);
    });
    (20, body)
}

/// A machine with one link and one address.
fn machine(sent: &Sent<'_>) -> Reply {
    Reply::Records(match sent.kind {
        18 => vec![link(2, "eth0", |_| {})],
        22 => vec![address()],
        26 => vec![(
            24,
            message(&[2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0], |w| {
                w.u32(4, 2);
                w.bytes(5, &[10, 0, 0, 254]);
            }),
        )],
        30 => vec![(
            28,
            message(&[2, 0, 0, 0, 2, 0, 0, 0, 0x80, 0, 0, 1], |w| {
                w.bytes(1, &[10, 0, 0, 9]);
                w.bytes(2, &[2, 0, 0, 0, 0, 9]);
            }),
        )],
        34 => vec![(
            32,
            message(&[2, 0, 24, 0, 100, 0, 0, 1, 0, 0, 0, 0], |w| {
                w.bytes(2, &[10, 0, 0, 0]);
                w.u32(6, 77);
            }),
        )],
        _ => return Reply::Ack,
    })
}

#[track_caller]
fn prints(line: &str, want: &str) {
    let said = run(Program::Ip, &words(line), machine);
    assert_eq!(
        (said.out.as_str(), said.err.as_str(), said.code),
        (want, "", 0),
        "{line}"
    );
}

#[test]
fn objects_are_printed_as_the_originals_do() {
    prints(
        "link",
        "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff\n",
    );
    prints(
        "-br link show",
        "eth0             UP             02:00:00:00:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP> \n",
    );
    prints(
        "-4 a",
        "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\n       valid_lft forever preferred_lft forever\n",
    );
    prints(
        "-o addr",
        "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever\n",
    );
    prints("r", "default via 10.0.0.254 dev eth0 \n");
    prints(
        "neigh",
        "10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 PERMANENT \n",
    );
    prints("rule", "77:\tfrom 10.0.0.0/24 lookup 100\n");
}

#[test]
fn json_says_the_same() {
    prints(
        "-j -br link",
        "[{\"ifname\":\"eth0\",\"operstate\":\"UP\",\"address\":\"02:00:00:00:00:02\",\"flags\":[\"BROADCAST\",\"MULTICAST\",\"UP\",\"LOWER_UP\"]}]\n",
    );
    prints(
        "-j -br addr",
        "[{\"ifname\":\"eth0\",\"operstate\":\"UP\",\"addr_info\":[{\"local\":\"10.0.0.1\",\"prefixlen\":24}]}]\n",
    );
    prints(
        "-j route",
        "[{\"dst\":\"default\",\"gateway\":\"10.0.0.254\",\"dev\":\"eth0\",\"flags\":[]}]\n",
    );
    prints(
        "-j neigh",
        "[{\"dst\":\"10.0.0.9\",\"dev\":\"eth0\",\"lladdr\":\"02:00:00:00:00:09\",\"state\":[\"PERMANENT\"]}]\n",
    );
    prints(
        "-j rule",
        "[{\"priority\":77,\"src\":\"10.0.0.0\",\"srclen\":24,\"table\":\"100\"}]\n",
    );
}

#[test]
fn names_from_the_kernel_do_not_reach_the_terminal_as_they_are() {
    let said = run(Program::Ip, &words("link"), |_| {
        Reply::Records(vec![link(2, "a\x1b[31m", |w| w.bytes(20, b"\x07evil"))])
    });
    assert!(
        said.out.contains("a\\u{1b}[31m") && said.out.contains("alias \\u{7}evil"),
        "{}",
        said.out
    );
}

/// Under `vetch`: exit code, and a part of what is said.
#[track_caller]
fn refused(line: &str, code: u8, part: &str) {
    let mut writes = 0;
    let said = run(Program::Vetch, &words(line), move |sent| {
        writes += usize::from(sent.kind % 4 != 2); // RTM_GET* are 2 modulo 4
        assert_eq!(writes, 0, "a write for bad input");
        machine(sent)
    });
    assert!(said.err.contains(part), "`{line}`: {}", said.err);
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{line}");
}

#[rustfmt::skip]
const BAD_INPUT: &[(&str, u8, &str)] = &[
    ("addr add 10.0.0.1/33 dev eth0", 2, "wrong address `10.0.0.1/33`"),
    ("addr add dev eth0", 2, "no address is given"),
    ("addr add 10.0.0.1/24", 2, "hint: say `dev LINK`"),
    ("addr add fd00::1/64 brd + dev eth0", 2, "an IPv6 address has none"),
    ("addr add 10.0.0.1/24 dev eth0 valid_lft 10 preferred_lft 20", 2, "preferred_lft is greater"),
    ("link add 0123456789abcdef type bridge", 2, "1 to 15 bytes"),
    ("link add a/b type bridge", 2, "wrong name `a/b`"),
    ("link add e%d type bridge", 2, "wrong name `e%d`"),
    ("link add br0", 2, "its kind is not given"),
    ("link add x type vlan id 5", 2, "built on another link"),
    ("link add x link eth0 type vlan id 4095", 2, "a VLAN id is 0 to 4094"),
    ("link add x type vxlan id 16777216", 2, "0 to 16777215"),
    ("link add x type bridge foo 1", 2, "`foo` is no option of a bridge"),
    ("link set eth0 mtu -5", 2, "wrong mtu `-5`"),
    ("link set eth0 address 03:00:00:00:00:01", 2, "multicast bit"),
    ("link set eth0 address 02:00:00:00:00:01:02", 2, "has 7 bytes, 6 are right"),
    ("link set eth0 promisc maybe", 2, "`on` or `off`"),
    ("link set eth0 netns /nowhere", 2, "/nowhere"),
    ("link set eth0 foo", 2, "`foo` has no place here"),
    ("link foo", 2, "hint: add, set, delete, show, property"),
    ("route add 10.0.0.1/8 dev eth0", 2, "`10.0.0.0/8` is the network"),
    ("route add 10.0.0.0/8 via banana", 2, "wrong gateway `banana`"),
    ("route flush", 2, "cut the host off"),
    ("rule add fwmark x", 2, "0x10/0xff"),
    ("rule del", 2, "`vetch rule` lists them"),
    ("neigh add 10.0.0.3 lladdr 2:: dev eth0", 2, "wrong lladdr `2::`"),
    ("bridge fdb add zz dev eth0", 2, "wrong MAC address `zz`"),
    ("bridge vlan add vid 4095 dev eth0", 2, "a VLAN is 1 to 4094"),
    ("ifconfig eth0 10.0.0.1/33", 2, "0 to 32"),
    ("ifconfig eth0 netmask 255.0.255.0", 2, "ones in front"),
    ("brctl addbr 0123456789abcdef", 2, "1 to 15 bytes"),
    ("-n", 2, "needs a value"),
    ("--nope link", 2, "option `--nope` is unknown"),
];

#[test]
fn bad_input_is_refused_before_the_first_write() {
    for (line, code, part) in BAD_INPUT {
        refused(line, *code, part);
    }
}

/// Under the name of an original: its exit code and first line.
#[track_caller]
fn answers(
    program: Program,
    line: &str,
    code: u8,
    first: &str,
    kernel: impl FnMut(&Sent<'_>) -> Reply + Send + 'static,
) {
    let said = run(program, &words(line), kernel);
    assert_eq!(
        (said.code, said.err.lines().next().unwrap_or_default()),
        (code, first),
        "{line}"
    );
}

/// Program, words, exit code, first line; then the kernel's answer.
#[rustfmt::skip]
const ORIGINALS: &[(Program, &str, u8, &str, i32, &str)] = &[
    (Program::Ip, "link set nope up", 1, "Cannot find device \"nope\"", 19, ""),
    (Program::Ip, "link show nope", 1, "Device \"nope\" does not exist.", 19, ""),
    (Program::Ip, "foo", 1, "Object \"foo\" is unknown, try \"ip help\".", 19, ""),
    (Program::Ip, "link foo", 255, "Command \"foo\" is unknown, try \"ip link help\".", 19, ""),
    (Program::Ip, "link set", 255, "Not enough information: \"dev\" argument is required.", 19, ""),
    (Program::Ip, "link add br0 type bridge", 2, "RTNETLINK answers: File exists", 17, ""),
    (Program::Ip, "link add x type nope", 2, "Error: Unknown device type.", 95, "Unknown device type"),
    (Program::Bridge, "link set cost 4", 255, "Device is a required argument.", 19, ""),
    (Program::Brctl, "addif nope eth0", 1, "bridge nope does not exist!", 19, ""),
    (Program::Ifconfig, "nope", 1, "nope: error fetching interface information: Device not found", 19, ""),
];

#[test]
fn the_originals_words_and_codes_are_kept_under_their_names() {
    for (program, line, code, first, errno, text) in ORIGINALS {
        answers(*program, line, *code, first, |_| match *text {
            "" => Reply::Errno(*errno),
            text => Reply::Words(*errno, text.into()),
        });
    }
}

#[test]
fn an_explanation_follows_where_it_is_wanted() {
    let said = run(
        Program::Ip,
        &words("--explain link add br0 type bridge"),
        |_| Reply::Errno(17),
    );
    let lines: Vec<_> = said.err.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "RTNETLINK answers: File exists",
            "error: cannot add link `br0`: File exists"
        ]
    );
    assert!(lines[2].starts_with("hint: a link of that name is there already"));
}

#[test]
fn a_question_answered_with_no_is_no_failure() {
    let said = run(Program::Vetch, &words("link show nope"), |_| {
        Reply::Errno(19)
    });
    assert_eq!(said.code, 1);
}

/// Says how often a list was asked for, which changes the first times it is read.
fn changing(times: usize, length: usize) -> (Said, usize) {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let kernel = move |sent: &Sent<'_>| {
        let Reply::Records(one) = machine(sent) else {
            return Reply::Ack;
        };
        if sent.kind != 26 {
            return Reply::Records(one);
        }
        *count.lock().unwrap() += 1;
        let all = vec![one; length].concat();
        match *count.lock().unwrap() <= times {
            true => Reply::Interrupted(all),
            false => Reply::Records(all),
        }
    };
    let said = run(Program::Ip, &words("-j route show"), kernel);
    let asked = *asked.lock().unwrap();
    (said, asked)
}

#[test]
fn a_list_that_changes_is_printed_once() {
    let routes = |said: &Said| serde_json::from_str::<Vec<serde_json::Value>>(&said.out).unwrap();
    let (said, asked) = changing(2, 3);
    assert_eq!((said.code, asked, routes(&said).len()), (0, 3, 3));
    let (said, asked) = changing(usize::MAX, 3);
    assert_eq!((said.code, said.out.as_str(), asked), (2, "", 10));
    // So long that its beginning is printed by the time it turns out to have changed.
    let (said, asked) = changing(1, 40_000);
    assert_eq!((said.code, asked, routes(&said).len()), (2, 1, 40_000));
    assert!(said.err.contains("kept changing"), "{}", said.err);
}

#[test]
fn a_closed_pipe_is_no_error() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let words: Vec<OsString> = vec!["link".into()];
    let (mut closed, mut err) = (Closed, Vec::new());
    let mut session = Session::new(&Env::default(), &mut closed, &mut err)
        .with_conns(Conn::fake(machine), Conn::fake(machine));
    let done = table::run(&mut session, Args::new(&words));
    assert_eq!((session.finish(done), err.len()), (0, 0));
}

/// Every word that means something somewhere, but for `netns`, whose verbs act on the machine itself.
#[rustfmt::skip]
const VOCABULARY: &[&str] = &[
    "add", "del", "set", "show", "get", "flush", "replace", "append", "change", "list", "help", "property", "dev", "name", "eth0", "type", "bridge",
    "veth", "vlan", "vxlan", "macvlan", "ipvlan", "dummy", "peer", "link", "mtu", "address", "up", "down", "master", "nomaster", "alias", "group",
    "promisc", "on", "off", "addrgenmode", "id", "remote", "local", "dstport", "learning", "ttl", "inherit", "mode", "stp_state", "vlan_filtering",
    "10.0.0.1/24", "10.0.0.1", "fd00::1/64", "default", "via", "src", "metric", "table", "all", "main", "scope", "proto", "onlink", "nexthop",
    "weight", "lock", "advmss", "features", "ecn", "rtt", "1s", "blackhole", "brd", "+", "-", "label", "nodad", "valid_lft", "forever", "to",
    "root", "match", "exact", "from", "not", "fwmark", "0x1/0xff", "iif", "oif", "goto", "uidrange", "1-2", "sport", "lookup", "pref", "nud",
    "permanent", "proxy", "lladdr", "02:00:00:00:00:01", "router", "self", "dst", "vni", "port", "vid", "pvid", "untagged", "state", "hairpin", "cost",
    "hw", "ether", "netmask", "255.255.255.0", "broadcast", "addbr", "addif", "delif", "showmacs", "stp", "0", "1", "4294967295", "-1", "", "%d", "/", "\u{1b}",
    "altname", "egress-qos-map", "1:2", "macaddr", "flowlabel", "temporary", "-primary", "eth0:1", "br", "brport",
];

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![8 => prop::sample::select(VOCABULARY).prop_map(str::to_owned), 1 => "\\PC{0,20}"]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Ack),
        (1..134i32).prop_map(Reply::Errno),
        ".{0,20}".prop_map(|text| Reply::Words(22, text)),
        prop::collection::vec((16..36u16, prop::collection::vec(any::<u8>(), 0..80)), 0..3)
            .prop_map(Reply::Records),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_command_line_and_no_kernel_make_us_panic(
        program in prop::sample::select(&[Program::Vetch, Program::Ip, Program::Bridge, Program::Brctl, Program::Ifconfig][..]),
        options in prop::collection::vec(prop::sample::select(&["-j", "-p", "-d", "-s", "-br", "-o", "-4", "-6", "--explain"][..]), 0..3),
        object in prop::sample::select(&["link", "addr", "route", "rule", "neigh", "bridge", "fdb", "vlan", "ifconfig", "brctl", "eth0", "show"][..]),
        rest in prop::collection::vec(any_word(), 0..8),
        reply in any_reply(),
        real in any::<bool>(),
    ) {
        let mut words: Vec<String> = options.into_iter().map(str::to_owned).collect();
        words.push(object.to_owned());
        words.extend(rest);
        let said = run(program, &words, move |sent| if real { machine(sent) } else { reply.clone() });
        prop_assert!([0, 1, 2, 3, 234, 255].contains(&said.code), "{}", said.code);
        if said.code == 0 && said.out.starts_with("[{") {
            let parsed = serde_json::from_str::<serde_json::Value>(&said.out);
            prop_assert!(parsed.is_ok(), "no JSON: {}", said.out);
        }
    }
}
