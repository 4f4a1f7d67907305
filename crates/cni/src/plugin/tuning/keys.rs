//! The keys of `tuning`, and those that a runtime adds.

use super::attribute::Attribute;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::plugin::Input;
use core_netlink::{IfName, MacAddr};
use ns_mgmt::SysctlKey;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;

const USUAL_DIR: &str = "/run/cni/tuning";
const PLACEHOLDER: &str = "IFNAME";
const LONGEST_VALUE: usize = 4095; // what the kernel reads of one write, at most (proc_sysctl.c)
const MOST_QUEUED: i64 = i32::MAX as i64;

/// What is to be set.
#[derive(Debug)]
pub(super) struct Keys {
    /// In the order in which they are written.
    pub(super) sysctls: Vec<Sysctl>,
    /// In the order in which they are set.
    pub(super) attributes: Vec<Attribute>,
    /// Where what was there before is kept.
    pub(super) data_dir: PathBuf,
}

/// One sysctl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sysctl {
    /// The key as it is written in the configuration.
    pub(super) written: String,
    /// The key, with the interface's name in it.
    pub(super) key: SysctlKey,
    pub(super) value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    data_dir: String,
    args: Args,
}

/// What both the configuration and `args.cni` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wishes {
    sysctl: Pairs,
    #[serde(deserialize_with = "json::optional_text")]
    mac: Option<MacAddr>,
    promisc: Option<bool>,
    mtu: Option<i64>,
    allmulti: Option<bool>,
    #[serde(rename = "txQLen")]
    txqlen: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Args {
    cni: Wishes,
}

impl Keys {
    /// Everything that contradicts itself or cannot be meant is refused here.
    pub(super) fn read(input: &Input<'_>, ifname: IfName) -> Result<Keys> {
        input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
        let Written { data_dir, args } = input.conf.keys()?;
        let own: Wishes = input.conf.keys()?;
        let mac = mac(input, &own, &args.cni)?;
        let over = args.cni;
        let mut sysctls = sysctls("sysctl", own.sysctl, ifname)?;
        for later in self::sysctls("args.cni.sysctl", over.sysctl, ifname)? {
            sysctls.retain(|of| of.key != later.key);
            sysctls.push(later);
        }
        let attributes = [
            mac.map(Attribute::Mac),
            over.promisc
                .or(own.promisc)
                .filter(|on| *on)
                .map(Attribute::Promisc),
            mtu(over.mtu.or(own.mtu))?.map(Attribute::Mtu),
            over.allmulti.or(own.allmulti).map(Attribute::Allmulti),
            txqlen(over.txqlen.or(own.txqlen))?.map(Attribute::TxQLen),
        ];
        Ok(Keys {
            sysctls,
            attributes: attributes.into_iter().flatten().collect(),
            data_dir: checked_dir(&data_dir)?,
        })
    }
}

/// Where what was there before may be kept, whatever else the configuration says by now.
pub(super) fn data_dirs(input: &Input<'_>) -> Vec<PathBuf> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Place {
        data_dir: String,
    }
    let place: Result<Place> = input.conf.keys();
    let said = place.and_then(|place| checked_dir(&place.data_dir)).ok();
    let mut dirs: Vec<PathBuf> = said.into_iter().chain([USUAL_DIR.into()]).collect();
    dirs.dedup();
    dirs
}

fn checked_dir(text: &str) -> Result<PathBuf> {
    match text {
        "" => Ok(USUAL_DIR.into()),
        path if path.starts_with('/') && !path.contains('\0') => Ok(path.into()),
        other => Err(Error::invalid(
            "dataDir",
            format!("{other:?} is no absolute path"),
        )),
    }
}

/// Of `args.cni`, else of `runtimeConfig`, else of `CNI_ARGS`, else of the configuration.
fn mac(input: &Input<'_>, own: &Wishes, over: &Wishes) -> Result<Option<MacAddr>> {
    let word = input.args.get("MAC").filter(|word| !word.is_empty());
    let of_args = word.map(str::parse::<MacAddr>).transpose();
    let of_args = of_args.map_err(|err| {
        Error::new(
            Code::InvalidEnvironment,
            format!("`CNI_ARGS`: `MAC`: {err}"),
        )
    })?;
    let wished = over.mac.or(input.conf.runtime.mac).or(of_args).or(own.mac);
    match wished.filter(|mac| !mac.is_unicast()) {
        None => Ok(wished),
        Some(mac) => {
            let why = format!("{mac} cannot be the address of one interface");
            let hint = "the lowest bit of the first byte has to be 0, as in 02:42:ac:11:00:02";
            Err(Error::invalid("mac", why).with_details(hint))
        }
    }
}

fn mtu(written: Option<i64>) -> Result<Option<u32>> {
    match u32::try_from(written.unwrap_or(0)) {
        Ok(0) => Ok(None),
        Ok(mtu @ 68..) => Ok(Some(mtu)),
        _ => Err(Error::invalid(
            "mtu",
            format!("{} is not 68 or more", written.unwrap_or(0)),
        )),
    }
}

fn txqlen(written: Option<i64>) -> Result<Option<u32>> {
    let Some(packets) = written else {
        return Ok(None);
    };
    match u32::try_from(packets)
        .ok()
        .filter(|_| packets <= MOST_QUEUED)
    {
        Some(packets) => Ok(Some(packets)),
        None => Err(Error::invalid(
            "txQLen",
            format!("{packets} is not 0 to {MOST_QUEUED}"),
        )),
    }
}

fn sysctls(path: &str, pairs: Pairs, ifname: IfName) -> Result<Vec<Sysctl>> {
    let mut all: Vec<Sysctl> = Vec::new();
    for (written, value) in pairs.0 {
        let at = format!("{path}.{written}");
        let key = sysctl_key(&written, ifname).map_err(|err| {
            let hint = err.hint().unwrap_or_default().to_owned();
            Error::invalid(&at, format!("{err:?}")).with_details(hint)
        })?;
        check_value(&value).map_err(|why| Error::invalid(&at, why))?;
        if let Some(other) = all.iter().find(|of| of.key == key) {
            let why = format!("it is there twice, the other time as {:?}", other.written);
            return Err(Error::invalid(&at, why));
        }
        all.push(Sysctl {
            written,
            key,
            value,
        });
    }
    Ok(all)
}

/// With the first `IFNAME` replaced, after the separators are known: a name may have a `.`.
fn sysctl_key(written: &str, ifname: IfName) -> ns_mgmt::Result<SysctlKey> {
    let key: SysctlKey = written.parse()?;
    let named = key.as_path().replacen(PLACEHOLDER, &ifname.to_string(), 1);
    named.parse()
}

fn check_value(value: &str) -> Result<(), String> {
    match value {
        "" => Err("its value is empty, which sets nothing".to_owned()),
        long if long.len() > LONGEST_VALUE => Err(format!(
            "its value has {} bytes, {LONGEST_VALUE} fit",
            long.len()
        )),
        odd if odd.contains(|c: char| c.is_control() && c != '\t') => {
            Err(format!("its value {odd:?} has control characters"))
        }
        _ => Ok(()),
    }
}

/// An object of texts, in the order in which it is written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
