//! Which switches make the host forward for our networks, and for nobody else. Pure; whoever asks carries the plan out.
//!
//! Forwarding is switched on per interface: on our bridges and on the uplinks in use. The uplinks are noted in the set `opened`, which
//! drops what enters there for others. Where forwarding is on everywhere already, somebody else routes: then nothing is touched.

use crate::{Change, Element, Owner, Set};
use core_netlink::IfName;
use core_netlink::nft::{Family, Value};
use std::fmt;

/// What the host forwards now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostForwarding {
    /// `net.ipv4.ip_forward`.
    pub ipv4_everywhere: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub ipv6_everywhere: bool,
    /// The kernel has `net.ipv6.conf.IF.force_forwarding` (6.17 and later).
    pub ipv6_per_interface: bool,
    /// Our bridge, and every interface but `lo` and our own that carries a unicast route.
    pub interfaces: Vec<Interface>,
    /// The elements of [`Set::Opened`] and [`Set::Closed`] that are there.
    pub noted: Vec<Element>,
}

/// An interface through which our containers' packets come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: IfName,
    /// One of our bridges, not an uplink.
    pub is_ours: bool,
    /// It needs IPv4.
    pub ipv4: bool,
    /// It needs IPv6.
    pub ipv6: bool,
    /// `net.ipv4.conf.IF.forwarding`.
    pub forwards_ipv4: bool,
    /// `net.ipv6.conf.IF.force_forwarding`, where the kernel has it.
    pub forwards_ipv6: bool,
    /// `net.ipv6.conf.IF.accept_ra` is 1: it would lose its default route when forwarding is switched on everywhere.
    pub accepts_advertisements: bool,
}

impl Interface {
    /// An interface that needs no family yet and forwards nothing.
    pub fn new(name: IfName) -> Interface {
        Interface {
            name,
            is_ours: false,
            ipv4: false,
            ipv6: false,
            forwards_ipv4: false,
            forwards_ipv6: false,
            accepts_advertisements: false,
        }
    }
}

/// A sysctl to write. `Display` is what a person would type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Setting {
    /// `Ip` or `Ip6`.
    pub family: Family,
    /// The interface; without one `all` of the family.
    pub interface: Option<IfName>,
    /// Such as `forwarding`.
    pub key: &'static str,
    /// Such as `1`.
    pub value: &'static str,
}

impl Setting {
    fn new(
        family: Family,
        interface: Option<IfName>,
        key: &'static str,
        value: &'static str,
    ) -> Self {
        Setting {
            family,
            interface,
            key,
            value,
        }
    }

    /// Where it is below `/proc/sys`: `net/ipv6/conf/eth0/force_forwarding`.
    pub fn path(&self) -> String {
        let family = if self.family == Family::Ip {
            "ipv4"
        } else {
            "ipv6"
        };
        let interface = self.interface.map_or("all".into(), |name| name.to_string());
        format!("net/{family}/conf/{interface}/{}", self.key)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sysctl -w {}={}", self.path(), self.value)
    }
}

/// What is to be done about forwarding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarding {
    /// Elements: before the settings when switching on, after them when switching off.
    pub change: Change,
    /// Settings, in this order.
    pub settings: Vec<Setting>,
}

impl Forwarding {
    /// What makes the host forward for the interfaces given.
    pub fn on(host: &HostForwarding) -> Forwarding {
        let mut plan = Forwarding::default();
        plan.per_interface(host, Family::Ip);
        match host.ipv6_per_interface {
            true => plan.per_interface(host, Family::Ip6),
            false => plan.everywhere(host),
        }
        plan
    }

    /// What puts back all that was switched on: for when the last network goes.
    pub fn off(noted: &[Element]) -> Forwarding {
        let ours = noted
            .iter()
            .filter(|element| matches!(element.set, Set::Opened | Set::Closed));
        let settings = ours
            .clone()
            .filter_map(|element| match element.key.as_slice() {
                [Value::Name(name), Value::Family(family)] => Some(switch(*family, *name, "0")),
                [Value::Family(family)] => Some(Setting::new(*family, None, "forwarding", "0")),
                _ => None,
            });
        Forwarding {
            settings: settings.collect(),
            change: Change::remove(ours.cloned()),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.change.is_empty() && self.settings.is_empty()
    }

    fn per_interface(&mut self, host: &HostForwarding, family: Family) {
        let v4 = family == Family::Ip;
        let noted = |name| opened(name, family);
        if if v4 {
            host.ipv4_everywhere
        } else {
            host.ipv6_everywhere
        } {
            let mut ours = host.noted.clone();
            ours.retain(|e| e.set == Set::Opened && e.key.get(1) == Some(&Value::Family(family)));
            return self.change.extend(Change::remove(ours));
        }
        for interface in &host.interfaces {
            let (needed, done) = match v4 {
                true => (interface.ipv4, interface.forwards_ipv4),
                false => (interface.ipv6, interface.forwards_ipv6),
            };
            if !needed || done {
                continue;
            }
            let element = noted(interface.name);
            if !interface.is_ours && !host.noted.iter().any(|there| there.key == element.key) {
                self.change.extend(Change::add([element]));
            }
            self.settings.push(switch(family, interface.name, "1"));
        }
    }

    /// Kernels before 6.17 know one switch for all of IPv6; it makes interfaces forget their router unless told otherwise first.
    fn everywhere(&mut self, host: &HostForwarding) {
        let wanted = host.interfaces.iter().any(|interface| interface.ipv6);
        if host.ipv6_everywhere || !wanted {
            return;
        }
        let element = Element::new(Set::Closed, &Owner::Host, [Value::Family(Family::Ip6)]);
        if !host.noted.contains(&element) {
            self.change.extend(Change::add([element]));
        }
        let takers = host
            .interfaces
            .iter()
            .filter(|i| i.accepts_advertisements && !i.is_ours);
        let keep = |i: &Interface| Setting::new(Family::Ip6, Some(i.name), "accept_ra", "2");
        self.settings.extend(takers.map(keep));
        self.settings
            .push(Setting::new(Family::Ip6, None, "forwarding", "1"));
    }
}

/// The elements that note what was switched on: interfaces (true: for IPv6), and IPv6 everywhere. For whoever keeps a record of it,
/// which a flushed ruleset does not.
pub fn noted(interfaces: &[(IfName, bool)], ipv6_everywhere: bool) -> Vec<Element> {
    let family = |v6| if v6 { Family::Ip6 } else { Family::Ip };
    let mut all: Vec<Element> = interfaces
        .iter()
        .map(|&(name, v6)| opened(name, family(v6)))
        .collect();
    if ipv6_everywhere {
        all.push(Element::new(
            Set::Closed,
            &Owner::Host,
            [Value::Family(Family::Ip6)],
        ));
    }
    all
}

fn opened(name: IfName, family: Family) -> Element {
    Element::new(
        Set::Opened,
        &Owner::Host,
        [Value::Name(name), Value::Family(family)],
    )
}

fn switch(family: Family, name: IfName, value: &'static str) -> Setting {
    let key = if family == Family::Ip {
        "forwarding"
    } else {
        "force_forwarding"
    };
    Setting::new(family, Some(name), key, value)
}
