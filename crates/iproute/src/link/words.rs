//! The words that `add`, `set` and the peer of a veth have in common.

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::{Session, open_netns};
use crate::value::{fit, hw_addr, if_name, mac, quoted};
use core_netlink::HwAddr;
use core_netlink::link::{AddrGenMode, Inet6, LinkMode, LinkSpec, NO_MASTER, Netns};

/// Takes one option into `spec`; false if the word is none.
pub(super) fn take(
    s: &mut Session<'_>,
    args: &mut Args<'_>,
    word: &str,
    spec: &mut LinkSpec,
) -> Done<bool> {
    Ok(take_flag(args, word, spec)?
        || take_value(s, args, word, spec)?
        || take_size(args, word, spec)?)
}

fn take_flag(args: &mut Args<'_>, word: &str, spec: &mut LinkSpec) -> Done<bool> {
    match word {
        "up" => spec.up = Some(true),
        "down" => spec.up = Some(false),
        "arp" => spec.arp = Some(args.on_off("arp")?),
        "multicast" => spec.multicast = Some(args.on_off("multicast")?),
        "allmulticast" => spec.allmulticast = Some(args.on_off("allmulticast")?),
        "promisc" => spec.promisc = Some(args.on_off("promisc")?),
        "dynamic" => spec.dynamic = Some(args.on_off("dynamic")?),
        "carrier" => spec.carrier = Some(args.on_off("carrier")?),
        "protodown" => spec.protodown = Some(args.on_off("protodown")?),
        "nomaster" => spec.master = Some(NO_MASTER),
        _ => return Ok(false),
    }
    Ok(true)
}

fn take_value(
    s: &mut Session<'_>,
    args: &mut Args<'_>,
    word: &str,
    spec: &mut LinkSpec,
) -> Done<bool> {
    match word {
        "name" => spec.name = Some(if_name("name", args.value("name")?)?),
        "address" => spec.address = Some(address(args.value("address")?)?),
        "broadcast" | "brd" => {
            spec.broadcast = Some(hw_addr("broadcast", args.value("broadcast")?)?)
        }
        "master" | "vrf" => spec.master = Some(s.link_value("master", args.value("master")?)?),
        "netns" => spec.netns = Some(netns(args.value("netns")?)?),
        "alias" => spec.alias = Some(alias(args.value("alias")?)?),
        "group" => spec.group = Some(group(s, args.value("group")?)?),
        "addrgenmode" => spec.inet6 = Some(addr_gen_mode(args.value("addrgenmode")?)?),
        "mode" => spec.link_mode = Some(link_mode(args.value("mode")?)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn take_size(args: &mut Args<'_>, word: &str, spec: &mut LinkSpec) -> Done<bool> {
    let place = match word {
        "mtu" => &mut spec.mtu,
        "txqueuelen" | "txqlen" | "qlen" => &mut spec.txqlen,
        "numtxqueues" => &mut spec.tx_queues,
        "numrxqueues" => &mut spec.rx_queues,
        "gso_max_size" => &mut spec.gso_max_size,
        "gso_max_segs" => &mut spec.gso_max_segs,
        "gro_max_size" => &mut spec.gro_max_size,
        "gso_ipv4_max_size" => &mut spec.gso_ipv4_max_size,
        "gro_ipv4_max_size" => &mut spec.gro_ipv4_max_size,
        _ => return Ok(false),
    };
    *place = Some(fit(word, args.value(word)?)?);
    Ok(true)
}

/// Six bytes of one station; other lengths are for links that are no Ethernet.
fn address(text: &str) -> Done<HwAddr> {
    match hw_addr("address", text)? {
        address if address.as_bytes().len() == 6 => Ok(mac("address", text)?.into()),
        address => Ok(address),
    }
}

/// A name under /run/netns, a path, or the number of a process.
pub(super) fn netns(text: &str) -> Done<Netns> {
    let opened = open_netns(text).and_then(|netns| Netns::of(&netns).map_err(Fault::from));
    match (opened, text.parse::<u32>()) {
        (Ok(netns), _) => Ok(netns),
        (Err(_), Ok(pid)) if pid > 0 => Ok(Netns::Pid(pid)),
        (Err(fault), _) => Err(fault.original(format!(
            "Error: argument \"{}\" is wrong: Invalid \"netns\" value\n",
            quoted(text)
        ))),
    }
}

fn alias(text: &str) -> Done<String> {
    if text.len() > 255 {
        return Err(Fault::wrong("alias", text, "alias too long")
            .hint(format!("it has {} bytes, 255 fit", text.len())));
    }
    Ok(text.to_owned())
}

pub(super) fn group(s: &Session<'_>, text: &str) -> Done<u32> {
    s.names.groups.number(text).ok_or_else(|| {
        Fault::bad_value("group", text, "a name of /etc/iproute2/group, or a number")
    })
}

fn addr_gen_mode(text: &str) -> Done<Inet6> {
    let mode: Result<AddrGenMode, _> = text.parse();
    let mode = mode.map_err(|_| {
        Fault::bad_value("addrgenmode", text, "eui64, none, stable_secret or random")
    })?;
    Ok(Inet6 {
        addr_gen_mode: Some(mode),
        ..Inet6::default()
    })
}

fn link_mode(text: &str) -> Done<LinkMode> {
    let mode: Result<LinkMode, _> = text.to_uppercase().parse();
    mode.map_err(|_| Fault::bad_value("mode", text, "default or dormant"))
}
