//! What a pair is made of: the messages, in the order of the ruleset, and what to say when the kernel refuses them.

use crate::action;
use crate::assigned::InnerRoute;
use crate::engine::{Engine, Scene, is_of, netlink, send};
use crate::error::{Error, Result};
use crate::follow::station;
use crate::inner::Inner;
use crate::name::MARK;
use crate::record::Claim;
use crate::spec::{Attachment, BIG_TCP, Ends};
use core_netlink::link::{
    AddLink, BridgePort, GetLink, GetLinkIn, Ipv4Conf, Kind, LinkSpec, Netns, SetBridgePort,
    SetLink,
};
use core_netlink::{Change as Netlink, Conn, Family, HwAddr, IfIndex, IfName, Request};
use ipnet::IpNet;
use std::net::IpAddr;

impl Engine {
    // The pair.

    pub(crate) fn claim(&mut self, claim: &Claim) -> Result<()> {
        let of = &claim.attachment;
        let (network, end) = (&of.key.network, of.host_end);
        self.store.write_claim(claim)?;
        for net in &of.addresses {
            if let Some(holder) = self.store.reserve_address(network, net.addr(), end)? {
                return Err(Error::exists(
                    format!("claim {}", net.addr()),
                    format!("it belongs to {holder}"),
                ));
            }
            self.store.set_last_given(network, net.addr());
        }
        self.store.mark_mac(claim)?;
        self.store.mark_other(of)?;
        for port in &of.ports {
            self.store.reserve_port(port, &format!("{network}/{end}"))?;
        }
        match of.ports.iter().any(|port| port.serves_loopback()) {
            true => self.store.mark_loopback(network, end),
            false => Ok(()),
        }
    }

    /// Gives back as much as can be; the claim stays while anything is held.
    pub(crate) fn unclaim(&mut self, attachment: &Attachment) -> Result<()> {
        let (network, end) = (&attachment.key.network, attachment.host_end);
        let (store, holder) = (&self.store, format!("{network}/{end}"));
        let addresses = attachment.addresses.iter();
        let addresses = addresses.map(|net| store.release_address(network, net.addr(), end));
        let ports = attachment.ports.iter();
        let ports = ports.map(|port| store.release_port(port, &holder));
        let marks = [
            store.unmark_loopback(network, end),
            store.unmark_other(network, end),
        ];
        let given = addresses.chain(ports).chain(marks);
        Error::all(given.filter_map(Result::err))?;
        store.remove_claim(network, end)
    }

    pub(crate) fn make_pair(
        &mut self,
        attachment: &Attachment,
        bridge: IfName,
        ends: Ends,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let namespace = scene
            .namespace
            .ok_or_else(|| Error::missing("make a veth pair", "no namespace is given"))?;
        let netns = Netns::of(namespace)
            .map_err(|err| Error::file(format!("hold namespace {namespace}"), err))?;
        let one_end = LinkSpec {
            mtu: Some(attachment.mtu),
            tx_queues: Some(ends.queues),
            rx_queues: Some(ends.queues),
            ..big_tcp(ends.big_tcp)
        };
        let peer = LinkSpec {
            name: Some(attachment.key.ifname),
            address: Some(HwAddr::from(attachment.mac)),
            netns: Some(netns),
            ..one_end.clone()
        };
        let spec = LinkSpec {
            name: Some(attachment.host_end),
            master: match attachment.assigned.routed {
                Some(_) => None,
                None => Some(known(scene.bridge, bridge)?),
            },
            kind: Some(Kind::veth(peer)),
            ..one_end
        };
        // The numbers are all that is to be known: what the kernel echoes is enough, though it is from before it has its master.
        let made = match self.kernel.route()?.create(&AddLink(&spec)) {
            Ok(Some(link)) => Some(link),
            Ok(None) => self.find(attachment.host_end)?,
            Err(err) => {
                scene.pair_was_there = err.is_exists();
                return Err(self.no_pair(attachment, bridge, scene, err));
            }
        };
        let made = made.ok_or_else(|| {
            Error::missing(
                format!("find `{}`", attachment.host_end),
                "it was removed meanwhile",
            )
        })?;
        (scene.host_end, scene.inner) = (Some(made.index), made.link);
        scene.inner_netns = made.link_netnsid;
        Ok(())
    }

