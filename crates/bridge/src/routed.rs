//! Attachments without a bridge: a veth pair of their own, and routes of the host that lead there.

use crate::action;
use crate::assigned::RoutedLink;
use crate::differs::says;
use crate::engine::{Engine, Scene, netlink, send};
use crate::error::Result;
use crate::forwarding::ipv6_switch;
use crate::inner::address;
use crate::spec::Attachment;
use crate::wiring::known;
use core_netlink::addr::AddressFilter;
use core_netlink::link::{Ipv4Conf, Link, LinkSpec, SetLink};
use core_netlink::route::{RouteFilter, Table};
use core_netlink::{Change, Family, Request};
use ipnet::IpNet;
use std::net::IpAddr;

impl Attachment {
    /// The addresses that the host has routes to, where no bridge finds them.
    pub(crate) fn behind(&self) -> Vec<IpAddr> {
        let addresses = self
            .addresses
            .iter()
            .filter(|_| self.assigned.routed.is_some());
        addresses.map(IpNet::addr).collect()
    }
}

impl Engine {
    /// Its settings and addresses, before it is up. It forwards: the host is the container's router.
    pub(crate) fn routed_end(
        &mut self,
        of: &Attachment,
        link: &RoutedLink,
        scene: &Scene<'_>,
    ) -> Result<()> {
        let index = known(scene.host_end, of.host_end)?;
        self.kernel
            .set_sysctls(None, action::sysctls_of_routed(of))?;
        let settings = LinkSpec {
            alias: Some(action::alias(of)),
            ipv4: Some(Ipv4Conf {
                rp_filter: Some(1),
                forwarding: Some(1),
                accept_redirects: Some(0),
                send_redirects: Some(0),
                ..Ipv4Conf::default()
            }),
            ..LinkSpec::default()
        };
        let mut requests: Vec<Box<dyn Request + '_>> =
            vec![Box::new(SetLink::new(index, &settings))];
        for gateway in &link.gateways {
            let alone = IpNet::from(*gateway).prefix_len();
            requests.push(Box::new(Change::add(address(index, *gateway, alone))));
        }
        send(self.kernel.route()?, &requests, |_| true)
            .map_err(|err| netlink(format!("set up `{}`", of.host_end), err))?;
        match of.addresses.iter().any(|net| net.addr().is_ipv6()) {
            true => self.put_back(&(ipv6_switch(of.host_end), "1")), // where the kernel has it
            false => Ok(()),
        }
    }

    /// Up, with its addresses, and the host's routes to what is behind it.
    pub(crate) fn routed_end_differs(
        &mut self,
        of: &Attachment,
        link: &Link,
    ) -> Result<Vec<String>> {
        let fail = |err| netlink(format!("look at `{}`", of.host_end), err);
        let conn = self.kernel.route()?;
        let addresses = conn.addresses(&AddressFilter {
            link: Some(link.index),
            ..AddressFilter::default()
        });
        let addresses = addresses.map_err(fail)?;
        let gateways = of.assigned.routed.iter().flat_map(|link| &link.gateways);
        let mut how: Vec<String> = says(!link.is_up(), "is down").into_iter().collect();
        for gateway in gateways {
            let there = addresses
                .iter()
                .any(|found| found.address.addr() == *gateway);
            how.extend(says(!there, format!("{gateway} is missing")));
        }
        for ip in of.behind() {
            let filter = RouteFilter {
                family: Some(Family::of(ip)),
                table: Some(Table::MAIN),
                link: Some(link.index),
                ..RouteFilter::default()
            };
            let routes = conn.routes(&filter).map_err(fail)?;
            let leads = |route: &core_netlink::route::Route| {
                route.destination == Some(IpNet::from(ip)) && route.link == Some(link.index)
            };
            how.extend(says(
                !routes.iter().any(leads),
                format!("no route leads to {ip} by it"),
            ));
        }
        Ok(how)
    }
}
