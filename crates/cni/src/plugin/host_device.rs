//! `host-device`: a device of the host, for as long as the container is there.

use super::{Input, Plugin};
use crate::device::host::Device;
use crate::device::{self, Addresses, Source, Wanted};
use crate::error::{Code, Error, Result};
use crate::json;
use core_netlink::{IfName, MacAddr};
use serde::Deserialize;
use std::fs;
use std::path::{Component, Path, PathBuf};

pub(super) const PLUGIN: Plugin = Plugin {
    name: "host-device",
    about: "a device of the host, for as long as the container is there",
    add: |session, input, target| device::add(session, input, target, &wanted(input)?),
    del: |session, input, key, netns| device::del(session, input, key, netns, None),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| device::status(session, input, &wanted(input)?),
    ahead: super::nothing_ahead,
};

/// Drivers that hand a device to a program: it has no interface of the kernel then.
const OF_PROGRAMS: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/// The keys of the plugin's documentation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    #[serde(deserialize_with = "json::optional_text")]
    device: Option<IfName>,
    #[serde(deserialize_with = "json::optional_text")]
    hwaddr: Option<MacAddr>,
    kernelpath: String,
    #[serde(rename = "pciBusID")]
    pci_bus_id: String,
}

pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["IP", "GATEWAY"])?;
    let keys: Keys = input.conf.keys()?;
    Ok(Wanted {
        source: keys.source(&input.conf.runtime.device_id, Path::new("/sys"))?,
        mtu: None,
        mac: None,
        addresses: Addresses::Managed,
    })
}

impl Keys {
    /// The first of `device`, `hwaddr`, `kernelpath` and `pciBusID` that is given; `deviceID` of the runtime takes the place of the last.
    fn source(&self, device_id: &str, sys: &Path) -> Result<Source> {
        let (pci, auxiliary) = (
            sys.join("bus/pci/devices"),
            sys.join("bus/auxiliary/devices"),
        );
        let (key, on_bus) = match (device_id, self.pci_bus_id.as_str()) {
            ("", "") => ("", None),
            ("", id) => ("pciBusID", Some(found(&[&pci], "pciBusID", id)?)),
            (id, _) => {
                let key = "runtimeConfig.deviceID";
                (key, Some(found(&[&pci, &auxiliary], key, id)?))
            }
        };
        if on_bus.as_ref().is_some_and(|place| is_a_programs(place)) {
            return Ok(Source::Program);
        }
        let device = match (self.device, self.hwaddr, self.kernelpath.as_str(), on_bus) {
            (Some(name), ..) => Device::Name(name),
            (_, Some(mac), ..) => Device::Mac(mac),
            (_, _, "", Some(place)) => Device::Directories(key, with_virtio(&place)),
            (_, _, "", None) => {
                let why = "one of `device`, `hwaddr`, `kernelpath` and `pciBusID` must be there";
                return Err(Error::new(Code::InvalidConfig, why));
            }
            (_, _, path, _) => Device::Directories("kernelpath", vec![kernel_path(path)?]),
        };
        Ok(Source::Host(device))
    }
}

/// Where a bus has a device of this name.
fn found(buses: &[&PathBuf], key: &str, id: &str) -> Result<PathBuf> {
    let mut parts = Path::new(id).components();
    let is_name = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    let mut places = buses.iter().map(|bus| bus.join(id));
    let place = places.find(|place| is_name && place.is_dir());
    place.ok_or_else(|| Error::invalid(key, format!("there is no device {id:?}")))
}

fn is_a_programs(place: &Path) -> bool {
    let driver = fs::canonicalize(place.join("driver"));
    let name = driver
        .ok()
        .and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    name.is_some_and(|name| OF_PROGRAMS.contains(&name.as_str()))
}

/// Its own interfaces, or those of the virtio device that it is.
fn with_virtio(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut virtio: Vec<String> = names.filter(|name| name.starts_with("virtio")).collect();
    virtio.sort();
    let own = std::iter::once(place.join("net"));
    own.chain(virtio.iter().map(|name| place.join(name).join("net")))
        .collect()
}

