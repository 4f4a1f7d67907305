//! IP address management: `host-local` and `static`, in the process of the plugin that needs an address; others by their program.
//!
//! Owns the keys of `ipam`, the wishes of a runtime, and the leases on disk. Leaves to others: which address is next (the crate `ipam`),
//! and what is done with an address.

mod boot;
mod dir;
mod foreign;
mod host_local;
mod key;
mod leases;
mod lock;
mod ranges;
mod resolv;
mod static_addresses;
mod wishes;

pub use foreign::Foreign;
pub use host_local::HostLocal;
pub use key::Key;
pub use leases::{DEFAULT_DIR, Leases};
pub use static_addresses::Static;

use crate::args::Args;
use crate::config::NetConf;
use crate::error::{Code, Error, Result};
use crate::result::{Dns, Ip, Route};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use wishes::Wishes;

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
/// use cni::ipam::{Ipam, Key};
/// use cni::{Args, NetConf};
/// let dir = tempfile::tempdir()?;
/// let keys = format!(r#"{{"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": {:?}}}"#, dir.path());
/// let text = format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": {keys}}}"#);
/// let ipam = Ipam::read(&NetConf::parse(text.as_bytes())?, &Args::default())?;
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
    /// By a plugin of others; only where a list is run ([`Run`](crate::Run)), which knows where those are.
    Foreign(Foreign),
}

/// The part of a configuration that is read here.
#[derive(Deserialize)]
struct Part<T> {
    ipam: T,
}

/// The keys of `ipam` that are fields of `T`.
fn keys<T: DeserializeOwned>(conf: &NetConf) -> Result<T> {
    let Part { ipam } = conf.keys()?;
    Ok(ipam)
}

impl Ipam {
    /// What `ipam` of a configuration says, and what the runtime wishes for there and in `CNI_ARGS`. Without a type there is no management.
    ///
    /// # Errors
    ///
    /// [`Code::UnsupportedField`] if the type is not known here; [`Code::Decoding`] and [`Code::InvalidConfig`], naming the key;
    /// [`Code::InvalidEnvironment`] for `CNI_ARGS`.
    pub fn read(conf: &NetConf, args: &Args) -> Result<Ipam> {
        match conf.ipam.as_deref() {
            None => Ok(Ipam::None),
            Some("host-local") => {
                let wishes = Wishes::read(conf, args)?;
                HostLocal::read(conf, &wishes).map(Ipam::HostLocal)
            }
            Some("static") => Static::read(conf, Wishes::read(conf, args)?).map(Ipam::Static),
            Some(other) => {
                let why = format!(
                    "`ipam.type`: {other:?} is not known here; known are host-local and static"
                );
                Err(Error::new(Code::UnsupportedField, why))
            }
        }
    }

    /// Whether a type of management is one of these here.
    pub(crate) fn is_known(kind: &str) -> bool {
        ["host-local", "static"].contains(&kind)
    }

    /// What is needed to give back: a configuration that changed since, and is wrong in all else of `ipam`, is no obstacle.
    pub(crate) fn for_removal(conf: &NetConf) -> Result<Ipam> {
        match conf.ipam.as_deref() {
            Some("host-local") => HostLocal::read_place(conf).map(Ipam::HostLocal),
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
            Ipam::Foreign(ipam) => ipam.add(),
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
            Ipam::Foreign(ipam) => ipam.call("DEL").map(drop),
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
            Ipam::Foreign(ipam) => ipam.call("DEL").map(drop),
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
            Ipam::Foreign(ipam) => ipam.call("CHECK").map(drop),
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
            Ipam::Foreign(ipam) => ipam.call("GC").map(drop),
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
            Ipam::Foreign(ipam) => ipam.call("STATUS").map(drop),
            Ipam::None | Ipam::Static(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with this `ipam`, and with more keys beside it.
    pub(super) fn conf(ipam: &str, more: &str) -> Result<NetConf> {
        let text = format!(
            r#"{{"cniVersion": "1.1.0", "name": "blue", "type": "bridge", "ipam": {ipam}{more}}}"#
        );
        NetConf::parse(text.as_bytes())
    }

    fn parse(ipam: &str) -> Result<Ipam> {
        Ipam::read(&conf(ipam, "")?, &Args::default())
    }

    #[test]
    fn without_a_type_nothing_is_managed() {
        let key = Key::new("web", "eth0");
        for ipam in ["{}", "null", r#"{"type": ""}"#, r#"{"type": null}"#] {
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
