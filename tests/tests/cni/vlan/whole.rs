//! What CHECK and STATUS say, what is mended, what is refused, and that nothing is left.

use super::*;
use crate::call::call;
use vetch_tests::{lab, lab_within, skip};

#[test]
fn check_lists_each_difference_and_repair_mends_them() {
    lab_within(LIMIT, |lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let world = World::new(Whose::Ours);
        let a = world.add(&red(), "a");
        let host = &world.host;
        let port = a.result["interfaces"][1]["name"].as_str().unwrap();
        let rows = [
            (
                "ip link set cni0 type bridge vlan_filtering 0".to_owned(),
                "does not tell VLANs apart",
            ),
            (
                format!("bridge vlan del vid 100 dev {port}"),
                "VLAN 100 is not its untagged one",
            ),
            (
                format!("bridge vlan add vid 7 dev {port}"),
                "it is in VLAN 7",
            ),
            (
                "bridge vlan del vid 100 dev cni0 self".to_owned(),
                "is not in VLAN 100 itself",
            ),
            (
                "ip link set cni0.100 down".to_owned(),
                "link `cni0.100`: is down",
            ),
            (
                "ip address flush dev cni0.100".to_owned(),
                "10.1.0.1/24 is missing",
            ),
            (
                "ip link delete cni0.100".to_owned(),
                "`cni0.100` is missing",
            ),
            (
                "ip link delete cni0".to_owned(),
                "bridge `cni0`: is missing",
            ),
        ];
        for (harm, says) in rows {
            cmd(host, &harm).ok();
            let said = world.check(&red(), &a);
            assert!(
                said.contains(says) && said.contains("101"),
                "{harm}: {said}"
            );
            host.vetch("network repair").ok();
            assert_eq!(world.check(&red(), &a), "", "{harm}");
            assert!(a.of.node.reaches("10.1.0.1"), "{harm}");
        }
        for harm in [
            "ip link set cni0 type bridge vlan_filtering 0",
            "ip link delete cni0.100",
        ] {
            cmd(host, harm).ok();
        }
        let said = world.check(&red(), &a);
        assert!(
            said.contains("apart") && said.contains("`cni0.100` is missing"),
            "{said}"
        );
        let again = world.runtime().add(&red(), &a.of);
        assert_eq!(again, a.result, "the same ADD mends it");
        assert_eq!(world.check(&red(), &a), "");
        world.del(&red(), &a);
        world.remove(&["red"], &[]);
    });
}

#[test]
fn a_bridge_of_others_is_left_as_it_was() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let world = World::new(Whose::Ours);
        let host = &world.host;
        shell(host, "ip link add cni0 type bridge && ip link set cni0 up").ok();
        let before = cmd(host, "bridge vlan").ok().stdout;
        let a = world.add(&red(), "a");
        assert!(a.ping("10.1.0.1"));
        world.del(&red(), &a);
        world.remove(&["red"], &["cni0:"]);
        assert_eq!(cmd(host, "bridge vlan").ok().stdout, before);
        let filtering = "ip -d -o link show cni0 | grep -o 'vlan_filtering [01]'";
        assert_eq!(
            shell(host, filtering).ok().stdout.trim(),
            "vlan_filtering 0"
        );

        let port = "ip link add up0 type veth peer name up1 && ip link set up0 master cni0";
        shell(host, port).ok();
        let state = host.state();
        let of = Container::new("b");
        let err = world.runtime().try_add(&red(), &of).unwrap_err().stdout;
        assert!(
            err.contains("in use by `up0`") && err.contains("vlan_filtering 1"),
            "{err}"
        );
        assert_eq!(left(&state, host), Vec::<String>::new());
        cmd(host, "ip link set cni0 type bridge vlan_filtering 1").ok();
        let b = world.add(&red(), "b");
        assert!(b.ping("10.1.0.1"));
        world.del(&red(), &b);
        world.host.vetch("network rm red").ok();
        assert_eq!(
            shell(host, filtering).ok().stdout.trim(),
            "vlan_filtering 1"
        );
    });
}

#[test]
fn what_was_there_in_part_is_undone_as_a_whole() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let world = World::new(Whose::Ours);
        cmd(&world.host, "ip link add cni0.100 type dummy").ok();
        let state = world.host.state();
        let of = Container::new("a");
        let err = world.runtime().try_add(&red(), &of).unwrap_err().stdout;
        assert!(err.contains("cni0.100"), "{err}");
        assert_eq!(left(&state, &world.host), Vec::<String>::new());
        cmd(&world.host, "ip link delete cni0.100").ok();
        let taken = Container::new("b");
        cmd(&taken.node, "ip link add eth0 type dummy").ok();
        let state = world.host.state();
        world.runtime().try_add(&red(), &taken).unwrap_err();
        assert_eq!(left(&state, &world.host), Vec::<String>::new());
    });
}

/// One call of `bridge` with a VLAN; nothing is there for it.
fn status(host: &Node, verb: &str, of: &Container, keys: Value) -> vetch_tests::Output {
    let mut input = list("red", "10.1.0.0/24", keys).plugins[0].clone();
    input["cniVersion"] = json!("1.1.0");
    input["name"] = json!("red");
    let environment = [
        ("CNI_COMMAND", verb.to_owned()),
        ("CNI_CONTAINERID", of.id.to_owned()),
        ("CNI_NETNS", of.path.clone()),
        ("CNI_IFNAME", "eth0".to_owned()),
        ("CNI_PATH", crate::call::DIRECTORY.to_owned()),
    ];
    call(
        Whose::Ours,
        host,
        "bridge",
        &environment,
        &input.to_string(),
    )
}

/// Holds on every kernel: one that cannot says what it lacks, and one that can says nothing.
#[test]
fn a_kernel_that_cannot_says_what_it_lacks_and_nothing_is_left() {
    lab(|lab| {
        let world = World::new(Whose::Ours);
        let (host, of) = (&world.host, Container::new("a"));
        let state = host.state();
        for keys in [json!({"vlan": 100}), json!({"vlanTrunk": [{"id": 5}]})] {
            let lacks = match missing(lab) {
                Some(NO_LINK) if keys["vlan"].is_null() => None,
                lacks => lacks.and_then(|lacks| lacks.split(':').next()),
            };
            let ready = status(host, "STATUS", &of, keys.clone());
            let added = status(host, "ADD", &of, keys.clone());
            for (output, code) in [(&ready, 50), (&added, 100)] {
                match lacks {
                    None => assert_eq!(output.code, 0, "{output}"),
                    Some(option) => {
                        assert!(output.stdout.contains(option), "{output}");
                        assert_eq!(output.json()["code"], code, "{output}");
                    }
                }
            }
            if lacks.is_none() {
                status(host, "DEL", &of, keys).ok();
                host.vetch("network rm red").ok();
            }
            assert_eq!(left(&state, host), Vec::<String>::new());
        }
    });
}
