//! The reference tools that the privileged suite compares with: found, or installed on Debian by root.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use nix::unistd::Uid;

use crate::sh::succeeds;

/// A program and the Debian package that has it.
const TOOLS: [(&str, &str); 13] = [
    ("ip", "iproute2"),
    ("bridge", "iproute2"),
    ("nft", "nftables"),
    ("brctl", "bridge-utils"),
    ("ifconfig", "net-tools"),
    ("ping", "iputils-ping"),
    ("arping", "iputils-arping"),
    ("ps", "procps"),
    ("nc", "netcat-openbsd"),
    ("tcpdump", "tcpdump"),
    ("conntrack", "conntrack"),
    ("strace", "strace"),
    ("unshare", "util-linux"),
];
/// Without these the lab cannot build anything nor look at it.
const NEEDED: [&str; 3] = ["ip", "nft", "ping"];

/// PATH with the directories where Debian keeps system tools.
pub(crate) fn path() -> String {
    format!(
        "{}:/usr/local/sbin:/usr/sbin:/sbin",
        env::var("PATH").unwrap_or_default()
    )
}

/// Whether a program is in PATH.
pub(crate) fn has(program: &str) -> bool {
    path()
        .split(':')
        .any(|directory| Path::new(directory).join(program).is_file())
}

/// Whether missing tools can be installed here.
pub(crate) fn can_install() -> bool {
    Uid::effective().is_root() && Path::new("/etc/debian_version").exists()
}

/// Installs what is missing if possible, names what is missing still; whether the suite can run.
pub(crate) fn prepare() -> Result<bool> {
    if !missing().is_empty() && can_install() {
        let mut packages: Vec<_> = missing().iter().map(|(_, package)| *package).collect();
        packages.dedup();
        succeeds(apt(&["update", "-qq"]))?;
        succeeds(apt(&[
            &["install", "-y", "-qq", "--no-install-recommends"],
            packages.as_slice(),
        ]
        .concat()))?;
    }
    for (program, package) in missing() {
        println!(
            "MISSING {program} (Debian package {package}): what is compared with it is skipped"
        );
    }
    Ok(NEEDED.into_iter().all(has))
}

fn missing() -> Vec<(&'static str, &'static str)> {
    TOOLS
        .into_iter()
        .filter(|(program, _)| !has(program))
        .collect()
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
