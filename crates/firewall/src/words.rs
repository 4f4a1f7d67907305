//! The vocabulary the rules of our tables are written in: fields of packets, and what may be asked of them.

use crate::Set;
use core_netlink::nft::expr::{
    Base, Bitwise, Cmp, Ct, CtKey, Fib, FibResult, Lookup, Masquerade, Meta, MetaKey, Nat, NatType,
    Payload,
};
use core_netlink::nft::{Expr, Family, Reg, Verdict};

/// What a rule can look at.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    IifName,
    OifName,
    Iif,
    NfProto,
    L4Proto,
    /// The EtherType, of what is inside a VLAN tag.
    Protocol,
    /// The EtherType on the wire; a VLAN tag shows as 0x8100.
    EtherType,
    /// The number of the VLAN in a tag, without its priority.
    VlanId,
    EtherSource,
    Source4,
    Destination4,
    Source6,
    Destination6,
    DestinationPort,
    /// Hardware and protocol type, 4 bytes.
    ArpTypes,
    /// Lengths of hardware and protocol addresses, 2 bytes.
    ArpLengths,
    ArpOperation,
    ArpSenderMac,
    ArpSenderIp,
    ArpTargetIp,
    Icmp6Type,
    /// The address inside neighbour discovery: `@th,64,128`.
    NdTarget,
    /// Type and length of the option behind that address: `@th,192,16`.
    NdOption,
    /// The link-layer address in that option: `@th,208,48`.
    NdLladdr,
    /// The same two in a router solicitation: `@th,64,16` and `@th,80,48`.
    RsOption,
    RsLladdr,
    /// The bytes behind the IPv6 header.
    Length6,
    /// What is behind the IPv6 header.
    NextHeader6,
    /// The first byte of the IPv4 destination: 127 for 127.0.0.0/8.
    Destination4Net8,
    /// The first byte of the IPv4 source.
    Source4Net8,
    /// Source and destination port, 4 bytes.
    Ports,
    /// `RTN_*` of the destination.
    DestinationType,
}

impl Field {
    /// What loads it, and how many bytes that gives.
    fn load(self, to: Reg) -> (Expr, usize) {
        use Field::*;
        let meta = |key, len| (Meta { key, to }.into(), len);
        let bytes = |base, offset, len: usize| {
            let len32 = len as u32;
            (
                Payload {
                    base,
                    offset,
                    len: len32,
                    to,
                }
                .into(),
                len,
            )
        };
        let (link, network, transport) = (Base::Link, Base::Network, Base::Transport);
        match self {
            IifName => meta(MetaKey::IifName, 16),
            OifName => meta(MetaKey::OifName, 16),
            Iif => meta(MetaKey::Iif, 4),
            NfProto => meta(MetaKey::NfProto, 1),
            L4Proto => meta(MetaKey::L4Proto, 1),
            Protocol => meta(MetaKey::Protocol, 2),
            EtherType => bytes(link, 12, 2),
            VlanId => bytes(link, 14, 2),
            EtherSource => bytes(link, 6, 6),
            Source4 => bytes(network, 12, 4),
            Source4Net8 => bytes(network, 12, 1),
            Destination4 => bytes(network, 16, 4),
            Destination4Net8 => bytes(network, 16, 1),
            Source6 => bytes(network, 8, 16),
            Destination6 => bytes(network, 24, 16),
            Ports => bytes(transport, 0, 4),
            DestinationPort => bytes(transport, 2, 2),
            ArpTypes => bytes(network, 0, 4),
            ArpLengths => bytes(network, 4, 2),
            ArpOperation => bytes(network, 6, 2),
            ArpSenderMac => bytes(network, 8, 6),
            ArpSenderIp => bytes(network, 14, 4),
            ArpTargetIp => bytes(network, 24, 4),
            Icmp6Type => bytes(transport, 0, 1),
            NdTarget => bytes(transport, 8, 16),
            NdOption => bytes(transport, 24, 2),
            NdLladdr => bytes(transport, 26, 6),
            RsOption => bytes(transport, 8, 2),
            RsLladdr => bytes(transport, 10, 6),
            Length6 => bytes(network, 4, 2),
            NextHeader6 => bytes(network, 6, 1),
            DestinationType => {
                let (flags, result) = (Fib::DADDR, FibResult::AddrType);
                (Fib { flags, result, to }.into(), 4)
            }
        }
    }
}

/// A rule in the making: matches, then what to do.
#[derive(Clone, Default)]
pub(crate) struct Rule(pub(crate) Vec<Expr>);

