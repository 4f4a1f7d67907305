//! What was switched on for all networks together, as it is written.

use super::{FORMAT, Opened, Text, read, write};
use crate::error::Result;
use core_netlink::IfName;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct OpenedFile {
    format: u32,
    interfaces: Vec<(Text<IfName>, bool)>,
    ipv6_everywhere: bool,
}

impl Opened {
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        let interfaces = self
            .interfaces
            .iter()
            .map(|(name, v6)| (Text(*name), *v6))
            .collect();
        write(&OpenedFile {
            format: FORMAT,
            interfaces,
            ipv6_everywhere: self.ipv6_everywhere,
        })
    }

    pub(crate) fn read(what: &str, bytes: &[u8]) -> Result<Opened> {
        let file: OpenedFile = read(what, bytes)?;
        let interfaces = file
            .interfaces
            .into_iter()
            .map(|(name, v6)| (name.0, v6))
            .collect();
        Ok(Opened {
            interfaces,
            ipv6_everywhere: file.ipv6_everywhere,
        })
    }
}
