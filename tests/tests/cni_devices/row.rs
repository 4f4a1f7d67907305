//! The kinds: what is asked of each, and what is to come of it.

use serde_json::{Value, json};

/// One plugin.
pub(crate) struct Row {
    /// Its name.
    pub(crate) plugin: &'static str,
    /// The kind of its links, and the kernel's option.
    pub(crate) kind: &'static str,
    pub(crate) option: &'static str,
    /// Its keys, for the container of this number.
    pub(crate) keys: fn(u8) -> Value,
    /// What differs from `keys`, and what CHECK says of it then.
    pub(crate) otherwise: fn() -> Vec<(Value, &'static str)>,
    /// Values that are refused, with the key that the error names.
    pub(crate) bad: fn() -> Vec<(Value, &'static str)>,
}

pub(crate) fn macvlan() -> Row {
    Row {
        plugin: "macvlan",
        kind: "macvlan",
        option: "CONFIG_MACVLAN",
        keys: |_| json!({"master": "up0", "mode": "vepa", "mtu": 1400}),
        otherwise: || {
            vec![
                (json!({"mode": "private"}), "the mode is vepa, not private"),
                (json!({"mtu": 1300}), "the MTU is 1400, not 1300"),
                (json!({"master": "up1"}), "it is on another link than `up1`"),
                (json!({"master": "nosuch"}), "the host has no link `nosuch`"),
                (json!({"mac": "02:00:00:00:00:07"}), "the MAC address is"),
                (
                    json!({"bcqueuelen": 2000}),
                    "the queue of broadcasts is 1000, not 2000",
                ),
            ]
        },
        bad: || {
            let mut all = on_a_link();
            all.extend([
                (json!({"mode": "source"}), "`mode`"),
                (json!({"mode": 4}), "`mode`"),
                (json!({"mac": "01:00:5e:00:00:01"}), "`mac`"),
                (json!({"mac": "00:00:00:00:00:00"}), "`mac`"),
                (json!({"mac": "banana"}), "`mac`"),
                (
                    json!({"runtimeConfig": {"mac": "ff:ff:ff:ff:ff:ff"}}),
                    "`runtimeConfig.mac`",
                ),
                (json!({"bcqueuelen": -1}), "`bcqueuelen`"),
            ]);
            all
        },
    }
}

pub(crate) fn ipvlan() -> Row {
    Row {
        plugin: "ipvlan",
        kind: "ipvlan",
        option: "CONFIG_IPVLAN",
        keys: |_| json!({"master": "up0", "mode": "l2", "mtu": 1400}),
        otherwise: || {
            vec![
                (json!({"mode": "l3"}), "the mode is l2, not l3"),
                (json!({"mtu": 1300}), "the MTU is 1400, not 1300"),
                (json!({"master": "up1"}), "it is on another link than `up1`"),
            ]
        },
        bad: || {
            let mut all = on_a_link();
            all.extend([
                (json!({"mode": "bridge"}), "`mode`"),
                (
                    json!({"runtimeConfig": {"mac": "02:00:00:00:00:07"}}),
                    "`mac`",
                ),
                (json!({"ipam": null}), "`ipam`"),
            ]);
            all
        },
    }
}

pub(crate) fn vlan() -> Row {
    Row {
        plugin: "vlan",
        kind: "vlan",
        option: "CONFIG_VLAN_8021Q",
        keys: |n| json!({"master": "up0", "vlanId": 70 + u16::from(n), "mtu": 1400}),
        otherwise: || {
            vec![
                (json!({"vlanId": 99}), "the VLAN is 71, not 99"),
                (json!({"mtu": 1300}), "the MTU is 1400, not 1300"),
                (json!({"master": "up1"}), "it is on another link than `up1`"),
            ]
        },
        bad: || {
            let mut all = on_a_link();
            all.extend([
                (json!({"vlanId": 4095}), "`vlanId`"),
                (json!({"vlanId": -1}), "`vlanId`"),
                (json!({"vlanId": "7"}), "`vlanId`"),
                (json!({"vlanId": null}), "`vlanId`"),
                (json!({"master": ""}), "`master`"),
                (json!({"ipam": null}), "`ipam`"),
            ]);
            all
        },
    }
}

/// What a link below says no to.
fn on_a_link() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"master": "nosuch"}),
            "`master`: the host has no link `nosuch`",
        ),
        (json!({"master": "a/b"}), "`master`"),
        (
            json!({"mtu": 1501}),
            "`mtu`: 1501 is not 68 to 1500, the MTU of `up0`",
        ),
        (json!({"mtu": 67}), "`mtu`"),
        (json!({"mtu": -5}), "`mtu`"),
        (json!({"mtu": 1279}), "`mtu`: 1279 is less than the 1280"),
        (
            json!({"linkInContainer": true}),
            "`master`: the container has no link `up0`",
        ),
        (json!({"linkInContainer": "yes"}), "`linkInContainer`"),
    ]
}

