//! The configurations.

use crate::call::List;
use serde_json::{Value, json};

/// A configuration, and what to look at.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What is done on the host first.
    pub(super) before: &'static [&'static str],
    /// The plugins' keys beside name and version.
    pub(super) plugins: Vec<Value>,
    /// For the second container, where that is another one.
    pub(super) second: Option<Vec<Value>>,
    /// `CNI_ARGS` of the first container.
    pub(super) args: &'static str,
    pub(super) asks_mac: bool,
    pub(super) version: &'static str,
    /// Transport, where on the host, and the port of the first container.
    pub(super) published: &'static [(&'static str, &'static str, u16)],
}

impl Case {
    fn new(name: &'static str, bridge: Value) -> Case {
        Case {
            name,
            before: &[],
            plugins: vec![with(json!({"type": "bridge"}), &bridge)],
            second: None,
            args: "",
            asks_mac: false,
            version: "1.0.0",
            published: &[],
        }
    }

    /// With these plugins behind.
    fn chain(mut self, plugins: &[Value]) -> Case {
        self.plugins.extend_from_slice(plugins);
        self
    }

    /// The second container has other keys of the first plugin.
    fn second(mut self, keys: Value) -> Case {
        let mut plugins = self.plugins.clone();
        plugins[0] = with(plugins[0].clone(), &keys);
        self.second = Some(plugins);
        self
    }

    /// Whether everything is looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.version == "1.0.0"
    }

    pub(super) fn bridge(&self) -> &str {
        self.plugins[0]["bridge"].as_str().unwrap_or("cni0")
    }

    pub(super) fn lists(&self) -> [List; 2] {
        let second = self.second.as_ref().unwrap_or(&self.plugins);
        [(&self.plugins, self.args), (second, "")].map(|(plugins, args)| List {
            version: self.version,
            args,
            ..List::new(plugins.clone())
        })
    }
}

fn with(mut value: Value, keys: &Value) -> Value {
    let keys = keys.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(keys);
    value
}

fn host_local(keys: Value) -> Value {
    with(json!({"type": "host-local"}), &keys)
}

fn subnet() -> Value {
    host_local(json!({"subnet": "10.1.0.0/24"}))
}

fn dual() -> Value {
    host_local(json!({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]]}))
}

/// The gateway on the bridge, masquerading, and `keys`.
fn usual(keys: Value) -> Value {
    with(
        json!({"isDefaultGateway": true, "ipMasq": true, "ipam": subnet()}),
        &keys,
    )
}

pub(super) fn bridges() -> Vec<Case> {
    vec![
        Case::new(
            "neither gateway nor masquerading",
            json!({"ipam": subnet()}),
        ),
        Case::new("gateway", json!({"isGateway": true, "ipam": subnet()})),
        Case::new(
            "default gateway",
            json!({"isDefaultGateway": true, "ipam": dual()}),
        ),
        Case::new("masquerading", usual(json!({}))),
        Case::new("masquerading both families", usual(json!({"ipam": dual()}))),
        Case::new(
            "masquerading without a gateway",
            json!({"ipMasq": true, "ipam": subnet()}),
        ),
        Case::new("mtu", usual(json!({"mtu": 1400}))),
        Case::new("hairpin", usual(json!({"hairpinMode": true}))),
        Case::new("promiscuous", usual(json!({"promiscMode": true}))),
        Case::new("another bridge's name", usual(json!({"bridge": "br-blue"}))),
        Case::new(
            "keys in other cases",
            json!({"isGateWay": true, "IPMASQ": true, "Mtu": 1300, "IPAM": subnet()}),
        ),
        Case::new(
            "enabledad",
            usual(json!({"enabledad": true, "ipam": dual()})),
        ),
        Case::new("no addresses", json!({"ipam": {}})),
        Case::new("no addresses, no key", json!({})),
        Case {
            before: &[
                "ip link add cni0 type bridge",
                "ip link set cni0 up",
                "ip address add 10.1.0.1/24 dev cni0",
            ],
            ..Case::new("a bridge that was there", usual(json!({})))
        },
        Case::new("another gateway", usual(json!({})))
            .second(json!({"ipam": host_local(json!({"subnet": "10.9.0.0/24"}))})),
        Case::new(
            "another gateway by force",
            usual(json!({"forceAddress": true})),
        )
        .second(json!({"ipam": host_local(json!({"subnet": "10.9.0.0/24"}))})),
        Case::new("macspoofchk", usual(json!({"macspoofchk": true}))),
    ]
}