fn kernel_path(path: &str) -> Result<PathBuf> {
    let given = Path::new(path);
    let plain = given.components().all(|part| part != Component::ParentDir);
    match given.starts_with("/sys/devices") && plain {
        true => Ok(given.join("net")),
        false => {
            let why = format!("{path:?} is no path below /sys/devices/");
            Err(Error::invalid("kernelpath", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn sys() -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        for path in [
            "bus/pci/devices/0000:01:00.0/net/eth7",
            "bus/pci/devices/0000:02:00.0/virtio3/net/eth8",
            "bus/pci/devices/0000:03:00.0",
            "bus/pci/drivers/vfio-pci",
            "bus/auxiliary/devices/mlx5_core.sf.2/net/eth9",
        ] {
            fs::create_dir_all(sys.path().join(path)).unwrap();
        }
        let driver = sys.path().join("bus/pci/devices/0000:03:00.0/driver");
        symlink("../../drivers/vfio-pci", driver).unwrap();
        sys
    }

    fn source(keys: &str, device_id: &str) -> Result<String> {
        let (keys, sys) = (
            json::Document::parse(keys.as_bytes())?.keys::<Keys>()?,
            sys(),
        );
        let source = keys.source(device_id, sys.path())?;
        let prefix = format!("{}/", sys.path().display());
        Ok(format!("{source:?}").replace(&prefix, ""))
    }

    #[test]
    fn each_key_finds_its_device() {
        let pci = r#"{"pciBusID": "0000:01:00.0"}"#;
        for (keys, id, found) in [
            (r#"{"device": "eth1"}"#, "", "Host(Name(`eth1`))"),
            (r#"{"hwaddr": "02:00:00:00:00:01"}"#, "", "Host(Mac("),
            (
                pci,
                "",
                r#"Host(Directories("pciBusID", ["bus/pci/devices/0000:01:00.0/net"]))"#,
            ),
            (
                pci,
                "0000:02:00.0",
                "0000:02:00.0/net\", \"bus/pci/devices/0000:02:00.0/virtio3/net",
            ),
            (
                "{}",
                "mlx5_core.sf.2",
                "bus/auxiliary/devices/mlx5_core.sf.2/net",
            ),
            (
                r#"{"kernelpath": "/sys/devices/pci0000:00/a"}"#,
                "",
                "\"/sys/devices/pci0000:00/a/net\"",
            ),
            (
                r#"{"device": "eth1", "pciBusID": "0000:01:00.0"}"#,
                "",
                "Host(Name(`eth1`))",
            ),
            (r#"{"pciBusID": "0000:03:00.0"}"#, "", "Program"),
            ("{}", "0000:03:00.0", "Program"),
        ] {
            let is = source(keys, id).unwrap();
            assert!(is.contains(found), "{keys} {id}: {is}");
        }
    }

    #[test]
    fn what_names_no_device_is_refused() {
        for (keys, id, key) in [
            ("{}", "", "`device`, `hwaddr`"),
            (r#"{"device": "a/b"}"#, "", "`device`"),
            (r#"{"hwaddr": "eth1"}"#, "", "`hwaddr`"),
            (r#"{"pciBusID": "0000:09:00.0"}"#, "", "`pciBusID`"),
            (
                r#"{"pciBusID": "../devices/0000:01:00.0"}"#,
                "",
                "`pciBusID`",
            ),
            (r#"{"pciBusID": ".."}"#, "", "`pciBusID`"),
            (
                r#"{"device": "eth1"}"#,
                "nothing",
                "`runtimeConfig.deviceID`",
            ),
            ("{}", "/etc", "`runtimeConfig.deviceID`"),
            (r#"{"kernelpath": "/etc"}"#, "", "`kernelpath`"),
            (
                r#"{"kernelpath": "/sys/devices/../../etc"}"#,
                "",
                "`kernelpath`",
            ),
            (r#"{"kernelpath": "devices"}"#, "", "`kernelpath`"),
        ] {
            let err = source(keys, id).unwrap_err();
            assert!(err.msg.contains(key), "{keys} {id}: {err}");
        }
    }
}
