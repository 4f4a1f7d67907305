//! Generic netlink families, found by name (`nlctrl`, linux/genetlink.h).

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        GENL_ID_CTRL = 0x10,
    }
}

const CTRL_CMD_NEWFAMILY: u8 = 1;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_VERSION: u8 = 2;

attributes! {
    ATTRIBUTES = "" {
        CTRL_ATTR_FAMILY_ID = 1 Number,
        CTRL_ATTR_FAMILY_NAME = 2 Text,
        CTRL_ATTR_VERSION = 3 Number,
        CTRL_ATTR_HDRSIZE = 4 Number,
        CTRL_ATTR_MAXATTR = 5 Number,
        CTRL_ATTR_MCAST_GROUPS = 7 Bytes,
    }
}

const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;

/// `struct genlmsghdr`.
pub(crate) static HEADER: Fixed = Fixed {
    size: 4,
    fields: &[
        Field("cmd", 0, 1, Shape::Number),
        Field("version", 1, 1, Shape::Number),
    ],
};

const NAME: usize = 15; // GENL_NAMSIZ, less the zero

/// Asks for a family by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericKey<'a> {
    /// Such as `ethtool` or `wireguard`.
    pub name: &'a str,
}

impl Request for GenericKey<'_> {
    fn kind(&self) -> u16 {
        GENL_ID_CTRL
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.raw(&[CTRL_CMD_GETFAMILY, CTRL_VERSION, 0, 0]);
        w.str(CTRL_ATTR_FAMILY_NAME, self.name);
    }

    fn what(&self) -> String {
        format!("find generic netlink family `{}`", self.name.escape_debug())
    }

    fn check(&self) -> Result<(), String> {
        match (1..=NAME).contains(&self.name.len()) && !self.name.contains('\0') {
            true => Ok(()),
            false => Err(format!("the name has 1 to {NAME} bytes")),
        }
    }
}

impl Query for GenericKey<'_> {
    type Record = GenericFamily;
}

/// Lists the families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenericFilter;

impl Request for GenericFilter {
    fn kind(&self) -> u16 {
        GENL_ID_CTRL
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.raw(&[CTRL_CMD_GETFAMILY, CTRL_VERSION, 0, 0]);
    }

    fn what(&self) -> String {
        "list generic netlink families".into()
    }
}

impl Query for GenericFilter {
    type Record = GenericFamily;
}

/// A multicast group of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenericGroup {
    /// Its name.
    pub name: String,
    /// Its number, to subscribe with.
    pub id: u32,
}

/// A family as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenericFamily {
    /// The message type of its requests, for this boot.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The length of its own header.
    pub header_len: u32,
    /// Its highest attribute.
    pub max_attr: u32,
    /// Its multicast groups.
    pub groups: Vec<GenericGroup>,
}

impl GenericFamily {
    /// The number of a multicast group.
    pub fn group(&self, name: &str) -> Option<u32> {
        let group = self.groups.iter().find(|group| group.name == name);
        group.map(|group| group.id)
    }

    fn read(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            CTRL_ATTR_FAMILY_ID => self.id = attr.u16()?,
            CTRL_ATTR_FAMILY_NAME => self.name = attr.text(),
            CTRL_ATTR_VERSION => self.version = attr.u32()?,
            CTRL_ATTR_HDRSIZE => self.header_len = attr.u32()?,
            CTRL_ATTR_MAXATTR => self.max_attr = attr.u32()?,
            CTRL_ATTR_MCAST_GROUPS => {
                for group in attr.nested() {
                    self.groups.push(GenericGroup::decode(group?)?);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl GenericGroup {
    fn decode(attr: Attr<'_>) -> Result<Self, Malformed> {
        let mut group = GenericGroup::default();
        for attr in attr.nested() {
            let attr = attr?;
            match attr.kind {
                CTRL_ATTR_MCAST_GRP_NAME => group.name = attr.text(),
                CTRL_ATTR_MCAST_GRP_ID => group.id = attr.u32()?,
                _ => {}
            }
        }
        Ok(group)
    }
}

impl Record for GenericFamily {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != GENL_ID_CTRL {
            return Ok(None);
        }
        let ([command, ..], attrs) = split_header::<4>(body, "generic netlink family")?;
        if command != CTRL_CMD_NEWFAMILY {
            return Ok(None);
        }
        let missing = Malformed::new("generic netlink family without CTRL_ATTR_FAMILY_ID", 2, 0);
        attrs.find(CTRL_ATTR_FAMILY_ID)?.ok_or(missing)?;
        let mut family = GenericFamily::default();
        for attr in attrs {
            family.read(attr?)?;
        }
        Ok(Some(family))
    }
}

impl Conn {
    /// A family by name; an error for which `is_not_found` holds if the kernel lacks it. Needs a connection of
    /// [`Protocol::Generic`](crate::Protocol::Generic).
    ///
    /// ```no_run
    /// use core_netlink::{Conn, Protocol};
    /// # fn main() -> core_netlink::Result<()> {
    /// let mut conn = Conn::open(Protocol::Generic)?;
    /// let family = conn.generic_family("nlctrl")?;
    /// assert_eq!(family.id, 16);
    /// # Ok(())
    /// # }
    /// ```
    pub fn generic_family(&mut self, name: &str) -> Result<GenericFamily> {
        self.get(&GenericKey { name })
    }

    /// Every family.
    pub fn generic_families(&mut self) -> Result<Vec<GenericFamily>> {
        self.dump(&GenericFilter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Reply;
    use crate::testing::{body, check_cuts, decode, hex};
    use proptest::prelude::*;

    /// What Linux 6.18 answers about `nlctrl`, its operations left out.
    fn answer() -> Vec<u8> {
        hex("
            01 02 00 00                         # CTRL_CMD_NEWFAMILY
            0b00 0200 6e6c6374726c00 00         # CTRL_ATTR_FAMILY_NAME nlctrl
            0600 0100 1000 0000                 # CTRL_ATTR_FAMILY_ID 16
            0800 0300 02000000  0800 0400 00000000  0800 0500 0a000000
            1c00 0700                           # CTRL_ATTR_MCAST_GROUPS
              1800 0100                         # the first
                0800 0200 10000000              # CTRL_ATTR_MCAST_GRP_ID 16
                0b00 0100 6e6f7469667900 00     # CTRL_ATTR_MCAST_GRP_NAME notify
        ")
    }

    #[test]
    fn a_family_has_a_number_and_groups() {
        let family: GenericFamily = decode(GENL_ID_CTRL, &answer());
        assert_eq!((family.id, family.version, family.max_attr), (16, 2, 10));
        assert_eq!(
            (family.name.as_str(), family.group("notify")),
            ("nlctrl", Some(16))
        );
        assert_eq!(family.group("other"), None);
        check_cuts::<GenericFamily, 4>(GENL_ID_CTRL, &answer());
    }

    #[test]
    fn the_request_names_the_family() {
        let words = hex("03 02 00 00  0b00 0200 6e6c6374726c00 00");
        assert_eq!(body(&GenericKey { name: "nlctrl" }), words);
        let mut conn = Conn::fake(|_| Reply::Errno(2));
        let err = conn.generic_family("wireguard").unwrap_err();
        assert!(err.is_not_found());
        assert_eq!(
            err.to_string(),
            "cannot find generic netlink family `wireguard`"
        );
        assert!(
            conn.generic_family("a name of sixteen")
                .unwrap_err()
                .is_invalid()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = GenericFamily::decode(GENL_ID_CTRL, &bytes);
        }
    }
}
