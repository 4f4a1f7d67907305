//! A result as routes inside a namespace.

use super::{AddResult, Ip, Route};
use bridge::InnerRoute;

impl AddResult {
    /// Its routes. One without a next hop takes the gateway of the first address of its family.
    pub(crate) fn inner_routes(&self) -> Vec<InnerRoute> {
        self.routes.iter().map(|route| self.inner(route)).collect()
    }

    fn inner(&self, route: &Route) -> InnerRoute {
        let of_family = |ip: &&Ip| ip.address.addr().is_ipv4() == route.dst.addr().is_ipv4();
        let usual = || self.ips.iter().find(of_family).and_then(|ip| ip.gateway);
        InnerRoute {
            gateway: route.gw.or_else(usual),
            metric: route.priority,
            mtu: route.mtu,
            advmss: route.advmss,
            table: route.table,
            scope: route.scope,
            ..InnerRoute::to(route.dst.trunc())
        }
    }
}
