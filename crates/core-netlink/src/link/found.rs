//! A link as the kernel reports it.

use super::{
    AltName, Inet6, Ipv4Conf, Kind, LinkFlags, LinkMode, LinkType, OperState, Slave, Stats64, ifla,
    inet, info, rtm,
};
use crate::attr::{Attr, Malformed, split_header};
use crate::conn::Record;
use crate::object::Family;
use crate::table::Value;
use crate::types::{HwAddr, IfIndex, IfName, NsId};

/// A link as the kernel reports it. What an older kernel does not say, or what was not asked for, is `None`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// Its number.
    pub index: IfIndex,
    /// Its name.
    pub name: IfName,
    /// The type of the hardware.
    pub link_type: LinkType,
    /// As they are.
    pub flags: LinkFlags,
    /// Which flags changed; only in notices.
    pub changed: LinkFlags,
    /// Operational state.
    pub operstate: OperState,
    /// Where a carrier leads to.
    pub link_mode: Option<LinkMode>,
    /// Link-layer address.
    pub address: Option<HwAddr>,
    /// Link-layer address of everybody.
    pub broadcast: Option<HwAddr>,
    /// The address the hardware was made with.
    pub perm_address: Option<HwAddr>,
    /// Bytes a packet may have.
    pub mtu: Option<u32>,
    /// The least it can be.
    pub min_mtu: Option<u32>,
    /// The most it can be; 0: without limit.
    pub max_mtu: Option<u32>,
    /// The link it is built on, or the other end of the pair; may be in another namespace.
    pub link: Option<IfIndex>,
    /// By which number we know that namespace, if it is another.
    pub link_netnsid: Option<NsId>,
    /// The bridge (or the like) it is a port of.
    pub master: Option<IfIndex>,
    /// What it is; `None` for real hardware and loopback.
    pub kind: Option<Kind>,
    /// What its master knows of it.
    pub slave: Option<Slave>,
    /// A text somebody gave it.
    pub alias: Option<String>,
    /// Further names.
    pub altnames: Vec<AltName>,
    /// Number of its group.
    pub group: Option<u32>,
    /// How packets wait.
    pub qdisc: Option<String>,
    /// How many may.
    pub txqlen: Option<u32>,
    /// Queues for sending.
    pub tx_queues: Option<u32>,
    /// Queues for receiving.
    pub rx_queues: Option<u32>,
    /// How many want all packets.
    pub promiscuity: Option<u32>,
    /// How many want all multicast packets.
    pub allmulti: Option<u32>,
    /// Whether there is a carrier.
    pub carrier: Option<bool>,
    /// How often the carrier came and went.
    pub carrier_changes: Option<u32>,
    /// How often it came.
    pub carrier_up_count: Option<u32>,
    /// How often it went.
    pub carrier_down_count: Option<u32>,
    /// Held down by a protocol.
    pub protodown: Option<bool>,
    /// Largest packet handed to the device to be cut.
    pub gso_max_size: Option<u32>,
    /// In how many pieces.
    pub gso_max_segs: Option<u32>,
    /// The largest that the device can cut.
    pub tso_max_size: Option<u32>,
    /// In how many pieces.
    pub tso_max_segs: Option<u32>,
    /// Largest packet put together from received ones.
    pub gro_max_size: Option<u32>,
    /// As `gso_max_size`, for IPv4.
    pub gso_ipv4_max_size: Option<u32>,
    /// As `gro_max_size`, for IPv4.
    pub gro_ipv4_max_size: Option<u32>,
    /// A program at the driver.
    pub xdp: Option<Xdp>,
    /// Counters.
    pub stats: Option<Stats64>,
    /// IPv4 sysctls.
    pub ipv4: Option<Ipv4Conf>,
    /// What IPv6 knows.
    pub inet6: Option<Inet6>,
    /// The port of the hardware.
    pub phys_port_id: Option<HwAddr>,
    /// Its name.
    pub phys_port_name: Option<String>,
    /// The switch it belongs to.
    pub phys_switch_id: Option<HwAddr>,
    /// The device above it, such as a PCI address.
    pub parent_dev: Option<String>,
    /// On which bus that is.
    pub parent_bus: Option<String>,
    /// Only in the notice of a removal by a move: the namespace it went to.
    pub new_netnsid: Option<NsId>,
    /// Only in the notice of a removal by a move: its number there.
    pub new_index: Option<IfIndex>,
}

