//! The filters at the host's end that lead packets to an `ifb`.
//!
//! They are `u32`, which every kernel with filters has; `matchall` would say no more, and is an option of its own that is missing here
//! and there. Those of the container's own packets hang where the end receives, those of packets to it where the end sends.

use super::ifb::Way;
use super::keys::Which;
use crate::error::{Code, Error, Result};
use crate::inside::kernel;
use crate::plugin::done::Done;
use core_netlink::link::Link;
use core_netlink::tc::{
    Action, DumpFilters, EtherType, Filter, FilterKind, FilterSpec, Handle, Mirred, QdiscFilter,
    QdiscKind, QdiscSpec, U32, U32Key,
};
use core_netlink::{Conn, IfIndex};
use ipnet::IpNet;
use std::ops::RangeInclusive;

/// Places within the priorities of a way.
const OF_IPV4: u16 = 0;
const OF_IPV6: u16 = 1;
const OF_ALL: u16 = 2;

impl Way {
    /// Each way has its own: at a `clsact` the kernel lists the `u32` filters of a priority for both places (`tc_u_common` of
    /// net/sched/cls_u32.c, Linux 6.18).
    fn priorities(self) -> RangeInclusive<u16> {
        let first = match self {
            Way::Egress => 1,
            Way::Ingress => 4,
        };
        first..=first + OF_ALL
    }

    fn parent(self) -> Handle {
        match self {
            Way::Ingress => Handle::EGRESS,
            Way::Egress => Handle::INGRESS,
        }
    }

    /// Where the address of the other end lies in a packet: of what is received the source, of what is sent the destination.
    fn offset(self, net: &IpNet) -> i32 {
        match (self, net) {
            (Way::Ingress, IpNet::V4(_)) => 12,
            (Way::Egress, IpNet::V4(_)) => 16,
            (Way::Ingress, IpNet::V6(_)) => 8,
            (Way::Egress, IpNet::V6(_)) => 24,
        }
    }
}

/// What there has to be, in the order in which the kernel asks.
pub(super) fn wanted(end: IfIndex, way: Way, which: &Which, to: IfIndex) -> Vec<FilterSpec> {
    let filter = |place, protocol, keys, away: bool| FilterSpec {
        link: end,
        parent: way.parent(),
        priority: Some(way.priorities().start() + place),
        protocol: Some(protocol),
        kind: Some(FilterKind::U32(U32 {
            keys,
            ..U32::default()
        })),
        actions: away
            .then(|| {
                Action::Mirred(Mirred {
                    link: to,
                    ..Mirred::default()
                })
            })
            .into_iter()
            .collect(),
        ..FilterSpec::default()
    };
    let of = |net: &IpNet, away| {
        let keys = words(net, way.offset(net));
        match net {
            IpNet::V4(_) => filter(OF_IPV4, EtherType::Ip, keys, away),
            IpNet::V6(_) => filter(OF_IPV6, EtherType::Ipv6, keys, away),
        }
    };
    let all = || filter(OF_ALL, EtherType::All, U32::all().keys, true);
    let mut filters: Vec<FilterSpec> = match which {
        Which::All => vec![all()],
        Which::In(nets) => nets.iter().map(|net| of(net, true)).collect(),
        Which::NotIn(nets) => nets
            .iter()
            .map(|net| of(net, false))
            .chain([all()])
            .collect(),
    };
    filters.sort_by_key(|filter| filter.priority);
    filters
}

/// The words of an address that count; of a subnet of everything one that always fits.
fn words(net: &IpNet, offset: i32) -> Vec<U32Key> {
    let (address, mask) = match net {
        IpNet::V4(net) => (
            net.network().octets().to_vec(),
            net.netmask().octets().to_vec(),
        ),
        IpNet::V6(net) => (
            net.network().octets().to_vec(),
            net.netmask().octets().to_vec(),
        ),
    };
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word: u32, byte| word << 8 | u32::from(*byte))
    };
    let pairs = address.chunks(4).zip(mask.chunks(4));
    let keys = (offset..)
        .step_by(4)
        .zip(pairs)
        .map(|(offset, (value, mask))| U32Key {
            value: word(value),
            mask: word(mask),
            offset,
        });
    let keys: Vec<U32Key> = keys.filter(|key| key.mask != 0).collect();
    match keys.is_empty() {
        true => U32::all().keys,
        false => keys,
    }
}

/// What of a filter counts, whether it is asked for or found.
type Meaning = (u16, EtherType, Vec<U32Key>, Option<IfIndex>);

fn meaning(filter: &FilterSpec) -> Option<Meaning> {
    let Some(FilterKind::U32(words)) = &filter.kind else {
        return None;
    };
    let to = match filter.actions.first() {
        Some(Action::Mirred(mirred)) => Some(mirred.link),
        _ => None,
    };
    let keys = Some(words.keys.clone()).filter(|keys| !keys.is_empty())?;
    Some((filter.priority?, filter.protocol?, keys, to))
}

/// Those at one place that are of our priorities and kind; rows without words are the kernel's.
pub(super) fn found(conn: &mut Conn, end: IfIndex, way: Way) -> Result<Vec<FilterSpec>> {
    let ours = at(conn, end, way)?
        .into_iter()
        .map(|filter| filter.to_spec());
    let own = |spec: &FilterSpec| {
        let meant = meaning(spec);
        meant.is_some_and(|(priority, ..)| way.priorities().contains(&priority))
    };
    Ok(ours.filter(own).collect())
}

