//! What networks and attachments open and close by their options.

use vetch_tests::{Lab, Node, lab};

/// Namespaces, attached in this order; options stand behind the name.
fn attach<const N: usize>(lab: &Lab, network: &str, names: [&str; N]) -> [Node; N] {
    names.map(|words| {
        let node = lab.netns(words.split(' ').next().unwrap());
        lab.vetch(&format!("attach {network} {words}")).ok();
        node
    })
}

fn clear(lab: &Lab, networks: &str) {
    lab.vetch(&format!("network rm --force --wait {networks}"))
        .ok();
}

#[test]
fn ipv6_is_there_at_once_and_for_good() {
    lab(|lab| {
        let made = lab.vetch("network create web --ipv6 --json").ok().json();
        let subnet = made["subnets"][1]["subnet"].as_str().unwrap();
        assert!(
            subnet.starts_with("fd") && subnet.ends_with("/64"),
            "{subnet}"
        );
        let again = lab.vetch("network create web --ipv6 --json").ok().json();
        assert_eq!(made, again, "the prefix is kept");
        let [a, b] = attach(lab, "web", ["a", "b"]);
        let gateway = made["subnets"][1]["gateway"].as_str().unwrap();
        assert!(a.ping(gateway), "no waiting for duplicates");
        let link_local = |node: &Node, dev: &str| {
            let found = node
                .cmd(&format!("ip -j -6 address show dev {dev} scope link"))
                .ok();
            let found = found.json()[0]["addr_info"].clone();
            // ip(8) leaves an empty object for each address of another scope
            let found = found.as_array().unwrap().last().unwrap().clone();
            assert!(found["tentative"].is_null(), "{found}");
            format!("{}%eth0", found["local"].as_str().unwrap())
        };
        for to in [link_local(&b, "eth0"), link_local(lab, "vbr-web")] {
            assert!(a.ping(&to), "{to}");
        }
        lab.vetch("network create four").ok();
        lab.vetch("network create four --ipv6")
            .exits(2)
            .complains("IPv6 off, not on");
        clear(lab, "web four");
    });
}

#[test]
fn isolated_ports_are_apart() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        lab.vetch("network create web --isolate-ports --subnet 10.77.0.0/24")
            .ok();
        let [a, b] = attach(lab, "web", ["a", "b -p 8080:80"]);
        let (_web, _far) = (b.tcp_server("0.0.0.0:80"), outside.tcp_server("0.0.0.0:80"));
        assert!(!a.ping("10.77.0.3") && a.tcp("10.77.0.3:80").is_err());
        assert!(a.tcp("192.0.2.1:8080").is_err());
        assert!(a.reaches("10.77.0.1") && a.tcp("192.0.2.2:80").is_ok());
        assert!(outside.tcp("192.0.2.1:8080").is_ok() && lab.tcp("10.77.0.3:80").is_ok());
        lab.vetch("network inspect web")
            .ok()
            .prints("isolated ports");
        lab.vetch("network create web")
            .exits(2)
            .complains("isolated ports true, not false");
        clear(lab, "web");
    });
}

#[test]
fn lists_say_what_can_be_connected_to() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        let words = "network create web --subnet 10.77.0.0/24 --allow 192.0.2.0/24:80-81 --allow 203.0.113.9 \
                     --deny 192.0.2.2:81/tcp --host-service tcp:53 --host-services";
        lab.vetch(words).ok();
        let [a, b] = attach(lab, "web", ["a", "b"]);
        let _far = [80, 81, 82].map(|port| outside.tcp_server(&format!("0.0.0.0:{port}")));
        let _near = [22, 53].map(|port| lab.tcp_server(&format!("0.0.0.0:{port}")));
        let _web = b.tcp_server("0.0.0.0:82");
        for to in ["192.0.2.2:80", "10.77.0.1:53", "10.77.0.3:82"] {
            a.tcp(to).unwrap();
        }
        for to in ["192.0.2.2:81", "192.0.2.2:82", "10.77.0.1:22"] {
            assert!(a.tcp(to).is_err(), "{to}");
        }
        let found = lab.vetch("network inspect web --json").ok().json();
        assert_eq!(found[0]["deny"], serde_json::json!(["192.0.2.2/32:81/tcp"]));
        assert_eq!(found[0]["host_service"], serde_json::json!(["tcp:53"]));
        lab.vetch(words).ok(); // the same again
        lab.vetch("network create web --host-services")
            .exits(2)
            .complains("the allow list");
        clear(lab, "web");
    });
}