    /// The kernel says only "File exists" or "no space": what, and whose?
    pub(crate) fn no_pair(
        &mut self,
        attachment: &Attachment,
        bridge: IfName,
        scene: &mut Scene<'_>,
        err: core_netlink::Error,
    ) -> Error {
        let op = format!("make a veth pair `{}`", attachment.host_end);
        if err.errno() == Some(nix::libc::EXFULL) {
            return netlink(op, err).with_hint(format!("bridge `{bridge}` has 1,023 ports, which is all a bridge can have: use a second network"));
        }
        if !err.is_exists() {
            return netlink(op, err);
        }
        match self.find(attachment.host_end) {
            Ok(None) => {
                let inside = format!(
                    "namespace {} has an interface `{}` already",
                    attachment.namespace, attachment.key.ifname
                );
                scene.conn = None;
                Error::exists(op, inside).with_hint("choose another name with --ifname")
            }
            _ => self.name_taken(attachment.host_end, err),
        }
    }

    pub(crate) fn name_taken(&mut self, name: IfName, err: core_netlink::Error) -> Error {
        let op = format!("make link `{name}`");
        let alias = self.find(name).ok().flatten().and_then(|link| link.alias);
        let owner = match alias {
            Some(alias) if alias.starts_with(MARK) => format!(
                "it is there and says it belongs to {}",
                alias.escape_debug()
            ),
            Some(alias) => {
                format!("a link of this name is there, not made by vetch; its alias is {alias:?}")
            }
            None => format!("a link of this name is there, not made by vetch ({err:?})"),
        };
        Error::exists(op, owner).with_hint(format!("if nothing needs it: vetch link delete {name}"))
    }

    /// Its settings in the order of the ruleset, all before it is up.
    pub(crate) fn host_end(
        &mut self,
        attachment: &Attachment,
        big: bool,
        scene: &Scene<'_>,
    ) -> Result<()> {
        if let Some(link) = &attachment.assigned.routed {
            return self.routed_end(attachment, link, scene);
        }
        let index = known(scene.host_end, attachment.host_end)?;
        self.kernel
            .set_sysctls(None, vec![action::sysctl_of_port(attachment.host_end)])?;
        let strict = LinkSpec {
            alias: Some(action::alias(attachment)), // not taken at creation
            master: scene.bridge,                   // changes nothing but in a repair
            ipv4: Some(Ipv4Conf {
                rp_filter: Some(1),
                ..Ipv4Conf::default()
            }),
            ..LinkSpec::default()
        };
        let port = port_settings(attachment);
        let entry = station(index, attachment.mac); // in each VLAN that the port is in by then
        let vlans = attachment.assigned.vlans.as_ref();
        let big = big_tcp(big);
        let mut requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(index, &strict)),
            Box::new(SetBridgePort {
                link: index,
                port: &port,
            }),
        ];
        requests.extend(vlans.into_iter().flat_map(|vlans| vlans.requests(index)));
        requests.push(Box::new(Netlink::replace(entry)));
        // A bridge can have no more than its ports, and without one nothing that is big.
        let bridge = scene.bridge.filter(|_| big.gso_max_size.is_some());
        requests
            .extend(bridge.map(|bridge| Box::new(SetLink::new(bridge, &big)) as Box<dyn Request>));
        send(self.kernel.route()?, &requests, |_| false)
            .map_err(|err| netlink(format!("set up port `{}`", attachment.host_end), err))
    }

    pub(crate) fn inside(&mut self, attachment: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let index = known(scene.inner, attachment.key.ifname)?;
        let (namespace, inner) = (&attachment.namespace, attachment.inner());
        self.kernel
            .set_sysctls(scene.namespace, inner.sysctls(attachment.key.ifname))?;
        let conn = scene
            .conn
            .as_mut()
            .ok_or_else(|| Error::missing("talk to the namespace", "its socket is closed"))?;
        inner.configure(conn, index).map_err(|err| {
            let name = attachment.key.ifname;
            let op = format!("set up `{name}` in namespace {namespace}");
            netlink(op, err.in_namespace(namespace))
        })
    }

    /// Packets are lost until the kernel has noticed the carrier, which it does some time later; asking for a link makes it do so
    /// at once (Linux 6.8, `linkwatch_sync_dev`).
    pub(crate) fn raise(&mut self, to: &[IpAddr], scene: &mut Scene<'_>) -> Result<()> {
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        let index = scene
            .host_end
            .ok_or_else(|| Error::missing("set a link up", "its number is not known"))?;
        let mut requests: Vec<Box<dyn Request + '_>> = vec![Box::new(SetLink::new(index, &up))];
        for ip in to {
            let route = InnerRoute::to(IpNet::from(*ip)).spec(index);
            requests.push(Box::new(Netlink::replace(route)));
        }
        let bridge = scene.bridge.filter(|_| !scene.bridge_runs);
        let gateway = scene.gateway.filter(|_| bridge.is_some());
        for link in [Some(index), bridge, gateway].into_iter().flatten() {
            requests.push(Box::new(GetLink(link.into())));
        }
        let inner = scene.inner.zip(scene.inner_netns);
        if let Some((link, netns)) = inner {
            requests.push(Box::new(GetLinkIn { link, netns }));
        }
        send(self.kernel.route()?, &requests, |_| false)
            .map_err(|err| netlink(format!("set link {index} up"), err))?;
        match (&mut scene.conn, scene.inner) {
            (Some(conn), Some(index)) if inner.is_none() => notice(conn, index),
            _ => Ok(()),
        }
    }

    pub(crate) fn delete_pair(&mut self, attachment: &Attachment) -> Result<()> {
        match self.find(attachment.host_end)? {
            Some(link) if is_of(&link, &attachment.key) => self.delete(link.index),
            _ => Ok(()),
        }
    }
}

