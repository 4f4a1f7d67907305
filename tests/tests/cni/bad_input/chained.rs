//! The keys of plugins that come behind another.

use super::{Bad, keys, refused};
use serde_json::{Value, json};

fn mapping(changed: Value, code: u64, says: &'static str) -> Bad {
    let mut mapping = json!({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"});
    super::merge(&mut mapping, changed);
    keys(
        "portmap",
        json!({"runtimeConfig": {"portMappings": [mapping]}}),
        code,
        says,
    )
}

fn portmap(changed: Value, code: u64, says: &'static str) -> Bad {
    keys("portmap", changed, code, says)
}

fn of_portmap() -> Vec<Bad> {
    vec![
        mapping(
            json!({"hostPort": 65536}),
            7,
            "`runtimeConfig.portMappings[0].hostPort`",
        ),
        mapping(
            json!({"hostPort": -1}),
            7,
            "`runtimeConfig.portMappings[0].hostPort`",
        ),
        mapping(
            json!({"hostPort": "8080"}),
            6,
            "`runtimeConfig.portMappings[0].hostPort`",
        ),
        mapping(
            json!({"hostPort": 80.5}),
            6,
            "`runtimeConfig.portMappings[0].hostPort`",
        ),
        mapping(
            json!({"containerPort": 0}),
            7,
            "`runtimeConfig.portMappings[0].containerPort`",
        ),
        mapping(
            json!({"containerPort": null}),
            7,
            "`runtimeConfig.portMappings[0].containerPort`",
        ),
        mapping(
            json!({"containerPort": 65536}),
            7,
            "`runtimeConfig.portMappings[0].containerPort`",
        ),
        mapping(
            json!({"protocol": "icmp"}),
            7,
            "`runtimeConfig.portMappings[0].protocol`",
        ),
        mapping(
            json!({"protocol": 6}),
            6,
            "`runtimeConfig.portMappings[0].protocol`",
        ),
        mapping(
            json!({"hostIP": "localhost"}),
            7,
            "`runtimeConfig.portMappings[0].hostIP`",
        ),
        mapping(
            json!({"hostIP": 5}),
            6,
            "`runtimeConfig.portMappings[0].hostIP`",
        ),
        mapping(
            json!({"hostIP": "::1"}),
            7,
            "`runtimeConfig.portMappings[0]`",
        ),
        portmap(
            json!({"runtimeConfig": {"portMappings": [5]}}),
            6,
            "`runtimeConfig.portMappings[0]`",
        ),
        portmap(json!({"backend": "nosuch"}), 7, "`backend`"),
        portmap(json!({"backend": 5}), 6, "`backend`"),
        portmap(json!({"snat": "x"}), 6, "`snat`"),
        portmap(json!({"masqAll": 5}), 6, "`masqAll`"),
        portmap(json!({"markMasqBit": 32}), 7, "`markMasqBit`"),
        portmap(json!({"markMasqBit": -1}), 7, "`markMasqBit`"),
        portmap(json!({"markMasqBit": "x"}), 6, "`markMasqBit`"),
        portmap(
            json!({"markMasqBit": 3, "externalSetMarkChain": "X"}),
            7,
            "`markMasqBit`",
        ),
        portmap(
            json!({"externalSetMarkChain": 5}),
            6,
            "`externalSetMarkChain`",
        ),
        portmap(json!({"conditionsV4": "-d 10.0.0.1"}), 6, "`conditionsV4`"),
        portmap(json!({"conditionsV4": ["-d"]}), 7, "`conditionsV4`"),
        portmap(json!({"conditionsV4": ["-i", "eth0"]}), 7, "`conditionsV4`"),
        portmap(
            json!({"conditionsV4": ["-d", "fc00::/7"]}),
            7,
            "`conditionsV4`",
        ),
        portmap(
            json!({"conditionsV4": ["!", "-d", "0.0.0.0/0"]}),
            7,
            "`conditionsV4`",
        ),
        portmap(json!({"conditionsV6": ["!"]}), 7, "`conditionsV6`"),
        portmap(json!({"conditionsV6": [5]}), 6, "`conditionsV6[0]`"),
    ]
}

fn of_firewall() -> Vec<Bad> {
    let of = |changed: Value, code, says| keys("firewall", changed, code, says);
    vec![
        of(json!({"backend": "nosuch"}), 7, "`backend`"),
        of(json!({"backend": 5}), 6, "`backend`"),
        of(json!({"ingressPolicy": "nosuch"}), 7, "`ingressPolicy`"),
        of(json!({"ingressPolicy": 5}), 6, "`ingressPolicy`"),
        of(json!({"ingressPolicy": {"open": 5}}), 6, "`ingressPolicy`"),
        of(json!({"firewalldZone": 5}), 6, "`firewalldZone`"),
        of(
            json!({"iptablesAdminChainName": []}),
            6,
            "`iptablesAdminChainName`",
        ),
        of(json!({"ingressPolicy": "isolated"}), 7, "`ingressPolicy`"),
    ]
}

#[test]
fn keys_of_portmap_and_firewall_are_refused_by_name() {
    refused(
        [of_portmap(), of_firewall()]
            .into_iter()
            .flatten()
            .collect(),
        35,
    );
}
