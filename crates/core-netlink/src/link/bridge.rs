//! `bridge`: an Ethernet switch in the kernel (`IFLA_BR_*`).

use super::values::{Chosen, Present, VlanProtocol, chosen, value_of};
use crate::attr::{Attr, Malformed, Writer};
use crate::table::{Value, attrs, bits, numbered};
use crate::types::MacAddr;
use std::fmt;

attrs! {
    /// A bridge; times are in hundredths of a second, as `ip` has them. Those marked "read only" are not to be set.
    pub struct Bridge {
        /// How long a port listens and learns before it forwards.
        forward_delay: u32 = 1,
        /// Between two hello packets of the spanning tree.
        hello_time: u32 = 2,
        /// After which the root counts as lost.
        max_age: u32 = 3,
        /// How long an address is remembered; 0: not at all.
        ageing_time: u32 = 4,
        /// Spanning tree: 0 off, 1 in the kernel, 2 by a daemon.
        stp_state: u32 = 5,
        /// Priority in the election of the root; lower wins.
        priority: u16 = 6,
        /// Forward by VLAN.
        vlan_filtering: bool = 7,
        /// Which tag counts.
        vlan_protocol: VlanProtocol = 8,
        /// Which link-local groups (01:80:c2:00:00:0X) are forwarded, by bit X.
        group_fwd_mask: u16 = 9,
        /// The root of the spanning tree (read only).
        root_id: BridgeId = 10,
        /// This bridge (read only).
        bridge_id: BridgeId = 11,
        /// The port towards the root (read only).
        root_port: u16 = 12,
        /// What the way to the root costs (read only).
        root_path_cost: u32 = 13,
        /// The topology changes (read only).
        topology_change: u8 = 14,
        /// A change of the topology was seen (read only).
        topology_change_detected: u8 = 15,
        /// Until the next hello (read only).
        hello_timer: u64 = 16,
        /// Until the next notice of a topology change (read only).
        tcn_timer: u64 = 17,
        /// Until the topology counts as stable (read only).
        topology_change_timer: u64 = 18,
        /// Until old addresses are looked for (read only).
        gc_timer: u64 = 19,
        /// The group of the spanning tree.
        group_address: MacAddr = 20,
        /// Forget all learned addresses.
        fdb_flush: Present = 21,
        /// Whether there are multicast routers.
        mcast_router: McastRouter = 22,
        /// Follow IGMP and MLD, and send groups only where they are wanted.
        mcast_snooping: bool = 23,
        /// Ask with the bridge's own address.
        mcast_query_use_ifaddr: bool = 24,
        /// Ask for members.
        mcast_querier: bool = 25,
        /// Length of a hash chain; without effect since Linux 5.0.
        mcast_hash_elasticity: u32 = 26,
        /// How many groups at most.
        mcast_hash_max: u32 = 27,
        /// How often to ask before the last member counts as gone.
        mcast_last_member_count: u32 = 28,
        /// How often to ask at the start.
        mcast_startup_query_count: u32 = 29,
        /// Between two questions for the last member.
        mcast_last_member_interval: u64 = 30,
        /// How long a member counts.
        mcast_membership_interval: u64 = 31,
        /// How long another querier counts.
        mcast_querier_interval: u64 = 32,
        /// Between two questions.
        mcast_query_interval: u64 = 33,
        /// How long an answer may take.
        mcast_query_response_interval: u64 = 34,
        /// Between two questions at the start.
        mcast_startup_query_interval: u64 = 35,
        /// Bridged IPv4 packets pass iptables and inet chains.
        nf_call_iptables: bool = 36,
        /// Bridged IPv6 packets pass ip6tables and inet chains.
        nf_call_ip6tables: bool = 37,
        /// Bridged ARP packets pass arptables.
        nf_call_arptables: bool = 38,
        /// The VLAN of untagged packets at new ports; 0: none.
        vlan_default_pvid: u16 = 39,
        /// Count by VLAN.
        vlan_stats_enabled: bool = 41,
        /// Count multicast.
        mcast_stats_enabled: bool = 42,
        /// 2 or 3.
        mcast_igmp_version: u8 = 43,
        /// 1 or 2.
        mcast_mld_version: u8 = 44,
        /// Count by VLAN at each port.
        vlan_stats_per_port: bool = 45,
        /// Further switches.
        options: Chosen<BridgeOptions> = 46,
        /// Who asks for members (read only): attributes as the kernel has them.
        mcast_querier_state: Raw = 47,
        /// How many addresses are learned now (read only; Linux 6.7).
        fdb_n_learned: u32 = 48,
        /// How many addresses may be learned; 0: without limit (Linux 6.7).
        fdb_max_learned: u32 = 49,
    }
}

bits! {
    /// Switches of a bridge (`BR_BOOLOPT_*`).
    BridgeOptions(u32) {
        /// Do not learn from link-local packets.
        NO_LINKLOCAL_LEARN = 0x1 "no_linklocal_learn",
        /// Follow multicast in each VLAN.
        MCAST_VLAN_SNOOPING = 0x2 "mcast_vlan_snooping",
        /// Multiple spanning trees (IEEE 802.1s).
        MST_ENABLED = 0x4 "mst_enabled",
        /// Offload to hardware what is learned of MDB (Linux 6.14).
        MDB_OFFLOAD_FAIL_NOTIFICATION = 0x8 "mdb_offload_fail_notification",
    }
}

numbered! {
    /// Whether multicast routers are there (`MDB_RTR_TYPE_*`).
    McastRouter(u8), "multicast router setting" {
        /// Never.
        Disabled = 0 "0",
        /// Found by their questions.
        Learned = 1 "1",
        /// Always.
        Always = 2 "2",
        /// For a while (ports only).
        Temporary = 3 "3",
    }
}

value_of! { McastRouter: u8; }
chosen! { BridgeOptions }

/// Priority and address of a bridge (`struct ifla_bridge_id`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeId {
    /// Lower wins.
    pub priority: u16,
    /// The bridge's MAC address.
    pub address: MacAddr,
}

/// As `ip` and `brctl` print it: `8000.2:42:ac:11:0:2` without leading zeros.
impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.address.0;
        write!(
            f,
            "{:04x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{g:x}",
            self.priority
        )
    }
}

impl Value for BridgeId {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let [p, q, mac @ ..] = attr.array::<8>()?;
        Ok(BridgeId {
            priority: u16::from_be_bytes([p, q]),
            address: MacAddr(mac),
        })
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.bytes(
            kind,
            &[&self.priority.to_be_bytes()[..], &self.address.0].concat(),
        );
    }
}

/// Bytes as they are.
pub(super) type Raw = Vec<u8>;

impl Value for Raw {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        Ok(attr.value.to_vec())
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.bytes(kind, self);
    }
}
