//! CHECK: an interface as it is, compared with what was asked for and what was answered.

use super::mark::Mark;
use super::place::Place;
use super::{Source, Tap, Wanted};
use crate::error::{Code, Result};
use crate::inside::kernel;
use crate::result::{AddResult, Interface};
use bridge::InnerRoute;
use core_netlink::link::{Kind, Link};
use core_netlink::route::{Route, RouteFilter, Table};
use core_netlink::{HwAddr, IfIndex};
use std::fmt::Display;

impl Place {
    /// Each difference in a sentence.
    pub(super) fn compare(&mut self, wanted: &Wanted, previous: &AddResult) -> Result<Vec<String>> {
        let mut all = Vec::new();
        let lower = match &wanted.source {
            Source::On(_, lower) if lower.name.is_some() => match self.lower(lower) {
                Err(err) if err.code == Code::InvalidConfig => {
                    all.push(err.msg);
                    None
                }
                found => Some(found?),
            },
            _ => None,
        };
        let own = self.name().to_string();
        let is_own = |of: &Interface| of.name == own && !of.sandbox.is_empty();
        let said = previous.interfaces.iter().position(is_own);
        let mut expected = AddResult::default();
        match said.and_then(|at| Some((at, previous.interfaces.get(at)?))) {
            None => all.push(format!(
                "`prevResult.interfaces` has no `{own}` in a namespace"
            )),
            Some((at, interface)) => {
                let ips = previous.ips.iter().filter(|ip| ip.interface == Some(at));
                expected.ips = ips.cloned().collect();
                expected.interfaces.push(interface.clone());
                expected.routes.clone_from(&previous.routes);
            }
        }
        all.extend(self.differences(wanted, lower.as_ref(), &expected)?);
        Ok(all)
    }

    pub(super) fn differences(
        &mut self,
        wanted: &Wanted,
        lower: Option<&Link>,
        expected: &AddResult,
    ) -> Result<Vec<String>> {
        let (name, netns) = (self.name(), self.target.netns.display().to_string());
        let found = self.inside.conn.find_link(name);
        let found = found.map_err(|err| kernel(&format!("look for `{name}`"), &err))?;
        let Some(link) = found else {
            return Ok(vec![format!("{netns} has no `{name}`")]);
        };
        let mut all: Vec<String> = self.of_owner(&link).into_iter().collect();
        all.extend(of_source(&link, wanted, lower));
        let mtu = wanted.mtu.filter(|mtu| link.mtu != Some(*mtu));
        all.extend(mtu.map(|mtu| not("the MTU", link.mtu.unwrap_or(0), mtu)));
        all.extend(of_mac(&link, wanted, expected));
        if !link.is_up() {
            all.push("it is down".to_owned());
        }
        all.extend(self.of_addresses(&link, expected)?);
        all.extend(self.of_routes(link.index, expected)?);
        let about = |what: String| format!("`{name}` in {netns}: {what}");
        Ok(all.into_iter().map(about).collect())
    }

    /// The reference plugins mark nothing; what they made is as good.
    fn of_owner(&self, link: &Link) -> Option<String> {
        let mark = Mark::read(link.alias.as_deref()?)?;
        (mark.key != self.key).then(|| format!("it belongs to {}", mark.key))
    }

    fn of_addresses(&mut self, link: &Link, expected: &AddResult) -> Result<Vec<String>> {
        let found = self.inside.addresses(link)?;
        let missing = expected
            .ips
            .iter()
            .filter(|ip| !found.contains(&ip.address));
        Ok(missing
            .map(|ip| format!("address {} is missing", ip.address))
            .collect())
    }

    fn of_routes(&mut self, link: IfIndex, expected: &AddResult) -> Result<Vec<String>> {
        let wanted = expected.inner_routes();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let filter = RouteFilter {
            link: Some(link),
            ..RouteFilter::default()
        };
        let found = self.inside.conn.routes(&filter);
        let found = found.map_err(|err| kernel("list the routes", &err))?;
        let missing = wanted
            .iter()
            .filter(|wanted| !found.iter().any(|route| is(route, wanted)));
        Ok(missing
            .map(|route| format!("route {route} is missing"))
            .collect())
    }
}

