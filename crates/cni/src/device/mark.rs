//! The alias of an interface: whose it is, and what a device of the host was before.

use bridge::Key;
use core_netlink::IfName;
use core_netlink::link::Link;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

const LONGEST: usize = 255; // the kernel's limit of an alias
const WAS: &str = " was ";
const UP: &str = " up";

/// Whose an interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) key: Key,
    pub(super) was: Option<Was>,
}

/// What a device of the host was before it became a container's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Was {
    pub(super) name: String,
    pub(super) up: bool,
    /// This and the rest is noted, but no part of the mark, for which it may be too long.
    pub(super) alias: String,
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<u32>,
}

impl Was {
    pub(super) fn of(link: &Link) -> Was {
        Was {
            name: link.name.to_string(),
            up: link.is_up(),
            alias: link.alias.clone().unwrap_or_default(),
            mac: link.address.map(|address| address.to_string()),
            mtu: link.mtu,
        }
    }

    /// As the reference plugin leaves it in the container: the alias is the name. It does not know whether it was up.
    pub(super) fn by_reference(alias: &str) -> Option<Was> {
        let name: IfName = alias.parse().ok()?;
        Some(Was {
            name: name.to_string(),
            ..Was::default()
        })
    }

    pub(super) fn name(&self) -> Option<IfName> {
        self.name.parse().ok()
    }
}

impl Mark {
    /// The key's alias (`vetch:NETWORK:ID:IFNAME:ADDR,ADDR`), for a device of the host followed by ` was NAME` and, if it was up, ` up`;
    /// with as many addresses as fit.
    pub(super) fn write(&self, addresses: &[IpAddr]) -> String {
        let was = self.was.as_ref().map_or_else(String::new, |was| {
            let up = if was.up { UP } else { "" };
            format!("{WAS}{}{up}", was.name)
        });
        let lengths = (0..=addresses.len()).rev();
        let mut all = lengths.map(|n| self.key.alias(addresses.iter().take(n).copied()));
        let fits = all.find(|alias| alias.len() + was.len() <= LONGEST);
        fits.unwrap_or_default() + &was
    }

    /// `None` for an alias of others.
    pub(super) fn read(alias: &str) -> Option<Mark> {
        let (key, was) = match alias.split_once(WAS) {
            Some((key, was)) => (key, Some(was)),
            None => (alias, None),
        };
        let (key, _) = Key::from_alias(key)?;
        let was = was.map(|was| Was {
            name: was.strip_suffix(UP).unwrap_or(was).to_owned(),
            up: was.ends_with(UP),
            ..Was::default()
        });
        Some(Mark { key, was })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge::AttachmentId;

    fn mark(id: &str, was: Option<(&str, bool)>) -> Mark {
        Mark {
            key: Key {
                network: "blue".parse().unwrap(),
                id: AttachmentId::new("cni", id).unwrap(),
                ifname: "net1".parse().unwrap(),
            },
            was: was.map(|(name, up)| Was {
                name: name.to_owned(),
                up,
                ..Was::default()
            }),
        }
    }

    #[test]
    fn a_mark_is_read_back() {
        let addresses = ["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        for (was, written) in [
            (None, "vetch:blue:cni:web:net1:10.0.0.2,fd00::2"),
            (
                Some(("eth7", true)),
                "vetch:blue:cni:web:net1:10.0.0.2,fd00::2 was eth7 up",
            ),
            (
                Some(("eth7", false)),
                "vetch:blue:cni:web:net1:10.0.0.2,fd00::2 was eth7",
            ),
        ] {
            let mark = mark("web", was);
            assert_eq!(mark.write(&addresses), written);
            assert_eq!(Mark::read(written), Some(mark));
        }
    }

    #[test]
    fn the_longest_fits_and_what_is_no_mark_is_nobodys() {
        let long = mark(&"i".repeat(96), Some(("fifteen-bytes-x", true)));
        let address: IpAddr = "fd12:3456:789a:bcde:f012:3456:789a:bcde".parse().unwrap();
        let written = long.write(&[address; 9]);
        assert!(written.len() <= LONGEST && written.contains(&address.to_string()));
        assert_eq!(Mark::read(&written), Some(long));
        for other in [
            "",
            "eth7",
            "vetch:blue",
            "uplink was eth0",
            "vetch:a:b:c was eth0",
        ] {
            assert_eq!(Mark::read(other), None, "{other}");
        }
    }
}
