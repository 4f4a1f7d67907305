//! The port of a bridge (`IFLA_BRPORT_*`): the same attributes in `IFLA_INFO_SLAVE_DATA` and in `IFLA_PROTINFO`.

use super::bridge::{BridgeId, McastRouter};
use super::values::{Present, value_of};
use crate::table::{attrs, numbered};
use crate::types::IfIndex;

attrs! {
    /// The port of a bridge. Those marked "read only" are not to be set; times are in hundredths of a second.
    pub struct BridgePort {
        /// Of the spanning tree.
        state: PortState = 1,
        /// Priority in the spanning tree, 0 to 63; lower wins.
        priority: u16 = 2,
        /// What the way through this port costs, 1 to 65535.
        cost: u32 = 3,
        /// Send packets back out of the port they came in by.
        hairpin: bool = 4,
        /// Drop packets of the spanning tree that come in.
        guard: bool = 5,
        /// Never becomes the way to the root.
        root_block: bool = 6,
        /// Drop a group at once when a member leaves.
        fast_leave: bool = 7,
        /// Remember who sends here.
        learning: bool = 8,
        /// Send packets to unknown addresses here.
        flood: bool = 9,
        /// Answer ARP for others.
        proxy_arp: bool = 10,
        /// Learned by hardware counts as well.
        learning_sync: bool = 11,
        /// Answer ARP for others as access points do.
        proxy_arp_wifi: bool = 12,
        /// The root of the spanning tree (read only).
        root_id: BridgeId = 13,
        /// The bridge at the other end (read only).
        bridge_id: BridgeId = 14,
        /// The port at the other end (read only).
        designated_port: u16 = 15,
        /// What the way costs from the other end (read only).
        designated_cost: u16 = 16,
        /// Priority and number (read only).
        id: u16 = 17,
        /// Number (read only).
        number: u16 = 18,
        /// A change of the topology is acknowledged (read only).
        topology_change_ack: u8 = 19,
        /// A configuration waits to be sent (read only).
        config_pending: u8 = 20,
        /// Read only.
        message_age_timer: u64 = 21,
        /// Read only.
        forward_delay_timer: u64 = 22,
        /// Read only.
        hold_timer: u64 = 23,
        /// Forget the addresses learned here.
        fdb_flush: Present = 24,
        /// Whether a multicast router is here.
        mcast_router: McastRouter = 25,
        /// Send packets of unknown groups here.
        mcast_flood: bool = 27,
        /// Send group packets to each member alone.
        mcast_to_unicast: bool = 28,
        /// Map VLANs to tunnel ids.
        vlan_tunnel: bool = 29,
        /// Send broadcasts here.
        bcast_flood: bool = 30,
        /// Which link-local groups (01:80:c2:00:00:0X) are forwarded, by bit X.
        group_fwd_mask: u16 = 31,
        /// Answer ARP and neighbour solicitations from the table instead of flooding them.
        neigh_suppress: bool = 32,
        /// Cannot talk to other isolated ports.
        isolated: bool = 33,
        /// Takes over when this port loses its carrier; 0: none.
        backup_port: IfIndex = 34,
        /// Media redundancy ring open (read only).
        mrp_ring_open: u8 = 35,
        /// Media redundancy interconnect open (read only).
        mrp_in_open: u8 = 36,
        /// How many hosts are tracked at most.
        mcast_eht_hosts_limit: u32 = 37,
        /// How many hosts are tracked (read only).
        mcast_eht_hosts_cnt: u32 = 38,
        /// Only addresses that somebody entered may talk.
        locked: bool = 39,
        /// Packets of locked-out addresses are entered as locked (Linux 6.2).
        mab: bool = 40,
        /// How many groups are here (read only; Linux 6.3).
        mcast_n_groups: u32 = 41,
        /// How many groups there may be; 0: without limit (Linux 6.3).
        mcast_max_groups: u32 = 42,
        /// `neigh_suppress` by VLAN (Linux 6.4).
        neigh_vlan_suppress: bool = 43,
        /// Next hop by which packets go when the port loses its carrier (Linux 6.6).
        backup_nhid: u32 = 44,
    }
}

numbered! {
    /// State of a port in the spanning tree (`BR_STATE_*`).
    PortState(u8), "port state" {
        /// Nothing passes.
        Disabled = 0 "disabled",
        /// Hears the spanning tree only.
        Listening = 1 "listening",
        /// Learns addresses.
        Learning = 2 "learning",
        /// Packets pass.
        Forwarding = 3 "forwarding",
        /// Kept closed by the spanning tree.
        Blocking = 4 "blocking",
    }
}

value_of! { PortState: u8; }
