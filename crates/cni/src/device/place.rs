//! Where one attachment is: the host, the container, and what is noted about it.

use super::mark::Mark;
use super::record::Record;
use super::{Source, Wanted, host, lower, make};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel};
use crate::plugin::{Input, Target};
use crate::result::{AddResult, Interface};
use crate::session::{Session, attachment_id, failed, network_name};
use bridge::{Key, Note};
use core_netlink::link::Link;
use core_netlink::{Conn, IfIndex, IfName};
use std::net::IpAddr;

/// The attachment is locked as long as this is there.
pub(super) struct Place {
    pub(super) here: Conn,
    pub(super) inside: Inside,
    pub(super) key: Key,
    pub(super) target: Target,
    pub(super) cookie: u64,
    pub(super) note: Note,
    noted: Option<Record>,
}

/// What was found before the first change.
#[derive(Default)]
pub(super) struct Ready {
    /// Our own interface, of an ADD before.
    there: Option<Link>,
    /// The link to build on.
    pub(super) lower: Option<Link>,
    /// The bridge in the container that it becomes a port of.
    pub(super) bridge: Option<Link>,
    /// The host's device that goes in.
    pub(super) device: Option<Link>,
    /// What an ADD that was ended early left.
    pub(super) left: Vec<IfIndex>,
}

/// What names an attachment here.
pub(super) fn key(network: &str, key: &AttachmentKey) -> Result<Key> {
    Ok(Key {
        network: network_name(network)?,
        id: attachment_id(key.container_id.as_str())?,
        ifname: key.ifname,
    })
}

