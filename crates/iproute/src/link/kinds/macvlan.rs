//! `type macvlan` and `type macvtap`.

use super::unknown;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::{fit, mac};
use core_netlink::link::{Macvlan, MacvlanFlags, MacvlanMode, SourceChange};

pub(super) fn read(_: &mut Session<'_>, args: &mut Args<'_>) -> Done<Macvlan> {
    let mut macvlan = Macvlan::default();
    while let Some(word) = args.next()? {
        match word {
            "mode" => macvlan.mode = Some(mode(args.value("mode")?)?),
            "nopromisc" => set_flag(&mut macvlan, MacvlanFlags::NOPROMISC),
            "nodst" => set_flag(&mut macvlan, MacvlanFlags::NODST),
            "macaddr" => source(args, &mut macvlan)?,
            "bcqueuelen" => {
                macvlan.bc_queue_len = Some(fit("bcqueuelen", args.value("bcqueuelen")?)?)
            }
            word => return Err(unknown("macvlan", word)),
        }
    }
    Ok(macvlan)
}

fn set_flag(macvlan: &mut Macvlan, flag: MacvlanFlags) {
    macvlan.flags = Some(macvlan.flags.unwrap_or_default() | flag);
}

fn mode(text: &str) -> Done<MacvlanMode> {
    let known = MacvlanMode::NAMED
        .iter()
        .find(|mode| mode.name() == Some(text));
    known.copied().ok_or_else(|| {
        let original = "Error: argument of \"mode\" must be \"private\", \"vepa\", \"bridge\", \"passthru\" or \"source\", not \"".to_owned();
        Fault::new(1, format!("{original}{}\"", crate::value::quoted(text)), format!("wrong mode `{}`", crate::value::quoted(text)), "private, vepa, bridge, passthru or source")
    })
}

/// "macaddr {add|del} MAC | flush | set MAC...".
fn source(args: &mut Args<'_>, macvlan: &mut Macvlan) -> Done {
    let (change, count) = match args.value("macaddr")? {
        "add" => (SourceChange::Add, 1),
        "del" => (SourceChange::Delete, 1),
        "flush" => (SourceChange::Flush, 0),
        "set" => (SourceChange::Set, usize::MAX),
        other => return Err(unknown("macvlan macaddr", other)),
    };
    macvlan.source_change = Some(change);
    if count == 1 {
        macvlan.source = Some(mac("macaddr", args.value("macaddr")?)?);
    }
    while count > 1 && !args.is_empty() {
        let address = mac("macaddr", args.value("macaddr")?)?;
        macvlan.sources.get_or_insert_default().push(address);
    }
    Ok(())
}

pub(super) fn describe(row: &mut Row, macvlan: &Macvlan) {
    if let Some(mode) = macvlan.mode {
        row.word("mode", mode.to_string());
    }
    for name in macvlan.flags.unwrap_or_default().names() {
        row.flag(name);
    }
    super::number(row, "bcqueuelen", "bcqueuelen", macvlan.bc_queue_len);
    super::number(
        row,
        "usedbcqueuelen",
        "usedbcqueuelen",
        macvlan.bc_queue_len_used,
    );
    if let Some(count) = macvlan.source_count.filter(|count| *count > 0) {
        row.field("macaddr_count", count, format_args!("remotes ({count}) "));
        let sources = macvlan.sources.iter().flatten();
        let sources: Vec<String> = sources.map(ToString::to_string).collect();
        row.values("macaddr_data", &sources, "", " ", " ");
    }
}
