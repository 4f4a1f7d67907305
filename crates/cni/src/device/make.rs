//! Making an interface in its place, and setting it up.

use super::mark::{Mark, Was};
use super::place::{Place, Ready, addresses};
use super::{Source, TAP, Tap, Wanted, not_undone};
use crate::error::{Code, Error, Result};
use crate::inside::kernel;
use crate::result::AddResult;
use crate::session::failed;
use bridge::Inner;
use core_netlink::link::{Ipv4Conf, Kind, Link, LinkSpec, Netns, TapSpec, add_tap};
use core_netlink::{HwAddr, IfIndex, IfName, MacAddr};

/// Bytes: less is no IPv4 (RFC 791).
const MTU_MIN: u32 = 68;
const MTU_MIN_V6: u32 = 1280; // RFC 8200

/// Refused before anything is changed: more than the link below has, or less than IP needs.
pub(super) fn check_mtu(mtu: Option<u32>, lower: Option<&Link>) -> Result<()> {
    let Some(mtu) = mtu else {
        return Ok(());
    };
    let (most, whose) = match lower {
        Some(link) => (
            link.mtu.unwrap_or(u32::MAX),
            format!(", the MTU of `{}`", link.name),
        ),
        None => (u32::MAX, String::new()),
    };
    match (MTU_MIN..=most).contains(&mtu) {
        true => Ok(()),
        false => {
            let why = format!("{mtu} is not {MTU_MIN} to {most}{whose}");
            Err(Error::invalid("mtu", why))
        }
    }
}