pub(crate) fn dummy() -> Row {
    Row {
        plugin: "dummy",
        kind: "dummy",
        option: "CONFIG_DUMMY",
        keys: |_| json!({}),
        otherwise: || {
            vec![(
                json!({"runtimeConfig": {"mac": "02:00:00:00:00:07"}}),
                "the MAC address is",
            )]
        },
        bad: || {
            vec![
                (json!({"ipam": null}), "`ipam`"),
                (json!({"ipam": {}}), "`ipam`"),
            ]
        },
    }
}

pub(crate) fn tap() -> Row {
    Row {
        plugin: "tap",
        kind: "tun",
        option: "CONFIG_TUN",
        keys: |_| json!({"mtu": 1400, "owner": 0, "multiQueue": true}),
        otherwise: || {
            vec![
                (json!({"owner": 7}), "the owner is 0, not 7"),
                (json!({"group": 7}), "the group is unknown, not 7"),
                (
                    json!({"multiQueue": false}),
                    "more than one queue is true, not false",
                ),
                (json!({"mtu": 1300}), "the MTU is 1400, not 1300"),
                (json!({"bridge": "br0"}), "it is no port of `br0`"),
                (json!({"mac": "02:00:00:00:00:07"}), "the MAC address is"),
            ]
        },
        bad: || {
            vec![
                (json!({"mtu": 65522}), "`mtu`"),
                (json!({"mtu": 67}), "`mtu`"),
                (json!({"mtu": 1279}), "`mtu`"),
                (json!({"owner": u32::MAX}), "`owner`"),
                (json!({"owner": -1}), "`owner`"),
                (json!({"group": "wheel"}), "`group`"),
                (
                    json!({"bridge": "br0"}),
                    "`bridge`: the container has no bridge `br0`",
                ),
                (
                    json!({"bridge": "lo"}),
                    "`bridge`: the container has no bridge `lo`",
                ),
                (json!({"mac": "01:00:5e:00:00:01"}), "`mac`"),
                (
                    json!({"selinuxContext": "system_u:system_r:container_t:s0"}),
                    "`selinuxContext`",
                ),
            ]
        },
    }
}

pub(crate) fn host_device() -> Row {
    Row {
        plugin: "host-device",
        kind: "veth",
        option: "CONFIG_VETH",
        keys: |n| json!({"device": format!("dev{n}")}),
        otherwise: Vec::new,
        bad: || {
            vec![
                (
                    json!({"device": "nosuch"}),
                    "`device`: the host has no link `nosuch`",
                ),
                (json!({"device": "lo"}), "`device`"),
                (
                    json!({"device": "", "hwaddr": "02:00:00:00:00:99"}),
                    "`hwaddr`",
                ),
                (json!({"device": "", "hwaddr": "banana"}), "`hwaddr`"),
                (json!({"device": ""}), "`device`"),
                (json!({"device": "", "kernelpath": "/etc"}), "`kernelpath`"),
                (
                    json!({"device": "", "pciBusID": "0000:ff:1f.7"}),
                    "`pciBusID`",
                ),
                (
                    json!({"runtimeConfig": {"deviceID": "../x"}}),
                    "`runtimeConfig.deviceID`",
                ),
            ]
        },
    }
}
