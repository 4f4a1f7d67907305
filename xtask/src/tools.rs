//! The reference tools that the privileged suite compares with: found, or installed on Debian by root.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use nix::unistd::Uid;

use crate::sh::succeeds;

/// What the suite uses.
const TOOLS: [Tool; 13] = [
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
/// The peers' programs, which nobody needs who does not compare with them. CNI's plugins and netavark start `iptables`.
const PEERS: [Tool; 3] = [
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("/usr/lib/podman/netavark", "netavark"),
    ("iptables", "iptables"),
];
/// Who calls CNI plugins. Podman brings conmon; the containers are made of a busybox that needs no libraries.
const CLIENTS: [Tool; 6] = [
    ("podman", "podman"),
    ("containerd", "containerd"),
    ("crun", "crun"),
    ("runc", "runc"),
    ("busybox", "busybox-static"),
    ("chroot", "coreutils"),
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
    if can_install() {
        install(&missing(&TOOLS))?;
    }
    for (program, package) in missing(&TOOLS) {
        println!(
            "MISSING {program} (Debian package {package}): what is compared with it is skipped"
        );
    }
    Ok(NEEDED.into_iter().all(has))
}

/// Names the peers that are missing, or installs them if asked to; whether there is one at least.
pub(crate) fn prepare_peers(wanted: bool) -> Result<bool> {
    if wanted && can_install() {
        install(&missing(&PEERS))?;
    }
    let missing = missing(&PEERS);
    for (program, package) in &missing {
        println!(
            "MISSING {program} (Debian package {package}): not compared; `--install` installs it"
        );
    }
    let there = |program: &str| !missing.iter().any(|(missing, _)| *missing == program);
    Ok(there("iptables") && PEERS.iter().take(2).any(|(program, _)| there(program)))
}

/// Installs the clients of CNI that are missing if possible, names what is missing still; whether there can be containers.
pub(crate) fn prepare_clients() -> Result<bool> {
    if can_install() {
        install(&missing(&CLIENTS))?;
    }
    for (program, package) in missing(&CLIENTS) {
        println!("MISSING {program} (Debian package {package})");
    }
    Ok(has("busybox"))
}

/// A program and the Debian package that has it.
type Tool = (&'static str, &'static str);

fn missing(tools: &[Tool]) -> Vec<Tool> {
    let tools = tools.iter().copied();
    tools.filter(|(program, _)| !has(program)).collect()
}

fn install(missing: &[Tool]) -> Result<()> {
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    succeeds(apt(&["update", "-qq"]))?;
    let words = ["install", "-y", "-qq", "--no-install-recommends"];
    succeeds(apt(&[&words, packages.as_slice()].concat()))?;
    Ok(())
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
