//! `ip route get`: which way a packet would take.

use super::filter::Filter;
use super::modify::tos;
use super::print::describe;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::{fit, prefix};
use core_netlink::route::RouteQuery;
use std::net::IpAddr;

pub(super) const USAGE: &str = "ADDRESS [from ADDRESS] [iif LINK] [oif LINK] [mark N] [tos TOS] [uid N] [ipproto P] [sport N] [dport N] [fibmatch]";

pub(super) fn get(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let query = read(s, args)?;
    let route = s.conn()?.get_route(&query)?;
    let row = describe(s, &route, &Filter::default());
    s.print(vec![row])
}

fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<RouteQuery> {
    let mut query = RouteQuery::to(IpAddr::from([0, 0, 0, 0]));
    let mut to = None;
    let host = |s: &Session<'_>, field: &str, text: &str| {
        Ok::<_, Fault>(prefix(field, text, s.opts.family)?.addr())
    };
    while let Some(word) = args.next()? {
        match word {
            "from" => query.from = Some(host(s, "from", args.value("from")?)?),
            "iif" => query.iif = Some(s.link_index(args.value("iif")?)?),
            "oif" | "dev" => query.oif = Some(s.link_index(args.value(word)?)?),
            "tos" | "dsfield" => query.tos = tos(s, args.value(word)?)?,
            "mark" => query.mark = Some(fit("mark", args.value("mark")?)?),
            "uid" => query.uid = Some(fit("uid", args.value("uid")?)?),
            "ipproto" => query.ip_proto = Some(crate::rule::ip_protocol(args.value("ipproto")?)?),
            "sport" => query.sport = Some(fit("sport", args.value("sport")?)?),
            "dport" => query.dport = Some(fit("dport", args.value("dport")?)?),
            "fibmatch" => query.fib_match = true,
            "notify" | "connected" => {}
            "to" => to = Some(host(s, "destination", args.value("to")?)?),
            text => to = Some(host(s, "destination", text)?),
        }
    }
    query.to = to.ok_or_else(|| {
        Fault::new(
            1,
            "need at least a destination address",
            "no destination is given",
            "an address must follow `get`",
        )
    })?;
    Ok(query)
}
