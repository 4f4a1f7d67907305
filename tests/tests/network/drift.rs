//! Somebody changes what is ours by hand: check says what, repair mends it, neighbours included.

use crate::*;

struct World<'a> {
    lab: &'a Lab,
    outside: Node,
    a: Node,
    b: Node,
    one: Attachment,
}

impl World<'_> {
    /// Everything works: neighbours, gateway, outside, published port, and nothing differs.
    fn works(&self, after: &str) {
        assert!(self.b.reaches("10.7.0.2"), "{after}: neighbour");
        assert!(self.a.reaches("10.7.0.1"), "{after}: gateway");
        assert!(self.a.reaches("192.0.2.2"), "{after}: outside");
        assert!(self.b.reaches("fd07::2"), "{after}: neighbour, IPv6");
        let web = self.a.tcp_server("0.0.0.0:80");
        let from = self.outside.tcp("192.0.2.1:8080");
        from.unwrap_or_else(|err| panic!("{after}: published port: {err}"));
        assert_eq!(web.seen().len(), 1);
        self.lab.vetch("network check").ok().prints("");
    }

    /// After `harm`, check says `word`, and one repair is enough.
    fn survives(&self, harm: &str, word: &str) {
        self.lab.shell(harm).ok();
        let found = self.lab.vetch("network check");
        assert_eq!(found.code, 1, "after {harm}: {}", found.stderr);
        let said = found.stdout;
        assert!(said.contains(word), "after {harm}: {said}");
        let mended = self.lab.vetch("network repair blue");
        assert_eq!(
            mended.code, 0,
            "after {harm}: {} {}",
            mended.stdout, mended.stderr
        );
        assert!(
            mended.stdout.contains("mended"),
            "after {harm}: {}",
            mended.stdout
        );
        self.works(harm);
    }
}

fn world(lab: &Lab, test: impl FnOnce(&World<'_>)) {
    let outside = lab.outside("outside", "up0");
    let (a, b) = (lab.netns("a"), lab.netns("b"));
    let mut host = Host::open().unwrap();
    host.create_network(&network(&["10.7.0.0/24", "fd07::/64"]))
        .unwrap();
    let one = attach(&mut host, &a, &["8080:80"]);
    attach(&mut host, &b, &[]);
    let world = World {
        lab,
        outside,
        a,
        b,
        one,
    };
    world.works("at first");
    test(&world);
    away(host);
}

#[test]
fn a_repair_mends_firewall_and_bridge() {
    lab(|lab| {
        world(lab, |world| {
            world.survives("nft flush ruleset", "its tables are missing");
            world.survives("nft delete table bridge vetch", "its tables are missing");
            world.survives(
                "nft flush chain inet vetch forward",
                "its tables are missing",
            );
            world.survives("nft flush map inet vetch any4", "tcp . 8080");
            world.survives("nft add element inet vetch pairs '{ \"vbr-blue\" . \"lo\" comment \"vetch:blue\" }'", "not ours to keep");
            world.survives("ip link delete vbr-blue", "is missing");
            world.survives(
                "ip address flush dev vbr-blue; ip link set vbr-blue down",
                "10.7.0.1/24 is missing",
            );
            world.survives(
                "echo 1 > /proc/sys/net/ipv6/conf/vbr-blue/accept_ra",
                "accept_ra is 1",
            );
            world.survives(
                "echo 0 > /proc/sys/net/ipv4/conf/up0/forwarding",
                "up0/forwarding is not 1",
            );
        });
    });
}

#[test]
fn a_repair_mends_attachments() {
    lab(|lab| {
        world(lab, |world| {
            let end = world.one.host_end;
            world.survives(&format!("ip link delete {end}"), "interface was deleted");
            world.survives(
                &format!("ip link set {end} nomaster"),
                "is no port of `vbr-blue`",
            );
            world.survives(&format!("ip link set {end} down"), "is down");
            world.survives(
                &format!("bridge link set dev {end} learning on locked off flood on"),
                "locked is off",
            );
            world.survives(
                &format!("bridge fdb del {} dev {end} master", world.one.mac),
                "no entry for",
            );
            world.survives(
                "ip -n a address flush dev eth0",
                "inside, 10.7.0.2/24 is missing",
            );
            world.survives("ip -n a route del default", "no default route");
            world.survives("ip -n a link set eth0 down", "inside, it is down");
            world.survives(
                "ip -n a link set eth0 down; ip -n a link set eth0 name eth9",
                "another name",
            );
            world.survives(
                "ip -n a link set eth0 down address 02:00:00:00:00:99; ip -n a link set eth0 up",
                "MAC address",
            );
            world.survives("rm /run/vetch/*/blue/up/*.json", "lost or damaged");
        });
    });
}

#[test]
fn what_is_not_ours_is_named_and_left() {
    lab(|lab| {
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        lab.fixture(|| {
            lab.cmd("nft add table ip mine").ok();
            lab.shell(
                "nft add chain ip mine stop '{ type filter hook forward priority 0; policy drop; }'",
            )
            .ok();
        });
        let before = lab.state();
        for verb in ["check", "repair"] {
            let said = lab.vetch(&format!("network {verb}")).exits(1);
            said.prints("nft insert rule ip mine stop");
        }
        assert!(before.difference(&lab.state()).is_empty());
        let json = lab.vetch("network check --json").exits(1).json();
        assert_eq!(json[0]["network"], "blue", "{json}");
        lab.vetch("network check red")
            .exits(2)
            .complains("there is no such network");
        away(host);
    });
}

/// What is said to be attached works: the same attach again says so only after it is mended.
#[test]
fn the_same_attach_again_mends_what_others_changed() {
    lab(|lab| {
        world(lab, |world| {
            let end = world.one.host_end;
            let harms = [
                "nft flush ruleset".to_owned(),
                "nft delete table inet vetch".to_owned(),
                "ip link delete vbr-blue".to_owned(),
                "ip link set vbr-blue down".to_owned(),
                format!("ip link set {end} down"),
                format!("ip link set {end} nomaster"),
            ];
            for harm in harms {
                lab.shell(&harm).ok();
                lab.vetch("attach blue a -p 8080:80").ok();
                world.works(&harm);
            }
        });
    });
}
