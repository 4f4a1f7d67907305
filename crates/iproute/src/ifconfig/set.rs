//! `ifconfig IF WORDS`: read whole, then carried out.

use super::USAGE;
use super::change::{Wish, apply, find, no_such, remove, set_up};
use crate::Done;
use crate::args::Args;
use crate::fault::{Fault, errno_text};
use crate::session::Session;
use crate::value::{if_name, mac, number, prefix, quoted};
use core_netlink::addr::AddressSpec;
use core_netlink::link::{Link, LinkSpec};
use core_netlink::{Change, IfName, Prefix};
use std::net::Ipv4Addr;

/// What the words ask for.
#[derive(Default)]
struct Words {
    wish: Wish,
    spec: LinkSpec,
    add: Vec<Prefix>,
    delete: Vec<Prefix>,
    name: Option<IfName>,
    inet6: bool,
    /// `down` was said, perhaps because what else was said needs it.
    down: bool,
    /// What was said last about up and down; an address says up.
    end: Option<bool>,
}

pub(super) fn set(s: &mut Session<'_>, name: &str, args: &mut Args<'_>) -> Done {
    let base = name.split(':').next().unwrap_or(name);
    let mut words = Words::default();
    while let Some(word) = args.next()? {
        words.take(args, word)?;
    }
    let original = format!(
        "{}: ERROR while getting interface flags: No such device",
        quoted(name)
    );
    let link = s
        .link(base)
        .map_err(|fault| fault.when_missing(|| no_such(name, original).code(255)))?;
    if name != base && name.len() > 15 {
        return Err(Fault::wrong("label", name, "not a valid label")
            .code(1)
            .hint("1 to 15 bytes, as in eth0:1"));
    }
    words.carry_out(s, &link, name, base)
}

impl Words {
    fn take(&mut self, args: &mut Args<'_>, word: &str) -> Done {
        if self.take_flag(word) {
            return Ok(());
        }
        match word {
            "name" => self.name = Some(if_name("name", value(args, "name")?)?),
            "mtu" => self.spec.mtu = Some(size("SIOCSIFMTU", "mtu", value(args, "mtu")?)?),
            "txqueuelen" => {
                self.spec.txqlen = Some(size(
                    "SIOCSIFTXQLEN",
                    "txqueuelen",
                    value(args, "txqueuelen")?,
                )?)
            }
            "hw" => self.hardware(args)?,
            "netmask" => self.wish.length = Some(mask(value(args, "netmask")?)?),
            "broadcast" => self.wish.broadcast = Some(host(value(args, "broadcast")?)?),
            "-broadcast" => self.wish.broadcast = None,
            "pointopoint" | "dstaddr" => self.wish.peer = Some(host(value(args, "pointopoint")?)?),
            "inet" => self.inet6 = false,
            "inet6" => self.inet6 = true,
            "add" => self.add.push(prefix("address", value(args, "add")?, None)?),
            "del" => self
                .delete
                .push(prefix("address", value(args, "del")?, None)?),
            "metric" => drop(value(args, "metric")?), // the kernel ignores it
            text => self.address(text)?,
        }
        Ok(())
    }

    fn take_flag(&mut self, word: &str) -> bool {
        let (name, on) = match word.strip_prefix('-') {
            Some(name) => (name, false),
            None => (word, true),
        };
        let place = match name {
            "up" | "down" if on => {
                self.end = Some(name == "up");
                self.down |= name == "down";
                return true;
            }
            "arp" => &mut self.spec.arp,
            "promisc" => &mut self.spec.promisc,
            "allmulti" => &mut self.spec.allmulticast,
            "multicast" => &mut self.spec.multicast,
            "dynamic" => &mut self.spec.dynamic,
            "trailers" => return true,
            _ => return false,
        };
        *place = Some(on);
        true
    }

    fn hardware(&mut self, args: &mut Args<'_>) -> Done {
        let class = value(args, "hw")?;
        if class != "ether" {
            let class = quoted(class);
            return Err(Fault::new(
                1,
                format!("{class}: unknown hardware class"),
                format!("wrong hardware class `{class}`"),
                "`ether` is expected",
            ));
        }
        let text = value(args, "hw ether")?;
        let shown = quoted(text);
        let parsed = mac("hw ether", text);
        let multicast = text
            .parse::<core_netlink::MacAddr>()
            .is_ok_and(|mac| mac.is_multicast());
        let original = if multicast {
            "SIOCSIFHWADDR: Cannot assign requested address".to_owned()
        } else {
            format!("{shown}: invalid ether address.")
        };
        self.spec.address = Some(
            parsed
                .map_err(|fault| fault.original(original).code(1))?
                .into(),
        );
        Ok(())
    }

