//! Namespaces and programs in them, through the library: `cargo xtask test-net` runs it in the lab.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ends;
mod inside;
mod names;
mod open;
mod run;
mod sandbox;

use std::time::{Duration, Instant};
use std::{fs, process, thread};

use nix::mount::{MntFlags, umount2};
use ns_mgmt::{Holder, NetNs, NsName, Target};

fn name(text: &str) -> NsName {
    text.parse().unwrap()
}

fn open(text: &str) -> ns_mgmt::Result<NetNs> {
    NetNs::open(&text.parse::<Target>()?)
}

fn inode_of(path: &str) -> u64 {
    let link = fs::read_link(path).unwrap();
    let text = link.to_str().unwrap();
    text[text.find('[').unwrap() + 1..text.len() - 1]
        .parse()
        .unwrap()
}

fn await_true(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "it did not come true");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The directory that the first create makes a mount of stays, as it does with the reference tool.
fn leave_no_directory() {
    umount2("/run/netns", MntFlags::MNT_DETACH).unwrap();
    fs::remove_dir("/run/netns").unwrap();
}

/// Without what a neighbouring test's child has for the moment between its fork and its program: copies of our descriptors.
fn lasting(mut holders: Vec<Holder>) -> Vec<Holder> {
    holders.retain(|holder| match holder {
        Holder::Descriptor { pid, .. } | Holder::Socket { pid, .. } => *pid == process::id(),
        _ => true,
    });
    holders
}
