//! network, attach, detach, ls, gc.

use crate::launch::until;
use vetch_tests::{Lab, Node, lab};

/// A network `web` on 10.77.0.0/24, and a namespace.
pub(crate) fn web(lab: &Lab) -> Node {
    lab.vetch("network create web --subnet 10.77.0.0/24").ok();
    lab.netns("c1")
}

/// Takes the network away, whoever is still attached.
pub(crate) fn clear(lab: &Lab) {
    lab.vetch("network rm --force --wait web").ok();
}

#[test]
fn a_network_is_made_listed_and_removed() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24 --subnet fd77::/64")
            .ok()
            .prints("10.77.0.0/24");
        let link = &lab.cmd("ip -j -d link show vbr-web").ok().json()[0];
        assert_eq!(link["linkinfo"]["info_kind"], "bridge");
        lab.vetch("network ls")
            .ok()
            .prints("10.77.0.0/24 fd77::/64");
        let found = &lab.vetch("--json net ls").ok().json()[0];
        assert_eq!(
            (&found["name"], &found["bridge"], &found["mac"]),
            (&"web".into(), &"vbr-web".into(), &link["address"])
        );
        assert_eq!(found["subnets"][0]["gateway"], "10.77.0.1");
        lab.vetch("network inspect web")
            .ok()
            .prints("10.77.0.0/24 gateway 10.77.0.1");
        lab.vetch("network rm web").ok();
        assert_eq!(
            lab.vetch("--json net ls").ok().json(),
            serde_json::json!([])
        );
        lab.vetch("network rm web")
            .ok()
            .complains("there is no network `web`");
    });
}

#[test]
fn the_same_network_again_changes_nothing_and_another_one_is_refused() {
    lab(|lab| {
        web(lab);
        let before = lab.state();
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        lab.vetch("network create web --subnet 10.78.0.0/24")
            .exits(2)
            .complains("web");
        assert!(
            before.difference(&lab.state()).is_empty(),
            "{:?}",
            before.difference(&lab.state())
        );
        clear(lab);
    });
}

#[test]
fn options_of_a_network_reach_the_kernel() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24 --gateway 10.77.0.254 --mtu 1400 --queues 2 --bridge br77").ok();
        let c1 = lab.netns("c1");
        lab.vetch("attach web c1").ok();
        assert_eq!(lab.cmd("ip -j link show br77").ok().json()[0]["mtu"], 1400);
        let inside = &c1.cmd("ip -j -d link show eth0").ok().json()[0];
        assert_eq!(
            (&inside["mtu"], &inside["num_tx_queues"]),
            (&1400.into(), &2.into())
        );
        assert_eq!(
            c1.cmd("ip -j route show default").ok().json()[0]["gateway"],
            "10.77.0.254"
        );
        assert!(c1.reaches("10.77.0.254"));
        clear(lab);
    });
}

#[test]
fn an_internal_network_has_no_way_out() {
    lab(|lab| {
        lab.outside("internet", "uplink");
        lab.vetch("network create web --subnet 10.77.0.0/24 --internal")
            .ok()
            .prints("internal");
        let c1 = lab.netns("c1");
        lab.netns("c2");
        lab.vetch("attach web c1").ok();
        lab.vetch("attach web c2").ok();
        assert!(c1.reaches("10.77.0.3"));
        assert!(!c1.ping("192.0.2.2"));
        clear(lab);
    });
}

