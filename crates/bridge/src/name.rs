//! Names: of networks and attachments as people give them, and those that follow from them for links, aliases and MAC addresses.
//!
//! Everything derived here is a fixed function of its arguments, held by golden tests: another version of this program, or another
//! program, finds the same objects.

use crate::error::{Error, Result};
use core_netlink::{IfName, MacAddr};
use data_encoding::BASE32_NOPAD;
use hmac_sha256::Hash as Sha256;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// What the names of all our host ends begin with; the guard mutes every such port that has no element.
pub const HOST_END: &str = "vtp";
/// What the alias of everything of ours begins with.
pub const MARK: &str = "vetch:";

/// The alias of a bridge that belongs to several networks.
pub(crate) const SEVERAL: &str = "vetch:*";

const NETWORK_BYTES: usize = 40;
const ID_BYTES: usize = 96;
const ALIAS_BYTES: usize = 255; // IFALIASZ - 1

/// The name of a network: 1 to 40 of `a-z A-Z 0-9 _ . -`, beginning with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkName(String);

impl NetworkName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bridge of this network: `vbr-NAME` if that fits 15 bytes, else `vbr` and the first 12 characters of the base32 of
    /// SHA-256 over `vetch network 1`, a zero byte and the name.
    pub fn bridge(&self) -> IfName {
        let readable = format!("vbr-{}", self.0);
        match readable.len() {
            ..=15 => IfName::from_kernel(readable.as_bytes()),
            _ => derived("vbr", &["vetch network 1", &self.0]),
        }
    }

    /// The MAC address of the bridge: `02:` and five bytes of SHA-256 over `vetch bridge mac 1`, a zero byte and the name.
    pub fn bridge_mac(&self) -> MacAddr {
        local_mac(&["vetch bridge mac 1", &self.0])
    }

    /// The MAC address of the attachment whose first address this is: `02:` and five bytes of SHA-256 over `vetch mac 1`, the name
    /// and the address, with zero bytes between. An address that changes hands keeps it, so neighbours need not learn anew.
    pub fn mac(&self, first: IpAddr) -> MacAddr {
        local_mac(&["vetch mac 1", &self.0, &first.to_string()])
    }

    /// The alias of the bridge: `vetch:NAME`.
    pub fn alias(&self) -> String {
        format!("{MARK}{}", self.0)
    }
}

/// The MAC address of a bridge that belongs to several networks: `02:` and five bytes of SHA-256 over `vetch bridge mac 2`, a zero byte
/// and its name.
pub(crate) fn mac_of_bridge(bridge: IfName) -> MacAddr {
    local_mac(&["vetch bridge mac 2", &bridge.to_string()])
}

impl FromStr for NetworkName {
    type Err = Error;

    fn from_str(text: &str) -> Result<NetworkName> {
        let first = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if first && rest && text.len() <= NETWORK_BYTES {
            return Ok(NetworkName(text.to_owned()));
        }
        let why = format!(
            "a network's name is 1 to {NETWORK_BYTES} of `a-z A-Z 0-9 _ . -`, beginning with a letter or a digit"
        );
        Err(Error::invalid(format!("name a network {text:?}"), why))
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whose attachment it is: the front end that made it and the id it gave, written `FRONT:NAME` as in `cli:web`.
///
/// Bytes of the name outside `a-z A-Z 0-9 _ . - @ + =` are written `%XX`, so that it can be a file name and part of an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentId {
    text: String,
    colon: usize,
}

impl AttachmentId {
    /// An id of a front end (1 to 8 lower-case letters) from any text that is not empty.
    ///
    /// ```
    /// use bridge::AttachmentId;
    /// assert_eq!(AttachmentId::new("cli", "my web")?.to_string(), "cli:my%20web");
    /// assert!(AttachmentId::new("cli", "").is_err());
    /// # Ok::<(), bridge::Error>(())
    /// ```
    pub fn new(front: &str, name: &str) -> Result<AttachmentId> {
        let front_is_fine =
            (1..=8).contains(&front.len()) && front.bytes().all(|b| b.is_ascii_lowercase());
        let escaped: String = name.bytes().map(escape).collect();
        let why = match () {
            () if !front_is_fine => "the front end's word is 1 to 8 letters of `a-z`".to_owned(),
            () if name.is_empty() => "it is empty".to_owned(),
            () if escaped.len() > ID_BYTES => {
                format!(
                    "it is longer than {ID_BYTES} bytes; bytes outside `a-z A-Z 0-9 _ . - @ + =` count three times"
                )
            }
            () => {
                let text = format!("{front}:{escaped}");
                let colon = front.len();
                return Ok(AttachmentId { text, colon });
            }
        };
        let op = format!(
            "use {:?} as the id of an attachment",
            format!("{front}:{name}")
        );
        Err(Error::invalid(op, why))
    }

