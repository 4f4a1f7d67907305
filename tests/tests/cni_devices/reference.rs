//! CNI's own plugins beside ours: the same answer, the same inside, and one takes over from the other.

use crate::row::Row;
use crate::scene::{LIMIT, Scene, addresses};
use serde_json::Value;
use std::path::Path;
use vetch_tests::plugin::REFERENCE;
use vetch_tests::{Node, lab_within, skip};

/// Debian's package has neither `tap` nor `dummy`.
pub(crate) fn run(row: fn() -> Row, behaviour: fn(&Scene<'_>)) {
    lab_within(LIMIT, move |lab| {
        let row = row();
        if !crate::scene::has(lab, &row) {
            skip!("{}: no links of kind {}", row.option, row.kind);
        }
        if !Path::new(&program(&row)).exists() {
            skip!("tool:cni-{}: {} is not there", row.plugin, program(&row));
        }
        behaviour(&Scene::new(lab, &row));
    });
}

fn program(row: &Row) -> String {
    format!("{REFERENCE}/{}", row.plugin)
}

/// In a version that both speak.
fn conf(scene: &Scene<'_>) -> Value {
    let mut conf = scene.conf(1);
    conf["cniVersion"] = "1.0.0".into();
    conf
}

/// What is inside, but for what the kernel draws by lot and what marks it as ours.
fn inside(scene: &Scene<'_>, node: &Node) -> Vec<String> {
    let link = scene.links(node)[0].clone();
    let mut all = vec![
        format!("{} {} {}", link["ifname"], link["mtu"], link["linkinfo"]),
        format!("{:?}", addresses(node, "eth0")),
    ];
    for family in ["-4", "-6"] {
        let routes = node.cmd(&format!("ip {family} route show")).ok().stdout;
        let own = routes
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("fe80"));
        all.extend(own.map(str::to_owned));
    }
    all
}

pub(crate) fn the_reference_answers_the_same(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let target = ("c1", c1.path(), "eth0");
    let answer = |plugin: &str| {
        let said = scene
            .call_on(scene.lab, plugin, "ADD", target, &conf(scene))
            .ok();
        let found = inside(scene, &c1);
        let mut conf = conf(scene);
        conf["prevResult"] = said.json();
        scene
            .call_on(scene.lab, plugin, "CHECK", target, &conf)
            .ok();
        scene.call_on(scene.lab, plugin, "DEL", target, &conf).ok();
        // The next starts from the first address again.
        scene
            .lab
            .argv(&["sh", "-c", &format!("rm -rf {}/*", conf["ipam"]["dataDir"])])
            .go()
            .ok();
        let mut result = said.json();
        let mac = result["interfaces"][0]["mac"].take();
        assert!(mac.as_str().is_some_and(|mac| mac.len() == 17), "{said}");
        (result, found)
    };
    let (ours, reference) = (answer(scene.row.plugin), answer(&program(scene.row)));
    assert_eq!(ours, reference);
    if scene.row.plugin == "host-device" {
        scene.lab.cmd("ip link set dev1 up").ok(); // the reference leaves it down
        scene
            .lab
            .argv(&["ip", "link", "set", "dev1", "alias", "slot-1"])
            .go()
            .ok();
    }
}

/// A machine that is switched over while containers run.
pub(crate) fn what_the_reference_made_is_checked_and_taken_away(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let target = ("c1", c1.path(), "eth0");
    let theirs = scene
        .call_on(scene.lab, &program(scene.row), "ADD", target, &conf(scene))
        .ok()
        .json();
    assert_eq!(scene.leases().len(), 2);
    scene.check(&c1, &conf(scene), &theirs).ok();
    scene.call("DEL", &c1, &conf(scene)).ok();
    assert!(scene.links(&c1).is_empty() && scene.leases().is_empty());
    if scene.row.plugin == "host-device" {
        scene.lab.cmd("ip link set dev1 up").ok();
        scene
            .lab
            .argv(&["ip", "link", "set", "dev1", "alias", "slot-1"])
            .go()
            .ok();
    }
}