#[test]
fn attached_it_reaches_everybody_and_is_reached_where_published() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        let c1 = web(lab);
        let c2 = lab.netns("c2");
        lab.vetch("attach web c1 -p 8080:80 -p 192.0.2.1:5353:53/udp")
            .ok()
            .prints("10.77.0.2/24 via 10.77.0.1")
            .prints("8080:80/tcp");
        lab.vetch("attach web c2").ok();
        let (http, dns, private) = (
            c1.tcp_server("0.0.0.0:80"),
            c1.udp_server("0.0.0.0:53"),
            c1.tcp_server("0.0.0.0:81"),
        );
        assert!(c2.reaches("10.77.0.2") && c2.reaches("10.77.0.1"));
        let server = outside.tcp_server("0.0.0.0:7777");
        assert_eq!(
            c1.tcp("192.0.2.2:7777").unwrap().ip().to_string(),
            "192.0.2.1",
            "masqueraded"
        );
        outside.tcp("192.0.2.1:8080").unwrap();
        outside.udp("192.0.2.1:5353").unwrap();
        assert!(outside.tcp("192.0.2.1:81").is_err());
        assert_eq!(
            (
                http.seen().len(),
                dns.seen().len(),
                private.seen().len(),
                server.seen().len()
            ),
            (1, 1, 0, 1)
        );
        clear(lab);
    });
}

#[test]
fn attach_takes_wishes() {
    lab(|lab| {
        let c1 = web(lab);
        lab.vetch("attach web c1 --ip 10.77.0.9 --mac 02:00:00:00:00:09 --ifname net9 --id nine")
            .ok()
            .prints("cli:nine");
        let link = &c1.cmd("ip -j addr show net9").ok().json()[0];
        assert_eq!(
            (&link["address"], &link["addr_info"][0]["local"]),
            (&"02:00:00:00:00:09".into(), &"10.77.0.9".into())
        );
        let found = &lab.vetch("ls web --json").ok().json()[0];
        assert_eq!(
            (&found["id"], &found["interface"], &found["namespace"]),
            (&"cli:nine".into(), &"net9".into(), &"c1".into())
        );
        clear(lab);
    });
}

#[test]
fn the_same_attach_again_changes_nothing() {
    lab(|lab| {
        let c1 = web(lab);
        lab.vetch("attach web c1 -p 8080:80").ok();
        let before = (lab.state(), c1.state());
        lab.vetch("attach web c1 -p 8080:80").ok();
        assert_eq!(before.0.difference(&lab.state()), Vec::<String>::new());
        assert_eq!(before.1.difference(&c1.state()), Vec::<String>::new());
        lab.vetch("attach web c1 -p 8081:80").exits(2);
        assert_eq!(before.0.difference(&lab.state()), Vec::<String>::new());
        clear(lab);
    });
}

#[test]
fn an_id_is_the_name_however_the_namespace_was_spelt() {
    lab(|lab| {
        web(lab);
        let nameless = lab.anonymous("x");
        for spelt in ["c1", "ns:c1", "/run/netns/c1", "/var/run/netns/c1"] {
            lab.vetch(&format!("attach web {spelt}"))
                .ok()
                .prints("web cli:c1:");
        }
        assert_eq!(
            lab.vetch("ls --json").ok().json().as_array().unwrap().len(),
            1
        );
        lab.vetch(&format!("attach web {}", nameless.path()))
            .ok()
            .prints("web cli:ns-");
        clear(lab);
    });
}

#[test]
fn detach_finds_it_by_any_words() {
    lab(|lab| {
        let c1 = web(lab);
        for words in ["c1", "ns:c1", "/run/netns/c1", c1.path(), "cli:c1"] {
            lab.vetch("attach web c1").ok();
            assert!(c1.reaches("10.77.0.1"));
            let gone = lab
                .vetch(&format!("detach web {words} --wait --json"))
                .ok()
                .json();
            assert_eq!(gone[0]["id"], "cli:c1", "{words}");
            assert!(c1.cmd("ip -j link show eth0").code != 0);
            lab.vetch(&format!("detach web {words}"))
                .ok()
                .complains("nothing of");
        }
        clear(lab);
    });
}

#[test]
fn detach_by_process_number() {
    lab(|lab| {
        let c1 = web(lab);
        let sleeper = c1.argv(&["sleep", "60"]).background();
        let pid = sleeper.pid();
        lab.vetch(&format!("attach web pid:{pid} --id job"))
            .ok()
            .prints("cli:job");
        assert!(c1.reaches("10.77.0.1"));
        lab.vetch(&format!("detach web pid:{pid}")).ok();
        assert_eq!(lab.vetch("ls --json").ok().json(), serde_json::json!([]));
        clear(lab);
    });
}