    fn address(&mut self, text: &str) -> Done {
        if text == "default" {
            self.wish.address = Some(Ipv4Addr::UNSPECIFIED);
            return Ok(());
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        if self.inet6 || address.contains(':') {
            self.add.push(
                prefix("address", text, None)
                    .map_err(|fault| fault.original(unknown_host(address)))?,
            );
            return Ok(());
        }
        let address = host(address)?;
        self.wish.address = Some(address);
        if let Some(length) = length {
            let length = number(length)
                .filter(|length| *length <= 32)
                .ok_or_else(|| {
                    Fault::new(
                        1,
                        format!("{}: bad prefix length", quoted(text)),
                        format!("wrong address `{}`", quoted(text)),
                        "the length of an IPv4 prefix is 0 to 32",
                    )
                })?;
            self.wish.length = Some(length as u8);
        }
        self.end = Some(true);
        Ok(())
    }

    /// First what the link is, then what it has; down comes first, and what was said last about up and down comes last.
    fn carry_out(self, s: &mut Session<'_>, link: &Link, name: &str, base: &str) -> Done {
        let alias = name != base;
        if alias && self.end == Some(false) {
            let alias = find(s, link, name)?; // an alias that goes down is gone
            return remove(s, link, alias.as_ref());
        }
        let spec = LinkSpec {
            up: (self.down && !alias).then_some(false),
            ..self.spec.clone()
        };
        change(s, link, &spec)?;
        if !self.wish.is_nothing() {
            apply(s, link, name, &self.wish)?;
        }
        self.addresses(s, link)?;
        let gone = self.wish.address == Some(Ipv4Addr::UNSPECIFIED);
        match self.end {
            Some(true) if alias && gone => Ok(()),
            Some(true) if alias => find(s, link, name)?.map(drop).ok_or_else(|| no_alias(name)),
            Some(true) => set_up(s, link),
            _ => Ok(()),
        }?;
        match self.name {
            Some(name) => rename(s, link, name),
            None => Ok(()),
        }
    }

    fn addresses(&self, s: &mut Session<'_>, link: &Link) -> Done {
        for address in &self.delete {
            let spec = AddressSpec {
                link: link.index,
                address: *address,
                ..AddressSpec::default()
            };
            let gone = s.conn()?.change(&Change::delete(&spec));
            gone.map_err(|err| {
                Session::named(err, link)
                    .original("SIOCDIFADDR: Cannot assign requested address")
                    .code(1)
            })?;
        }
        for address in &self.add {
            let spec = AddressSpec {
                link: link.index,
                address: *address,
                ..AddressSpec::default()
            };
            let added = s.conn()?.change(&Change::add(&spec));
            added.map_err(|err| {
                let reason = err.errno().map(errno_text).unwrap_or_default();
                Session::named(err, link)
                    .original(format!("SIOCSIFADDR: {reason}"))
                    .code(1)
            })?;
        }
        Ok(())
    }
}

fn no_alias(name: &str) -> Fault {
    let name = quoted(name);
    Fault::new(
        255,
        "SIOCSIFFLAGS: Cannot assign requested address",
        format!("cannot set the alias `{name}` up"),
        "it has no address",
    )
    .hint(format!("give it one: `ifconfig {name} ADDRESS/LENGTH`"))
}

fn rename(s: &mut Session<'_>, link: &Link, name: IfName) -> Done {
    let spec = LinkSpec {
        name: Some(name),
        ..LinkSpec::default()
    };
    let done = s.conn()?.set_link(link.index, &spec);
    done.map_err(|err| {
        let reason = err.errno().map(errno_text).unwrap_or_default();
        Session::named(err, link)
            .original(format!("SIOCSIFNAME: {reason}"))
            .code(1)
    })
}

/// The word that must follow `key`.
fn value<'a>(args: &mut Args<'a>, key: &str) -> Done<&'a str> {
    args.value(key)
        .map_err(|fault| fault.original(USAGE).code(3))
}

/// Each setting by itself, as the system calls of the original: its name is what scripts see in the error.
fn change(s: &mut Session<'_>, link: &Link, spec: &LinkSpec) -> Done {
    let parts = [
        (
            "SIOCSIFFLAGS",
            LinkSpec {
                up: spec.up,
                arp: spec.arp,
                promisc: spec.promisc,
                allmulticast: spec.allmulticast,
                multicast: spec.multicast,
                dynamic: spec.dynamic,
                ..LinkSpec::default()
            },
        ),
        (
            "SIOCSIFMTU",
            LinkSpec {
                mtu: spec.mtu,
                ..LinkSpec::default()
            },
        ),
        (
            "SIOCSIFTXQLEN",
            LinkSpec {
                txqlen: spec.txqlen,
                ..LinkSpec::default()
            },
        ),
        (
            "SIOCSIFHWADDR",
            LinkSpec {
                address: spec.address,
                ..LinkSpec::default()
            },
        ),
    ];
    for (call, part) in parts
        .iter()
        .filter(|(_, part)| *part != LinkSpec::default())
    {
        let set = s.conn()?.set_link(link.index, part);
        set.map_err(|err| {
            let reason = err.errno().map(errno_text).unwrap_or_default();
            Session::named(err, link)
                .original(format!("{call}: {reason}"))
                .code(1)
        })?;
    }
    Ok(())
}

fn size(call: &str, field: &str, text: &str) -> Done<u32> {
    let wrong = || {
        Fault::new(
            1,
            format!("{call}: Invalid argument"),
            format!("wrong {field} `{}`", quoted(text)),
            "a number is expected",
        )
    };
    number(text).ok_or_else(wrong)
}

fn unknown_host(text: &str) -> String {
    format!(
        "{}: Unknown host\nifconfig: `--help' gives usage information.",
        quoted(text)
    )
}

/// Names are not looked up: an address must be given in figures.
fn host(text: &str) -> Done<Ipv4Addr> {
    text.parse().map_err(|_| {
        Fault::new(
            1,
            unknown_host(text),
            format!("wrong address `{}`", quoted(text)),
            "it is no IPv4 address",
        )
        .hint("as in 10.20.30.40/24; names are not looked up")
    })
}

/// "255.255.255.0", with all ones in front.
fn mask(text: &str) -> Done<u8> {
    let mask: Ipv4Addr = host(text)?;
    ipnet::ip_mask_to_prefix(mask.into()).map_err(|_| {
        Fault::new(
            1,
            "SIOCSIFNETMASK: Invalid argument",
            format!("wrong netmask `{}`", quoted(text)),
            "a mask has its ones in front, as 255.255.255.0",
        )
    })
}
