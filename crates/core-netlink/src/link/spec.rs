//! What is asked of a link.

use super::{
    AltName, BridgePort, Inet6, Ipv4Conf, Kind, LinkFlags, LinkMode, LinkRef, Netns, Slave, header,
    ifla, inet,
};
use crate::attr::Writer;
use crate::object::Family;
use crate::table::Value;
use crate::types::{HwAddr, IfIndex, IfName, NsId};

/// As [`LinkSpec::master`]: no master any more.
pub const NO_MASTER: IfIndex = IfIndex(0);

/// A link as asked for, to make it or to change it; what is `None` is left to the kernel or as it is.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, link::{Bridge, Kind, LinkSpec}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let bridge = LinkSpec {
///     name: Some("br0".parse()?),
///     kind: Some(Kind::Bridge(Bridge { stp_state: Some(0), ..Bridge::default() })),
///     up: Some(true),
///     ..LinkSpec::default()
/// };
/// let bridge = conn.add_link(&bridge)?;
/// # drop(bridge);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkSpec {
    /// Its name; the kernel makes one up if none is given at creation.
    pub name: Option<IfName>,
    /// What it is; necessary at creation, and in a change the attributes of the kind to be changed.
    pub kind: Option<Kind>,
    /// The number that is wished for, at creation only.
    pub index: Option<IfIndex>,
    /// The link it is built on: of a vlan, macvlan, ipvlan.
    pub link: Option<IfIndex>,
    /// The namespace of `link`, if it is another.
    pub link_netnsid: Option<NsId>,
    /// The namespace to be made in (free) or moved to (slow: 20 ms, and the link loses addresses and goes down).
    pub netns: Option<Netns>,
    /// Bytes a packet may have.
    pub mtu: Option<u32>,
    /// Link-layer address.
    pub address: Option<HwAddr>,
    /// Link-layer address of everybody.
    pub broadcast: Option<HwAddr>,
    /// The bridge (or the like) it is a port of; [`NO_MASTER`] for none.
    pub master: Option<IfIndex>,
    /// As the port of a bridge.
    pub port: Option<BridgePort>,
    /// On or off.
    pub up: Option<bool>,
    /// Resolve addresses.
    pub arp: Option<bool>,
    /// Do multicast.
    pub multicast: Option<bool>,
    /// Receive all multicast packets.
    pub allmulticast: Option<bool>,
    /// Receive all packets.
    pub promisc: Option<bool>,
    /// Addresses go when it goes down.
    pub dynamic: Option<bool>,
    /// A text of up to 255 bytes; empty for none. Not taken by the kernel at creation: see [`Conn::add_link`](crate::Conn::add_link).
    pub alias: Option<String>,
    /// Number of a group of links that can be changed and deleted together.
    pub group: Option<u32>,
    /// Queues for sending, at creation only.
    pub tx_queues: Option<u32>,
    /// Queues for receiving, at creation only.
    pub rx_queues: Option<u32>,
    /// How many packets may wait to be sent.
    pub txqlen: Option<u32>,
    /// Largest packet handed to the device to be cut; above 65536 for BIG TCP.
    pub gso_max_size: Option<u32>,
    /// In how many pieces.
    pub gso_max_segs: Option<u32>,
    /// Largest packet put together from received ones.
    pub gro_max_size: Option<u32>,
    /// As `gso_max_size`, for IPv4 (Linux 6.3).
    pub gso_ipv4_max_size: Option<u32>,
    /// As `gro_max_size`, for IPv4 (Linux 6.3).
    pub gro_ipv4_max_size: Option<u32>,
    /// Where a carrier leads to.
    pub link_mode: Option<LinkMode>,
    /// Pretend that there is a carrier, or none (where the driver can).
    pub carrier: Option<bool>,
    /// Held down by a protocol.
    pub protodown: Option<bool>,
    /// Further names to add. A message of its own: see [`Conn::add_link`](crate::Conn::add_link).
    pub altnames: Vec<AltName>,
    /// IPv4 sysctls. Not taken by the kernel at creation: see [`Conn::add_link`](crate::Conn::add_link).
    pub ipv4: Option<Ipv4Conf>,
    /// IPv6 settings. Not taken by the kernel at creation: see [`Conn::add_link`](crate::Conn::add_link).
    pub inet6: Option<Inet6>,
}

