//! IP address management: `host-local` and `static`, in the process of the plugin that needs an address.
//!
//! Owns the keys of `ipam`, the wishes of a runtime, and the leases on disk. Leaves to others: which address is next (the crate `ipam`),
//! and what is done with an address.

mod boot;
mod decode;
mod dir;
mod host_local;
mod key;
mod leases;
mod lock;
mod ranges;
mod resolv;
mod static_addresses;
mod wishes;

pub use host_local::HostLocal;
pub use key::Key;
pub use leases::{DEFAULT_DIR, Leases};
pub use static_addresses::Static;
pub use wishes::{Wish, Wishes};

use crate::error::{Code, Error, Result};
use crate::result::{Dns, Ip, Route};
use decode::{decode, json};
use serde::Deserialize;
use serde_json::Value;
use std::net::IpAddr;

/// What an interface was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Addresses with their gateways.
    pub ips: Vec<Ip>,
    /// Routes; one without a next hop goes by the gateway of its family.
    pub routes: Vec<Route>,
    /// Name servers.
    pub dns: Dns,
    /// Addresses that the key did not hold before.
    pub new: Vec<IpAddr>,
}

/// How a network's addresses are managed.
///
/// ```
/// use cni::ipam::{Ipam, Key, Wishes};
/// let dir = tempfile::tempdir()?;
/// let config = format!(r#"{{"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": {:?}}}"#, dir.path());
/// let ipam = Ipam::parse(&config, "blue", &Wishes::default())?;
/// let web = Key::new("web", "eth0");
/// let given = ipam.add(&web)?;
/// assert_eq!(given.ips[0].address.to_string(), "10.1.0.2/24");
/// ipam.check(&web, &given.ips)?;
/// ipam.del(&web)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ipam {
    /// Not at all: no address is given.
    #[default]
    None,
    /// From ranges.
    HostLocal(HostLocal),
    /// As they are written down.
    Static(Static),
}

#[derive(Default, Deserialize)]
struct TypeFile {
    r#type: Option<String>,
}

impl Ipam {
    /// What the text of an `ipam` object says. Without a type there is no management.
    ///
    /// # Errors
    ///
    /// [`Code::Decoding`] if it is no JSON; [`Code::UnsupportedField`] if the type is not known here; [`Code::InvalidConfig`], naming
    /// the key.
    pub fn parse(ipam: &str, network: &str, wishes: &Wishes) -> Result<Ipam> {
        Ipam::from_value(&json(ipam)?, network, wishes)
    }