fn is(route: &Route, wanted: &InnerRoute) -> bool {
    let in_table = route.table == wanted.table.map_or(Table::MAIN, Table);
    let by_gateway = route.gateway == wanted.gateway;
    let of_metric = wanted
        .metric
        .is_none_or(|metric| route.metric == Some(metric));
    in_table && by_gateway && of_metric && route.destination == Some(wanted.destination)
}

fn not(what: &str, is: impl Display, wanted: impl Display) -> String {
    format!("{what} is {is}, not {wanted}")
}

fn of_mac(link: &Link, wanted: &Wanted, expected: &AddResult) -> Option<String> {
    let said = expected.interfaces.first().map(|of| of.mac.as_str());
    let said = said.and_then(|mac| mac.parse().ok());
    let mac = wanted.mac.or(said)?;
    let is = link.address.map_or_else(String::new, |mac| mac.to_string());
    (link.address != Some(HwAddr::from(mac))).then(|| not("the MAC address", is, mac))
}

fn of_source(link: &Link, wanted: &Wanted, lower: Option<&Link>) -> Vec<String> {
    match &wanted.source {
        Source::On(kind, on) => {
            let mut all: Vec<String> = of_kind(link, kind).into_iter().collect();
            // Without a name any will do: the default route may lead elsewhere by now.
            let named = lower.filter(|_| on.name.is_some());
            all.extend(named.and_then(|lower| of_lower(link, lower, on.inside)));
            all
        }
        Source::Alone(kind) => of_kind(link, kind).into_iter().collect(),
        Source::Tap(tap) => of_tap(link, tap),
        Source::Host(_) | Source::Program => Vec::new(),
    }
}

fn of_lower(link: &Link, lower: &Link, inside: bool) -> Option<String> {
    let is_here = link.link_netnsid.is_none() == inside;
    match link.link == Some(lower.index) && is_here {
        true => None,
        false => Some(format!("it is on another link than `{}`", lower.name)),
    }
}

fn another(link: &Link, wanted: &str) -> String {
    not("the kind", link.kind_name().unwrap_or("none"), wanted)
}

/// What the configuration says of a kind.
fn of_kind(link: &Link, wanted: &Kind) -> Option<String> {
    match (&link.kind, wanted) {
        (Some(Kind::Macvlan(found)), Kind::Macvlan(wanted)) => {
            of_value("the mode", found.mode, wanted.mode).or_else(|| {
                of_value(
                    "the length of the queue of broadcasts",
                    found.bc_queue_len,
                    wanted.bc_queue_len,
                )
            })
        }
        (Some(Kind::Ipvlan(found)), Kind::Ipvlan(wanted)) => {
            of_value("the mode", found.mode, wanted.mode)
        }
        (Some(Kind::Vlan(found)), Kind::Vlan(wanted)) => of_value("the VLAN", found.id, wanted.id),
        (Some(found), wanted) if found.name() == wanted.name() => None,
        _ => Some(another(link, wanted.name())),
    }
}

/// What is not asked for may be anything.
fn of_value<T: Display + PartialEq>(
    what: &str,
    found: Option<T>,
    wanted: Option<T>,
) -> Option<String> {
    let wanted = wanted?;
    match found {
        Some(found) if found == wanted => None,
        Some(found) => Some(not(what, found, wanted)),
        None => Some(not(what, "unknown", wanted)),
    }
}

fn of_tap(link: &Link, wanted: &Tap) -> Vec<String> {
    let Some(Kind::Tun(found)) = &link.kind else {
        return vec![another(link, super::TAP)];
    };
    let all = [
        of_value("the owner", found.owner, wanted.owner),
        of_value("the group", found.group, wanted.group),
        of_value(
            "more than one queue",
            found.multi_queue,
            Some(wanted.multi_queue),
        ),
        match (wanted.bridge, link.master) {
            (Some(bridge), None) => Some(format!("it is no port of `{bridge}`")),
            _ => None,
        },
    ];
    all.into_iter().flatten().collect()
}