impl LinkSpec {
    /// What the kernel takes only of a link that is there, and at creation refuses or drops without a word (Linux 6.18).
    pub(super) fn later(&self) -> Option<LinkSpec> {
        let later = LinkSpec {
            port: self.port.clone(),
            ipv4: self.ipv4.clone(),
            inet6: self.inet6.clone(),
            alias: self.alias.clone(),
            carrier: self.carrier,
            protodown: self.protodown,
            ..LinkSpec::default()
        };
        let changed = later != LinkSpec::default() || !self.altnames.is_empty();
        changed.then_some(later)
    }

    /// The rest of it, down.
    pub(super) fn at_once(&self) -> LinkSpec {
        let mut at_once = self.clone();
        (at_once.port, at_once.ipv4, at_once.inet6) = (None, None, None);
        (at_once.alias, at_once.carrier, at_once.protodown) = (None, None, None);
        at_once.altnames.clear();
        at_once.up = None;
        at_once
    }

    /// Before it is made.
    pub(super) fn check_new(&self) -> Result<(), String> {
        match &self.kind {
            None => return Err("no kind is given".to_owned()),
            Some(Kind::Veth(veth)) => veth.check()?,
            Some(Kind::Vlan(vlan)) => vlan.check()?,
            Some(Kind::Vxlan(vxlan)) => vxlan.check()?,
            Some(Kind::Vrf(vrf)) => vrf.check()?,
            Some(Kind::Tun(_)) => {
                return Err("a tun or tap is not made by netlink: see `add_tap`".to_owned());
            }
            Some(_) => {}
        }
        let needs = matches!(
            &self.kind,
            Some(Kind::Vlan(_) | Kind::Macvlan(_) | Kind::Macvtap(_) | Kind::Ipvlan(_))
        );
        if needs && self.link.is_none() {
            return Err("the link it is built on is not given".to_owned());
        }
        self.check_peer()
    }

    /// Before it is made, alone or as a peer.
    pub(super) fn check_peer(&self) -> Result<(), String> {
        if self.later().is_some() {
            let why = "alias, altnames, carrier, inet6, ipv4, port and protodown are set after creation, by messages of their own";
            return Err(why.to_owned());
        }
        if self.master == Some(NO_MASTER) {
            return Err("a new link has no master to lose".to_owned());
        }
        self.check()
    }

    /// Before it is changed.
    pub(super) fn check_change(&self) -> Result<(), String> {
        let fixed = [
            ("index", self.index.is_some()),
            ("tx_queues", self.tx_queues.is_some()),
            ("rx_queues", self.rx_queues.is_some()),
            ("link_netnsid", self.link_netnsid.is_some()),
            ("altnames", !self.altnames.is_empty()),
        ];
        if let Some((field, _)) = fixed.iter().find(|(_, given)| *given) {
            return Err(format!("{field} cannot be changed with this request"));
        }
        if matches!(&self.kind, Some(Kind::Veth(veth)) if veth.peer.is_some()) {
            return Err("the peer of a veth cannot be changed".to_owned());
        }
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        if let Some(mac) = self
            .address
            .and_then(|address| address.mac())
            .filter(|mac| mac.is_multicast())
        {
            return Err(format!(
                "address {mac} names a group, not one interface: the lowest bit of its first byte is set"
            ));
        }
        if let Some(mac) = self
            .address
            .and_then(|address| address.mac())
            .filter(|mac| mac.0 == [0; 6])
        {
            return Err(format!("address {mac} cannot be an interface's"));
        }
        match &self.alias {
            Some(alias) if alias.len() > 255 => {
                Err(format!("the alias has {} bytes, 255 fit", alias.len()))
            }
            Some(alias) if alias.contains('\0') => Err("the alias contains a zero byte".to_owned()),
            _ => Ok(()),
        }
    }