fn at(conn: &mut Conn, end: IfIndex, way: Way) -> Result<Vec<Filter>> {
    let parent = way.parent();
    let filters = conn.filters(&DumpFilters { link: end, parent });
    match filters {
        Err(err) if err.is_not_found() => Ok(Vec::new()),
        Err(err) if err.errno() == Some(EINVAL) => Ok(Vec::new()), // nothing hangs there
        filters => {
            filters.map_err(|err| kernel(&format!("look at the filters of link {end}"), &err))
        }
    }
}

const EINVAL: i32 = nix::libc::EINVAL;

pub(super) fn same(found: &[FilterSpec], wanted: &[FilterSpec]) -> bool {
    let meanings = |of: &[FilterSpec]| of.iter().filter_map(meaning).collect::<Vec<_>>();
    let (found, wanted) = (meanings(found), meanings(wanted));
    found.len() == wanted.len() && wanted.iter().all(|of| found.contains(of))
}

/// A place for filters, and those that are wanted there.
pub(super) fn make(
    conn: &mut Conn,
    end: &Link,
    way: Way,
    wanted: &[FilterSpec],
    done: &mut Done<Conn>,
) -> Result<()> {
    place(conn, end, way, done)?;
    let there = found(conn, end.index, way)?;
    if same(&there, wanted) {
        return Ok(());
    }
    let index = end.index;
    replace(conn, index, way, wanted)?;
    done.undone_by(move |conn| {
        let there: Vec<FilterSpec> = there.into_iter().map(unnumbered).collect();
        replace(conn, index, way, &there)
    });
    Ok(())
}

/// The kernel gives it a number again.
fn unnumbered(filter: FilterSpec) -> FilterSpec {
    FilterSpec {
        handle: None,
        ..filter
    }
}

fn replace(conn: &mut Conn, end: IfIndex, way: Way, wanted: &[FilterSpec]) -> Result<()> {
    clear(conn, end, way)?;
    wanted.iter().try_for_each(|filter| {
        let added = conn.add_filter(filter);
        added.map_err(|err| kernel(&format!("add a filter to link {end}"), &err))
    })
}

/// Takes the filters of ours away, priority by priority.
pub(super) fn clear(conn: &mut Conn, end: IfIndex, way: Way) -> Result<()> {
    let mut there: Vec<(Option<u16>, Option<EtherType>)> = found(conn, end, way)?
        .iter()
        .map(|filter| (filter.priority, filter.protocol))
        .collect();
    there.dedup();
    for (priority, protocol) in there {
        let gone = FilterSpec {
            link: end,
            parent: way.parent(),
            priority,
            protocol,
            ..FilterSpec::default()
        };
        match conn.delete_filter(&gone) {
            Err(err) if !err.is_not_found() => {
                return Err(kernel(&format!("remove a filter of link {end}"), &err));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where filters hang: `clsact`, which has a place for both ways, unless somebody made it or, for what is received, an `ingress`.
fn place(conn: &mut Conn, end: &Link, way: Way, done: &mut Done<Conn>) -> Result<()> {
    let there = qdisc_at(conn, end.index)?;
    match there {
        Some(QdiscKind::Clsact) => return Ok(()),
        Some(QdiscKind::Ingress) if way == Way::Egress => return Ok(()),
        Some(other) => {
            let why = format!(
                "`{}` has an {} qdisc of somebody else: filters of what it sends do not fit beside it",
                end.name,
                other.name()
            );
            return Err(Error::new(Code::Failed, why));
        }
        None => {}
    }
    let spec = clsact(end.index);
    let made = conn.add_qdisc(&spec);
    made.map_err(|err| kernel(&format!("make a place for filters of `{}`", end.name), &err))?;
    let index = end.index;
    done.undone_by(move |conn| remove_place(conn, index));
    Ok(())
}

fn clsact(link: IfIndex) -> QdiscSpec {
    QdiscSpec {
        link,
        kind: Some(QdiscKind::Clsact),
        ..QdiscSpec::default()
    }
}

fn qdisc_at(conn: &mut Conn, link: IfIndex) -> Result<Option<QdiscKind>> {
    let found = conn.qdiscs(&QdiscFilter { link: Some(link) });
    let found = found.map_err(|err| kernel(&format!("look at the qdiscs of link {link}"), &err))?;
    let mut found = found.into_iter().filter(|of| of.parent == Handle::CLSACT);
    Ok(found.next().map(|of| of.kind))
}

fn remove_place(conn: &mut Conn, link: IfIndex) -> Result<()> {
    match conn.delete_qdisc(&clsact(link)) {
        Err(err) if !err.is_not_found() => Err(kernel(
            &format!("remove the place for filters of link {link}"),
            &err,
        )),
        _ => Ok(()),
    }
}

/// Takes away everything of ours at both places, and the places if nothing else hangs there.
pub(super) fn remove(conn: &mut Conn, end: IfIndex) -> Result<()> {
    let is_ours = qdisc_at(conn, end)? == Some(QdiscKind::Clsact);
    let mut others = 0;
    for way in Way::BOTH {
        clear(conn, end, way)?;
        others += at(conn, end, way)?.len();
    }
    match is_ours && others == 0 {
        true => remove_place(conn, end),
        false => Ok(()),
    }
}
