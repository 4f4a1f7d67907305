//! What an attachment goes by: the container and the name of the interface in it.

use crate::error::{Code, Error, Result};
use crate::name;
use core_netlink::IfName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The id of a container: a letter or a digit, then letters, digits, `_`, `.` and `-` (CNI 1.1.0, "Parameters").
///
/// The specification has no limit; here it is 96 bytes, as the id is part of the alias of a link.
///
/// ```
/// use cni::ContainerId;
/// assert!("8c1f-web.1".parse::<ContainerId>().is_ok());
/// assert!("../web".parse::<ContainerId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

impl ContainerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ContainerId {
    /// Code 7, with what is right.
    type Err = Error;

    fn from_str(id: &str) -> Result<ContainerId> {
        let checked = name::check(id, name::CONTAINER_ID);
        checked.map_err(|why| Error::new(Code::InvalidConfig, why))?;
        Ok(ContainerId(id.to_owned()))
    }
}

/// What an attachment to a network goes by (CNI 1.1.0, "Definitions": container id and interface name).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttachmentKey {
    /// The container.
    #[serde(rename = "containerID", with = "as_text")]
    pub container_id: ContainerId,
    /// Its interface.
    #[serde(with = "as_text")]
    pub ifname: IfName,
}

mod as_text {
    use super::*;

    pub(super) fn serialize<T: fmt::Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        crate::json::text(deserializer)
    }
}
