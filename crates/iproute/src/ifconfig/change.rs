//! The one IPv4 address that `ifconfig` sees of an interface: set, masked, widened, replaced.
//!
//! net-tools knows one address of each label; giving another replaces it, which is what people rely on.

use crate::Done;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::quoted;
use core_netlink::addr::{Address, AddressFilter, AddressSpec, Broadcast};
use core_netlink::link::{Link, LinkFlags, LinkSpec};
use core_netlink::{Change, Prefix};
use std::net::Ipv4Addr;

/// The address of a label, as it is to become.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) address: Option<Ipv4Addr>,
    pub(super) length: Option<u8>,
    pub(super) broadcast: Option<Ipv4Addr>,
    pub(super) peer: Option<Ipv4Addr>,
}

impl Wish {
    pub(super) fn is_nothing(&self) -> bool {
        self.address.is_none()
            && self.length.is_none()
            && self.broadcast.is_none()
            && self.peer.is_none()
    }
}

pub(super) fn no_such(name: &str, original: String) -> Fault {
    Fault::no_device(name).original(original)
}

/// What is there is taken away and put back changed.
pub(super) fn apply(s: &mut Session<'_>, link: &Link, label: &str, wish: &Wish) -> Done {
    let old = find(s, link, label)?;
    if wish.address == Some(Ipv4Addr::UNSPECIFIED) {
        return remove(s, link, old.as_ref());
    }
    let spec = plan(link, label, old.as_ref(), wish)?;
    if old.as_ref().is_some_and(|old| old.to_spec() == spec) {
        return Ok(());
    }
    remove(s, link, old.as_ref())?;
    let added = s.conn()?.change(&Change::add(&spec));
    if let Err(err) = added {
        if let Some(old) = &old {
            let _ = s.conn()?.change(&Change::add(&old.to_spec())); // the error that counts is the first one
        }
        return Err(refused(err, &spec, link));
    }
    Ok(())
}

fn refused(err: core_netlink::Error, spec: &AddressSpec, link: &Link) -> Fault {
    let errno = err
        .errno()
        .map(crate::fault::errno_text)
        .unwrap_or_default();
    Fault::from(err)
        .what(format!(
            "cannot add address {} to link `{}`",
            spec.address, link.name
        ))
        .original(format!("SIOCSIFADDR: {errno}"))
        .code(1)
}

pub(super) fn set_up(s: &mut Session<'_>, link: &Link) -> Done {
    let up = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    let done = s.conn()?.set_link(link.index, &up);
    done.map_err(|err| Session::named(err, link).code(255))
}

pub(super) fn find(s: &mut Session<'_>, link: &Link, label: &str) -> Done<Option<Address>> {
    let filter = AddressFilter {
        link: Some(link.index),
        ..AddressFilter::default()
    };
    let found = s.conn()?.addresses(&filter)?;
    Ok(found.into_iter().find(|address| {
        address.link == link.index
            && address
                .label
                .is_some_and(|known| known.to_string() == label)
    }))
}

pub(super) fn remove(s: &mut Session<'_>, link: &Link, address: Option<&Address>) -> Done {
    let Some(address) = address else {
        return Ok(());
    };
    match s.conn()?.change(&Change::delete(&address.to_spec())) {
        Err(err) if !err.is_not_found() => Err(Session::named(err, link).code(1)),
        _ => Ok(()),
    }
}

/// What a mask or a broadcast address alone refers to must be there.
fn plan(link: &Link, label: &str, old: Option<&Address>, wish: &Wish) -> Done<AddressSpec> {
    let known = old.and_then(|old| match old.address.addr() {
        std::net::IpAddr::V4(v4) => Some((v4, old.address.prefix_len())),
        std::net::IpAddr::V6(_) => None,
    });
    let missing = || {
        let what = if wish.peer.is_some() {
            "SIOCSIFDSTADDR"
        } else if wish.length.is_some() {
            "SIOCSIFNETMASK"
        } else {
            "SIOCSIFBRDADDR"
        };
        Fault::new(
            1,
            format!("{what}: Cannot assign requested address"),
            format!("cannot change the address of link `{}`", quoted(label)),
            "it has none yet",
        )
        .hint(format!(
            "give it one: `ifconfig {} ADDRESS/LENGTH`",
            quoted(label)
        ))
    };
    let address = wish
        .address
        .or(known.map(|(address, _)| address))
        .ok_or_else(missing)?;
    let length = match (wish.length, wish.address, known) {
        (Some(length), _, _) => length,
        (None, None, Some((_, length))) => length,
        (None, Some(same), Some((known, length))) if same == known => length,
        _ => class(address),
    };
    let address = Prefix::new(address.into(), length).unwrap_or_default();
    let can_broadcast = link.flags.contains(LinkFlags::BROADCAST) && length < 31;
    let broadcast = match wish.broadcast {
        Some(broadcast) => Broadcast::Address(broadcast),
        None if can_broadcast => Broadcast::Computed,
        None => Broadcast::None,
    };
    let peer = wish.peer.map(Into::into).or(old
        .filter(|_| wish.address.is_none())
        .and_then(|old| old.peer));
    let label = Some(core_netlink::IfName::from_kernel(label.as_bytes()));
    Ok(AddressSpec {
        link: link.index,
        address,
        peer,
        broadcast,
        label,
        ..AddressSpec::default()
    })
}

/// The length that the address had before 1993 (RFC 791); net-tools still goes by it.
fn class(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        192..224 => 24,
        _ => 32,
    }
}
