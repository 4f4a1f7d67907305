//! `tuning`: sysctls of the container's namespace, and what its interface is like.

mod allowed;
mod attribute;
mod backup;
mod keys;
#[cfg(test)]
mod tests;

use super::done::{Done, all};
use super::{Input, Plugin, Target, compare, previous};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel, namespace};
use crate::result::AddResult;
use crate::session::{Session, attachment_id, failed, network_name};
use ::bridge::{NetworkName, Who};
use allowed::Allowed;
use attribute::Attribute;
use backup::{Backup, Ours};
use core_netlink::link::Link;
use core_netlink::{IfName, MacAddr};
use keys::{Keys, Sysctl};
use ns_mgmt::SysctlKey;
use std::path::{Path, PathBuf};

pub(super) const PLUGIN: Plugin = Plugin {
    name: "tuning",
    about: "sysctls of the namespace, and MAC address, MTU and modes of the interface",
    add,
    del,
    check,
    gc,
    status,
    ahead: |input, _| Keys::read(input, usual_ifname()).map(drop),
};

/// Where it is not known for which interface the keys will be.
fn usual_ifname() -> IfName {
    IfName::from_kernel(b"eth0")
}

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let ifname = target.key.ifname;
    let (keys, result) = (Keys::read(input, ifname)?, previous(input)?.clone());
    if !keys.sysctls.is_empty() {
        Allowed::read()?.check(&keys.sysctls)?;
    }
    let inside = Inside::open(&target.netns)?;
    let mut place = Place::new(inside, session, input, &target.key)?;
    let before = before(&mut place.inside, &keys, ifname)?;
    let file = backup::file(&keys.data_dir, &target.key);
    let mut done = Done::nothing();
    let whose = (input.conf.name.as_str(), &keys.attributes[..]);
    let made = keep(&place.inside, &file, &before, whose, &mut done)
        .and_then(|()| set(&mut place, &keys, &before, &mut done));
    done.or_undo(&mut place, made)?;
    Ok(told(result, &keys, ifname))
}

/// Where something is changed.
struct Place<'s> {
    inside: Inside,
    session: &'s mut Session,
    network: NetworkName,
    who: Who,
    ifname: IfName,
}

impl<'s> Place<'s> {
    fn new(
        inside: Inside,
        session: &'s mut Session,
        input: &Input<'_>,
        key: &AttachmentKey,
    ) -> Result<Place<'s>> {
        Ok(Place {
            inside,
            session,
            network: network_name(&input.conf.name)?,
            who: Who::Id(attachment_id(key.container_id.as_str())?),
            ifname: key.ifname,
        })
    }

    fn put(&mut self, to: &Attribute) -> Result<()> {
        let ifname = self.ifname;
        let set = self.inside.conn.set_link(ifname, &to.spec());
        set.map_err(|err| kernel(&format!("set {to} of `{ifname}`"), &err))?;
        if let Attribute::Mac(mac) = to {
            self.follow(*mac)?;
            self.announce(to);
        }
        Ok(())
    }

    /// Tells neighbours, who else send to the old address for half a minute. The kernel does so where it is asked to, when the address
    /// is set, even to what it was. That they learn it later is no failure.
    fn announce(&mut self, mac: &Attribute) {
        let notify = ["ipv4/conf/{}/arp_notify", "ipv6/conf/{}/ndisc_notify"];
        let ifname = self.ifname.to_string();
        let keys = notify.iter().filter_map(|path| {
            let path = format!("net/{}", path.replace("{}", &ifname));
            path.parse::<SysctlKey>().ok()
        });
        let netns = &self.inside.netns;
        let before = keys.filter_map(|key| Some((netns.sysctl(&key).ok()?, key)));
        let before: Vec<(String, SysctlKey)> = before.collect();
        for (_, key) in &before {
            let _ = netns.set_sysctl(key, "1");
        }
        let _ = self.inside.conn.set_link(self.ifname, &mac.spec());
        for (value, key) in &before {
            let _ = netns.set_sysctl(key, value);
        }
    }

    /// Behind our `bridge` the guard drops what has another MAC address than the recorded one. Behind others there is no record.
    fn follow(&mut self, mac: MacAddr) -> Result<()> {
        let host = self.session.host()?;
        let recorded = host.attachment(&self.network, &self.who, Some(self.ifname));
        match recorded {
            Err(err) if err.is_not_found() => return Ok(()),
            recorded => recorded.map_err(failed)?,
        };
        let followed = host.follow_mac(&self.network, &self.who, self.ifname, mac);
        followed.map(drop).map_err(failed)
    }
}

