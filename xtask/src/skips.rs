//! Judges skips: expected is only what names something that is really missing here.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use nix::sys::utsname::uname;
use nix::unistd::Uid;

use crate::tools;

/// A skipped test, and whether what it names is really missing.
#[derive(Debug)]
pub(crate) struct Skip {
    pub(crate) test: String,
    pub(crate) reason: String,
    pub(crate) expected: bool,
}

/// Reads the list that the tests wrote: one `test<TAB>reason` per line; a test counts once.
pub(crate) fn read(list: &str) -> Vec<Skip> {
    let by_test: BTreeMap<_, _> = list
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    by_test
        .into_iter()
        .map(|(test, reason)| Skip {
            test: test.into(),
            reason: reason.into(),
            expected: is_missing(reason),
        })
        .collect()
}

/// Whether what the reason begins with is missing on this machine.
fn is_missing(reason: &str) -> bool {
    let what = reason
        .split([' ', ','])
        .next()
        .unwrap_or_default()
        .trim_end_matches(':');
    match what.split_once([':', '=']) {
        _ if what.starts_with("CONFIG_") => !kernel_has(what, &kernel_config()),
        Some(("tool", program)) => !tools::has(program) && !tools::can_install(),
        Some(("kernel>", version)) => older(&release(), version),
        _ => what == "root" && !Uid::effective().is_root(),
    }
}

/// Built in; or a module that is there to be loaded. Without a configuration to read, nobody can say: then it counts as missing.
fn kernel_has(option: &str, config: &str) -> bool {
    let value = config
        .lines()
        .find_map(|line| line.strip_prefix(option)?.strip_prefix('='));
    match value {
        Some("m") => fs::metadata(format!("/lib/modules/{}/modules.dep", release())).is_ok(),
        Some(_) => true,
        None => false,
    }
}

fn kernel_config() -> String {
    let packed = || {
        Command::new("zcat")
            .arg("/proc/config.gz")
            .output()
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
    };
    fs::read_to_string(format!("/boot/config-{}", release()))
        .or_else(|_| packed())
        .unwrap_or_default()
}

fn release() -> String {
    uname()
        .map(|name| name.release().to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn older(release: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(|c: char| !c.is_ascii_digit())
            .take(2)
            .filter_map(|n| n.parse().ok())
            .collect()
    };
    numbers(release) < numbers(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_is_there_is_no_reason() {
        let config = "CONFIG_BRIDGE=y\n# CONFIG_DUMMY is not set\nCONFIG_VETH_LOOKALIKE=y\n";
        assert!(kernel_has("CONFIG_BRIDGE", config));
        assert!(!kernel_has("CONFIG_DUMMY", config));
        assert!(!kernel_has("CONFIG_VETH", config));
    }

    #[test]
    fn a_reason_nobody_knows_is_unexpected() {
        assert!(!is_missing("did not work today"));
        assert!(!is_missing("tool:sh"));
        assert!(!is_missing("kernel>=3.0: netlink"));
        assert!(is_missing("kernel>=99.0: the future"));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(older("6.9.1-amd64", "6.17"));
        assert!(!older("6.18.44-fc", "6.17"));
    }

    #[test]
    fn a_test_that_skips_twice_counts_once() {
        assert_eq!(
            read("a\troot: x\nb\tCONFIG_NOT_THERE: y\na\troot: z\n").len(),
            2
        );
    }
}
