//! Who holds an address, as the reference writes it down, and the second name under which we find it again.

use std::fmt;
use std::net::IpAddr;

const LINE_BREAK: &str = "\r\n";
const PREFIX: &str = ".vetch.";
/// Bytes of the digest in a name.
const DIGEST: usize = 16;

/// An interface of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_IFNAME`; empty in leases of old versions of the reference, which did not write it down.
    pub ifname: String,
}

impl Key {
    /// A key of these two.
    pub fn new(container_id: &str, ifname: &str) -> Key {
        Key {
            container_id: container_id.trim().to_owned(),
            ifname: ifname.to_owned(),
        }
    }

    /// What the file of a lease holds.
    pub(super) fn text(&self) -> String {
        format!("{}{LINE_BREAK}{}", self.container_id.trim(), self.ifname)
    }

    /// `None` if there is no container in it.
    pub(super) fn read(bytes: &[u8]) -> Option<Key> {
        let text = std::str::from_utf8(bytes).ok()?.trim();
        let (container_id, ifname) = text.split_once(LINE_BREAK).unwrap_or((text, ""));
        (!container_id.is_empty()).then(|| Key::new(container_id, ifname))
    }

    /// Whether a file of two lines says this key and no other.
    pub(super) fn is_plain(&self) -> bool {
        let parts = [self.container_id.as_str(), self.ifname.as_str()];
        parts.iter().all(|part| {
            !part.trim().is_empty() && part.trim() == *part && !part.contains(char::is_control)
        })
    }

    /// The same for each file with this key in it.
    pub(super) fn digest(&self) -> String {
        let mut digest = hmac_sha256::Hash::hash(self.text().as_bytes()).to_vec();
        digest.truncate(DIGEST);
        data_encoding::HEXLOWER.encode(&digest)
    }
}

/// `container web, interface eth0`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {}", self.container_id)?;
        match self.ifname.as_str() {
            "" => Ok(()),
            ifname => write!(f, ", interface {ifname}"),
        }
    }
}

/// The second name of a lease: a symbolic link to the address, found by the key without reading the directory.
///
/// The boot in it says that the lease was given in that boot and no other, whatever the clock said. A key has the slots 0, 1, 2 and so
/// on without a gap, one for each address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) boot: String,
    pub(super) digest: String,
    pub(super) slot: usize,
}

impl Mark {
    pub(super) fn new(boot: &str, key: &Key, slot: usize) -> Mark {
        Mark {
            boot: boot.to_owned(),
            digest: key.digest(),
            slot,
        }
    }

    pub(super) fn read(name: &str) -> Option<Mark> {
        let mut parts = name.strip_prefix(PREFIX)?.split('.');
        let mut next = || parts.next().map(str::to_owned);
        let (boot, digest, slot) = (next()?, next()?, next()?);
        let slot = slot.parse().ok()?;
        let mark = Mark { boot, digest, slot };
        (mark.digest.len() == 2 * DIGEST && mark.to_string() == name).then_some(mark)
    }
}

/// Begins with a dot: the reference, which goes through the names in order, then meets the link before the file it leads to, reads the
/// key through it and removes both.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}.{}.{}", self.boot, self.digest, self.slot)
    }
}

/// The address that a name stands for.
pub(super) fn address(name: &str) -> Option<IpAddr> {
    name.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_written_as_the_reference_writes_it() {
        assert_eq!(Key::new(" c1\n", "eth0").text(), "c1\r\neth0");
        assert_eq!(Key::read(b"c1\r\neth0"), Some(Key::new("c1", "eth0")));
        assert_eq!(Key::read(b"c1\r\neth0\n"), Some(Key::new("c1", "eth0")));
        assert_eq!(Key::read(b"c1"), Some(Key::new("c1", "")), "an old one");
        for nothing in [&b""[..], b" \r\n", b"\xff\xfe"] {
            assert_eq!(Key::read(nothing), None);
        }
    }

    #[test]
    fn a_mark_is_fixed_for_ever() {
        let mark = Mark::new("0123456789ab", &Key::new("web", "eth0"), 1);
        assert_eq!(
            mark.to_string(),
            ".vetch.0123456789ab.00e4f3cdfccbb400a794454f66e1a8ba.1"
        );
        assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        for other in [
            ".vetch.boot",
            ".vetch.a.b.0",
            ".vetch.0123456789ab.00e4f3cdfccbb400a794454f66e1a8ba.01",
            ".vetch.0123456789ab.00e4f3cdfccbb400a794454f66e1a8ba.1.2",
            "vetch.0123456789ab.00e4f3cdfccbb400a794454f66e1a8ba.1",
        ] {
            assert_eq!(Mark::read(other), None, "{other}");
        }
    }

    #[test]
    fn keys_that_a_file_cannot_tell_apart_are_not_plain() {
        assert!(Key::new("c1", "eth0").is_plain());
        for (id, ifname) in [
            ("", "eth0"),
            ("c1", ""),
            ("c1\r\neth1", "eth0"),
            ("c1", "a\nb"),
        ] {
            assert!(!Key::new(id, ifname).is_plain(), "{id:?} {ifname:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(id in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,80}", ifname in "[^/:\\pC\\s]{1,15}", slot in 0..9_usize) {
            let key = Key::new(&id, &ifname);
            prop_assert!(key.is_plain());
            prop_assert_eq!(Key::read(key.text().as_bytes()), Some(key.clone()));
            let mark = Mark::new("0123456789ab", &key, slot);
            prop_assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        }

        #[test]
        fn reading_never_panics(bytes in any::<Vec<u8>>(), name in ".*") {
            let _ = (Key::read(&bytes), Mark::read(&name), address(&name));
        }
    }
}