/// What there is of what shall be changed. Whatever cannot be changed is refused here.
struct Before {
    attributes: Vec<Attribute>,
    /// One that can only be written has no value.
    sysctls: Vec<(Sysctl, Option<String>)>,
}

fn before(inside: &mut Inside, keys: &Keys, ifname: IfName) -> Result<Before> {
    let mut attributes = Vec::new();
    if !keys.attributes.is_empty() {
        let link = inside.link(ifname)?;
        let addresses = inside.addresses(&link)?;
        let has_ipv6 = addresses.iter().any(|net| net.addr().is_ipv6());
        for wanted in &keys.attributes {
            wanted.check(&link, has_ipv6)?;
            attributes.extend(wanted.of(&link));
        }
    }
    let sysctls = keys
        .sysctls
        .iter()
        .map(|of| match inside.netns.sysctl(&of.key) {
            Ok(value) => Ok((of.clone(), Some(value))),
            Err(err) if err.is_not_found() => Err(unknown(of, &err)),
            Err(_) => Ok((of.clone(), None)),
        });
    Ok(Before {
        attributes,
        sysctls: sysctls.collect::<Result<_>>()?,
    })
}

fn unknown(of: &Sysctl, err: &ns_mgmt::Error) -> Error {
    let hint = err.hint().unwrap_or_default().to_owned();
    let why = format!(
        "there is no /proc/sys/{} in the namespace",
        of.key.as_path()
    );
    Error::invalid(&format!("sysctl.{}", of.written), why).with_details(hint)
}

/// Writes down what was there before the first ADD.
fn keep(
    inside: &Inside,
    file: &Path,
    before: &Before,
    (network, wanted): (&str, &[Attribute]),
    done: &mut Done<Place<'_>>,
) -> Result<()> {
    if before.attributes.is_empty() && before.sysctls.is_empty() {
        return Ok(());
    }
    let netns = inside.netns.cookie().map_err(|err| namespace(&err))?;
    let there = backup::read(file)?;
    let after = merged(there.as_ref(), before, wanted, (network, netns));
    if there.as_ref() == Some(&after) {
        return Ok(());
    }
    backup::write(file, &after)?;
    let file = file.to_owned();
    done.undone_by(move |_| match there {
        Some(there) => backup::write(&file, &there),
        None => backup::remove(&file),
    });
    Ok(())
}

/// What was kept of the same namespace stays as it was; of another one it says nothing. A file of the reference does not tell which: there
/// a value stays where what is asked for is in force already.
fn merged(
    there: Option<&Backup>,
    before: &Before,
    wanted: &[Attribute],
    (network, netns): (&str, u64),
) -> Backup {
    let ours = there.and_then(|kept| kept.ours.as_ref());
    let stays = |of: &Attribute| match ours {
        Some(ours) => ours.netns == netns,
        None => !before
            .attributes
            .iter()
            .any(|is| is.is_like(of) && !wanted.contains(is)),
    };
    let kept = there.into_iter().flat_map(|kept| kept.attributes.iter());
    let mut attributes: Vec<Attribute> = kept.filter(|of| stays(of)).copied().collect();
    for of in &before.attributes {
        if !attributes.iter().any(|kept| kept.is_like(of)) {
            attributes.push(*of);
        }
    }
    let ours = ours.filter(|ours| ours.netns == netns);
    let mut sysctl = ours.map_or_else(Vec::new, |ours| ours.sysctl.clone());
    for (of, value) in &before.sysctls {
        let path = of.key.as_path();
        if let Some(value) = value
            .clone()
            .filter(|_| !sysctl.iter().any(|(kept, _)| kept == path))
        {
            sysctl.push((path.to_owned(), value));
        }
    }
    Backup {
        attributes,
        ours: Some(Ours {
            network: network.to_owned(),
            netns,
            sysctl,
        }),
    }
}

fn set(
    place: &mut Place<'_>,
    keys: &Keys,
    before: &Before,
    done: &mut Done<Place<'_>>,
) -> Result<()> {
    for (of, value) in &before.sysctls {
        let set = place.inside.netns.set_sysctl(&of.key, &of.value);
        set.map_err(|err| namespace(&err))?;
        if let Some(value) = value.clone() {
            let key = of.key.clone();
            done.undone_by(move |place| put_sysctl(&place.inside, &key, &value));
        }
    }
    let wanted = keys.attributes.iter();
    for (wanted, was) in wanted.zip(before.attributes.iter().copied()) {
        if *wanted != was {
            done.undone_by(move |place| place.put(&was)); // one step may be done of two
            place.put(wanted)?;
        }
    }
    Ok(())
}

fn put_sysctl(inside: &Inside, key: &SysctlKey, value: &str) -> Result<()> {
    let set = inside.netns.set_sysctl(key, value);
    set.map_err(|err| namespace(&err))
}

