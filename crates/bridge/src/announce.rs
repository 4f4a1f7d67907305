//! An address that changes its owner keeps its MAC address, which follows from it. Not where somebody chose a MAC address, or an address
//! whose IPv6 counterpart is somebody else's: neighbours that knew the old MAC address would send there for half a minute. In such a
//! network everybody announces himself.

use crate::engine::{Engine, Scene, netlink};
use crate::error::{Error, Result};
use crate::file;
use crate::kernel::Setting;
use crate::name::NetworkName;
use crate::record::Claim;
use crate::spec::Attachment;
use crate::step::Step;
use crate::store::Store;
use crate::words::{place, step, sysctl_words};
use core_netlink::HwAddr;
use core_netlink::link::LinkSpec;
use std::path::PathBuf;

impl Store {
    /// Notes that MAC addresses do not follow from addresses in this network, if those of this attachment do not.
    pub(crate) fn mark_mac(&self, claim: &Claim) -> Result<()> {
        match follows(&claim.attachment) {
            true => Ok(()),
            false => file::reserve(&self.mac_path(&claim.attachment.key.network), "1").map(drop),
        }
    }

    fn mac_path(&self, network: &NetworkName) -> PathBuf {
        self.dir(network).join(".mac")
    }
}

/// Whether its MAC address is that of its first address, and its other addresses have the same place in their subnets.
fn follows(of: &Attachment) -> bool {
    let Some(first) = of.addresses.first() else {
        return true;
    };
    let mut others = of.addresses.iter();
    of.mac == of.key.network.mac(first.addr())
        && others.all(|other| ipam::place(*other) == ipam::place(*first))
}

impl Engine {
    /// Whether neighbours may know another MAC address for its addresses.
    pub(crate) fn must_announce(&self, claim: &Claim) -> Result<bool> {
        let marked = self.store.mac_path(&claim.attachment.key.network);
        Ok(!follows(&claim.attachment) || file::holder_of(&marked)?.is_some())
    }

    /// The kernel tells by itself when a MAC address is set, even to what it was.
    pub(crate) fn announce(&mut self, of: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let op = || format!("announce {}", of.mac);
        self.kernel.set_sysctls(scene.namespace, sysctls(of))?;
        let again = LinkSpec {
            address: Some(HwAddr::from(of.mac)),
            ..LinkSpec::default()
        };
        let (Some(conn), Some(index)) = (&mut scene.conn, scene.inner) else {
            return Err(Error::missing(op(), "nobody has looked inside"));
        };
        let told = conn.set_link(index, &again);
        told.map_err(|err| netlink(op(), err.in_namespace(&of.namespace)))
    }
}

fn sysctls(of: &Attachment) -> Vec<Setting> {
    let ifname = of.key.ifname;
    let v6 = of.addresses.iter().any(|net| net.addr().is_ipv6());
    let v6 = v6.then(|| (format!("net/ipv6/conf/{ifname}/ndisc_notify"), "1"));
    let v4 = (format!("net/ipv4/conf/{ifname}/arp_notify"), "1");
    [v4].into_iter().chain(v6).collect()
}

pub(crate) fn announce_step(of: &Attachment) -> Step {
    let (_, enter) = place(&of.namespace);
    let settings = sysctl_words(&sysctls(of)).into_iter();
    let mut words: Vec<String> = settings.map(|word| format!("{enter}{word}")).collect();
    words.push(format!(
        "{enter}ip link set {} address {}",
        of.key.ifname, of.mac
    ));
    step("tell the neighbours its MAC address", words, vec![])
}
