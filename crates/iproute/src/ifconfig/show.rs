//! What `ifconfig` prints of an interface and of its aliases (`eth0:1`).

use super::change::no_such;
use crate::Done;
use crate::row::Row;
use crate::session::Session;
use core_netlink::addr::{Address, AddressFilter, Scope};
use core_netlink::link::{Link, LinkFilter, LinkFlags, LinkType, Stats64};
use std::net::{IpAddr, Ipv4Addr};

/// Every interface that is up, or with `every` all of them.
pub(super) fn all(s: &mut Session<'_>, every: bool, short: bool) -> Done {
    let links = s.conn()?.links(&LinkFilter::default())?;
    let addresses = s.conn()?.addresses(&AddressFilter::default())?;
    let mut links: Vec<Link> = links
        .into_iter()
        .filter(|link| every || link.is_up())
        .collect();
    links.sort_by_key(|link| natural(&link.name.to_string()));
    print(s, &links, &addresses, short)
}

/// One interface, or one alias of it.
pub(super) fn one(s: &mut Session<'_>, name: &str, short: bool) -> Done {
    let base = name.split(':').next().unwrap_or(name);
    let link = s.link(base).map_err(|fault| {
        let original = format!(
            "{}: error fetching interface information: Device not found",
            crate::value::quoted(name)
        );
        fault.when_missing(|| no_such(name, original).no())
    })?;
    let filter = AddressFilter {
        link: Some(link.index),
        ..AddressFilter::default()
    };
    let addresses = s.conn()?.addresses(&filter)?;
    if short {
        return print(s, &[link], &addresses, true);
    }
    if name == base {
        return s.say(format_args!("{}\n", describe(&link, &addresses)));
    }
    let alias = addresses
        .iter()
        .find(|address| address.label.is_some_and(|label| label.to_string() == name));
    s.say(format_args!("{}\n", describe_alias(&link, name, alias)))
}

fn print(s: &mut Session<'_>, links: &[Link], addresses: &[Address], short: bool) -> Done {
    if s.opts.json {
        return json(s, links, addresses);
    }
    if short {
        s.say("Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n")?;
        for link in links {
            s.say(format_args!("{}\n", short_line(link)))?;
            for alias in aliases(link, addresses) {
                let label = alias
                    .label
                    .map(|label| label.to_string())
                    .unwrap_or_default();
                s.say(format_args!("{}\n", short_alias(link, &label)))?;
            }
        }
        return Ok(());
    }
    for link in links {
        s.say(format_args!("{}\n", describe(link, addresses)))?;
        for alias in aliases(link, addresses) {
            let label = alias
                .label
                .map(|label| label.to_string())
                .unwrap_or_default();
            s.say(format_args!(
                "{}\n",
                describe_alias(link, &label, Some(alias))
            ))?;
        }
    }
    Ok(())
}

/// As JSON, which the original lacks: what `ip -j addr` says of the same interfaces, in few words.
fn json(s: &mut Session<'_>, links: &[Link], addresses: &[Address]) -> Done {
    let rows = links.iter().map(|link| {
        let mut row = Row::new(true);
        row.json("ifname", link.name.to_string());
        row.json("flags", flag_names(link));
        row.json("mtu", link.mtu);
        row.json("address", link.address.map(|address| address.to_string()));
        let of: Vec<String> = addresses
            .iter()
            .filter(|address| address.link == link.index)
            .map(|address| address.address.to_string())
            .collect();
        row.json("addresses", of);
        row
    });
    let rows = rows.collect();
    s.print(rows)
}

/// The text in front of the number, and the number: `eth2` before `eth10`.
fn natural(name: &str) -> (String, u64, String) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (text, number) = name.split_at(name.len() - digits);
    (
        text.to_owned(),
        number.parse().unwrap_or(0),
        name.to_owned(),
    )
}