#[test]
fn networks_are_joined_one_way() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        lab.vetch("network create front --subnet 10.78.0.0/24 --reach web")
            .ok();
        lab.vetch("network create back --subnet 10.79.0.0/24 --reached-by web")
            .ok();
        let ([w], [f], [b]) = (
            attach(lab, "web", ["w"]),
            attach(lab, "front", ["f"]),
            attach(lab, "back", ["b"]),
        );
        assert!(f.reaches("10.77.0.2") && w.reaches("10.79.0.2"));
        for (from, to) in [
            (&w, "10.78.0.2"),
            (&b, "10.77.0.2"),
            (&f, "10.79.0.2"),
            (&b, "10.78.0.2"),
        ] {
            assert!(!from.ping(to), "{} to {to}", from.name());
        }
        lab.vetch("detach web w --wait").ok();
        let before = lab.state();
        lab.vetch("network rm web")
            .exits(2)
            .complains("network `back` is joined to it");
        assert_eq!(before.difference(&lab.state()), Vec::<String>::new());
        clear(lab, "web");
        let refused = lab.vetch("network create other --bridge vbr-web").exits(2);
        refused.complains("network `back` is joined to network `web` by bridge `vbr-web`");
        lab.vetch("network create web --subnet 10.77.0.0/24 --bridge br0")
            .exits(2)
            .complains("joined");
        clear(lab, "front back");
    });
}

#[test]
fn a_routed_subnet_keeps_its_addresses() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        outside.cmd("ip route add 10.77.0.0/24 via 192.0.2.1").ok();
        lab.vetch("network create web --subnet 10.77.0.0/24 --no-masquerade")
            .ok();
        let [a] = attach(lab, "web", ["a -p 8080:80"]);
        let (_web, _far) = (a.tcp_server("0.0.0.0:80"), outside.tcp_server("0.0.0.0:80"));
        assert_eq!(a.tcp("192.0.2.2:80").unwrap().ip().to_string(), "10.77.0.2");
        assert!(outside.tcp("10.77.0.2:80").is_err() && !outside.ping("10.77.0.2"));
        outside.tcp("192.0.2.1:8080").unwrap();
        clear(lab, "web");
    });
}

#[test]
fn the_guard_of_one_attachment_is_opened_by_name() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        let [a, b, c] = attach(lab, "web", ["a --dhcp", "b --unguarded", "c"]);
        let elements = |set: &str| {
            lab.cmd(&format!("nft list set bridge vetch {set}"))
                .ok()
                .stdout
        };
        assert!(elements("dhcp").contains("vetch:web/cli:a/eth0"));
        assert!(elements("open").contains("vetch:web/cli:b/eth0"));
        for (node, speaks) in [(&b, true), (&c, false), (&a, false)] {
            node.cmd("ip link set eth0 address 02:00:00:00:66:66").ok();
            node.cmd("ip address add 10.77.0.66/24 dev eth0").ok();
            assert_eq!(
                node.ping("-I 10.77.0.66 10.77.0.1"),
                speaks,
                "{}",
                node.name()
            );
            node.cmd("ip link set eth0 down").ok();
            lab.cmd("ip neigh flush dev vbr-web").ok();
        }
        lab.vetch("ls web").ok().prints("up, unguarded");
        lab.vetch("attach web b")
            .exits(2)
            .complains("without a guard");
        lab.vetch("attach web a").exits(2).complains("with DHCP");
        lab.vetch("attach web c --unguarded")
            .exits(2)
            .complains("with a guard");
        clear(lab, "web");
    });
}