#[test]
fn detach_takes_every_spelling_that_ls_shows() {
    lab(|lab| {
        web(lab);
        let nameless = lab.anonymous("x");
        let path = nameless.path();
        let attach = |words: &[&str]| {
            lab.vetch_argv(&[&["attach", "web"], words].concat())
                .go()
                .ok()
        };
        let detach = |words: &str| {
            let gone = lab
                .vetch_argv(&["detach", "web", words, "--wait", "--json"])
                .go()
                .ok();
            gone.json().as_array().unwrap().len()
        };
        let wishes: [&[&str]; 6] = [
            &["c1", "--id", "cli:a"],
            &["c1", "--id", "a"],
            &["/run/netns/c1", "--id", "run:a"],
            &["c1", "--id", "two words"],
            &["c1", "--id", "cli:two%20words"],
            &[path],
        ];
        for wish in wishes {
            attach(wish);
            let shown = lab.vetch("ls --json").ok().json()[0].clone();
            let (id, namespace) = (
                shown["id"].as_str().unwrap(),
                shown["namespace"].as_str().unwrap(),
            );
            let name = id.strip_prefix("cli:").unwrap();
            for spelling in [id, name, namespace] {
                attach(wish);
                assert_eq!(detach(spelling), 1, "{wish:?} by {spelling}");
            }
            if let ["c1" | "/run/netns/c1", "--id", typed] = wish {
                attach(wish);
                assert_eq!(detach(typed), 1, "{wish:?} as typed");
            }
        }
        // An id is nobody else's, though a namespace has that name; words for the namespace mean all that is in it.
        attach(&["c1", "--id", "b"]);
        attach(&["/run/netns/c1", "--id", "c", "--ifname", "eth1"]);
        assert_eq!(detach("cli:b"), 1);
        attach(&["c1", "--id", "b"]);
        assert_eq!(detach("ns:c1"), 2);
        clear(lab);
    });
}

#[test]
fn detach_takes_one_interface_or_all() {
    lab(|lab| {
        let c1 = web(lab);
        for ifname in ["eth0", "eth1"] {
            lab.vetch(&format!("attach web c1 --ifname {ifname}")).ok();
        }
        lab.vetch("detach web c1 --ifname eth1 --wait").ok();
        c1.cmd("ip link show eth1").fails();
        c1.cmd("ip link show eth0").ok();
        lab.vetch("attach web c1 --ifname eth1").ok();
        lab.vetch("detach web c1 --wait").ok();
        assert_eq!(lab.vetch("ls --json").ok().json(), serde_json::json!([]));
        clear(lab);
    });
}

/// What is there afterwards is the state to come back to: the pair inside has gone by then.
fn vanish(lab: &Lab, name: &str) {
    let links = || lab.shell("ip -br link show type veth").stdout;
    lab.fixture(|| {
        let before = links().lines().count();
        lab.cmd(&format!("ip netns delete {name}")).ok();
        until("the pair is gone", || links().lines().count() < before);
    });
}

#[test]
fn detach_does_not_need_the_namespace() {
    lab(|lab| {
        web(lab);
        lab.fixture(|| lab.cmd("ip netns add brief").ok());
        lab.vetch("attach web brief -p 8080:80").ok();
        vanish(lab, "brief");
        lab.vetch("detach web brief").ok();
        assert_eq!(lab.vetch("ls --json").ok().json(), serde_json::json!([]));
        lab.vetch("attach web c1 -p 8080:80").ok();
        clear(lab);
    });
}