/// The result with what was changed of the interface.
fn told(mut result: AddResult, keys: &Keys, ifname: IfName) -> AddResult {
    let own = ifname.to_string();
    let interfaces = result.interfaces.iter_mut();
    for of in interfaces.filter(|of| of.name == own && !of.sandbox.is_empty()) {
        for attribute in &keys.attributes {
            match attribute {
                Attribute::Mac(mac) => of.mac = mac.to_string(),
                Attribute::Mtu(mtu) => of.mtu = Some(*mtu),
                _ => {}
            }
        }
    }
    result
}

/// A namespace that is gone took everything with it; the file goes in any case.
fn del(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    netns: Option<&Path>,
) -> Result<()> {
    let files = keys::data_dirs(input)
        .into_iter()
        .map(|dir| backup::file(&dir, key));
    let files: Vec<PathBuf> = files.collect();
    if let Some(inside) = Inside::if_there(netns) {
        let mut place = Place::new(inside, session, input, key)?;
        for file in &files {
            if let Some(kept) = backup::read(file)? {
                put_back(&mut place, &kept)?;
            }
        }
    }
    all(files.iter().map(|file| backup::remove(file)))
}

/// Last first, and all of it, whatever fails.
fn put_back(place: &mut Place<'_>, kept: &Backup) -> Result<()> {
    let cookie = place.inside.netns.cookie().map_err(|err| namespace(&err))?;
    let ours = kept.ours.clone().unwrap_or_default();
    if kept.ours.is_some() && ours.netns != cookie {
        return Ok(());
    }
    let mut outcomes = Vec::new();
    if let Some(link) = place.inside.find(place.ifname)? {
        for was in kept.attributes.iter().rev() {
            if was.of(&link) != Some(*was) {
                outcomes.push(place.put(was));
            }
        }
    }
    for (path, value) in ours.sysctl.iter().rev() {
        outcomes.push(put_sysctl_back(&place.inside, path, value));
    }
    all(outcomes)
}

/// An interface that is gone took its sysctls with it.
fn put_sysctl_back(inside: &Inside, path: &str, value: &str) -> Result<()> {
    let key: SysctlKey = path.parse().map_err(|err| namespace(&err))?;
    match inside.netns.sysctl(&key) {
        Ok(there) if there == value => Ok(()),
        Err(err) if err.is_not_found() => Ok(()),
        _ => put_sysctl(inside, &key, value),
    }
}

fn check(_: &mut Session, input: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let ifname = target.key.ifname;
    let keys = Keys::read(input, ifname)?;
    let mut inside = Inside::open(&target.netns)?;
    let mut differences = Vec::new();
    for of in &keys.sysctls {
        differences.extend(sysctl_differs(&inside, of)?);
    }
    if !keys.attributes.is_empty() {
        match inside.find(ifname)? {
            Some(link) => differences.extend(interface_differs(&keys, &link)),
            None => differences.push(format!("there is no `{ifname}`")),
        }
    }
    compare::none(differences)
}

/// What can only be written has no value to compare.
fn sysctl_differs(inside: &Inside, of: &Sysctl) -> Result<Option<String>> {
    let path = of.key.as_path();
    match inside.netns.sysctl(&of.key) {
        Ok(there) if says_the_same(&there, &of.value) => Ok(None),
        Ok(there) => Ok(Some(format!("{path} is {there:?}, not {:?}", of.value))),
        Err(err) if err.is_not_found() => Ok(Some(format!("there is no {path}"))),
        Err(err) if err.is_permission() => Ok(None),
        Err(err) => Err(namespace(&err)),
    }
}

/// The kernel puts tabs between numbers, whatever was written.
fn says_the_same(there: &str, value: &str) -> bool {
    there.split_whitespace().eq(value.split_whitespace())
}

fn interface_differs(keys: &Keys, link: &Link) -> Vec<String> {
    let differs = |wanted: &Attribute| match wanted.of(link) {
        Some(is) if is == *wanted => None,
        Some(is) => Some(format!("{is} of `{}` should be {wanted}", link.name)),
        None => Some(format!("`{}` has no {}", link.name, wanted.key())),
    };
    keys.attributes.iter().filter_map(differs).collect()
}

fn gc(_: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    let mut outcomes = Vec::new();
    for dir in keys::data_dirs(input) {
        let stale = backup::stale(&dir, &input.conf.name, valid)?;
        outcomes.extend(stale.iter().map(|file| backup::remove(file)));
    }
    all(outcomes)
}

fn status(_: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input, usual_ifname())?;
    let allowed = Allowed::read();
    allowed.map(drop).map_err(|err| Error {
        code: Code::Unavailable,
        ..err
    })
}