/// The port of the bridge: no learning, nothing for unknown addresses, unless it is unguarded; back out of it only for its own published
/// ports.
pub(crate) fn port_settings(attachment: &Attachment) -> BridgePort {
    let open = attachment.unguarded;
    BridgePort {
        learning: Some(open),
        flood: Some(open),
        locked: Some(!open),
        isolated: Some(attachment.isolated),
        hairpin: Some(attachment.assigned.hairpin || !attachment.ports.is_empty()),
        ..BridgePort::default()
    }
}

/// The sizes of BIG TCP, for both families, or those the kernel has.
fn big_tcp(on: bool) -> LinkSpec {
    let size = on.then_some(BIG_TCP);
    LinkSpec {
        gso_max_size: size,
        gro_max_size: size,
        gso_ipv4_max_size: size,
        gro_ipv4_max_size: size,
        ..LinkSpec::default()
    }
}

fn notice(conn: &mut Conn, link: IfIndex) -> Result<()> {
    let read = conn.get_link(link).map(drop);
    read.map_err(|err| netlink(format!("read link {link}"), err))
}

pub(crate) fn known(index: Option<IfIndex>, name: IfName) -> Result<IfIndex> {
    index.ok_or_else(|| Error::missing(format!("set up `{name}`"), "its number is not known"))
}

impl Attachment {
    /// What its interface is to be.
    pub(crate) fn inner(&self) -> Inner {
        Inner {
            addresses: self.addresses.clone(),
            routes: self.routes().collect(),
            detect_duplicates: self.assigned.detect_duplicates,
            down: self.assigned.down,
            alone: self.assigned.routed.is_some(),
        }
    }

    /// All of its routes: to its gateways, and those that came with its addresses.
    pub(crate) fn routes(&self) -> impl Iterator<Item = InnerRoute> + '_ {
        let defaults = self.gateways.iter().map(|gateway| InnerRoute {
            gateway: Some(*gateway),
            ..InnerRoute::to(Family::everywhere(*gateway))
        });
        defaults.chain(self.assigned.routes.iter().cloned())
    }
}
