//! What a VLAN is for: frames with a tag.

use crate::row;
use crate::scene::run;

#[test]
fn frames_carry_the_tag_on_the_wire() {
    run(row::vlan, |scene| {
        let c1 = scene.lab.netns("c1");
        scene.add(&c1, 1);
        assert_eq!(scene.links(&c1)[0]["linkinfo"]["info_data"]["id"], 71);
        for (id, answers) in [(72, false), (71, true)] {
            let far = |words: &str| scene.far.cmd(words).ok();
            far(&format!("ip link add link eth0 name v0 type vlan id {id}"));
            far("ip address add 10.22.0.1/24 dev v0");
            far("ip link set v0 up");
            assert_eq!(c1.reaches("10.22.0.1"), answers, "VLAN {id}");
            far("ip link delete v0");
        }
        scene.del(&c1, 1);
    });
}

#[test]
fn the_same_vlan_of_the_same_link_is_there_once() {
    run(row::vlan, |scene| {
        let (c1, c2) = (scene.lab.netns("c1"), scene.lab.netns("c2"));
        scene.add(&c1, 1);
        let held = scene.leases();
        let said = scene.call("ADD", &c2, &scene.conf(1)).exits(1);
        said.prints("VLAN 71 on `up0` is there already");
        assert!(scene.links(&c2).is_empty() && scene.leases() == held);
        scene.del(&c1, 1);
    });
}
