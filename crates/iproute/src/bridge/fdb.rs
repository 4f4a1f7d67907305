//! `bridge fdb`: forwarding entries.

use super::CODE;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::{address, fit, number, quoted};
use core_netlink::fdb::{FdbEntry, FdbFilter, FdbKey, FdbLife, FdbSpec};
use core_netlink::neigh::{NeighbourFlags, NeighbourState};
use core_netlink::{Change, IfIndex, MacAddr, Object, Verb, VlanId, Vni};

pub(super) const USAGE: &str = "MAC dev LINK [self] [master] [permanent|static|dynamic] [dst ADDRESS] [port N] [vni N] [src_vni N] [via LINK] [vlan N] [use] [extern_learn] [sticky] [nhid N]";

const PERMANENT: u16 = NeighbourState::Permanent.number();
const NOARP: u16 = NeighbourState::Noarp.number();
const REACHABLE: u16 = NeighbourState::Reachable.number();

const FLAGS: [(&str, NeighbourFlags); 7] = [
    ("self", NeighbourFlags::SELF),
    ("master", NeighbourFlags::MASTER),
    ("router", NeighbourFlags::ROUTER),
    ("use", NeighbourFlags::USE),
    ("extern_learn", NeighbourFlags::EXT_LEARNED),
    ("sticky", NeighbourFlags::STICKY),
    ("locked", NeighbourFlags::LOCKED),
];

pub(super) fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Add)
}

pub(super) fn append(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Append)
}

pub(super) fn replace(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Replace)
}

pub(super) fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Delete)
}

fn modify(s: &mut Session<'_>, args: &mut Args<'_>, verb: Verb) -> Done {
    let (mut spec, mut mac, mut dev) = (FdbSpec::default(), None, None);
    while let Some(word) = args.next()? {
        match word {
            "dev" => dev = Some(args.value("dev")?),
            _ if take(s, args, word, &mut spec)? => {}
            _ => {
                let text = if word == "to" {
                    args.value("to")?
                } else {
                    word
                };
                if mac.is_some() {
                    return Err(Fault::duplicate("to", text).code(CODE));
                }
                mac = Some(text);
            }
        }
    }
    let (mac, dev) = mac.zip(dev).ok_or_else(incomplete)?;
    let link = s.link(dev).map_err(|fault| fault.code(CODE))?;
    (spec.lladdr, spec.link) = (mac_address(mac)?, link.index);
    let asked = s.conn()?.change(&Change::new(verb, &spec));
    asked.map_err(|err| {
        let what = Object::what(&spec, verb).replace(
            &format!("link {}", link.index),
            &format!("link `{}`", link.name),
        );
        Fault::from(err).what(format!("cannot {what}")).code(CODE)
    })
}

fn take(s: &mut Session<'_>, args: &mut Args<'_>, word: &str, spec: &mut FdbSpec) -> Done<bool> {
    if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == word) {
        spec.flags |= *flag;
        return Ok(true);
    }
    match word {
        "local" | "permanent" => spec.life = FdbLife::Permanent,
        "temp" | "static" => spec.life = FdbLife::Static,
        "dynamic" => spec.life = FdbLife::Dynamic,
        "dst" => spec.dst = Some(address("dst", args.value("dst")?, None)?),
        "nhid" => spec.nexthop_id = Some(fit("nhid", args.value("nhid")?)?),
        "port" => spec.port = Some(fit("port", args.value("port")?)?),
        "vni" => spec.vni = Some(vni("vni", args.value("vni")?)?),
        "src_vni" => spec.src_vni = Some(vni("src_vni", args.value("src_vni")?)?),
        "via" => {
            spec.via = Some(
                s.link_index(args.value("via")?)
                    .map_err(|fault| fault.code(CODE))?,
            )
        }
        "vlan" | "vid" => spec.vlan = Some(vlan(args.value("vlan")?)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn incomplete() -> Fault {
    Fault::missing(
        CODE,
        "Device and address are required arguments.",
        "the command is not complete",
        "a MAC address and `dev LINK` are needed",
    )
}

fn mac_address(text: &str) -> Done<MacAddr> {
    text.parse().map_err(|bad: core_netlink::Bad| {
        Fault::new(
            CODE,
            format!("Invalid mac address {}", quoted(text)),
            format!("wrong MAC address `{}`", quoted(text)),
            bad.to_string(),
        )
    })
}

fn vni(field: &str, text: &str) -> Done<Vni> {
    let vni = number(text).and_then(|number| Vni::try_from(number).ok());
    vni.ok_or_else(|| Fault::wrong(field, text, "invalid VNI").hint("0 to 16777215"))
}

fn vlan(text: &str) -> Done<VlanId> {
    let vlan = number(text)
        .and_then(|number| u16::try_from(number).ok())
        .and_then(|number| VlanId::try_from(number).ok());
    vlan.ok_or_else(|| Fault::wrong("vlan", text, "invalid VLAN").hint("1 to 4094"))
}

/// What to show.
#[derive(Default)]
struct Filter {
    bridge: Option<IfIndex>,
    port: Option<IfIndex>,
    vlan: Option<u16>,
    state: Option<u16>,
    dynamic: bool,
}

impl Filter {
    fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<Filter> {
        let mut filter = Filter::default();
        while let Some(word) = args.next()? {
            match word {
                "brport" | "dev" => {
                    filter.port = Some(
                        s.link_index(args.value(word)?)
                            .map_err(|fault| fault.code(CODE))?,
                    )
                }
                "br" => {
                    let name = args.value("br")?;
                    let original = format!("Cannot find bridge device \"{}\"", quoted(name));
                    filter.bridge = Some(
                        s.link_index(name)
                            .map_err(|fault| fault.original(original).code(CODE))?,
                    );
                }
                "vlan" | "vid" => filter.vlan = Some(vlan(args.value("vlan")?)?.get()),
                "state" => filter.state = state(args.value("state")?)?,
                "dynamic" => filter.dynamic = true,
                other => return Err(Fault::garbage(other).code(CODE)),
            }
        }
        Ok(filter)
    }

    fn passes(&self, entry: &FdbEntry) -> bool {
        let state = entry.state.number();
        self.port.is_none_or(|port| entry.link == port)
            && self.bridge.is_none_or(|bridge| {
                entry.master == Some(bridge)
                    || entry.link == bridge
                    || entry.flags.contains(NeighbourFlags::SELF)
            })
            && self.vlan.is_none_or(|vlan| entry.vlan == Some(vlan))
            && self.state.is_none_or(|wanted| {
                if wanted == 0 {
                    state == 0
                } else {
                    state & wanted != 0
                }
            })
            && (!self.dynamic || state & PERMANENT == 0)
    }
}

fn state(text: &str) -> Done<Option<u16>> {
    Ok(Some(match text {
        "permanent" => PERMANENT,
        "static" | "temp" => NOARP,
        "dynamic" => REACHABLE,
        "stale" => NeighbourState::Stale.number(),
        "all" => return Ok(None),
        text => {
            return Err(Fault::wrong("state", text, "invalid state")
                .code(CODE)
                .hint("permanent, static, dynamic, stale or all"));
        }
    }))
}

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let filter = Filter::read(s, args)?;
    let asked = FdbFilter {
        bridge: filter.bridge,
        link: filter.port.filter(|_| filter.bridge.is_none()),
    };
    s.stream(&asked, |s, entry| {
        filter.passes(&entry).then(|| describe(s, &entry, &filter))
    })
}

pub(super) fn get(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut mac, mut link, mut key) = (None, None, FdbKey::default());
    while let Some(word) = args.next()? {
        match word {
            "dev" | "brport" => {
                link = Some(
                    s.link_index(args.value(word)?)
                        .map_err(|fault| fault.code(CODE))?,
                )
            }
            "br" => {
                link = Some(
                    s.link_index(args.value("br")?)
                        .map_err(|fault| fault.code(CODE))?,
                )
            }
            "master" => key.master = true,
            "self" | "dynamic" => {}
            "vlan" | "vid" => key.vlan = Some(vlan(args.value("vlan")?)?),
            text => {
                mac = Some(mac_address(if text == "to" {
                    args.value("to")?
                } else {
                    text
                })?)
            }
        }
    }
    let (mac, link) = mac.zip(link).ok_or_else(incomplete)?;
    (key.lladdr, key.link) = (mac, link);
    let asked = s.conn()?.fdb_entry(&key);
    let name = s.link_name(link);
    let entry = asked.map_err(|err| Session::renumbered(err, link, &name).code(CODE))?;
    let row = describe(s, &entry, &Filter::default());
    s.print(vec![row])
}