/// A program at the driver (`IFLA_XDP_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Xdp {
    /// How: 0 none, 1 by the driver, 2 generic, 3 by hardware, 4 several.
    pub attached: u8,
    /// Which program.
    pub program: Option<u32>,
}

impl Link {
    /// Switched on.
    pub fn is_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP)
    }

    /// Has a carrier.
    pub fn is_lower_up(&self) -> bool {
        self.flags.contains(LinkFlags::LOWER_UP)
    }

    /// Operational.
    pub fn is_running(&self) -> bool {
        self.flags.contains(LinkFlags::RUNNING)
    }

    /// The loopback device.
    pub fn is_loopback(&self) -> bool {
        self.flags.contains(LinkFlags::LOOPBACK)
    }

    /// A program at the driver sees packets first.
    pub fn has_xdp(&self) -> bool {
        self.xdp.is_some_and(|xdp| xdp.attached != 0)
    }

    /// The name of its kind, such as `bridge`.
    pub fn kind_name(&self) -> Option<&str> {
        self.kind.as_ref().map(Kind::name)
    }

    fn empty(index: IfIndex, link_type: LinkType, flags: LinkFlags, changed: LinkFlags) -> Self {
        Link {
            index,
            link_type,
            flags,
            changed,
            name: IfName::from_kernel(b""),
            operstate: OperState::Unknown,
            link_mode: None,
            address: None,
            broadcast: None,
            perm_address: None,
            mtu: None,
            min_mtu: None,
            max_mtu: None,
            link: None,
            link_netnsid: None,
            master: None,
            kind: None,
            slave: None,
            alias: None,
            altnames: Vec::new(),
            group: None,
            qdisc: None,
            txqlen: None,
            tx_queues: None,
            rx_queues: None,
            promiscuity: None,
            allmulti: None,
            carrier: None,
            carrier_changes: None,
            carrier_up_count: None,
            carrier_down_count: None,
            protodown: None,
            gso_max_size: None,
            gso_max_segs: None,
            tso_max_size: None,
            tso_max_segs: None,
            gro_max_size: None,
            gso_ipv4_max_size: None,
            gro_ipv4_max_size: None,
            xdp: None,
            stats: None,
            ipv4: None,
            inet6: None,
            phys_port_id: None,
            phys_port_name: None,
            phys_switch_id: None,
            parent_dev: None,
            parent_bus: None,
            new_netnsid: None,
            new_index: None,
        }
    }

    fn read(&mut self, attr: &Attr<'_>, family: Family) -> Result<(), Malformed> {
        match attr.kind {
            ifla::IFNAME => self.name = IfName::read(attr)?,
            ifla::ADDRESS => self.address = some(attr)?,
            ifla::BROADCAST => self.broadcast = some(attr)?,
            ifla::PERM_ADDRESS => self.perm_address = some(attr)?,
            ifla::MTU => self.mtu = some(attr)?,
            ifla::MIN_MTU => self.min_mtu = some(attr)?,
            ifla::MAX_MTU => self.max_mtu = some(attr)?,
            ifla::LINK => self.link = some(attr)?,
            ifla::LINK_NETNSID => self.link_netnsid = nsid(attr)?,
            ifla::MASTER => self.master = some(attr)?,
            ifla::OPERSTATE => self.operstate = OperState::read(attr)?,
            ifla::LINKMODE => self.link_mode = some(attr)?,
            ifla::IFALIAS => self.alias = some(attr)?,
            ifla::GROUP => self.group = some(attr)?,
            ifla::QDISC => self.qdisc = some(attr)?,
            ifla::TXQLEN => self.txqlen = some(attr)?,
            ifla::NUM_TX_QUEUES => self.tx_queues = some(attr)?,
            ifla::NUM_RX_QUEUES => self.rx_queues = some(attr)?,
            ifla::PROMISCUITY => self.promiscuity = some(attr)?,
            ifla::ALLMULTI => self.allmulti = some(attr)?,
            ifla::STATS64 => self.stats = some(attr)?,
            ifla::LINKINFO => self.read_info(attr)?,
            ifla::PROP_LIST => self.read_names(attr)?,
            ifla::XDP => self.xdp = Some(read_xdp(attr)?),
            ifla::PROTINFO if family == Family::Bridge => {
                self.slave = Some(Slave::read("bridge", attr.nested())?);
            }
            ifla::AF_SPEC if family == Family::Unspec => {
                let families = inet::decode(attr)?;
                (self.ipv4, self.inet6) = (families.ipv4, families.inet6);
            }
            _ => self.read_hardware(attr)?,
        }
        Ok(())
    }

    fn read_hardware(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            ifla::CARRIER => self.carrier = some(attr)?,
            ifla::CARRIER_CHANGES => self.carrier_changes = some(attr)?,
            ifla::CARRIER_UP_COUNT => self.carrier_up_count = some(attr)?,
            ifla::CARRIER_DOWN_COUNT => self.carrier_down_count = some(attr)?,
            ifla::PROTO_DOWN => self.protodown = some(attr)?,
            ifla::GSO_MAX_SIZE => self.gso_max_size = some(attr)?,
            ifla::GSO_MAX_SEGS => self.gso_max_segs = some(attr)?,
            ifla::TSO_MAX_SIZE => self.tso_max_size = some(attr)?,
            ifla::TSO_MAX_SEGS => self.tso_max_segs = some(attr)?,
            ifla::GRO_MAX_SIZE => self.gro_max_size = some(attr)?,
            ifla::GSO_IPV4_MAX_SIZE => self.gso_ipv4_max_size = some(attr)?,
            ifla::GRO_IPV4_MAX_SIZE => self.gro_ipv4_max_size = some(attr)?,
            ifla::PHYS_PORT_ID => self.phys_port_id = some(attr)?,
            ifla::PHYS_PORT_NAME => self.phys_port_name = some(attr)?,
            ifla::PHYS_SWITCH_ID => self.phys_switch_id = some(attr)?,
            ifla::PARENT_DEV_NAME => self.parent_dev = some(attr)?,
            ifla::PARENT_DEV_BUS_NAME => self.parent_bus = some(attr)?,
            ifla::NEW_NETNSID => self.new_netnsid = nsid(attr)?,
            ifla::NEW_IFINDEX => self.new_index = some(attr)?,
            _ => {}
        }
        Ok(())
    }

    fn read_info(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        let inside = attr.nested();
        let data = |kind| {
            Ok(inside
                .find(kind)?
                .map_or(crate::Attrs::new(&[]), |data| data.nested()))
        };
        if let Some(kind) = inside.find(info::KIND)? {
            self.kind = Some(Kind::read(&kind.text(), data(info::DATA)?)?);
        }
        if let Some(kind) = inside.find(info::SLAVE_KIND)? {
            self.slave = Some(Slave::read(&kind.text(), data(info::SLAVE_DATA)?)?);
        }
        Ok(())
    }

    fn read_names(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        for name in attr.nested() {
            let name = name?;
            if name.kind == ifla::ALT_IFNAME {
                self.altnames.push(AltName::from_kernel(name.text()));
            }
        }
        Ok(())
    }
}