    /// The flags that are on, and those that are meant.
    fn flags(&self) -> (LinkFlags, LinkFlags) {
        let wishes = [
            (self.up, LinkFlags::UP),
            (self.arp.map(|arp| !arp), LinkFlags::NOARP),
            (self.multicast, LinkFlags::MULTICAST),
            (self.allmulticast, LinkFlags::ALLMULTI),
            (self.promisc, LinkFlags::PROMISC),
            (self.dynamic, LinkFlags::DYNAMIC),
        ];
        let (mut on, mut mask) = (LinkFlags::NONE, LinkFlags::NONE);
        for (wish, flag) in wishes {
            if let Some(wish) = wish {
                on |= if wish { flag } else { LinkFlags::NONE };
                mask |= flag;
            }
        }
        (on, mask)
    }

    /// The fields that a change touches, for an error's text.
    pub(super) fn fields(&self) -> Vec<&'static str> {
        let said = [
            ("address", self.address.is_some()),
            ("broadcast", self.broadcast.is_some()),
            ("mtu", self.mtu.is_some()),
            ("master", self.master.is_some()),
            ("port", self.port.is_some()),
            ("alias", self.alias.is_some()),
            ("group", self.group.is_some()),
            ("kind", self.kind.is_some()),
            ("txqlen", self.txqlen.is_some()),
            ("ipv4 sysctls", self.ipv4.is_some()),
            ("inet6", self.inet6.is_some()),
            (
                "flags",
                self.flags().1.without(LinkFlags::UP) != LinkFlags::NONE,
            ),
        ];
        said.iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect()
    }
}

fn put<T: Value>(w: &mut Writer<'_>, kind: u16, value: &Option<T>) {
    if let Some(value) = value {
        value.write(kind, w);
    }
}

/// The message that makes a link, or what describes the other end of a pair.
pub(super) fn encode(spec: &LinkSpec, w: &mut Writer<'_>, index: IfIndex) {
    encode_change(spec, w, &LinkRef::Index(index));
}

/// The message that changes a link. The name it is meant by and the name it gets are the same attribute: `SetLink` sees to it that
/// there are never two.
pub(super) fn encode_change(spec: &LinkSpec, w: &mut Writer<'_>, link: &LinkRef) {
    let (flags, mask) = spec.flags();
    header(w, Family::Unspec, link.index(), flags, mask);
    link.encode(w);
    put(w, ifla::IFNAME, &spec.name);
    encode_attributes(spec, w);
    if spec.kind.is_some() || spec.port.is_some() {
        w.nest_unmarked(ifla::LINKINFO, |w| {
            if let Some(kind) = &spec.kind {
                kind.encode(w);
            }
            if let Some(port) = &spec.port {
                Slave::Bridge(port.clone()).encode(w);
            }
        });
    }
}

fn encode_attributes(spec: &LinkSpec, w: &mut Writer<'_>) {
    put(w, ifla::MTU, &spec.mtu);
    put(w, ifla::ADDRESS, &spec.address);
    put(w, ifla::BROADCAST, &spec.broadcast);
    put(w, ifla::MASTER, &spec.master);
    put(w, ifla::LINK, &spec.link);
    put(w, ifla::LINK_NETNSID, &spec.link_netnsid.map(NsId::get));
    put(w, ifla::GROUP, &spec.group);
    put(w, ifla::NUM_TX_QUEUES, &spec.tx_queues);
    put(w, ifla::NUM_RX_QUEUES, &spec.rx_queues);
    put(w, ifla::TXQLEN, &spec.txqlen);
    put(w, ifla::GSO_MAX_SIZE, &spec.gso_max_size);
    put(w, ifla::GSO_MAX_SEGS, &spec.gso_max_segs);
    put(w, ifla::GRO_MAX_SIZE, &spec.gro_max_size);
    put(w, ifla::GSO_IPV4_MAX_SIZE, &spec.gso_ipv4_max_size);
    put(w, ifla::GRO_IPV4_MAX_SIZE, &spec.gro_ipv4_max_size);
    put(w, ifla::LINKMODE, &spec.link_mode);
    put(w, ifla::CARRIER, &spec.carrier);
    put(w, ifla::PROTO_DOWN, &spec.protodown);
    if let Some(alias) = &spec.alias {
        w.bytes(ifla::IFALIAS, alias.as_bytes());
    }
    if let Some(netns) = &spec.netns {
        netns.encode(w);
    }
    inet::encode(spec.ipv4.as_ref(), spec.inet6.as_ref(), w);
}