fn describe(s: &mut Session<'_>, entry: &FdbEntry, filter: &Filter) -> Row {
    let mut row = s.row();
    if !entry.lladdr.as_bytes().is_empty() {
        row.field(
            "mac",
            entry.lladdr.to_string(),
            format_args!("{} ", entry.lladdr),
        );
    }
    if filter.port.is_none() {
        row.pair("dev", "ifname", s.link_name(entry.link));
    }
    if let Some(dst) = entry.dst {
        row.word("dst", dst.to_string());
    }
    if let Some(vlan) = entry.vlan {
        row.word("vlan", vlan);
    }
    if let Some(port) = entry.port {
        row.word("port", port);
    }
    if let Some(vni) = entry.vni {
        row.word("vni", vni);
    }
    if let Some(vni) = entry.src_vni {
        row.word("src_vni", vni);
    }
    if let Some(via) = entry.via {
        match entry.via_nsid {
            Some(id) => row.field(
                "viaIfIndex",
                via.0,
                format_args!("via ifindex {via} link-netnsid {id} "),
            ),
            None => row.pair("via", "viaIf", s.link_name(via)),
        }
    }
    if let Some(id) = entry.nexthop_id {
        row.word("nhid", id);
    }
    if let Some(cache) = entry.cache.filter(|_| s.opts.statistics > 0) {
        row.field(
            "used",
            cache.used / 100,
            format_args!("used {}", cache.used / 100),
        );
        row.field(
            "updated",
            cache.updated / 100,
            format_args!("/{} ", cache.updated / 100),
        );
    }
    describe_state(s, &mut row, entry);
    row
}

fn describe_state(s: &mut Session<'_>, row: &mut Row, entry: &FdbEntry) {
    const SHOWN: [(NeighbourFlags, &str); 6] = [
        (NeighbourFlags::SELF, "self"),
        (NeighbourFlags::ROUTER, "router"),
        (NeighbourFlags::EXT_LEARNED, "extern_learn"),
        (NeighbourFlags::OFFLOADED, "offload"),
        (NeighbourFlags::STICKY, "sticky"),
        (NeighbourFlags::LOCKED, "locked"),
    ];
    let set: Vec<String> = SHOWN
        .iter()
        .filter(|(flag, _)| entry.flags.contains(*flag))
        .map(|(_, name)| (*name).to_owned())
        .collect();
    row.values(
        "flags",
        &set,
        "",
        " ",
        if set.is_empty() { "" } else { " " },
    );
    if let Some(master) = entry.master {
        row.word("master", s.link_name(master));
    }
    let state = match entry.state.number() {
        bits if bits & PERMANENT != 0 => "permanent",
        bits if bits & NOARP != 0 => "static",
        bits if bits & NeighbourState::Stale.number() != 0 => "stale",
        _ => "",
    };
    row.field("state", state, state);
}