impl Place {
    pub(super) fn open(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<Place> {
        let inside = Inside::open(&target.netns)?;
        let key = key(&input.conf.name, &target.key)?;
        let cookie = inside.netns.cookie();
        let cookie = cookie.map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
        let note = session.host()?.notes("cni").lock(&key).map_err(failed)?;
        let noted = note.read().map_err(failed)?;
        Ok(Place {
            here: lower::open()?,
            noted: noted.and_then(|bytes| Record::read(&bytes)),
            target: target.clone(),
            inside,
            key,
            cookie,
            note,
        })
    }

    pub(super) fn name(&self) -> IfName {
        self.key.ifname
    }

    fn find(&mut self, name: IfName) -> Result<Option<Link>> {
        let found = self.inside.conn.find_link(name);
        found.map_err(|err| kernel(&format!("look for `{name}`"), &err))
    }

    /// Everything that can be refused is refused here.
    pub(super) fn look(&mut self, wanted: &Wanted) -> Result<Ready> {
        if self.name().as_bytes() == b"lo" {
            let why = "`CNI_IFNAME`: `lo` is the loopback that every container has";
            return Err(Error::new(Code::InvalidEnvironment, why));
        }
        let mut ready = Ready::default();
        match (&wanted.source, self.find(self.name())?) {
            (Source::Program, _) => return Ok(ready),
            (_, Some(link)) => self.whose(link, wanted, &mut ready)?,
            (_, None) => {}
        }
        self.look_for_others(wanted, &mut ready)?;
        make::check_mac(wanted.mac)?;
        make::check_mtu(wanted.mtu, ready.lower.as_ref())?;
        Ok(ready)
    }

    /// A link of the name that is wanted is ours, or left by us, or the end.
    fn whose(&self, link: Link, wanted: &Wanted, ready: &mut Ready) -> Result<()> {
        let mark = link.alias.as_deref().and_then(Mark::read);
        let noted = self
            .noted
            .as_ref()
            .filter(|noted| noted.cookie == self.cookie);
        let done = noted.is_none_or(Record::is_done);
        match mark {
            Some(mark) if mark.key == self.key && (done || mark.was.is_some()) => {
                ready.there = Some(link);
            }
            Some(mark) if mark.key == self.key => ready.left.push(link.index),
            None if !done && link.alias.is_none() && wanted.is_kind_of(&link) => {
                ready.left.push(link.index);
            }
            _ => return Err(self.taken(&link)),
        }
        Ok(())
    }

    fn taken(&self, link: &Link) -> Error {
        let kind = link.kind_name().unwrap_or("device");
        let whose = match &link.alias {
            Some(alias) => format!("alias {:?}", alias.escape_debug().to_string()),
            None => "without an alias".to_owned(),
        };
        let netns = self.target.netns.display();
        let why = format!(
            "{netns} has an interface `{}` already, which is not ours: a {kind}, {whose}",
            link.name
        );
        Error::new(Code::Failed, why).with_details("another CNI_IFNAME, or DEL by whoever made it")
    }

    fn look_for_others(&mut self, wanted: &Wanted, ready: &mut Ready) -> Result<()> {
        match &wanted.source {
            Source::On(_, lower) => ready.lower = Some(self.lower(lower)?),
            Source::Tap(tap) => {
                if let Some(name) = tap.bridge {
                    let found = self.find(name)?;
                    let found = found.filter(|link| link.kind_name() == Some("bridge"));
                    let why = || format!("the container has no bridge `{name}`");
                    ready.bridge = Some(found.ok_or_else(|| Error::invalid("bridge", why()))?);
                }
            }
            Source::Host(device) if ready.there.is_none() => {
                let found = device.find(&mut self.here)?;
                host::check(&found)?;
                ready.device = Some(found);
            }
            Source::Host(_) | Source::Alone(_) | Source::Program => {}
        }
        // Where it was not made under its own name.
        if self.noted.as_ref().is_some_and(|noted| !noted.is_done()) {
            let left = self.find(self.key.host_end())?;
            let left = left.filter(|link| wanted.is_kind_of(link));
            ready.left.extend(left.map(|link| link.index));
        }
        Ok(())
    }

    pub(super) fn lower(&mut self, lower: &super::Lower) -> Result<Link> {
        match lower.inside {
            true => lower::find(&mut self.inside.conn, lower),
            false => lower::find(&mut self.here, lower),
        }
    }

    /// Makes it, or sees that what is there is as wanted; the result with the interface.
    pub(super) fn fulfil(
        &mut self,
        wanted: &Wanted,
        ready: &Ready,
        mut result: AddResult,
    ) -> Result<AddResult> {
        if let Source::Program = wanted.source {
            result.ips.iter_mut().for_each(|ip| ip.interface = None);
            return Ok(result);
        }
        let mtu = wanted
            .mtu
            .or(ready.lower.as_ref().and_then(|lower| lower.mtu));
        if let Some(mtu) = mtu {
            make::check_ipv6(mtu, &result)?;
        }
        let made = match &ready.there {
            Some(link) => {
                self.set_up(link, &result)?;
                self.refuse_another(wanted, ready, &result)?;
                self.inside.link(link.name)?
            }
            None => self.make(wanted, ready, &result)?,
        };
        self.write_down(wanted, Some(made.index), None)?;
        result.interfaces = vec![Interface {
            name: made.name.to_string(),
            mac: made.address.map_or_else(String::new, |mac| mac.to_string()),
            sandbox: self.target.netns.display().to_string(),
            ..Interface::default()
        }];
        Ok(result)
    }

    /// The same ADD again is answered the same; another one is not.
    fn refuse_another(&mut self, wanted: &Wanted, ready: &Ready, result: &AddResult) -> Result<()> {
        let differs = self.differences(wanted, ready.lower.as_ref(), result)?;
        if differs.is_empty() {
            return Ok(());
        }
        let why = format!(
            "{} is there already, otherwise: {}",
            self.key,
            differs.join(" | ")
        );
        Err(Error::new(Code::Failed, why).with_details("DEL it first"))
    }

    /// Keeps what is noted of a device's time before.
    pub(super) fn write_down(
        &mut self,
        wanted: &Wanted,
        link: Option<IfIndex>,
        was: Option<super::mark::Was>,
    ) -> Result<()> {
        let (key, netns) = (self.target.key.clone(), self.target.netns.clone());
        let mut record = Record::new(key, wanted.kind(), netns, self.cookie);
        record.link = link.map(|link| link.0);
        record.was = was.or_else(|| self.noted.take().and_then(|noted| noted.was));
        self.note.write(&record.write()).map_err(failed)?;
        self.noted = Some(record);
        Ok(())
    }

    pub(super) fn was(&self) -> Option<super::mark::Was> {
        self.noted.as_ref().and_then(|noted| noted.was.clone())
    }
}

pub(super) fn addresses(result: &AddResult) -> Vec<IpAddr> {
    result.ips.iter().map(|ip| ip.address.addr()).collect()
}
