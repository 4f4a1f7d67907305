//! The plugins: one file each, one row in the table.

mod bandwidth;
mod bridge;
mod collect;
mod compare;
mod done;
mod dummy;
mod firewall;
mod host_device;
mod ipam;
mod ipvlan;
mod loopback;
mod macvlan;
mod portmap;
mod ptp;
mod sbr;
mod tables;
mod tap;
#[cfg(test)]
mod tests;
mod tuning;
mod vlan;
mod vrf;
mod wired;

pub(crate) use compare::none;

use crate::args::Args;
use crate::attachment::AttachmentKey;
use crate::config::NetConf;
use crate::error::{Code, Error, Result};
use crate::exec::Caller;
use crate::ipam::{Foreign, Ipam, Key};
use crate::result::AddResult;
use crate::session::Session;
use core_netlink::MacAddr;
use std::path::{Path, PathBuf};

/// A configuration with what came beside it.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) conf: NetConf,
    pub(crate) args: &'a Args,
    /// What plugins that come later in the same process will ask for.
    pub(crate) ahead: Ahead,
    /// How IPAM plugins of others are called, where it is known where those are.
    pub(crate) caller: Option<&'a Caller>,
}

impl Input<'_> {
    /// How addresses are managed, with all wishes.
    pub(crate) fn ipam(&self) -> Result<Ipam> {
        match self.foreign_ipam() {
            Some(foreign) => foreign,
            None => Ipam::read(&self.conf, self.args),
        }
    }

    pub(crate) fn ipam_for_removal(&self) -> Result<Ipam> {
        match self.foreign_ipam() {
            Some(foreign) => foreign,
            None => Ipam::for_removal(&self.conf),
        }
    }

    /// The plugin of others that manages addresses, if one does.
    fn foreign_ipam(&self) -> Option<Result<Ipam>> {
        let (kind, caller) = (self.conf.ipam.as_deref()?, self.caller?);
        let foreign = || Foreign::new(caller, kind, &self.conf);
        (!Ipam::is_known(kind)).then(|| foreign().map(Ipam::Foreign))
    }

    /// The MAC address that is wished for: that of `runtimeConfig`, else of `args.cni`, else of `CNI_ARGS`.
    pub(crate) fn mac(&self) -> Result<Option<MacAddr>> {
        let (runtime, args) = (self.conf.runtime.mac, self.conf.args.mac);
        let (code, key, mac) = match (runtime, args, self.args.get("MAC")) {
            (Some(mac), _, _) => (Code::InvalidConfig, "`runtimeConfig.mac`", mac),
            (None, Some(mac), _) => (Code::InvalidConfig, "`args.cni.mac`", mac),
            (None, None, Some(word)) => {
                let key = "`CNI_ARGS`: `MAC`";
                let read = word.parse::<MacAddr>().map_err(|err| {
                    Error::new(Code::InvalidEnvironment, format!("{key} {word:?}: {err}"))
                });
                (Code::InvalidEnvironment, key, read?)
            }
            (None, None, None) => return Ok(None),
        };
        if !mac.is_unicast() {
            let why = format!("{key}: {mac} cannot be the address of one interface");
            return Err(Error::new(code, why));
        }
        Ok(Some(mac))
    }
}

impl AttachmentKey {
    /// Whose a lease is.
    pub(crate) fn lease(&self) -> Key {
        Key::new(self.container_id.as_str(), &self.ifname.to_string())
    }
}

/// What later plugins of a chain do with the same attachment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ahead {
    /// ADD: these will be asked for.
    pub(crate) ports: Vec<::bridge::PortSpec>,
    /// How they are translated.
    pub(crate) translation: ::bridge::Translation,
    /// DEL: the attachment will be taken away, with all that is its own.
    pub(crate) detach: bool,
}

/// What ADD and CHECK are about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) key: AttachmentKey,
    pub(crate) netns: PathBuf,
}

/// What a plugin can do.
pub(crate) struct Plugin {
    /// `type`, and the name of the program.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    pub(crate) add: fn(&mut Session, &Input<'_>, &Target) -> Result<AddResult>,
    pub(crate) del: fn(&mut Session, &Input<'_>, &AttachmentKey, Option<&Path>) -> Result<()>,
    pub(crate) check: fn(&mut Session, &Input<'_>, &Target, &AddResult) -> Result<()>,
    pub(crate) gc: fn(&mut Session, &Input<'_>, &[AttachmentKey]) -> Result<()>,
    pub(crate) status: fn(&mut Session, &Input<'_>) -> Result<()>,
    /// What it will ask for later in a chain; what it would refuse is refused, before anything is changed.
    pub(crate) ahead: fn(&Input<'_>, &mut Ahead) -> Result<()>,
}

/// All of them.
pub(crate) const PLUGINS: &[Plugin] = &[
    bridge::PLUGIN,
    loopback::PLUGIN,
    macvlan::PLUGIN,
    ipvlan::PLUGIN,
    vlan::PLUGIN,
    dummy::PLUGIN,
    tap::PLUGIN,
    host_device::PLUGIN,
    ipam::HOST_LOCAL,
    ipam::STATIC,
    portmap::PLUGIN,
    firewall::PLUGIN,
    ptp::PLUGIN,
    tuning::PLUGIN,
    bandwidth::PLUGIN,
    sbr::PLUGIN,
    vrf::PLUGIN,
];

/// The plugin of this name.
pub(crate) fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

/// The plugin that a configuration is for.
pub(crate) fn of_type(kind: &str) -> Result<&'static Plugin> {
    find(kind).ok_or_else(|| {
        let all: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
        let why = format!(
            "`type`: there is no plugin {kind:?} here; there is {}",
            all.join(", ")
        );
        Error::new(Code::UnsupportedField, why)
    })
}

/// It comes first, or asks for nothing that another could do.
fn nothing_ahead(_: &Input<'_>, _: &mut Ahead) -> Result<()> {
    Ok(())
}

/// Nothing to do.
fn nothing_to_collect(_: &mut Session, _: &Input<'_>, _: &[AttachmentKey]) -> Result<()> {
    Ok(())
}

/// The result so far, which a plugin that makes no interface needs.
fn previous<'a>(input: &'a Input<'_>) -> Result<&'a AddResult> {
    input.conf.previous.as_ref().ok_or_else(|| {
        let why = format!(
            "`prevResult` is missing: {} comes behind a plugin that makes an interface",
            input.conf.kind
        );
        Error::new(Code::InvalidConfig, why)
    })
}
