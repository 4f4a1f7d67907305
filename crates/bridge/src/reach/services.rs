//! Processes of the host that listen.

use super::{OUTPUT, Said, way, weigh};
use crate::exposed::{Access, Exposed, Origin, Target};
use crate::view::{Listener, View};
use core_netlink::IfName;
use core_netlink::nft::Hook;
use firewall::Attempt;
use std::net::{IpAddr, SocketAddr};

const KERNEL: &str = "the kernel: a loopback address is only reached from this host";

pub(super) fn services(view: &View) -> Vec<Exposed> {
    let mut all: Vec<Exposed> = Vec::new();
    for listener in &view.listeners {
        let socket = &listener.socket;
        let own = socket.local.ip().to_canonical();
        let dual = own.is_ipv6() && own.is_unspecified() && socket.v6_only != Some(true);
        for ipv4 in [true, false] {
            if own.is_ipv4() == ipv4 || (ipv4 && dual) {
                let row = listener.exposed(view, ipv4, own);
                if !all.contains(&row) {
                    all.push(row);
                }
            }
        }
    }
    all.sort_by_key(|row| (row.transport, row.ports, row.on, !row.ipv4));
    all
}

impl Listener {
    fn exposed(&self, view: &View, ipv4: bool, own: IpAddr) -> Exposed {
        let port = self.socket.local.port();
        let on = Some(own).filter(|own| !own.is_unspecified());
        let mut ways = Vec::new();
        if on.is_some_and(|on| on.is_loopback()) {
            ways.push(way(Origin::Host, on, (Access::Open, OUTPUT.to_owned())));
        }
        for interface in &view.interfaces {
            let at = on.or_else(|| view.on(interface.name, ipv4).next());
            if let Some(at) = at.filter(|at| !is_link_local(*at)) {
                let said = self.heard(view, interface.name, at);
                ways.push(way(Origin::Interface(interface.name), Some(at), said));
            }
        }
        for network in view.network_ways(ipv4) {
            let at = on.or_else(|| view.gateway(network, ipv4));
            if let Some(at) = at.filter(|at| !is_link_local(*at)) {
                let said = self.heard(view, network.bridge, at);
                ways.push(way(Origin::Network(network.name.clone()), Some(at), said));
            }
        }
        Exposed {
            target: Target::Service {
                process: self.process.clone(),
                uid: self.socket.uid,
            },
            ipv4,
            on,
            ports: Some((port, port)),
            transport: Some(self.transport),
            ways,
        }
    }

    fn heard(&self, view: &View, from: IfName, at: IpAddr) -> Said {
        let to = SocketAddr::new(at, self.socket.local.port());
        if at.is_loopback() {
            return (Access::Closed, KERNEL.to_owned());
        }
        let bound = self.socket.link;
        let bound = bound.and_then(|index| view.links.iter().find(|link| link.index == index));
        if let Some(link) = bound.filter(|link| link.name != from) {
            return (
                Access::Closed,
                format!("its socket is bound to `{}`", link.name),
            );
        }
        if let Some(taken) = view.rules.published(to, self.transport) {
            let (set, text) = (taken.set.name(), taken.text());
            let by = format!("inet vetch {set} {{ {text} }} leads to a container");
            return (Access::Closed, by);
        }
        let attempt = Attempt {
            from,
            to,
            transport: self.transport,
        };
        let stop = view.dropper(Hook::Input, at.is_ipv4());
        weigh(view.rules.input(&attempt), stop)
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80)
}
