//! Interfaces of containers that are no ports of a bridge: made on a link of the host, made alone, or a device of the host's own.
//!
//! Owns the order of things from ADD to GC, and whose an interface is: its alias says so, and a note says in which namespace it is.
//! Leaves to others: what a plugin's keys mean (its file in `plugin`), sysctls, addresses and routes inside (bridge).

mod differs;
pub(crate) mod host;
mod lower;
mod make;
mod mark;
mod place;
mod record;
mod remove;

use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::ipam::{Given, Ipam};
use crate::plugin::{Input, Target};
use crate::result::AddResult;
use crate::session::{Session, failed, network_name};
use core_netlink::link::{Kind, Link};
use core_netlink::{IfName, MacAddr};
use place::Place;
use record::Record;
pub(crate) use remove::{collect, del};

/// What a configuration asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) source: Source,
    /// Bytes; what the kernel chooses unless given.
    pub(crate) mtu: Option<u32>,
    /// What the kernel chooses unless given.
    pub(crate) mac: Option<MacAddr>,
    pub(crate) addresses: Addresses,
}

/// Where an interface comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Made on another link.
    On(Kind, Lower),
    /// Made without one.
    Alone(Kind),
    /// Made by way of the device node, as the kernel makes no other of its kind.
    Tap(Tap),
    /// One of the host's, for as long as the container is there.
    Host(host::Device),
    /// No link of the kernel at all: a program drives the device.
    Program,
}

/// The link that another is made on.
#[derive(Debug)]
pub(crate) struct Lower {
    /// That of the default route unless given.
    pub(crate) name: Option<IfName>,
    /// It is the container's, not the host's.
    pub(crate) inside: bool,
}

/// What is asked of a tap.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    pub(crate) owner: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) multi_queue: bool,
    /// A bridge in the container that it becomes a port of.
    pub(crate) bridge: Option<IfName>,
}

/// Where its addresses come from.
#[derive(Debug)]
pub(crate) enum Addresses {
    /// From address management, if there is any.
    Managed,
    /// From address management, which there has to be.
    Needed,
    /// From the result so far.
    Given(Box<AddResult>),
}

/// A key `mtu`, where 0 is what the kernel chooses.
pub(crate) fn mtu(written: i64) -> Result<Option<u32>> {
    match u32::try_from(written) {
        Ok(0) => Ok(None),
        Ok(mtu) => Ok(Some(mtu)),
        Err(_) => Err(Error::invalid(
            "mtu",
            format!("{written} is no number of bytes"),
        )),
    }
}

impl Wanted {
    /// The kind that the kernel has to have; `None` for devices that are there.
    fn kind(&self) -> Option<&str> {
        match &self.source {
            Source::On(kind, _) | Source::Alone(kind) => Some(kind.name()),
            Source::Tap(_) => Some(TAP),
            Source::Host(_) | Source::Program => None,
        }
    }

    /// Of a device that is there any link may be, so that none can be told by its kind.
    fn is_kind_of(&self, link: &Link) -> bool {
        self.kind()
            .is_some_and(|kind| link.kind_name() == Some(kind))
    }

    fn check(&self, ipam: &Ipam) -> Result<()> {
        match (&self.addresses, ipam) {
            (Addresses::Needed, Ipam::None) => {
                let why =
                    "`ipam` is missing: an interface of this kind is nothing without an address";
                Err(Error::new(Code::InvalidConfig, why))
            }
            _ => Ok(()),
        }
    }

    fn given(&self, ipam: &Ipam, key: &AttachmentKey) -> Result<Given> {
        if let Addresses::Given(result) = &self.addresses {
            return Ok(Given {
                ips: result.ips.clone(),
                routes: result.routes.clone(),
                dns: result.dns.clone(),
                new: Vec::new(),
            });
        }
        let given = ipam.add(&key.lease())?;
        match (ipam, given.ips.is_empty()) {
            (Ipam::None, _) | (_, false) => Ok(given),
            _ => Err(Error::invalid("ipam", "it gives no address")),
        }
    }
}

/// How the kernel calls a tap.
pub(crate) const TAP: &str = "tun";

/// Everything is looked at and refused before the first change; what failed is undone.
pub(crate) fn add(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    wanted: &Wanted,
) -> Result<AddResult> {
    let ipam = input.ipam()?;
    wanted.check(&ipam)?;
    let mut place = Place::open(session, input, target)?;
    let ready = place.look(wanted)?;
    let given = wanted.given(&ipam, &target.key)?;
    let result = outline(input, &given);
    let done = place.fulfil(wanted, &ready, result);
    done.map_err(|err| match ipam.undo(&target.key.lease(), &given) {
        Ok(()) => err,
        Err(left) => not_undone(err, &left),
    })
}

/// What is answered, but for the interface.
fn outline(input: &Input<'_>, given: &Given) -> AddResult {
    let mut result = AddResult {
        ips: given.ips.clone(),
        routes: given.routes.clone(),
        dns: match input.conf.dns.is_empty() {
            true => given.dns.clone(),
            false => input.conf.dns.clone(),
        },
        ..AddResult::default()
    };
    for ip in &mut result.ips {
        ip.interface = Some(0);
    }
    result
}

fn not_undone(mut err: Error, left: &Error) -> Error {
    let between = if err.details.is_empty() { "" } else { "; " };
    err.details = format!("{}{between}not undone: {left}", err.details);
    err
}

/// Compares everything with configuration and result; names each difference.
pub(crate) fn check(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    previous: &AddResult,
    wanted: &Wanted,
) -> Result<()> {
    let ipam = input.ipam()?;
    wanted.check(&ipam)?;
    let mut all = match wanted.source {
        Source::Program => Vec::new(),
        _ => Place::open(session, input, target)?.compare(wanted, previous)?,
    };
    match ipam.check(&target.key.lease(), &previous.ips) {
        Err(err) if err.code == Code::Differs => all.push(err.msg),
        checked => checked?,
    }
    crate::plugin::none(all)
}

/// Whether an ADD would find what it needs of the host: the link to build on, the kind, addresses. A device that one of the network's own
/// containers has is as it should be.
pub(crate) fn status(session: &mut Session, input: &Input<'_>, wanted: &Wanted) -> Result<()> {
    let ipam = input.ipam()?;
    wanted.check(&ipam)?;
    match lower::probe(wanted) {
        Err(_) if is_lent(session, input, wanted)? => {}
        found => found.map_err(|err| Error {
            code: Code::Unavailable,
            ..err
        })?,
    }
    ipam.status()
}

fn is_lent(session: &mut Session, input: &Input<'_>, wanted: &Wanted) -> Result<bool> {
    if !matches!(wanted.source, Source::Host(_)) {
        return Ok(false);
    }
    let network = network_name(&input.conf.name)?;
    let notes = session.host()?.notes("cni").of_network(&network);
    let notes = notes.map_err(failed)?;
    let mut records = notes.iter().filter_map(|bytes| Record::read(bytes));
    Ok(records.any(|record| record.was.is_some() && record.namespace().is_some()))
}