fn some<T: Value>(attr: &Attr<'_>) -> Result<Option<T>, Malformed> {
    T::read(attr).map(Some)
}

/// -1 stands for a namespace that has no number here.
fn nsid(attr: &Attr<'_>) -> Result<Option<NsId>, Malformed> {
    Ok(NsId::try_from(attr.i32()?).ok())
}

fn read_xdp(attr: &Attr<'_>) -> Result<Xdp, Malformed> {
    const ATTACHED: u16 = 2;
    const PROGRAM: u16 = 4;
    let mut found = Xdp::default();
    for attr in attr.nested() {
        let attr = attr?;
        match attr.kind {
            ATTACHED => found.attached = attr.u8()?,
            PROGRAM => found.program = Some(attr.u32()?),
            _ => {}
        }
    }
    Ok(found)
}

fn word(bytes: [u8; 16], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Record for Link {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, rtm::NEWLINK | rtm::DELLINK) {
            return Ok(None);
        }
        let (header, attrs) = split_header::<16>(body, "link")?;
        let link_type = u16::from_ne_bytes([header[2], header[3]]).into();
        let [flags, changed] = [8, 12].map(|at| LinkFlags::from_bits(word(header, at)));
        let mut link = Link::empty(IfIndex(word(header, 4)), link_type, flags, changed);
        for attr in attrs {
            link.read(&attr?, header[0].into())?;
        }
        Ok(Some(link))
    }
}