/// A kernel has no IPv6 on a link of a smaller MTU.
pub(super) fn check_ipv6(mtu: u32, result: &AddResult) -> Result<()> {
    match result.ips.iter().find(|ip| ip.address.addr().is_ipv6()) {
        Some(ip) if mtu < MTU_MIN_V6 => {
            let why = format!(
                "{mtu} is less than the {MTU_MIN_V6} that {} needs",
                ip.address
            );
            Err(Error::invalid("mtu", why))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_mac(mac: Option<MacAddr>) -> Result<()> {
    match mac.filter(|mac| mac.is_multicast() || mac.0 == [0; 6]) {
        None => Ok(()),
        Some(mac) => {
            let why = format!(
                "{mac} cannot be an interface's: its first byte is even, as in 02:42:ac:11:00:02"
            );
            Err(Error::invalid("mac", why))
        }
    }
}

impl Place {
    /// Makes it whole or not at all; up and with its addresses.
    pub(super) fn make(
        &mut self,
        wanted: &Wanted,
        ready: &Ready,
        result: &AddResult,
    ) -> Result<Link> {
        for index in &ready.left {
            self.delete(*index)?;
        }
        let was = ready.device.as_ref().map(Was::of);
        self.write_down(wanted, None, was)?;
        let made = match &wanted.source {
            Source::On(kind, lower) => self.add_link(wanted, ready, kind, lower.inside),
            Source::Alone(kind) => self.add_link(wanted, ready, kind, false),
            Source::Tap(tap) => self.add_tap(tap),
            Source::Host(_) | Source::Program => self.move_in(ready, result),
        };
        let made = made.and_then(|()| self.inside.link(self.name()));
        let link = match made {
            Ok(link) => link,
            Err(err) => return Err(self.forget(err)),
        };
        let finished = self
            .mark(wanted, ready, &link, result)
            .and_then(|()| self.set_up(&link, result))
            .and_then(|()| self.inside.link(self.name()));
        finished.map_err(|err| match self.take_away(&link) {
            Ok(()) => self.forget(err),
            Err(left) => not_undone(err, &left),
        })
    }

    fn forget(&self, err: Error) -> Error {
        match self.note.forget() {
            Ok(()) => err,
            Err(left) => not_undone(err, &failed(left)),
        }
    }

    /// One message. Before Linux 6.15 the name has to be free on the host, too: where it is not, the link gets it inside.
    fn add_link(
        &mut self,
        wanted: &Wanted,
        ready: &Ready,
        kind: &Kind,
        inside: bool,
    ) -> Result<()> {
        let netns = Netns::of(&self.inside.netns);
        let netns =
            netns.map_err(|err| Error::new(Code::Io, format!("hold the namespace: {err}")))?;
        let spec = LinkSpec {
            name: Some(self.name()),
            kind: Some(kind.clone()),
            link: ready.lower.as_ref().map(|link| link.index),
            netns: Some(netns).filter(|_| !inside),
            mtu: wanted.mtu,
            address: wanted.mac.map(HwAddr::from),
            ..LinkSpec::default()
        };
        let conn = if inside {
            &mut self.inside.conn
        } else {
            &mut self.here
        };
        match conn.add_link(&spec) {
            Err(err) if err.is_exists() && !inside => self.add_otherwise(spec, ready),
            made => made.map(drop).map_err(|err| refused(&spec, ready, &err)),
        }
    }

    fn add_otherwise(&mut self, mut spec: LinkSpec, ready: &Ready) -> Result<()> {
        let name = self.key.host_end();
        spec.name = Some(name);
        let made = self.here.add_link(&spec);
        made.map_err(|err| refused(&spec, ready, &err))?;
        let index = self.inside.link(name)?.index;
        let renamed = self.inside.conn.rename_link(index, self.name());
        renamed.map_err(|err| {
            let err = kernel(&format!("name the new link `{}`", self.name()), &err);
            match self.delete(index) {
                Ok(()) => err,
                Err(left) => not_undone(err, &left),
            }
        })
    }

    fn add_tap(&mut self, tap: &Tap) -> Result<()> {
        let spec = TapSpec {
            name: Some(self.name()),
            owner: tap.owner,
            group: tap.group,
            multi_queue: tap.multi_queue,
            ..TapSpec::default()
        };
        let made = self.inside.netns.run(move || add_tap(&spec));
        let made = made.map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
        made.map(drop).map_err(|err| kernel("make a tap", &err))
    }

    /// Whose it is, and what a tap cannot be made with. What is told to the neighbours when it goes up: where its addresses are now.
    fn mark(
        &mut self,
        wanted: &Wanted,
        ready: &Ready,
        link: &Link,
        result: &AddResult,
    ) -> Result<()> {
        let (key, was) = (self.key.clone(), self.was());
        let announce = Ipv4Conf {
            arp_notify: Some(1),
            ..Ipv4Conf::default()
        };
        let is_tap = link.kind_name() == Some(TAP);
        let change = LinkSpec {
            alias: Some(Mark { key, was }.write(&addresses(result))),
            ipv4: Some(announce).filter(|_| !result.ips.is_empty()),
            mtu: wanted.mtu.filter(|_| is_tap),
            address: wanted.mac.filter(|_| is_tap).map(HwAddr::from),
            master: ready.bridge.as_ref().map(|bridge| bridge.index),
            ..LinkSpec::default()
        };
        let set = self.inside.conn.set_link(link.index, &change);
        set.map_err(|err| kernel(&format!("mark `{}`", link.name), &err))
    }

    /// Up, with addresses and routes; what is there already stays. An interface without addresses is left to whoever gives it some:
    /// IPv6 on it is as the kernel has it.
    pub(super) fn set_up(&mut self, link: &Link, result: &AddResult) -> Result<()> {
        let inner = Inner {
            addresses: result.ips.iter().map(|ip| ip.address).collect(),
            routes: result.inner_routes(),
            ..Inner::default()
        };
        if !result.ips.is_empty() && link.mtu.is_none_or(|mtu| mtu >= MTU_MIN_V6) {
            self.set_sysctls(link.name, &inner)?;
        }
        let set = inner.configure(&mut self.inside.conn, link.index);
        set.map_err(|err| {
            let netns = self.target.netns.display();
            kernel(&format!("set up `{}` in {netns}", link.name), &err)
        })
    }

    fn set_sysctls(&mut self, name: IfName, inner: &Inner) -> Result<()> {
        let fail = |err: ns_mgmt::Error| {
            let hint = err.hint().unwrap_or_default().to_owned();
            Error::new(Code::Failed, format!("{err:?}")).with_details(hint)
        };
        let mut all = Vec::new();
        let v6 = |name: &str, key: &str| format!("net/ipv6/conf/{name}/{key}");
        if inner.addresses.iter().any(|net| net.addr().is_ipv6()) {
            let name = name.to_string();
            // Some runtimes switch IPv6 off in every container.
            all.push((v6("lo", "disable_ipv6"), "0"));
            all.push((v6(&name, "disable_ipv6"), "0"));
            all.push((v6(&name, "ndisc_notify"), "1"));
        }
        all.extend(inner.sysctls(name));
        let all = all.into_iter();
        let all = all.map(|(path, value)| Ok((path.parse().map_err(fail)?, value.to_owned())));
        let written = self.inside.netns.set_sysctls(all.collect::<Result<_>>()?);
        written.map_err(fail)
    }

    pub(super) fn delete(&mut self, index: IfIndex) -> Result<()> {
        super::remove::delete(&mut self.inside.conn, index)
    }

    /// What was just made goes, what was moved goes back.
    fn take_away(&mut self, link: &Link) -> Result<()> {
        match self.was() {
            Some(was) => super::host::move_out(&mut self.inside, link, &was),
            None => self.delete(link.index),
        }
    }
}

/// The kernel says little more than a number.
fn refused(spec: &LinkSpec, ready: &Ready, err: &core_netlink::Error) -> Error {
    let lower = ready
        .lower
        .as_ref()
        .map_or_else(String::new, |link| format!(" on `{}`", link.name));
    let kind = spec.kind.as_ref().map_or("link", Kind::name);
    let error = kernel(&format!("make a {kind}{lower}"), err);
    let why = match &spec.kind {
        Some(Kind::Vlan(vlan)) if err.is_exists() => {
            format!("VLAN {}{lower} is there already, perhaps in another container", vlan.id.unwrap_or(0))
        }
        Some(Kind::Macvlan(_) | Kind::Ipvlan(_)) if err.is_busy() => {
            "a link carries macvlans or ipvlans, not both, and nothing beside a bridge or a passthru".to_owned()
        }
        Some(Kind::Macvlan(_)) if err.errno() == Some(nix::libc::EINVAL) => {
            "in mode passthru a macvlan is alone on its link".to_owned()
        }
        _ => return error,
    };
    error.with_details(why)
}