    /// `FRONT:NAME`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The front end: `cli`, `run`, `cni`.
    pub fn front(&self) -> &str {
        &self.text[..self.colon]
    }

    /// The name with its escapes.
    pub fn name(&self) -> &str {
        &self.text[self.colon + 1..]
    }
}

fn escape(byte: u8) -> String {
    match byte {
        b if b.is_ascii_alphanumeric() || b"_.-@+=".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    }
}

impl FromStr for AttachmentId {
    type Err = Error;

    /// Reads what `Display` wrote.
    fn from_str(text: &str) -> Result<AttachmentId> {
        let bad =
            |why: &str| Error::invalid(format!("use {text:?} as the id of an attachment"), why);
        let (front, name) = text
            .split_once(':')
            .ok_or_else(|| bad("right is `FRONT:NAME`, as in `cli:web`"))?;
        let id = AttachmentId::new(front, &name.replace('%', "_"))?;
        match id.name().len() == name.len() {
            true => Ok(AttachmentId {
                text: text.to_owned(),
                ..id
            }),
            false => Err(bad(
                "bytes outside `a-z A-Z 0-9 _ . - @ + =` are written %XX",
            )),
        }
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What names an attachment: no two have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its network.
    pub network: NetworkName,
    /// Whose it is.
    pub id: AttachmentId,
    /// The interface inside the namespace.
    pub ifname: IfName,
}

impl Key {
    /// The link on the host: `vtp` and the first 12 characters (60 bits) of the lower-case base32 (RFC 4648) of SHA-256 over
    /// `vetch attachment 1`, network, id and interface, with zero bytes between.
    pub fn host_end(&self) -> IfName {
        let ifname = self.ifname.to_string();
        derived(
            HOST_END,
            &[
                "vetch attachment 1",
                self.network.as_str(),
                self.id.as_str(),
                &ifname,
            ],
        )
    }

    /// The MAC address of an attachment without addresses: `02:` and five bytes of SHA-256 over `vetch mac of 1`, network, id and
    /// interface, with zero bytes between.
    pub fn mac(&self) -> MacAddr {
        let ifname = self.ifname.to_string();
        let (network, id) = (self.network.as_str(), self.id.as_str());
        local_mac(&["vetch mac of 1", network, id, &ifname])
    }

    /// The alias of the host's end: `vetch:NETWORK:ID:IFNAME:ADDR[,ADDR]`, with as many addresses as fit the kernel's 255 bytes.
    pub fn alias(&self, addresses: impl IntoIterator<Item = IpAddr>) -> String {
        let mut alias = format!("{MARK}{}:{}:{}:", self.network, self.id, self.ifname);
        for (i, address) in addresses.into_iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let word = format!("{comma}{address}");
            if alias.len() + word.len() > ALIAS_BYTES {
                break;
            }
            alias.push_str(&word);
        }
        alias
    }

    /// Reads an alias back; `None` if it is not that of an attachment.
    pub fn from_alias(alias: &str) -> Option<(Key, Vec<IpAddr>)> {
        let (network, rest) = alias.strip_prefix(MARK)?.split_once(':')?;
        let (front, rest) = rest.split_once(':')?;
        let (name, rest) = rest.split_once(':')?;
        let (ifname, addresses) = rest.split_once(':')?;
        let id = format!("{front}:{name}");
        let (network, id, ifname) = (
            network.parse().ok()?,
            id.parse().ok()?,
            ifname.parse().ok()?,
        );
        let addresses = addresses.split(',').filter(|text| !text.is_empty());
        let addresses = addresses
            .map(|text| text.parse().ok())
            .collect::<Option<_>>()?;
        Some((
            Key {
                network,
                id,
                ifname,
            },
            addresses,
        ))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ({}) of network `{}`",
            self.id, self.ifname, self.network
        )
    }
}

/// The link-local address that the kernel makes from a MAC address (RFC 4291 appendix A, `addr_gen_mode` 0).
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ])
}

fn hash(parts: &[&str]) -> [u8; 32] {
    Sha256::hash(parts.join("\0").as_bytes())
}

