//! Who holds which address and which port of the host: a symbolic link for each, so that none is looked for in a list.

use crate::error::Result;
use crate::file;
use crate::name::NetworkName;
use crate::port::PortSpec;
use crate::spec::Attachment;
use crate::store::Store;
use core_netlink::IfName;
use std::net::IpAddr;
use std::path::PathBuf;

const EXPANDED: u16 = 64; // longer ranges of ports are one entry

impl Store {
    fn address_path(&self, network: &NetworkName, ip: IpAddr) -> PathBuf {
        file::at(&self.dir(network).join("addresses"), ip)
    }

    /// Whose an address is.
    pub(crate) fn holder(&self, network: &NetworkName, ip: IpAddr) -> Result<Option<String>> {
        file::holder_of(&self.address_path(network, ip))
    }

    /// Who has it already, if somebody has.
    pub(crate) fn reserve_address(
        &self,
        network: &NetworkName,
        ip: IpAddr,
        host_end: IfName,
    ) -> Result<Option<String>> {
        let (path, us) = (self.address_path(network, ip), host_end.to_string());
        Ok(file::reserve(&path, &us)?.filter(|holder| *holder != us))
    }

    pub(crate) fn release_address(
        &self,
        network: &NetworkName,
        ip: IpAddr,
        host_end: IfName,
    ) -> Result<()> {
        file::release(&self.address_path(network, ip), &host_end.to_string())
    }

    /// Gives back the addresses and ports of a network that are held for nobody. The locks of host and network are held.
    pub(crate) fn release_orphans(&self, network: &NetworkName) -> Result<()> {
        let is_orphan = |end: &str| {
            let end = end.parse().ok();
            end.is_none_or(|end| matches!(self.claim_of(network, end), Ok(None)))
        };
        let dir = self.dir(network);
        for name in file::names(&dir.join("addresses"))? {
            let path = dir.join("addresses").join(name);
            if file::holder_of(&path)?.is_some_and(|end| is_orphan(&end)) {
                file::remove(&path)?;
            }
        }
        for part in ["loopback", "other"] {
            for end in file::names(&dir.join(part))? {
                if is_orphan(&end) {
                    file::unmark(&dir.join(part).join(end))?;
                }
            }
        }
        self.release_orphaned_ports(network, is_orphan)
    }

    /// Gives back every port of a network.
    pub(crate) fn release_network_ports(&self, network: &NetworkName) -> Result<()> {
        self.release_orphaned_ports(network, |_| true)
    }

    fn release_orphaned_ports(
        &self,
        network: &NetworkName,
        is_orphan: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let ports = self.shared().join("ports");
        let prefix = format!("{network}/");
        for transport in file::names(&ports)? {
            for port in file::names(&ports.join(&transport))? {
                let dir = ports.join(&transport).join(port);
                for entry in file::names(&dir)? {
                    let path = dir.join(entry);
                    let holder = file::holder_of(&path)?.unwrap_or_default();
                    if holder.strip_prefix(&prefix).is_some_and(&is_orphan) {
                        file::remove(&path)?;
                    }
                }
                let _ = std::fs::remove_dir(&dir); // stays while others have an entry there
            }
        }
        Ok(())
    }

    /// The address given last in a subnet of this family.
    pub(crate) fn last_given(&self, network: &NetworkName, v6: bool) -> Option<IpAddr> {
        let last = file::holder_of(&self.last_path(network, v6));
        last.ok().flatten()?.parse().ok()
    }

    /// A hint for the next choice; losing it does no harm.
    pub(crate) fn set_last_given(&self, network: &NetworkName, ip: IpAddr) {
        let path = self.last_path(network, ip.is_ipv6());
        let _ = std::fs::remove_file(&path);
        let _ = std::os::unix::fs::symlink(ip.to_string(), &path);
    }

    fn last_path(&self, network: &NetworkName, v6: bool) -> PathBuf {
        self.dir(network).join(if v6 { ".last6" } else { ".last4" })
    }

