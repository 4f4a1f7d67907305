//! `ip address show`.

use super::print;
use super::select::Choice;
use crate::Done;
use crate::args::Args;
use crate::link::print::{Part, brief, counters, describe};
use crate::options::Family;
use crate::row::Row;
use crate::session::Session;
use core_netlink::IfIndex;
use core_netlink::addr::{Address, AddressFilter};
use core_netlink::link::Link;

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let choice = Choice::read(s, args)?;
    let links = choice.links.find(s)?;
    let all = s.conn()?.addresses(&filter(&choice, &links))?;
    let mut rows = Vec::new();
    for link in &links {
        let on_link = all.iter().filter(|address| address.link == link.index);
        let bare = choice.shows_bare() && on_link.clone().next().is_none();
        let name = link.name.to_string();
        let meant: Vec<&Address> = on_link
            .filter(|address| choice.passes(address, &name))
            .collect();
        if bare || !choice.is_narrow() || !meant.is_empty() {
            add_rows(s, &mut rows, link, &meant, choice.family);
        }
    }
    s.print(rows)
}

/// Of one link only, if only one is meant.
pub(super) fn filter(choice: &Choice, links: &[Link]) -> AddressFilter {
    let one = links
        .first()
        .filter(|_| choice.links.dev.is_some())
        .map(|link| link.index);
    AddressFilter {
        link: one,
        ..AddressFilter::default()
    }
}

fn add_rows(
    s: &mut Session<'_>,
    rows: &mut Vec<Row>,
    link: &Link,
    addresses: &[&Address],
    family: Option<Family>,
) {
    if s.opts.oneline && !s.opts.json && !s.opts.brief {
        rows.extend(
            addresses
                .iter()
                .map(|address| oneline(s, link.index, address)),
        );
        return;
    }
    let mut row = s.row();
    if s.opts.brief {
        brief(s, &mut row, link, false);
        row.list("addr_info", addresses, |row, address| {
            print::prefix(row, address)
        });
    } else {
        describe(s, &mut row, link, Part::Address(family));
        row.list("addr_info", addresses, |row, address| {
            row.text("\n");
            print::describe(s, row, address);
        });
        counters(s, &mut row, link);
    }
    rows.push(row);
}

/// "4: br0    inet 10.0.0.1/24 ...".
pub(super) fn oneline(s: &mut Session<'_>, link: IfIndex, address: &Address) -> Row {
    let mut row = s.row();
    let name = s.link_name(link);
    row.text(format_args!("{link}: {name}"));
    print::describe(s, &mut row, address);
    row
}
