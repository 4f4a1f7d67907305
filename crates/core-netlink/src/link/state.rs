//! What state a link is in: flags, operational state, link type.

use super::values::value_of;
use crate::table::{bits, numbered};

bits! {
    /// Flags of a link (`IFF_*`, netdevice(7)), in the order in which `ip` prints them.
    LinkFlags(u32) {
        /// The loopback device.
        LOOPBACK = 0x8 "LOOPBACK",
        /// Has a broadcast address.
        BROADCAST = 0x2 "BROADCAST",
        /// Has one other end.
        POINTOPOINT = 0x10 "POINTOPOINT",
        /// Can do multicast.
        MULTICAST = 0x1000 "MULTICAST",
        /// Resolves no addresses.
        NOARP = 0x80 "NOARP",
        /// Receives all multicast packets.
        ALLMULTI = 0x200 "ALLMULTI",
        /// Receives all packets.
        PROMISC = 0x100 "PROMISC",
        /// Master of a bundle.
        MASTER = 0x400 "MASTER",
        /// Member of a bundle.
        SLAVE = 0x800 "SLAVE",
        /// Debugging is on.
        DEBUG = 0x4 "DEBUG",
        /// Its addresses go when it goes down.
        DYNAMIC = 0x8000 "DYNAMIC",
        /// Chooses its media itself.
        AUTOMEDIA = 0x4000 "AUTOMEDIA",
        /// Can choose its media.
        PORTSEL = 0x2000 "PORTSEL",
        /// Without trailers.
        NOTRAILERS = 0x20 "NOTRAILERS",
        /// Switched on.
        UP = 0x1 "UP",
        /// Has a carrier.
        LOWER_UP = 0x1_0000 "LOWER_UP",
        /// Waits for an event, such as 802.1X.
        DORMANT = 0x2_0000 "DORMANT",
        /// Echoes what is sent.
        ECHO = 0x4_0000 "ECHO",
        /// Operational; `ip` prints its absence, as `NO-CARRIER`.
        RUNNING = 0x40 "RUNNING",
    }
}

numbered! {
    /// Operational state (RFC 2863, `IF_OPER_*`).
    OperState(u8), "operational state" {
        /// The driver does not say.
        Unknown = 0 "UNKNOWN",
        /// The hardware is missing.
        NotPresent = 1 "NOTPRESENT",
        /// Down.
        Down = 2 "DOWN",
        /// A lower link is down.
        LowerLayerDown = 3 "LOWERLAYERDOWN",
        /// Being tested.
        Testing = 4 "TESTING",
        /// Waits for an event.
        Dormant = 5 "DORMANT",
        /// Packets pass.
        Up = 6 "UP",
    }
}

numbered! {
    /// In which state a link with a carrier goes (`IF_LINK_MODE_*`).
    LinkMode(u8), "link mode" {
        /// Up at once.
        Default = 0 "DEFAULT",
        /// Dormant until told.
        Dormant = 1 "DORMANT",
        /// Testing until told.
        Testing = 2 "TESTING",
    }
}

numbered! {
    /// The type of the hardware (`ARPHRD_*`, linux/if_arp.h).
    LinkType(u16), "link type" {
        /// Ethernet.
        Ether = 1 "ether",
        /// IP over InfiniBand.
        Infiniband = 32 "infiniband",
        /// PPP.
        Ppp = 512 "ppp",
        /// IPv4 in IPv4.
        Ipip = 768 "ipip",
        /// IPv6 tunnel.
        Tunnel6 = 769 "tunnel6",
        /// Loopback.
        Loopback = 772 "loopback",
        /// IPv6 in IPv4.
        Sit = 776 "sit",
        /// GRE over IPv4.
        Gre = 778 "gre",
        /// GRE over IPv6.
        Gre6 = 823 "gre6",
        /// Netlink messages.
        Netlink = 824 "netlink",
        /// No header at all.
        None = 65534 "none",
        /// Void.
        Void = 65535 "void",
    }
}

value_of! { OperState: u8; LinkMode: u8; }