fn describe(link: &Link, addresses: &[Address]) -> String {
    let name = link.name.to_string();
    let mut text = head(link, &name);
    let of = || {
        addresses
            .iter()
            .filter(|address| address.link == link.index)
    };
    if let Some(first) =
        of().find(|address| address.label.is_some_and(|label| label.to_string() == name))
    {
        text += &inet(link, first);
    }
    for address in of().filter(|address| address.address.addr().is_ipv6()) {
        let (scope, word) = scope(address.scope);
        text += &format!(
            "        inet6 {}  prefixlen {}  scopeid {scope:#x}<{word}>\n",
            address.address.addr(),
            address.address.prefix_len()
        );
    }
    text += &hardware(link);
    text + &link.stats.as_ref().map(counters).unwrap_or_default()
}

fn describe_alias(link: &Link, name: &str, address: Option<&Address>) -> String {
    let inet = address
        .map(|address| inet(link, address))
        .unwrap_or_default();
    head(link, name) + &inet + &hardware(link)
}

const FLAGS: [(LinkFlags, &str); 16] = [
    (LinkFlags::UP, "UP"),
    (LinkFlags::BROADCAST, "BROADCAST"),
    (LinkFlags::DEBUG, "DEBUG"),
    (LinkFlags::LOOPBACK, "LOOPBACK"),
    (LinkFlags::POINTOPOINT, "POINTOPOINT"),
    (LinkFlags::NOTRAILERS, "NOTRAILERS"),
    (LinkFlags::RUNNING, "RUNNING"),
    (LinkFlags::NOARP, "NOARP"),
    (LinkFlags::PROMISC, "PROMISC"),
    (LinkFlags::ALLMULTI, "ALLMULTI"),
    (LinkFlags::SLAVE, "SLAVE"),
    (LinkFlags::MASTER, "MASTER"),
    (LinkFlags::MULTICAST, "MULTICAST"),
    (LinkFlags::DYNAMIC, "DYNAMIC"),
    (LinkFlags::PORTSEL, "PORTSEL"),
    (LinkFlags::AUTOMEDIA, "AUTOMEDIA"),
];

fn flag_names(link: &Link) -> Vec<&'static str> {
    FLAGS
        .iter()
        .filter(|(flag, _)| link.flags.contains(*flag))
        .map(|(_, name)| *name)
        .collect()
}

fn head(link: &Link, name: &str) -> String {
    let bits = link.flags.bits() & 0xffff;
    let names = flag_names(link).join(",");
    format!(
        "{name}: flags={bits}<{names}>  mtu {}\n",
        link.mtu.unwrap_or(0)
    )
}

fn inet(link: &Link, address: &Address) -> String {
    let mask = Ipv4Addr::from(
        u32::MAX
            .checked_shl(32 - u32::from(address.address.prefix_len().min(32)))
            .unwrap_or(0),
    );
    let mut text = format!("        inet {}  netmask {mask}", address.address.addr());
    if link.flags.contains(LinkFlags::BROADCAST) {
        let broadcast = address
            .broadcast
            .map_or(IpAddr::from([0, 0, 0, 0]), IpAddr::V4);
        text += &format!("  broadcast {broadcast}");
    }
    if link.flags.contains(LinkFlags::POINTOPOINT) {
        let peer = address.peer.unwrap_or(address.address.addr());
        text += &format!("  destination {peer}");
    }
    text + "\n"
}

/// The kernel's class of an IPv6 address (`IPV6_ADDR_*`).
fn scope(scope: Scope) -> (u32, &'static str) {
    match scope {
        Scope::Host => (0x10, "host"),
        Scope::Link => (0x20, "link"),
        Scope::Site => (0x40, "site"),
        Scope::Global => (0, "global"),
        _ => (0, "unknown"),
    }
}

fn hardware(link: &Link) -> String {
    let length = link.txqlen.unwrap_or(0);
    match link.link_type {
        LinkType::Loopback => format!("        loop  txqueuelen {length}  (Local Loopback)\n"),
        LinkType::Ether => {
            let address = link
                .address
                .map(|address| address.to_string())
                .unwrap_or_default();
            format!("        ether {address}  txqueuelen {length}  (Ethernet)\n")
        }
        _ => {
            let address = link
                .address
                .map(|address| address.to_string().replace(':', "-").to_uppercase())
                .unwrap_or_else(|| "00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00".into());
            format!("        unspec {address}  txqueuelen {length}  (UNSPEC)\n")
        }
    }
}