    fn ports(&self, port: &PortSpec) -> PathBuf {
        self.shared().join("ports").join(port.transport.to_string())
    }

    /// One entry for each port, or one for a long range.
    fn port_entries(&self, port: &PortSpec) -> Vec<(PathBuf, String)> {
        let (dir, host) = (
            self.ports(port),
            port.host
                .map_or_else(|| "any".to_owned(), |ip| ip.to_string()),
        );
        match port.count {
            0..=EXPANDED => (port.host_port..=port.last_host_port())
                .map(|p| (file::at(&dir, p), host.clone()))
                .collect(),
            _ => vec![(
                dir.join("ranges"),
                format!("{}-{}@{host}", port.host_port, port.last_host_port()),
            )],
        }
    }

    /// Who else than `us` publishes a port that overlaps with this one.
    pub(crate) fn port_holder(&self, port: &PortSpec, us: &str) -> Result<Option<String>> {
        let dir = self.ports(port);
        let singles = match port.count {
            0..=EXPANDED => (port.host_port..=port.last_host_port())
                .map(|p| p.to_string())
                .collect(),
            _ => file::names(&dir)?,
        };
        for name in singles.iter().map(String::as_str).chain(["ranges"]) {
            for entry in file::names(&dir.join(name))? {
                let path = dir.join(name).join(&entry);
                let (ports, host) = entry.split_once('@').unwrap_or((name, &entry));
                let other = parse_entry(ports, host, port);
                let meets = other.is_some_and(|other| other.overlaps(port));
                let holder = file::holder_of(&path)?.filter(|holder| meets && holder != us);
                if holder.is_some() {
                    return Ok(holder);
                }
            }
        }
        Ok(None)
    }

    /// The host's lock must be held, and `port_holder` have answered nobody.
    pub(crate) fn reserve_port(&self, port: &PortSpec, holder: &str) -> Result<()> {
        for (dir, name) in self.port_entries(port) {
            file::make_dir(&dir)?;
            file::reserve(&dir.join(name), holder)?;
        }
        Ok(())
    }

    pub(crate) fn release_port(&self, port: &PortSpec, holder: &str) -> Result<()> {
        for (dir, name) in self.port_entries(port) {
            file::release(&dir.join(name), holder)?;
            let _ = std::fs::remove_dir(&dir); // stays while others have an entry there
        }
        Ok(())
    }

    /// Notes that an attachment has a port which 127.0.0.1 leads to.
    pub(crate) fn mark_loopback(&self, network: &NetworkName, host_end: IfName) -> Result<()> {
        file::mark(&self.mark_path(network, "loopback", host_end))
    }

    pub(crate) fn unmark_loopback(&self, network: &NetworkName, host_end: IfName) -> Result<()> {
        file::unmark(&self.mark_path(network, "loopback", host_end))
    }

    /// Whether nobody else in the network has such a port. However many have one, they are counted, not listed.
    pub(crate) fn is_last_loopback(&self, network: &NetworkName, host_end: IfName) -> Result<bool> {
        match file::marks(&self.dir(network).join("loopback"))? {
            0 => Ok(true),
            1 => file::has_dir(&self.mark_path(network, "loopback", host_end)),
            _ => Ok(false),
        }
    }

    /// Notes an attachment that nobody finds by its name alone, if it is one; see [`Attachment::is_found_by_name`].
    pub(crate) fn mark_other(&self, of: &Attachment) -> Result<()> {
        match of.is_found_by_name() {
            true => Ok(()),
            false => file::mark(&self.mark_path(&of.key.network, "other", of.host_end)),
        }
    }

    pub(crate) fn unmark_other(&self, network: &NetworkName, host_end: IfName) -> Result<()> {
        file::unmark(&self.mark_path(network, "other", host_end))
    }

