//! A host between two LANs, with three networks: blue (a, b), red (r) and the internal grey (i, j).

use core_netlink::{Conn, IfName, Protocol};
use firewall::{
    Attachment, Change, Forwarding, HostForwarding, Interface, Network, Owner, Ports, Publish,
    Transport,
};
use std::fs;
use vetch_tests::attack::scene::lans;
use vetch_tests::{Lab, Node, lab};

pub(crate) const KEYS: &str = "net/bridge/bridge-nf-call-";

pub(crate) struct World<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) conn: Conn,
    /// 192.0.2.2 and 2001:db8:1::2, the host's default route.
    pub(crate) outside: Node,
    /// 198.51.100.2 and 2001:db8:2::2.
    pub(crate) lan: Node,
}

/// A container: its namespace and what the firewall knows of it.
pub(crate) struct Container {
    pub(crate) node: Node,
    pub(crate) attachment: Attachment,
}

impl std::ops::Deref for Container {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.node
    }
}

pub(crate) fn netfilter(node: &Node) -> Conn {
    node.run(|| Conn::open(Protocol::Netfilter).unwrap())
}

/// Runs a test with bridged packets going through the hooks of IP, and without.
pub(crate) fn worlds(test: impl Fn(&mut World<'_>) + Clone + Send + 'static) {
    for calls in ["1", "0"] {
        let test = test.clone();
        lab(move |lab| {
            let mut world = World::new(lab);
            for family in ["iptables", "ip6tables", "arptables"] {
                lab.sysctl(&format!("{KEYS}{family}"), calls);
            }
            test(&mut world);
        });
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        lab.leaves_state();
        let [outside, lan] = lans(lab);
        lab.cmd("ip route add default via 2001:db8:1::2").ok();
        let mut conn = netfilter(lab);
        firewall::install(&mut conn, || Ok(Change::default())).unwrap();
        World {
            lab,
            conn,
            outside,
            lan,
        }
    }

    pub(crate) fn apply(&mut self, change: &Change) {
        firewall::apply(&mut self.conn, change).unwrap();
    }

    /// A network with a bridge, 10.N.0.1/24 and fdNN::1/64.
    pub(crate) fn network(
        &mut self,
        name: &str,
        n: u8,
        edit: impl FnOnce(&mut Network),
    ) -> Network {
        let bridge = format!("v-{name}");
        let mut network = Network {
            subnets: vec![
                prefix(&format!("10.{n}.0.0/24")),
                prefix(&format!("fd{n:02}::/64")),
            ],
            gateways: vec![
                format!("10.{n}.0.1").parse().unwrap(),
                format!("fd{n:02}::1").parse().unwrap(),
            ],
            ..Network::new(name, bridge.parse().unwrap())
        };
        edit(&mut network);
        let lines = [
            format!("ip link add {bridge} address 02:00:00:{n:02x}:00:01 type bridge"),
            sysctls(
                "ipv6",
                &bridge,
                "accept_ra=0 autoconf=0 accept_redirects=0 accept_dad=0",
            ),
            sysctls("ipv4", &bridge, "accept_redirects=0 send_redirects=0"),
            sysctls(
                "ipv4",
                &bridge,
                if network.internal {
                    ""
                } else {
                    "route_localnet=1"
                },
            ),
            format!("ip address add 10.{n}.0.1/24 dev {bridge}"),
            format!("ip address add fd{n:02}::1/64 dev {bridge} nodad"),
            format!("ip link set {bridge} up"),
        ];
        self.lab.shell(&lines.join("\n")).ok();
        self.apply(&firewall::network(&network).unwrap());
        if !network.internal {
            self.forward(network.bridge);
        }
        network
    }

    /// Switches forwarding on for a bridge and the uplinks, as `firewall` plans it.
    pub(crate) fn forward(&mut self, bridge: IfName) {
        let plan = Forwarding::on(&self.forwarding(bridge));
        self.apply(&plan.change);
        self.set(&plan);
    }

    pub(crate) fn set(&self, plan: &Forwarding) {
        for setting in &plan.settings {
            fs::write(format!("/proc/sys/{}", setting.path()), setting.value).unwrap();
        }
    }

    pub(crate) fn forwarding(&mut self, bridge: IfName) -> HostForwarding {
        let names = [bridge, "uplink".parse().unwrap(), "lan0".parse().unwrap()];
        let on = |path: String| {
            fs::read_to_string(format!("/proc/sys/net/{path}")).is_ok_and(|v| v.trim() == "1")
        };
        let interface = |name: IfName| Interface {
            is_ours: name == bridge,
            ipv4: true,
            ipv6: true,
            forwards_ipv4: on(format!("ipv4/conf/{name}/forwarding")),
            forwards_ipv6: on(format!("ipv6/conf/{name}/force_forwarding")),
            accepts_advertisements: on(format!("ipv6/conf/{name}/accept_ra")),
            ..Interface::new(name)
        };
        HostForwarding {
            ipv4_everywhere: on("ipv4/ip_forward".into()),
            ipv6_everywhere: on("ipv6/conf/all/forwarding".into()),
            ipv6_per_interface: fs::exists("/proc/sys/net/ipv6/conf/all/force_forwarding").unwrap(),
            interfaces: names.map(interface).to_vec(),
            noted: firewall::elements(&mut self.conn).unwrap(),
        }
    }

    /// A container `name` at 10.N.0.H and fdNN::H.
    pub(crate) fn container(
        &mut self,
        network: &Network,
        name: &str,
        host: u8,
        edit: impl FnOnce(&mut Attachment),
    ) -> Container {
        let node = self.lab.netns(name);
        let n = network.gateways[0].to_string();
        let n: u8 = n.split('.').nth(1).unwrap().parse().unwrap();
        let (port, mac) = (
            format!("vtp{name}"),
            format!("02:00:00:{n:02x}:01:{host:02x}"),
        );
        let owner = Owner::attachment(&network.name, format!("test:{name}"), "eth0");
        let mut attachment = Attachment {
            addresses: vec![
                format!("10.{n}.0.{host}").parse().unwrap(),
                format!("fd{n:02}::{host}").parse().unwrap(),
            ],
            ..Attachment::new(owner, port.parse().unwrap(), mac.parse().unwrap())
        };
        edit(&mut attachment);
        let bridge = network.bridge;
        let (open, locked) = match attachment.unguarded {
            true => ("on", "off"),
            false => ("off", "on"),
        };
        let isolated = if network.isolate_ports { "on" } else { "off" };
        let outer = [
            format!(
                "ip link add {port} type veth peer name eth0 address {mac} netns {}",
                node.path()
            ),
            sysctls("ipv6", &port, "disable_ipv6=1"),
            sysctls("ipv4", &port, "rp_filter=1"),
            format!("ip link set {port} master {bridge}"),
            format!(
                "bridge link set dev {port} learning {open} flood {open} locked {locked} hairpin on isolated {isolated}"
            ),
            format!("bridge fdb add {mac} dev {port} master static sticky"),
        ];
        let inner = [
            sysctls(
                "ipv6",
                "eth0",
                "accept_ra=0 autoconf=0 accept_dad=0 addr_gen_mode=0",
            ),
            format!("ip address add 10.{n}.0.{host}/24 dev eth0"),
            format!("ip address add fd{n:02}::{host}/64 dev eth0 nodad"),
            "ip link set lo up; ip link set eth0 up".into(),
            format!("ip route add default via 10.{n}.0.1; ip route add default via fd{n:02}::1"),
        ];
        self.lab.shell(&outer.join("\n")).ok();
        node.shell(&inner.join("\n")).ok();
        self.apply(&firewall::attachment(&attachment).unwrap());
        self.lab.cmd(&format!("ip link set {port} up")).ok();
        // the kernel switches queues and bridge port on a moment later
        assert!(node.reaches(&format!("10.{n}.0.1")), "the gateway");
        Container { node, attachment }
    }

    /// Publishes, for TCP and UDP and for both families (or that of `on`).
    pub(crate) fn publish(
        &mut self,
        on: Option<&str>,
        ports: &str,
        to: &Container,
        port: u16,
    ) -> Change {
        let mut all = Change::default();
        let on = on.map(|on| on.parse().unwrap());
        for &address in &to.attachment.addresses {
            if on.is_some_and(|on: std::net::IpAddr| on.is_ipv4() != address.is_ipv4()) {
                continue;
            }
            for transport in [Transport::Tcp, Transport::Udp] {
                let ports: Ports = ports.parse().unwrap();
                let publish = Publish {
                    on,
                    ports,
                    transport,
                    to: (address, port).into(),
                    only: Vec::new(),
                };
                all.extend(firewall::publish(&to.attachment.owner, &publish).unwrap());
            }
        }
        self.apply(&all);
        all
    }
}

fn prefix(text: &str) -> ipnet::IpNet {
    text.parse().unwrap()
}

fn sysctls(family: &str, dev: &str, settings: &str) -> String {
    let write = |setting: &str| {
        let (key, value) = setting.split_once('=').unwrap();
        format!("echo {value} > /proc/sys/net/{family}/conf/{dev}/{key}")
    };
    settings
        .split_whitespace()
        .map(write)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Who answers there sees this address; both transports agree.
#[track_caller]
pub(crate) fn seen(from: &Node, to: &str) -> String {
    let tcp = from
        .tcp(to)
        .unwrap_or_else(|e| panic!("[{}] tcp {to}: {e}", from.name()));
    let udp = from
        .udp(to)
        .unwrap_or_else(|e| panic!("[{}] udp {to}: {e}", from.name()));
    assert_eq!(
        tcp.ip(),
        udp.ip(),
        "tcp and udp come from different addresses"
    );
    tcp.ip().to_string()
}

/// Nobody answers there: by TCP or UDP if there is a port, else by ICMP echo.
#[track_caller]
pub(crate) fn silent(from: &Node, to: &str) {
    all_silent(from, &[to]);
}

/// Nobody answers at any of these. All are asked at once, for each takes more than a second.
#[track_caller]
pub(crate) fn all_silent<T: AsRef<str> + Sync>(from: &Node, to: &[T]) {
    let answered: Vec<String> = std::thread::scope(|scope| {
        let ask = |to: &'_ T| ask(scope, from, to.as_ref().to_owned());
        let asked: Vec<_> = to.iter().flat_map(ask).collect();
        let answers = asked
            .into_iter()
            .filter_map(|answer| answer.join().unwrap());
        answers.collect()
    });
    assert!(answered.is_empty(), "{}", answered.join("; "));
}

type Answer<'scope> = std::thread::ScopedJoinHandle<'scope, Option<String>>;

fn ask<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    from: &Node,
    to: String,
) -> Vec<Answer<'scope>> {
    let has_port = to.parse::<std::net::SocketAddr>().is_ok();
    let ways: &[&str] = if has_port { &["tcp", "udp"] } else { &["ping"] };
    let way = |way: &'static str| {
        let (from, to) = (from.clone(), to.clone());
        scope.spawn(move || {
            let answered = match way {
                "tcp" => from.tcp(&to).is_ok(),
                "udp" => from.udp(&to).is_ok(),
                _ => from.ping(&to),
            };
            answered.then(|| format!("[{}] {way} {to} is answered", from.name()))
        })
    };
    ways.iter().copied().map(way).collect()
}
