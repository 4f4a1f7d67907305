//! The host under a tool: what it may write, and everything taken away by hand.

use std::fs;

use crate::lab::Lab;
use crate::node::Node;

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Links, rules and files.
    Everything,
    /// Links and rules: files stay, as after a reboot without a word to anybody.
    Kernel,
}

/// Parts of /etc that the tools read; they get a /etc of their own, in memory.
const ETC: &str = "alternatives ethertypes group iproute2 ld.so.cache ld.so.conf ld.so.conf.d nsswitch.conf passwd protocols services \
                   xtables.conf";

/// The lab is a machine: process 1 is in its network namespace, so that what is made here outlives a reboot where the tool keeps it.
pub(super) fn machine(lab: &Lab) {
    let thread = fs::read_link("/proc/thread-self").expect("the lab's own thread");
    let words = format!("mount --bind /proc/{}/ns /proc/1/ns", thread.display());
    lab.fixture(|| lab.cmd(&words).ok());
}

/// From now on nothing of the machine's /etc can be written.
pub(super) fn private_etc(lab: &Lab) {
    lab.fixture(|| {
        lab.shell(&format!(
            "mkdir /run/etc && mount -t tmpfs -o mode=0755 etc /run/etc
             for name in {ETC}; do cp -a /etc/$name /run/etc/ 2>/dev/null; done
             mount --move /run/etc /etc && rmdir /run/etc"
        ))
        .ok()
    });
}

/// Takes away what any of the tools has made, whatever is left of it.
#[track_caller]
pub(super) fn sweep(lab: &Lab, containers: &[&Node], what: What) {
    let links = "for kind in bridge veth; do
            ip -o link show type $kind | awk -F '[ :@]+' '{print $2}' | grep -vxE 'up0|lan0' | xargs -r -n 1 ip link delete
        done 2>/dev/null; true";
    lab.shell(links).ok();
    for container in containers {
        container.shell(links).ok();
    }
    lab.shell(
        "nft flush ruleset
         for dev in all default up0; do sysctl -qw net.ipv4.conf.$dev.forwarding=0; done
         sysctl -qe -w net.ipv6.conf.up0.force_forwarding=0",
    )
    .ok();
    if what == What::Everything {
        lab.shell("rm -rf /run/vetch /run/netavark /run/cni /run/xtables.lock /var/lib/cni /var/lib/vetch")
            .ok();
    }
}

/// As after a reboot: nothing in the kernel, another boot id, and all files where they were.
#[track_caller]
pub(super) fn reboot(lab: &Lab, containers: &[&Node]) {
    sweep(lab, containers, What::Kernel);
    lab.shell(
        "cat /proc/sys/kernel/random/uuid > /run/boot_id
         mount --bind /run/boot_id /proc/sys/kernel/random/boot_id",
    )
    .ok();
}