    /// The host ends of those that are noted.
    pub(crate) fn others(&self, network: &NetworkName) -> Result<Vec<IfName>> {
        let dir = self.dir(network).join("other");
        let names = match file::marks(&dir)? {
            0 => Vec::new(),
            _ => file::names(&dir)?,
        };
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn mark_path(&self, network: &NetworkName, part: &str, host_end: IfName) -> PathBuf {
        file::at(&self.dir(network).join(part), host_end)
    }
}

fn parse_entry(ports: &str, host: &str, like: &PortSpec) -> Option<PortSpec> {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    let host = match host {
        "any" => None,
        ip => Some(ip.parse().ok()?),
    };
    Some(PortSpec {
        host,
        host_port: first,
        port: first,
        count: (last - first).saturating_add(1),
        transport: like.transport,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    fn port(text: &str) -> PortSpec {
        text.parse().unwrap()
    }

    #[test]
    fn who_is_the_last_of_127_0_0_1_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), "b");
        let blue: NetworkName = "blue".parse().unwrap();
        let _lock = (
            store.lock_host().unwrap(),
            store.lock_network(&blue).unwrap(),
        );
        let [a, b]: [IfName; 2] = ["vtpa", "vtpb"].map(|end| end.parse().unwrap());
        let is_last = |end| store.is_last_loopback(&blue, end).unwrap();
        assert!(is_last(a), "nobody has one");
        store.mark_loopback(&blue, a).unwrap();
        store.mark_loopback(&blue, a).unwrap();
        assert!(is_last(a) && !is_last(b));
        store.mark_loopback(&blue, b).unwrap();
        assert!(!is_last(a) && !is_last(b));
        store.unmark_loopback(&blue, a).unwrap();
        store.unmark_loopback(&blue, a).unwrap();
        assert!(!is_last(a) && is_last(b));
    }

    #[test]
    fn only_those_not_found_by_name_are_noted() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), "b");
        let blue: NetworkName = "blue".parse().unwrap();
        let _lock = (
            store.lock_host().unwrap(),
            store.lock_network(&blue).unwrap(),
        );
        let usual = crate::record::tests::claim().attachment;
        let elsewhere = Attachment {
            namespace: "pid:7".into(),
            host_end: "vtpz".parse().unwrap(),
            ..usual.clone()
        };
        for of in [&usual, &elsewhere] {
            store.mark_other(of).unwrap();
        }
        assert_eq!(store.others(&blue).unwrap(), [elsewhere.host_end]);
        store.unmark_other(&blue, elsewhere.host_end).unwrap();
        assert!(store.others(&blue).unwrap().is_empty());
    }

    #[test]
    fn a_port_is_had_once_on_all_addresses_or_on_each() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), "b");
        let _lock = store.lock_host().unwrap();
        store
            .reserve_port(&port("192.0.2.1:80:80"), "blue/vtpa")
            .unwrap();
        store
            .reserve_port(&port("5000-6000:5000-6000/udp"), "blue/vtpb")
            .unwrap();
        let holder = |text: &str| store.port_holder(&port(text), "red/vtpz").unwrap();
        assert_eq!(holder("80:8080").as_deref(), Some("blue/vtpa"));
        assert_eq!(holder("70-90:70-90").as_deref(), Some("blue/vtpa"));
        assert_eq!(holder("1-1000:1-1000").as_deref(), Some("blue/vtpa"));
        assert_eq!(holder("192.0.2.2:80:80"), None);
        assert_eq!(store.port_holder(&port("80:1"), "blue/vtpa").unwrap(), None);
        assert_eq!(holder("80:80/udp"), None);
        assert_eq!(holder("192.0.2.2:5500:1/udp").as_deref(), Some("blue/vtpb"));
        store
            .release_port(&port("192.0.2.1:80:80"), "other")
            .unwrap();
        assert!(holder("80:80").is_some(), "only its holder gives it back");
        store
            .release_port(&port("192.0.2.1:80:80"), "blue/vtpa")
            .unwrap();
        assert_eq!(holder("1-1000:1-1000"), None);
    }
}
