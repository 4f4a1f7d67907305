//! A network's policy and whom it is joined to, as they are written.

use super::{Text, texts, values};
use crate::name::NetworkName;
use crate::policy::{Joined, Policy};
use core_netlink::IfName;
use firewall::{Destination, Service};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct PolicyFile {
    masquerade: bool,
    #[serde(default)]
    reachable: bool,
    isolate_ports: bool,
    allow: Vec<Text<Destination>>,
    deny: Vec<Text<Destination>>,
    services: Vec<Text<Service>>,
    #[serde(default)]
    dhcp_servers: bool,
    #[serde(default)]
    routers: bool,
}

impl Default for PolicyFile {
    fn default() -> PolicyFile {
        PolicyFile::from(&Policy::default())
    }
}

impl From<&Policy> for PolicyFile {
    fn from(policy: &Policy) -> PolicyFile {
        PolicyFile {
            masquerade: policy.masquerade,
            reachable: policy.reachable,
            isolate_ports: policy.isolate_ports,
            allow: texts(&policy.allow),
            deny: texts(&policy.deny),
            services: texts(&policy.services),
            dhcp_servers: policy.dhcp_servers,
            routers: policy.routers,
        }
    }
}

impl From<PolicyFile> for Policy {
    fn from(file: PolicyFile) -> Policy {
        Policy {
            masquerade: file.masquerade,
            reachable: file.reachable,
            isolate_ports: file.isolate_ports,
            allow: values(file.allow),
            deny: values(file.deny),
            services: values(file.services),
            dhcp_servers: file.dhcp_servers,
            routers: file.routers,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct JoinedFile {
    network: Text<NetworkName>,
    bridge: Text<IfName>,
}

impl From<&Joined> for JoinedFile {
    fn from(joined: &Joined) -> JoinedFile {
        JoinedFile {
            network: Text(joined.network.clone()),
            bridge: Text(joined.bridge),
        }
    }
}

impl From<JoinedFile> for Joined {
    fn from(file: JoinedFile) -> Joined {
        Joined {
            network: file.network.0,
            bridge: file.bridge.0,
        }
    }
}
