//! `portmap`: ports of the host that lead to a container.

mod conditions;
mod foreign;

use super::{Input, Plugin, Target, collect, compare, previous, wired};
use crate::attachment::AttachmentKey;
use crate::config::PortMapping;
use crate::error::{Error, Result};
use crate::result::AddResult;
use crate::session::{Session, attachment_id, failed, network_name};
use bridge::{PortSpec, PublishSpec, Source, Translation, Who};
use serde::Deserialize;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "portmap",
    about: "ports of the host that lead to the container",
    add,
    del,
    check,
    gc,
    status,
    ahead: |input, ahead| {
        let asked = Asked::read(input)?;
        ahead.ports.extend(asked.ports);
        ahead.translation = asked.translation;
        Ok(())
    },
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
        self.translation().map(drop)
    }

    fn translation(&self) -> Result<Translation> {
        let (v4, v6) = (&self.conditions_v4, &self.conditions_v6);
        let v4 = conditions::regions("conditionsV4", v4, true)?;
        let v6 = conditions::regions("conditionsV6", v6, false)?;
        Ok(Translation {
            source: match (self.snat, self.masq_all) {
                (false, _) => Source::Kept,
                (true, true) => Source::Hidden,
                (true, false) => Source::Usual,
            },
            only: [v4, v6].concat(),
        })
    }
}

/// What a configuration asks for.
struct Asked {
    ports: Vec<PortSpec>,
    translation: Translation,
}

impl Asked {
    fn read(input: &Input<'_>) -> Result<Asked> {
        let translation = Keys::read(input)?.translation()?;
        let mappings = input.conf.runtime.port_mappings.iter().enumerate();
        let published = mappings.filter(|(_, mapping)| mapping.host_port != 0);
        let ports = published.map(|(at, mapping)| port(at, mapping));
        Ok(Asked {
            ports: ports.collect::<Result<_>>()?,
            translation,
        })
    }
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

fn spec(input: &Input<'_>, key: &AttachmentKey) -> Result<PublishSpec> {
    let network = network_name(&input.conf.name)?;
    let who = Who::Id(attachment_id(key.container_id.as_str())?);
    Ok(PublishSpec {
        ifname: Some(key.ifname),
        ..PublishSpec::new(network, who)
    })
}

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let (result, asked) = (previous(input)?.clone(), Asked::read(input)?);
    let made = session.attached.as_ref();
    let is_there = |port: &PortSpec| made.is_some_and(|of| of.ports.contains(port));
    if asked.ports.iter().all(is_there) {
        return Ok(result); // in one plan
    }
    let wanted = PublishSpec {
        ports: asked.ports.clone(),
        translation: asked.translation.clone(),
        ..spec(input, &target.key)?
    };
    match session.host()?.publish(&wanted) {
        Err(err) if err.is_not_found() => foreign::publish(session, input, target, asked, &result)?,
        published => drop(published.map_err(failed)?),
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
    let spec = spec(input, key)?;
    let host = session.host()?;
    let found = host.attachment(&spec.network, &spec.who, spec.ifname);
    let found = match found {
        Err(err) if err.is_not_found() => return Ok(()),
        found => found.map_err(failed)?,
    };
    if found.assigned.foreign {
        wired::detach(session, input, key)?;
        return foreign::forget(session, &spec.network);
    }
    if found.ports.is_empty() {
        return Ok(());
    }
    let ports = found.ports;
    match host.unpublish(&PublishSpec { ports, ..spec }) {
        Err(err) if err.is_not_found() => Ok(()),
        done => done.map(drop).map_err(failed),
    }
}

/// What is behind our own plugins is collected by them.
fn gc(session: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    let network = network_name(&input.conf.name)?;
    match session.host()?.network(&network) {
        Ok(there) if there.is_foreign() => {}
        _ => return Ok(()),
    }
    collect::attachments(session, input, valid)?;
    foreign::forget(session, &network)
}

fn check(session: &mut Session, input: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let asked = Asked::read(input)?;
    if asked.ports.is_empty() {
        return Ok(());
    }
    let found = compare::recorded(session, input, target)?;
    let ports = asked.ports.iter();
    let missing = ports.filter(|port| !found.ports.contains(port));
    let mut all: Vec<String> = missing
        .map(|port| format!("port {port} is not published"))
        .collect();
    if found.translation != asked.translation {
        all.push("its ports are published for other connections, or with other sources".into());
    }
    all.extend(compare::ports(session, input, target)?);
    compare::none(all)
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input)?;
    collect::status(session)
}
