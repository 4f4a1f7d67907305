//! `type vrf`.

use super::unknown;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use core_netlink::link::{Kind, LinkSpec, Vrf};
use core_netlink::route::Table;

pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    let mut vrf = Vrf::default();
    while let Some(word) = args.next()? {
        match word {
            "table" => vrf.table = Some(id(s, args.value("table")?)?),
            word => return Err(unknown("vrf", word)),
        }
    }
    match vrf.table {
        Some(_) => Ok(Kind::Vrf(vrf)),
        None => Err(Fault::new(
            2,
            "Error: VRF table id is missing.",
            "cannot add a vrf",
            "its table is not given",
        )
        .hint("say `table N` behind `type vrf`")),
    }
}

fn id(s: &Session<'_>, text: &str) -> Done<Table> {
    let number = s.names.tables.number(text);
    number.map(Table).ok_or_else(|| {
        Fault::wrong("table", text, "invalid table ID")
            .hint("main, local, default, a name of /etc/iproute2/rt_tables or a number")
    })
}

pub(super) fn describe(row: &mut Row, table: Option<Table>) {
    if let Some(Table(number)) = table {
        row.word("table", number);
    }
}
