//! What `tuning` sets of an interface.

use crate::error::{Code, Error, Result};
use core_netlink::MacAddr;
use core_netlink::link::{Link, LinkFlags, LinkSpec};
use std::fmt;

/// One of them, with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Mac(MacAddr),
    Promisc(bool),
    Mtu(u32),
    Allmulti(bool),
    TxQLen(u32),
}

impl Attribute {
    /// The key of the configuration.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Attribute::Mac(_) => "mac",
            Attribute::Promisc(_) => "promisc",
            Attribute::Mtu(_) => "mtu",
            Attribute::Allmulti(_) => "allmulti",
            Attribute::TxQLen(_) => "txQLen",
        }
    }

    pub(super) fn is_like(&self, other: &Attribute) -> bool {
        self.key() == other.key()
    }

    /// What a link has of it.
    pub(super) fn of(&self, link: &Link) -> Option<Attribute> {
        let has = |flag| link.flags.contains(flag);
        match self {
            Attribute::Mac(_) => link.address?.mac().map(Attribute::Mac),
            Attribute::Promisc(_) => Some(Attribute::Promisc(has(LinkFlags::PROMISC))),
            Attribute::Mtu(_) => link.mtu.map(Attribute::Mtu),
            Attribute::Allmulti(_) => Some(Attribute::Allmulti(has(LinkFlags::ALLMULTI))),
            Attribute::TxQLen(_) => link.txqlen.map(Attribute::TxQLen),
        }
    }

    /// What sets it.
    pub(super) fn spec(&self) -> LinkSpec {
        let mut spec = LinkSpec::default();
        match *self {
            Attribute::Mac(mac) => spec.address = Some(mac.into()),
            Attribute::Promisc(on) => spec.promisc = Some(on),
            Attribute::Mtu(mtu) => spec.mtu = Some(mtu),
            Attribute::Allmulti(on) => spec.allmulticast = Some(on),
            Attribute::TxQLen(packets) => spec.txqlen = Some(packets),
        }
        spec
    }

    /// What the kernel would refuse later, or take and remove addresses for it.
    pub(super) fn check(&self, link: &Link, has_ipv6: bool) -> Result<()> {
        let name = link.name;
        match (self, self.of(link)) {
            (_, None) => Err(Error::invalid(self.key(), format!("`{name}` has none"))),
            (Attribute::Mtu(mtu), _) => {
                check_mtu(*mtu, link).map_err(|why| Error::invalid("mtu", why))?;
                match has_ipv6 && *mtu < LEAST_OF_IPV6 {
                    true => {
                        let why = format!(
                            "{mtu} is below {LEAST_OF_IPV6}: the kernel would take the IPv6 addresses of `{name}` away"
                        );
                        Err(Error::new(Code::InvalidConfig, format!("`mtu`: {why}")))
                    }
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

const LEAST_OF_IPV6: u32 = 1280; // RFC 8200, section 5

fn check_mtu(mtu: u32, link: &Link) -> Result<(), String> {
    let least = link.min_mtu.unwrap_or(0);
    let most = link.max_mtu.filter(|&most| most != 0).unwrap_or(u32::MAX);
    match (least..=most).contains(&mtu) {
        true => Ok(()),
        false => Err(format!(
            "{mtu} is not {least} to {most}, which `{}` takes",
            link.name
        )),
    }
}

/// As in `mtu 1400`.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Attribute::Mac(mac) => write!(f, "{key} {mac}"),
            Attribute::Promisc(on) | Attribute::Allmulti(on) => write!(f, "{key} {on}"),
            Attribute::Mtu(number) | Attribute::TxQLen(number) => write!(f, "{key} {number}"),
        }
    }
}