#[test]
fn what_detach_leaves_to_a_child_is_gone_soon_and_holds_no_pipe() {
    lab(|lab| {
        let c1 = web(lab);
        lab.vetch("attach web c1").ok();
        let host_end = lab.vetch("ls --json").ok().json()[0]["host_interface"]
            .as_str()
            .unwrap()
            .to_owned();
        // `cat` ends only when nobody holds the pipe.
        lab.shell(&format!(
            "{} detach web c1 | cat",
            std::env::var("VETCH_BIN").unwrap()
        ))
        .ok();
        lab.cmd(&format!("ip link show {host_end}")).fails();
        // At once again with the same key: the slow end of the first life is no obstacle.
        lab.vetch("attach web c1").ok();
        assert!(c1.reaches("10.77.0.1"));
        clear(lab);
    });
}

#[test]
fn a_network_in_use_is_removed_only_by_force() {
    lab(|lab| {
        web(lab);
        lab.vetch("attach web c1").ok();
        lab.vetch("network rm web").exits(2).complains("c1");
        lab.vetch("network rm web --force").ok();
        lab.vetch("network inspect web").exits(2);
    });
}

#[test]
fn a_dry_run_shows_the_words_and_does_nothing() {
    lab(|lab| {
        let before = lab.state();
        lab.vetch("network create web --subnet 10.77.0.0/24 --dry-run")
            .ok()
            .prints("ip link add");
        assert_eq!(before.difference(&lab.state()), Vec::<String>::new());
        web(lab);
        let before = lab.state();
        lab.vetch("attach web c1 -p 8080:80 --dry-run")
            .ok()
            .prints("ip link add")
            .prints("add element inet vetch any4");
        let steps = lab.vetch("attach web c1 --dry-run --json").ok().json();
        assert!(
            steps
                .as_array()
                .unwrap()
                .iter()
                .all(|step| step["what"].is_string() && step["words"].is_array())
        );
        assert_eq!(before.difference(&lab.state()), Vec::<String>::new());
        lab.vetch("attach web c1 -v").ok().complains("ip link add");
        let before = lab.state();
        lab.vetch("detach web c1 --dry-run").ok().prints("#");
        lab.vetch("network rm web --force --dry-run")
            .ok()
            .prints("#");
        assert_eq!(before.difference(&lab.state()), Vec::<String>::new());
        clear(lab);
    });
}

#[test]
fn gc_clears_what_a_vanished_namespace_left() {
    lab(|lab| {
        web(lab);
        lab.fixture(|| lab.cmd("ip netns add brief").ok());
        lab.vetch("attach web brief").ok();
        lab.vetch("attach web c1").ok();
        vanish(lab, "brief");
        let found = lab.vetch("gc --json").ok().json();
        assert_eq!(found["attachments"][0]["id"], "cli:brief", "{found}");
        let left = lab.vetch("ls --json").ok().json();
        assert_eq!(
            (left.as_array().unwrap().len(), &left[0]["id"]),
            (1, &"cli:c1".into())
        );
        clear(lab);
    });
}

#[test]
fn big_tcp_is_set_on_every_device_of_a_network() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        lab.vetch("network create web --subnet 10.77.0.0/24 --big-tcp")
            .ok();
        lab.vetch("network inspect web")
            .ok()
            .prints("BIG TCP         yes");
        for name in ["a", "b"] {
            lab.vetch(&format!("attach web {name}")).ok();
        }
        let size = |node: &Node, dev: &str| {
            let link = node
                .cmd(&format!("ip -d -j link show dev {dev}"))
                .ok()
                .json();
            link[0]["gso_max_size"].as_u64().unwrap()
        };
        let end = lab.vetch("ls web --json").ok().json()[0]["host_interface"].clone();
        let sizes = [
            size(lab, "vbr-web"),
            size(lab, end.as_str().unwrap()),
            size(&a, "eth0"),
            size(&b, "eth0"),
        ];
        assert_eq!(sizes, [196_608; 4]);
        let _served = a.tcp_server("0.0.0.0:80");
        b.tcp("10.77.0.2:80").unwrap();
        lab.vetch("network check").ok();
        lab.vetch("network create web")
            .exits(2)
            .complains("BIG TCP true, not false");
        clear(lab);
    });
}