fn derived(prefix: &str, parts: &[&str]) -> IfName {
    let text = BASE32_NOPAD.encode(&hash(parts)).to_ascii_lowercase();
    IfName::from_kernel(format!("{prefix}{}", &text[..12]).as_bytes())
}

fn local_mac(parts: &[&str]) -> MacAddr {
    let [a, b, c, d, e, ..] = hash(parts);
    MacAddr([2, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(network: &str, id: &str, ifname: &str) -> Key {
        Key {
            network: network.parse().unwrap(),
            id: id.parse().unwrap(),
            ifname: ifname.parse().unwrap(),
        }
    }

    /// These never change: another version of this program must find what this one made.
    #[test]
    fn golden_names() {
        let web = key("blue", "cli:web", "eth0");
        assert_eq!(web.host_end().to_string(), "vtpyie46xk7575t");
        assert_eq!(
            key("blue", "cli:a", "eth0").host_end().to_string(),
            "vtpts4li2xbjeey"
        );
        assert_eq!(web.network.bridge().to_string(), "vbr-blue");
        assert_eq!(
            key("a-rather-long-name", "cli:web", "eth0")
                .network
                .bridge()
                .to_string(),
            "vbraoyrwnxvyo2i"
        );
        assert_eq!(web.network.bridge_mac().to_string(), "02:d4:60:30:45:e5");
        assert_eq!(
            web.network.mac("10.7.0.2".parse().unwrap()).to_string(),
            "02:06:0e:ec:be:26"
        );
        assert_eq!(
            link_local("02:06:0e:ec:be:26".parse().unwrap()).to_string(),
            "fe80::6:eff:feec:be26"
        );
        let addresses = ["10.7.0.2".parse().unwrap(), "fd07::2".parse().unwrap()];
        assert_eq!(
            web.alias(addresses),
            "vetch:blue:cli:web:eth0:10.7.0.2,fd07::2"
        );
    }

    #[test]
    fn names_that_would_break_a_path_or_an_alias_are_refused_or_escaped() {
        for bad in [
            "",
            ".",
            "..",
            ".x",
            "-x",
            "a/b",
            "a:b",
            "a b",
            "a\nb",
            "a\x1b",
            "ü",
            &"x".repeat(41),
        ] {
            let err = bad.parse::<NetworkName>().unwrap_err();
            assert!(
                err.is_invalid() && format!("{err:?}").contains("1 to 40"),
                "{err:?}"
            );
        }
        let id = AttachmentId::new("cli", "a/b:c d\x1b").unwrap();
        assert_eq!(id.to_string(), "cli:a%2Fb%3Ac%20d%1B");
        for (front, name) in [
            ("", "a"),
            ("CLI", "a"),
            ("cli", ""),
            ("cli", &"x".repeat(97)),
        ] {
            assert!(AttachmentId::new(front, name).unwrap_err().is_invalid());
        }
        assert!(
            "web".parse::<AttachmentId>().is_err() && "cli:a b".parse::<AttachmentId>().is_err()
        );
    }

    #[test]
    fn an_alias_never_exceeds_what_the_kernel_takes() {
        let longest = key(
            &"n".repeat(40),
            &format!("frontend:{}", "i".repeat(96)),
            "fifteen-bytes-x",
        );
        let addresses = vec!["fd12:3456:789a:bcde:f012:3456:789a:bcde".parse().unwrap(); 9];
        let alias = longest.alias(addresses);
        assert!(alias.len() <= 255, "{}", alias.len());
        let (read, addresses) = Key::from_alias(&alias).unwrap();
        assert!(read == longest && addresses.len() == 2);
    }

    proptest! {
        #[test]
        fn an_alias_is_read_back(network in "[a-z0-9][a-zA-Z0-9_.-]{0,30}", name in ".{1,8}", v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>()) {
            let id = AttachmentId::new("run", &name).unwrap();
            prop_assert_eq!(id.to_string().parse::<AttachmentId>().unwrap(), id.clone());
            let key = Key { network: network.parse().unwrap(), id, ifname: "eth0".parse().unwrap() };
            let addresses = vec![IpAddr::from(v4), IpAddr::from(v6)];
            prop_assert_eq!(Key::from_alias(&key.alias(addresses.clone())), Some((key, addresses)));
        }

        #[test]
        fn no_alias_makes_the_reader_panic(alias in "(vetch:)?.*") {
            let _ = Key::from_alias(&alias);
        }
    }
}
