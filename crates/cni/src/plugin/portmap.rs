//! `portmap`: ports of the host that lead to a container.

use super::{Input, Plugin, Target, previous, wired};
use crate::attachment::AttachmentKey;
use crate::config::PortMapping;
use crate::error::{Code, Error, Result};
use crate::result::AddResult;
use crate::session::{Session, attachment_id, failed, network_name};
use bridge::{PortSpec, PublishSpec, Who};
use serde::Deserialize;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "portmap",
    about: "ports of the host that lead to the container",
    add,
    del,
    check,
    gc: super::nothing_to_collect,
    status,
};

/// The keys of the plugin's documentation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    backend: String,
    snat: bool,
    masq_all: bool,
    mark_masq_bit: Option<i64>,
    external_set_mark_chain: Option<String>,
    #[serde(rename = "conditionsV4")]
    conditions_v4: Vec<String>,
    #[serde(rename = "conditionsV6")]
    conditions_v6: Vec<String>,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            backend: String::new(),
            snat: true,
            masq_all: false,
            mark_masq_bit: None,
            external_set_mark_chain: None,
            conditions_v4: Vec::new(),
            conditions_v6: Vec::new(),
        }
    }
}

impl Keys {
    fn read(input: &Input<'_>) -> Result<Keys> {
        let keys: Keys = input.conf.keys()?;
        keys.check()?;
        Ok(keys)
    }

    fn check(&self) -> Result<()> {
        wired::check_backend("backend", &self.backend)?;
        if self.mark_masq_bit.is_some() && self.external_set_mark_chain.is_some() {
            let why = "it and `externalSetMarkChain` exclude each other";
            return Err(Error::invalid("markMasqBit", why));
        }
        if let Some(bit) = self.mark_masq_bit.filter(|bit| !(0..=31).contains(bit)) {
            return Err(Error::invalid(
                "markMasqBit",
                format!("{bit} is not 0 to 31"),
            ));
        }
        let unsupported = [
            ("masqAll", self.masq_all),
            ("snat", !self.snat),
            ("conditionsV4", !self.conditions_v4.is_empty()),
            ("conditionsV6", !self.conditions_v6.is_empty()),
        ];
        match unsupported.iter().find(|(_, asked)| *asked) {
            Some((key, _)) => {
                let why = format!("`{key}`: this value cannot be done here yet");
                Err(Error::new(Code::UnsupportedField, why))
            }
            None => Ok(()),
        }
    }
}

/// The ports that a configuration asks for.
pub(super) fn ports(input: &Input<'_>) -> Result<Vec<PortSpec>> {
    Keys::read(input)?;
    let asked = input.conf.runtime.port_mappings.iter().enumerate();
    let published = asked.filter(|(_, mapping)| mapping.host_port != 0);
    published.map(|(at, mapping)| port(at, mapping)).collect()
}

fn port(at: usize, mapping: &PortMapping) -> Result<PortSpec> {
    let spec = PortSpec {
        host: mapping
            .host_ip
            .filter(|ip| !(ip.is_ipv4() && ip.is_unspecified())),
        host_port: mapping.host_port,
        port: mapping.container_port,
        transport: mapping.transport,
        ..PortSpec::default()
    };
    let text = spec.to_string();
    let checked: bridge::Result<PortSpec> = text.parse();
    checked.map_err(|err| {
        let err = failed(err);
        let key = format!("runtimeConfig.portMappings[{at}]");
        Error::invalid(&key, &err.msg).with_details(err.details)
    })
}

fn spec(input: &Input<'_>, key: &AttachmentKey, ports: Vec<PortSpec>) -> Result<PublishSpec> {
    let network = network_name(&input.conf.name)?;
    let who = Who::Id(attachment_id(key.container_id.as_str())?);
    Ok(PublishSpec {
        ifname: Some(key.ifname),
        ports,
        ..PublishSpec::new(network, who)
    })
}

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let (result, ports) = (previous(input)?.clone(), ports(input)?);
    let made = session.attached.as_ref();
    let is_there = |port: &PortSpec| made.is_some_and(|of| of.ports.contains(port));
    if !ports.iter().all(is_there) {
        let spec = spec(input, &target.key, ports)?;
        let published = session.host()?.publish(&spec);
        published.map_err(|err| match err.is_not_found() {
            true => {
                failed(err).with_details("portmap comes behind our bridge or ptp in the same list")
            }
            false => failed(err),
        })?;
    }
    Ok(result)
}

/// All ports of the attachment go, whatever the configuration says by now.
fn del(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    _: Option<&Path>,
) -> Result<()> {
    if input.ahead.detach {
        return Ok(()); // in one plan
    }
    let nothing = spec(input, key, Vec::new())?;
    let host = session.host()?;
    let found = host.attachment(&nothing.network, &nothing.who, nothing.ifname);
    let ports = match found {
        Err(err) if err.is_not_found() => return Ok(()),
        found => found.map_err(failed)?.ports,
    };
    if ports.is_empty() {
        return Ok(());
    }
    match host.unpublish(&PublishSpec { ports, ..nothing }) {
        Err(err) if err.is_not_found() => Ok(()),
        done => done.map(drop).map_err(failed),
    }
}

fn check(session: &mut Session, input: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let asked = ports(input)?;
    let found = super::compare::recorded(session, input, target)?;
    let missing: Vec<String> = asked
        .iter()
        .filter(|port| !found.ports.contains(port))
        .map(|port| format!("port {port} is not published"))
        .collect();
    let mut all = missing;
    all.extend(super::compare::differences(session, input, target)?);
    super::compare::none(all)
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input)?;
    super::collect::status(session)
}