    pub(crate) fn from_value(ipam: &Value, network: &str, wishes: &Wishes) -> Result<Ipam> {
        if ipam.is_null() {
            return Ok(Ipam::None);
        }
        let of: TypeFile = decode(ipam, "ipam")?;
        match of.r#type.unwrap_or_default().as_str() {
            "" => Ok(Ipam::None),
            "host-local" => HostLocal::parse(ipam, network, wishes).map(Ipam::HostLocal),
            "static" => Static::parse(ipam, wishes).map(Ipam::Static),
            other => {
                let why = format!(
                    "`ipam.type`: {other:?} is not known here; known are host-local and static"
                );
                Err(Error::new(Code::UnsupportedField, why))
            }
        }
    }

    /// What is needed to give back: a configuration that changed since, and is wrong in all else, is no obstacle.
    pub(crate) fn for_removal(ipam: &Value, network: &str) -> Result<Ipam> {
        let of: TypeFile = decode(ipam, "ipam").unwrap_or_default();
        match of.r#type.as_deref() {
            Some("host-local") => HostLocal::parse_place(ipam, network).map(Ipam::HostLocal),
            _ => Ok(Ipam::None),
        }
    }

    /// ADD: gives addresses, all that are configured or none. The same key gets the same ones again.
    ///
    /// # Errors
    ///
    /// A wish that cannot be given, an empty range set, and what [`Leases::open`] and [`Leases::reserve`] say.
    pub fn add(&self, key: &Key) -> Result<Given> {
        match self {
            Ipam::None => Ok(Given::default()),
            Ipam::HostLocal(ipam) => ipam.add(key),
            Ipam::Static(ipam) => ipam.add(),
        }
    }

    /// Undoes an ADD: what it gave anew is given back, what the key held before stays.
    ///
    /// # Errors
    ///
    /// [`Code::TryAgain`] and [`Code::Io`].
    pub fn undo(&self, key: &Key, given: &Given) -> Result<()> {
        match self {
            Ipam::HostLocal(ipam) => ipam.give_back(key, &given.new),
            Ipam::None | Ipam::Static(_) => Ok(()),
        }
    }

    /// DEL: gives back what the key holds. Nothing to give back is no error.
    ///
    /// # Errors
    ///
    /// [`Code::TryAgain`] and [`Code::Io`].
    pub fn del(&self, key: &Key) -> Result<()> {
        match self {
            Ipam::HostLocal(ipam) => ipam.del(key),
            Ipam::None | Ipam::Static(_) => Ok(()),
        }
    }

    /// CHECK: whether what an ADD answered (`given`) still holds.
    ///
    /// # Errors
    ///
    /// [`Code::Differs`] naming the address; [`Code::TryAgain`] and [`Code::Io`].
    pub fn check(&self, key: &Key, given: &[Ip]) -> Result<()> {
        match self {
            Ipam::None => Ok(()),
            Ipam::HostLocal(ipam) => ipam.check(key, given),
            Ipam::Static(ipam) => ipam.check(given),
        }
    }

    /// GC: gives back what others than these keys hold.
    ///
    /// # Errors
    ///
    /// [`Code::TryAgain`], and [`Code::Io`] naming everything that could not be given back.
    pub fn gc(&self, valid: &[Key]) -> Result<()> {
        match self {
            Ipam::HostLocal(ipam) => ipam.gc(valid),
            Ipam::None | Ipam::Static(_) => Ok(()),
        }
    }

    /// STATUS: whether an ADD could be given what it needs.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`] naming the range set that is used up; [`Code::TryAgain`] and [`Code::Io`].
    pub fn status(&self) -> Result<()> {
        match self {
            Ipam::HostLocal(ipam) => ipam.status(),
            Ipam::None | Ipam::Static(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(ipam: &str) -> Result<Ipam> {
        Ipam::parse(ipam, "blue", &Wishes::default())
    }

    #[test]
    fn without_a_type_nothing_is_managed() {
        let key = Key::new("web", "eth0");
        for ipam in [
            "{}",
            "null",
            r#"{"type": ""}"#,
            r#"{"type": null, "subnet": 5}"#,
        ] {
            let ipam = parse(ipam).unwrap();
            assert_eq!(ipam, Ipam::None);
            assert_eq!(ipam.add(&key), Ok(Given::default()));
            let rest = [
                ipam.del(&key),
                ipam.check(&key, &[]),
                ipam.gc(&[]),
                ipam.status(),
            ];
            assert!(rest.iter().all(Result::is_ok));
        }
    }

    #[test]
    fn another_type_is_refused_with_those_there_are() {
        let err = parse(r#"{"type": "dhcp"}"#).unwrap_err();
        assert_eq!(err.code, Code::UnsupportedField);
        assert_eq!(
            err.msg,
            "`ipam.type`: \"dhcp\" is not known here; known are host-local and static"
        );
        let err = parse(r#"{"type": 5}"#).unwrap_err().msg;
        assert_eq!(
            err,
            "`ipam.type`: invalid type: integer `5`, expected a string"
        );
        let err = parse("[]").unwrap_err().msg;
        assert_eq!(err, "`ipam`: invalid type: sequence, expected an object");
        assert_eq!(parse("{").unwrap_err().code, Code::Decoding);
    }

    #[test]
    fn each_type_is_found_by_its_name() {
        let host_local = parse(r#"{"type": "host-local", "subnet": "10.1.0.0/24"}"#);
        assert!(matches!(host_local, Ok(Ipam::HostLocal(_))));
        let fixed =
            parse(r#"{"type": "static", "addresses": [{"address": "10.1.0.5/24"}]}"#).unwrap();
        let key = Key::new("web", "eth0");
        let given = fixed.add(&key).unwrap().ips;
        assert_eq!(given[0].address.to_string(), "10.1.0.5/24");
        fixed.check(&key, &given).unwrap();
        assert!(fixed.check(&key, &[]).is_err());
    }
}