pub(super) fn addresses() -> Vec<Case> {
    let ipam = |name, ipam| Case::new(name, usual(json!({"ipam": ipam})));
    vec![
        ipam("several ranges in a set", host_local(json!({"ranges": [[
            {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.9"},
            {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.20", "rangeEnd": "10.1.0.21"},
        ]]}))),
        ipam("a gateway that is named", host_local(json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.100", "gateway": "10.1.0.254"}))),
        ipam("two sets of one family", host_local(json!({"ranges": [[{"subnet": "fd01::/64"}], [{"subnet": "fd02::/64"}]]}))),
        Case::new("routes", json!({"isGateway": true, "ipMasq": true, "ipam": host_local(json!({"subnet": "10.1.0.0/24", "routes": [
            {"dst": "0.0.0.0/0"}, {"dst": "10.7.0.0/16", "gw": "10.1.0.77"}, {"dst": "172.16.0.0/12"}, {"dst": "192.168.0.0/16", "gw": "10.1.0.1"},
        ]}))})),
        ipam("the default route twice", host_local(json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}))),
        ipam("a default route elsewhere", host_local(json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.77"}]}))),
        Case::new("routes without a gateway on the bridge", json!({"ipam": host_local(json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}))})),
        ipam("a small subnet", host_local(json!({"subnet": "10.1.0.0/29"}))),
        ipam("the smallest subnets", host_local(json!({"ranges": [[{"subnet": "10.1.0.0/30"}], [{"subnet": "fd01::/126"}]]}))),
        ipam("IPv6 only", host_local(json!({"subnet": "fd01::/64"}))),
        Case::new("static", usual(json!({"ipam": {"type": "static", "addresses": [
            {"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "fd01::5/64", "gateway": "fd01::1"},
        ], "routes": [{"dst": "10.7.0.0/16", "gw": "10.1.0.77"}], "dns": {"nameservers": ["10.1.0.1"], "domain": "a"}}})))
            .second(json!({"ipam": {"type": "static", "addresses": [
                {"address": "10.1.0.6/24", "gateway": "10.1.0.1"}, {"address": "fd01::6/64", "gateway": "fd01::1"},
            ]}})),
        Case::new("static without gateways", json!({"isGateway": true, "ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/24"}]}}))
            .second(json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.6/24"}]}})),
        Case::new("static, two addresses that touch", json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.0/31"}]}}))
            .second(json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.1/31"}]}})),
        Case::new("static, single addresses", json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/32"}]}}))
            .second(json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.6/32"}]}})),
        Case::new("dns", usual(json!({"dns": {"nameservers": ["10.1.0.1", "fd01::1"], "domain": "a.example", "search": ["b", "c"], "options": ["ndots:2"]}}))),
        Case {
            before: &["printf 'nameserver 9.9.9.9\\nsearch x y\\n' >/run/resolv"],
            ..ipam("dns of a file", host_local(json!({"subnet": "10.1.0.0/24", "resolvConf": "/run/resolv"})))
        },
        ipam("leases elsewhere", host_local(json!({"subnet": "10.1.0.0/24", "dataDir": "/run/leases"}))),
    ]
}

pub(super) fn wishes() -> Vec<Case> {
    let mac = "02:11:22:33:44:55";
    let asks_mac = true;
    let first = |name, keys: Value| {
        let case = Case::new(name, usual(keys));
        case.second(json!({"runtimeConfig": {}, "args": {}}))
    };
    vec![
        Case { args: "IgnoreUnknown=1;MAC=02:11:22:33:44:55", asks_mac, ..Case::new("MAC of CNI_ARGS", usual(json!({}))) },
        Case { asks_mac, ..first("MAC of runtimeConfig", json!({"runtimeConfig": {"mac": mac}})) },
        Case { asks_mac, ..first("MAC of args", json!({"args": {"cni": {"mac": mac}}})) },
        Case {
            args: "IgnoreUnknown=1;MAC=02:11:22:33:44:57",
            asks_mac,
            ..first("MAC of all three", json!({"runtimeConfig": {"mac": mac}, "args": {"cni": {"mac": "02:11:22:33:44:56"}}}))
        },
        Case { args: "IgnoreUnknown=1;IP=10.1.0.77", ..Case::new("IP of CNI_ARGS", usual(json!({}))) },
        Case { args: "MAC=02:11:22:33:44:55;IP=10.1.0.77", asks_mac, ..Case::new("CNI_ARGS without IgnoreUnknown", usual(json!({}))) },
        Case { args: "IgnoreUnknown=1;K8S_POD_NAME=web", ..Case::new("CNI_ARGS of others", usual(json!({}))) },
        first("IP of args", json!({"args": {"cni": {"ips": ["10.1.0.77"]}}})),
        first("IP of runtimeConfig", json!({"runtimeConfig": {"ips": ["10.1.0.77/24"]}})),
        first("ranges of runtimeConfig", json!({"ipam": host_local(json!({})), "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.50"}]]}}))
            .second(json!({"runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.60"}]]}})),
        Case {
            args: "IgnoreUnknown=1;IP=10.1.0.5/24;GATEWAY=10.1.0.1",
            ..Case::new("IP of CNI_ARGS for static", usual(json!({"ipam": {"type": "static"}})))
        }
        .second(json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.6/24", "gateway": "10.1.0.1"}]}})),
    ]
}

pub(super) fn chains() -> Vec<Case> {
    let firewall = |name, keys: Value| {
        Case::new(name, usual(json!({}))).chain(&[with(json!({"type": "firewall"}), &keys)])
    };
    let mut all = ports();
    all.extend(translated());
    all.extend([
        firewall("firewall", json!({})),
        firewall("firewall open", json!({"ingressPolicy": "open"})),
        firewall(
            "firewall same-bridge",
            json!({"ingressPolicy": "same-bridge"}),
        ),
    ]);
    all
}