#[test]
fn servers_and_routers_are_opened_by_the_network() {
    lab(|lab| {
        let v4 = "network create web --subnet 10.77.0.0/24 --routers";
        lab.vetch(v4).exits(2).complains("hint: give it a prefix");
        let words =
            "network create web --subnet 10.77.0.0/24 --subnet fd77::/64 --dhcp-servers --routers";
        lab.vetch(words).ok();
        lab.vetch(words).ok(); // the same again
        lab.vetch("network create web --routers")
            .exits(2)
            .complains("DHCP servers true, not false");
        lab.netns("a");
        let plan = lab.vetch("attach web a --dry-run").ok();
        plan.prints("bridge vetch dhcpserver")
            .prints("bridge vetch router");
        lab.vetch("attach web a").ok();
        let inspected = lab.vetch("network inspect web --json").ok().json();
        assert_eq!(inspected[0]["dhcp_servers"], true);
        let exposed = lab.vetch("exposed").ok();
        exposed
            .prints("may serve DHCP")
            .prints("may advertise routers");
        lab.cmd("nft flush set bridge vetch router").ok();
        lab.vetch("network check").exits(1).prints("router");
        lab.vetch("network repair").ok();
        let claims = "find /run/vetch -type f -name '*cli:a*' -delete";
        lab.shell(claims).ok(); // told from the kernel and the network
        lab.vetch("network repair").ok();
        lab.vetch("network check").ok();
        let router = lab.cmd("nft list set bridge vetch router").ok();
        router.prints("vetch:web/cli:a/eth0");
        clear(lab, "web");
    });
}

/// It sent by the MAC address that the next attachment gets, and goes on doing so.
#[test]
fn an_unguarded_neighbour_keeps_nobody_out() {
    lab(|lab| {
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        let [loose] = attach(lab, "web", ["loose --unguarded"]);
        let name: bridge::NetworkName = "web".parse().unwrap();
        let mac = name.mac("10.77.0.3".parse().unwrap());
        loose.cmd(&format!("ip link set eth0 address {mac}")).ok();
        assert!(loose.reaches("10.77.0.1"));
        lab.cmd("bridge fdb show br vbr-web")
            .ok()
            .prints(&mac.to_string());
        let [next] = attach(lab, "web", ["next"]);
        assert!(next.ping("10.77.0.1"));
        assert!(
            !loose.ping("10.77.0.1"),
            "answers go to whom the address is"
        );
        assert!(next.ping("10.77.0.1"));
        clear(lab, "web");
    });
}

#[test]
fn the_bridge_of_another_network_is_named_as_such() {
    lab(|lab| {
        lab.vetch("network create web").ok();
        let said = lab.vetch("network create two --bridge vbr-web").exits(2);
        let said = said.complains("`vbr-web` is the bridge of network `web`");
        assert!(!said.stderr.contains("delete"), "{said}");
        clear(lab, "web");
    });
}

#[test]
fn a_firewall_in_the_way_is_named_with_the_rule_that_opens_it() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        let _far = outside.tcp_server("0.0.0.0:80");
        lab.fixture(|| {
            lab.shell("nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'; nft add table ip6 filter; nft 'add chain ip6 filter FORWARD { type filter hook forward priority 0; policy drop; }'")
                .ok()
        });
        let said = lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        let said = said.complains("chain FORWARD of table ip filter drops what is forwarded");
        assert!(!said.stderr.contains("ip6"), "it has no IPv6: {said}");
        let [a] = attach(lab, "web", ["a"]);
        assert!(a.tcp("192.0.2.2:80").is_err());
        let shown = lab
            .vetch("network inspect web")
            .ok()
            .complains("policy drop")
            .stderr;
        let remedy = shown
            .lines()
            .find_map(|line| line.strip_prefix("hint: "))
            .unwrap()
            .to_owned();
        lab.fixture(|| lab.shell(&remedy).ok());
        assert!(a.tcp("192.0.2.2:80").is_ok());
        assert_eq!(lab.vetch("network inspect web").ok().stderr, "");
        lab.fixture(|| lab.shell("nft 'chain ip filter FORWARD { policy accept; }'; nft add rule ip filter FORWARD counter reject; nft delete table ip6 filter").ok());
        assert_eq!(lab.vetch("network inspect web").ok().stderr, "");
        lab.vetch("network create two --internal").ok();
        lab.vetch("network create three")
            .ok()
            .complains("(its last rule)");
        clear(lab, "web two three");
    });
}