pub(crate) fn rule() -> Rule {
    Rule::default()
}

impl Rule {
    fn with(mut self, expr: impl Into<Expr>) -> Rule {
        self.0.push(expr.into());
        self
    }

    /// The field has this value.
    pub(crate) fn is(mut self, field: Field, value: impl Into<Vec<u8>>) -> Rule {
        self.0.push(field.load(Reg::FIRST).0);
        self.with(Cmp::eq(Reg::FIRST, value))
    }

    /// IPv4 packets, in table inet.
    pub(crate) fn ipv4(self) -> Rule {
        self.is(Field::NfProto, [Family::Ip.number()])
    }

    /// IPv6 packets, in table inet.
    pub(crate) fn ipv6(self) -> Rule {
        self.is(Field::NfProto, [Family::Ip6.number()])
    }

    /// Loads fields one behind the other, as a concatenation has them.
    fn key(mut self, fields: &[Field]) -> Rule {
        let mut to = Reg::FIRST;
        for field in fields {
            let (expr, len) = field.load(to);
            self.0.push(expr);
            if matches!(field, Field::VlanId) {
                self = self.masked(to, [0x0f, 0xff]);
            }
            to = to.after(len);
        }
        self
    }

    /// Some bits of what was loaded.
    fn masked<const N: usize>(self, reg: Reg, mask: [u8; N]) -> Rule {
        self.with(Bitwise {
            from: reg,
            to: reg,
            mask: mask.into(),
            xor: vec![0; N],
        })
    }

    /// The fields are an element of the set.
    pub(crate) fn within(self, fields: &[Field], set: Set) -> Rule {
        self.key(fields).with(lookup(set))
    }

    /// The field is one of an anonymous set of the same transaction.
    pub(crate) fn one_of(self, field: Field, set_id: u32) -> Rule {
        let set = "__set%d".into();
        self.key(&[field]).with(Lookup {
            set,
            set_id,
            ..Lookup::default()
        })
    }

    /// An anonymous verdict map of the same transaction decides.
    pub(crate) fn vmap(self, field: Field, set_id: u32) -> Rule {
        let (set, decides) = ("__map%d".into(), true);
        self.key(&[field]).with(Lookup {
            set,
            set_id,
            decides,
            ..Lookup::default()
        })
    }

    /// The connection is in one of these states ([`Ct::NEW`] and so on).
    pub(crate) fn ct_state(self, bits: u32) -> Rule {
        self.ct(CtKey::State, bits)
    }

    /// The connection's destination was translated.
    pub(crate) fn ct_dnat(self) -> Rule {
        self.ct(CtKey::Status, Ct::DST_NAT)
    }

    fn ct(self, key: CtKey, bits: u32) -> Rule {
        let reg = Reg::FIRST;
        self.with(Ct { key, to: reg })
            .masked(reg, bits.to_ne_bytes())
            .with(Cmp::neq(reg, [0; 4]))
    }

    /// Translates the destination to what the map says; `port_behind` bytes of address there is the port, if the map has one.
    pub(crate) fn dnat(
        self,
        family: Family,
        fields: &[Field],
        map: Set,
        port_behind: Option<usize>,
    ) -> Rule {
        let (reg, to) = (Reg::FIRST, Some(Reg::FIRST));
        let port = port_behind.map(|len| reg.after(len));
        let found = Lookup { to, ..lookup(map) };
        self.key(fields)
            .with(found)
            .with(Nat::to(NatType::Dnat, family, reg, port))
    }

    pub(crate) fn masquerade(self) -> Rule {
        self.with(Masquerade::default())
    }

    pub(crate) fn accept(self) -> Rule {
        self.with(Expr::verdict(Verdict::Accept))
    }

    pub(crate) fn drop(self) -> Rule {
        self.with(Expr::verdict(Verdict::Drop))
    }

    pub(crate) fn leave(self) -> Rule {
        self.with(Expr::verdict(Verdict::Return))
    }

    /// Into a chain and back.
    pub(crate) fn jump(self, chain: &str) -> Rule {
        self.with(Expr::verdict(Verdict::Jump(chain.into())))
    }

    pub(crate) fn goto(self, chain: &str) -> Rule {
        self.with(Expr::verdict(Verdict::Goto(chain.into())))
    }
}

fn lookup(set: Set) -> Lookup {
    let set = set.name().into();
    Lookup {
        set,
        ..Lookup::default()
    }
}
