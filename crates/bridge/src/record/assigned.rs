//! What came with an attachment's addresses, as it is written.

use super::vlans::PortVlansFile;
use super::{Text, texts, values};
use crate::assigned::{Assigned, InnerRoute, RoutedLink};
use crate::translation::Translation;
use crate::vlans::PortVlans;
use firewall::{Region, Source};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AssignedFile {
    routes: Vec<RouteFile>,
    hairpin: bool,
    detect_duplicates: bool,
    down: bool,
    mac_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlans: Option<PortVlansFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routed: Option<RoutedFile>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    foreign: bool,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct RoutedFile {
    gateways: Vec<Text<IpAddr>>,
    masquerade: bool,
    reachable: bool,
    host_services: bool,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct RouteFile {
    destination: Text<IpNet>,
    gateway: Option<Text<IpAddr>>,
    metric: Option<u32>,
    mtu: Option<u32>,
    advmss: Option<u32>,
    table: Option<u32>,
    scope: Option<u8>,
}

impl AssignedFile {
    pub(super) fn is_usual(&self) -> bool {
        *self == AssignedFile::default()
    }
}

impl From<&Assigned> for AssignedFile {
    fn from(assigned: &Assigned) -> AssignedFile {
        AssignedFile {
            routes: assigned.routes.iter().map(RouteFile::from).collect(),
            hairpin: assigned.hairpin,
            detect_duplicates: assigned.detect_duplicates,
            down: assigned.down,
            mac_only: assigned.mac_only,
            vlans: assigned.vlans.as_ref().map(PortVlansFile::from),
            routed: assigned.routed.as_ref().map(RoutedFile::from),
            foreign: assigned.foreign,
        }
    }
}

impl From<AssignedFile> for Assigned {
    fn from(file: AssignedFile) -> Assigned {
        Assigned {
            routes: file.routes.into_iter().map(InnerRoute::from).collect(),
            hairpin: file.hairpin,
            detect_duplicates: file.detect_duplicates,
            down: file.down,
            mac_only: file.mac_only,
            vlans: file.vlans.map(PortVlans::from),
            routed: file.routed.map(RoutedLink::from),
            foreign: file.foreign,
        }
    }
}

impl From<&RoutedLink> for RoutedFile {
    fn from(link: &RoutedLink) -> RoutedFile {
        RoutedFile {
            gateways: texts(&link.gateways),
            masquerade: link.masquerade,
            reachable: link.reachable,
            host_services: link.host_services,
        }
    }
}

impl From<RoutedFile> for RoutedLink {
    fn from(file: RoutedFile) -> RoutedLink {
        RoutedLink {
            gateways: values(file.gateways),
            masquerade: file.masquerade,
            reachable: file.reachable,
            host_services: file.host_services,
        }
    }
}

impl From<&InnerRoute> for RouteFile {
    fn from(route: &InnerRoute) -> RouteFile {
        RouteFile {
            destination: Text(route.destination),
            gateway: route.gateway.map(Text),
            metric: route.metric,
            mtu: route.mtu,
            advmss: route.advmss,
            table: route.table,
            scope: route.scope,
        }
    }
}

impl From<RouteFile> for InnerRoute {
    fn from(file: RouteFile) -> InnerRoute {
        InnerRoute {
            destination: file.destination.0,
            gateway: file.gateway.map(|ip| ip.0),
            metric: file.metric,
            mtu: file.mtu,
            advmss: file.advmss,
            table: file.table,
            scope: file.scope,
        }
    }
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TranslationFile {
    source: Text<Source>,
    only: Vec<Text<Region>>,
}

impl TranslationFile {
    pub(super) fn is_usual(&self) -> bool {
        *self == TranslationFile::default()
    }
}

impl Default for TranslationFile {
    fn default() -> TranslationFile {
        TranslationFile::from(&Translation::default())
    }
}

impl From<&Translation> for TranslationFile {
    fn from(translation: &Translation) -> TranslationFile {
        TranslationFile {
            source: Text(translation.source),
            only: texts(&translation.only),
        }
    }
}

impl From<TranslationFile> for Translation {
    fn from(file: TranslationFile) -> Translation {
        Translation {
            source: file.source.0,
            only: values(file.only),
        }
    }
}
