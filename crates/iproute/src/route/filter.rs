//! Which routes `ip route show` and `flush` mean.

use super::modify::{protocol, route_type, scope, table, tos};
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::session::Session;
use crate::value::{destination, fit, prefix};
use core_netlink::addr::Scope;
use core_netlink::route::{Route, RouteFilter, RouteProtocol, RouteType, Table};
use core_netlink::{IfIndex, Prefix};

/// What was asked for; a field that was asked for is not printed again.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) family: Option<Family>,
    /// All if none.
    pub(super) table: Option<Table>,
    pub(super) cache: bool,
    pub(super) protocol: Option<RouteProtocol>,
    pub(super) scope: Option<Scope>,
    pub(super) kind: Option<RouteType>,
    pub(super) oif: Option<IfIndex>,
    pub(super) iif: Option<IfIndex>,
    pub(super) via: Option<Prefix>,
    pub(super) prefsrc: Option<Prefix>,
    pub(super) metric: Option<u32>,
    pub(super) tos: Option<u8>,
    /// Routes within this.
    root: Option<Prefix>,
    /// Routes that cover this.
    covering: Option<Prefix>,
}

impl Filter {
    pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<Filter> {
        let mut filter = Filter {
            family: s.opts.family,
            table: Some(Table::MAIN),
            ..Filter::default()
        };
        while let Some(word) = args.next()? {
            if !filter.take(s, args, word)? {
                filter.take_prefix(args, word)?;
            }
        }
        let to = filter
            .root
            .or(filter.covering)
            .or(filter.via)
            .filter(|prefix| prefix.prefix_len() > 0);
        filter.family = filter.family.or(to.map(|to| {
            if to.addr().is_ipv4() {
                Family::Inet
            } else {
                Family::Inet6
            }
        }));
        Ok(filter)
    }

    fn take(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done<bool> {
        match word {
            "table" => match args.value("table")? {
                "all" | "0" => self.table = None,
                "cache" => self.cache = true,
                name => self.table = Some(table(s, name)?),
            },
            "cached" | "cloned" | "cache" => self.cache = true,
            "tos" | "dsfield" => self.tos = Some(tos(s, args.value("tos")?)?),
            "scope" => match args.value("scope")? {
                "all" => self.scope = None,
                name => self.scope = Some(scope(s, name)?),
            },
            "type" => {
                let name = args.value("type")?;
                self.kind = Some(
                    route_type(name)
                        .ok_or_else(|| Fault::wrong("type", name, "node type value is invalid"))?,
                );
            }
            "dev" | "oif" => self.oif = Some(s.link_index(args.value("dev")?)?),
            "iif" => self.iif = Some(s.link_index(args.value("iif")?)?),
            "via" => self.via = Some(self.via(args)?),
            "src" => self.prefsrc = Some(prefix("src", args.value("src")?, self.family)?),
            "metric" | "priority" | "preference" => {
                self.metric = Some(fit("metric", args.value("metric")?)?)
            }
            _ if word.starts_with("proto") && args_means_protocol(word) => {
                match args.value("protocol")? {
                    "all" => self.protocol = None,
                    name => self.protocol = Some(protocol(s, name)?),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn via(&self, args: &mut Args<'_>) -> Done<Prefix> {
        let family = match args.peek()? {
            Some("inet") => Some(Family::Inet),
            Some("inet6") => Some(Family::Inet6),
            _ => return prefix("via", args.value("via")?, self.family),
        };
        args.skip();
        prefix("via", args.value("via")?, family)
    }

    /// "[to] [root|match|exact] PREFIX".
    fn take_prefix(&mut self, args: &mut Args<'_>, word: &str) -> Done {
        let word = if word == "to" {
            args.value("to")?
        } else {
            word
        };
        let (manner, text) = match word {
            "root" | "match" | "exact" => (word, args.value(word)?),
            text => ("exact", text),
        };
        let to = Some(destination("destination", text, self.family)?);
        match manner {
            "root" => self.root = to,
            "match" => self.covering = to,
            _ => (self.root, self.covering) = (to, to),
        }
        Ok(())
    }

    /// What the kernel can choose for us.
    pub(super) fn kernel(&self) -> RouteFilter {
        use core_netlink::Family as Wire;
        let family = match self.family {
            Some(Family::Inet6) => Some(Wire::V6),
            Some(_) => Some(Wire::V4),
            None => self.table.map(|_| Wire::V4),
        };
        RouteFilter {
            family,
            table: self.table,
            protocol: self.protocol,
            kind: self.kind,
            link: self.oif,
            cache: self.cache,
        }
    }

    /// Whether it is shown: what has no destination is no route of a table.
    pub(super) fn shows(&self, route: &Route) -> bool {
        route.destination.is_some() && self.passes(route)
    }

    fn passes(&self, route: &Route) -> bool {
        let same = |asked: Option<IfIndex>, found| asked.is_none_or(|asked| found == Some(asked));
        let oif = same(self.oif, route.link);
        let via = self
            .via
            .is_none_or(|via| route.gateway.is_some_and(|ip| via.contains(&ip)));
        let prefsrc = self
            .prefsrc
            .is_none_or(|from| route.prefsrc.is_some_and(|ip| from.contains(&ip)));
        self.table.is_none_or(|table| table == route.table)
            && self
                .protocol
                .is_none_or(|protocol| protocol == route.protocol)
            && self.scope.is_none_or(|scope| scope == route.scope)
            && self.kind.is_none_or(|kind| kind == route.kind)
            && self.tos.is_none_or(|tos| tos == route.tos)
            && self
                .metric
                .is_none_or(|metric| metric == route.metric.unwrap_or(0))
            && same(self.iif, route.iif)
            && oif
            && via
            && prefsrc
            && self.passes_destination(route)
    }

    fn passes_destination(&self, route: &Route) -> bool {
        let Some(to) = route.destination else {
            return self.root.is_none() && self.covering.is_none();
        };
        let within = self.root.is_none_or(|root| root.contains(&to));
        let covers = self.covering.is_none_or(|inner| to.contains(&inner));
        within && covers
    }
}

/// "proto", "protocol" and what lies between.
fn args_means_protocol(word: &str) -> bool {
    "protocol".starts_with(word)
}
