//! Refuses a start with privileges that come from the program file, and lets go of those that are not needed.
//!
//! Vetch trusts its environment and its arguments: whoever starts it must already have the rights it uses. Nothing may read an
//! environment variable before this check.

use crate::failure::Failure;
use crate::sys;

/// Refuses a setuid, setgid or file-capability start.
///
/// `AT_SECURE` alone is no proof: SELinux sets it on harmless changes of domain, as a service manager makes them.
pub(crate) fn refuse_elevated() -> Result<(), Failure> {
    let started = sys::started();
    let why = if started.uid.0 != started.uid.1 {
        format!(
            "started by user {}, running as user {} (setuid)",
            started.uid.0, started.uid.1
        )
    } else if started.gid.0 != started.gid.1 {
        format!(
            "started by group {}, running as group {} (setgid)",
            started.gid.0, started.gid.1
        )
    } else if started.secure && started.uid.1 != 0 && sys::has_capabilities() {
        "the program file carries capabilities".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::new(format!("cannot run with the privileges of the program file: {why}")).hint(
        "remove the bits (chmod ug-s, setcap -r) and start it as root, or without privilege inside `vetch sandbox`",
    ))
}

// linux/capability.h
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_KILL: u32 = 5;
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;

/// Whoever waits for a container keeps only what it takes to pass on signals and to detach it in the end.
pub(crate) fn keep_what_waiting_needs() -> Result<(), Failure> {
    keep(&[CAP_KILL, CAP_NET_ADMIN, CAP_SYS_ADMIN])
}

/// Whoever watches over networks keeps what it takes to mend them, and to see who changed them. As in the unit for systemd.
pub(crate) fn keep_what_watching_needs() -> Result<(), Failure> {
    keep(&[
        CAP_DAC_READ_SEARCH,
        CAP_NET_ADMIN,
        CAP_SYS_PTRACE,
        CAP_SYS_ADMIN,
    ])
}

fn keep(capabilities: &[u32]) -> Result<(), Failure> {
    sys::keep_capabilities(capabilities)
        .map_err(|error| Failure::new("cannot let go of capabilities").with_cause(&error))
}