fn counters(t: &Stats64) -> String {
    let frame = t.rx_frame_errors + t.rx_length_errors + t.rx_crc_errors;
    let carrier =
        t.tx_carrier_errors + t.tx_aborted_errors + t.tx_window_errors + t.tx_heartbeat_errors;
    format!(
        "        RX packets {}  bytes {} ({})\n        RX errors {}  dropped {}  overruns {}  frame {frame}\n        TX packets {}  bytes {} ({})\n        TX errors {}  dropped {} overruns {}  carrier {carrier}  collisions {}\n",
        t.rx_packets,
        t.rx_bytes,
        size(t.rx_bytes),
        t.rx_errors,
        t.rx_dropped + t.rx_missed_errors,
        t.rx_fifo_errors,
        t.tx_packets,
        t.tx_bytes,
        size(t.tx_bytes),
        t.tx_errors,
        t.tx_dropped,
        t.tx_fifo_errors,
        t.collisions,
    )
}

/// "1.5 KiB": in steps of 1024, one digit, cut off.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = None;
    for (power, name) in (1..).zip(UNITS) {
        if bytes >> (10 * power) > 0 {
            unit = Some((1u64 << (10 * power), name));
        }
    }
    match unit {
        None => format!("{bytes}.0 B"),
        Some((size, name)) => format!(
            "{}.{} {name}",
            bytes / size,
            (u128::from(bytes % size) * 10 / u128::from(size))
        ),
    }
}

/// The addresses of a link whose label is not its name.
fn aliases<'a>(link: &Link, addresses: &'a [Address]) -> impl Iterator<Item = &'a Address> {
    let (index, name) = (link.index, link.name);
    addresses.iter().filter(move |address| {
        address.link == index && address.label.is_some_and(|label| label != name)
    })
}

fn short_line(link: &Link) -> String {
    let t = link.stats.unwrap_or_default();
    format!(
        "{:<15} {:>5} {:>8} {:>6} {:>6} {:<6} {:>8} {:>6} {:>6} {:>6} {}",
        link.name.to_string(),
        link.mtu.unwrap_or(0),
        t.rx_packets,
        t.rx_errors,
        t.rx_dropped + t.rx_missed_errors,
        t.rx_fifo_errors,
        t.tx_packets,
        t.tx_errors,
        t.tx_dropped,
        t.tx_fifo_errors,
        letters(link)
    )
}

fn short_alias(link: &Link, label: &str) -> String {
    let mtu = link.mtu.unwrap_or(0);
    format!(
        "{label:<15} {mtu:>5}      - no statistics available -                        {}",
        letters(link)
    )
}

fn letters(link: &Link) -> String {
    let letters = [
        (LinkFlags::ALLMULTI, 'A'),
        (LinkFlags::BROADCAST, 'B'),
        (LinkFlags::DEBUG, 'D'),
        (LinkFlags::LOOPBACK, 'L'),
        (LinkFlags::MULTICAST, 'M'),
        (LinkFlags::NOTRAILERS, 'N'),
        (LinkFlags::NOARP, 'O'),
        (LinkFlags::POINTOPOINT, 'P'),
        (LinkFlags::SLAVE, 's'),
        (LinkFlags::MASTER, 'm'),
        (LinkFlags::RUNNING, 'R'),
        (LinkFlags::UP, 'U'),
    ];
    letters
        .iter()
        .filter(|(flag, _)| link.flags.contains(*flag))
        .map(|(_, letter)| letter)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_off_after_one_digit() {
        for (bytes, want) in [
            (0, "0.0 B"),
            (928, "928.0 B"),
            (1024, "1.0 KiB"),
            (1535, "1.4 KiB"),
            (1 << 20, "1.0 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["eth10", "lo", "eth2"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["eth2", "eth10", "lo"]);
    }
}