fn published(
    name: &'static str,
    ipam: Value,
    mappings: Value,
    published: &'static [(&'static str, &'static str, u16)],
) -> Case {
    let portmap = json!({"type": "portmap", "runtimeConfig": {"portMappings": mappings}});
    behind_portmap(name, ipam, portmap, published)
}

fn behind_portmap(
    name: &'static str,
    ipam: Value,
    portmap: Value,
    published: &'static [(&'static str, &'static str, u16)],
) -> Case {
    let case = Case::new(name, usual(json!({"ipam": ipam}))).chain(&[portmap]);
    let mut second = case.plugins.clone();
    second[1]["runtimeConfig"] = json!({});
    Case {
        second: Some(second),
        published,
        ..case
    }
}

fn ports() -> Vec<Case> {
    let all = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    let at = |ip: &str| json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ip}]);
    vec![
        published(
            "a TCP port",
            subnet(),
            all.clone(),
            &[("tcp", "192.0.2.1:8080", 80), ("tcp", "10.1.0.1:8080", 80)],
        ),
        published(
            "a UDP port",
            subnet(),
            json!([{"hostPort": 8053, "containerPort": 53, "protocol": "udp"}]),
            &[("udp", "192.0.2.1:8053", 53)],
        ),
        published(
            "a port of both families",
            dual(),
            all,
            &[
                ("tcp", "192.0.2.1:8080", 80),
                ("tcp", "[2001:db8::1]:8080", 80),
            ],
        ),
        published(
            "a port of one address",
            subnet(),
            at("192.0.2.1"),
            &[("tcp", "192.0.2.1:8080", 80), ("tcp", "10.1.0.1:8080", 80)],
        ),
        published(
            "a port of one IPv6 address",
            dual(),
            at("2001:db8::1"),
            &[
                ("tcp", "192.0.2.1:8080", 80),
                ("tcp", "[2001:db8::1]:8080", 80),
            ],
        ),
        published(
            "a port of the host alone",
            subnet(),
            at("127.0.0.1"),
            &[("tcp", "127.0.0.1:8080", 80), ("tcp", "192.0.2.1:8080", 80)],
        ),
        published(
            "two ports",
            subnet(),
            json!([
                {"hostPort": 8080, "containerPort": 80, "protocol": "TCP"},
                {"hostPort": 8081, "containerPort": 81, "protocol": "tcp", "hostIP": ""},
            ]),
            &[("tcp", "192.0.2.1:8080", 80), ("tcp", "192.0.2.1:8081", 81)],
        ),
        published(
            "a port that is not published",
            subnet(),
            json!([{"hostPort": 0, "containerPort": 80, "protocol": "tcp"}]),
            &[],
        ),
        published(
            "a port of no transport",
            subnet(),
            json!([{"hostPort": 8080, "containerPort": 80}]),
            &[],
        ),
    ]
}

/// Ports that not every connection comes to, or that show another source than the usual.
fn translated() -> Vec<Case> {
    const BOTH: &[(&str, &str, u16)] =
        &[("tcp", "192.0.2.1:8080", 80), ("tcp", "10.1.0.1:8080", 80)];
    const SIX: &[(&str, &str, u16)] = &[
        ("tcp", "192.0.2.1:8080", 80),
        ("tcp", "[2001:db8::1]:8080", 80),
    ];
    let portmap = |keys: Value| {
        let mapping = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
        let portmap = json!({"type": "portmap", "runtimeConfig": {"portMappings": mapping}});
        with(portmap, &keys)
    };
    let case = |name, keys| behind_portmap(name, subnet(), portmap(keys), BOTH);
    vec![
        case("every source hidden", json!({"masqAll": true})),
        case("no source hidden", json!({"snat": false})),
        case(
            "not to a prefix",
            json!({"conditionsV4": ["!", "-d", "192.0.2.0/24"]}),
        ),
        case(
            "from a prefix",
            json!({"conditionsV4": ["-s", "192.0.2.0/24"]}),
        ),
        case(
            "from one prefix to another",
            json!({"conditionsV4": ["-s", "192.0.2.0/24", "!", "-d", "10.0.0.0/8"]}),
        ),
        behind_portmap(
            "to an IPv6 prefix, hidden",
            dual(),
            portmap(json!({"conditionsV6": ["!", "-d", "2001:db8::/64"], "masqAll": true})),
            SIX,
        ),
    ]
}

/// One in five of them in another version: versions differ in their words, not in what is done. The reference's `firewall` does not
/// speak 0.3.1.
pub(super) fn of_version(version: &'static str) -> Vec<Case> {
    let groups = [bridges(), addresses(), wishes(), chains()];
    let spoken =
        |case: &Case| version != "0.3.1" || case.plugins.last().unwrap()["type"] != "firewall";
    let some = groups.into_iter().flatten().filter(spoken).step_by(5);
    some.map(|case| Case { version, ..case }).collect()
}
