//! Which boot this is, and when it began.

use crate::error::{Code, Error, Result};
use std::fs;
use std::time::{Duration, SystemTime};

const DIGITS: usize = 12;

/// A boot.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    /// The beginning of the kernel's random number of the boot.
    pub(super) id: String,
    /// What was written before this was written before the boot; `None` if that is not known.
    pub(super) began: fn() -> Option<SystemTime>,
}

impl Boot {
    pub(super) fn this() -> Result<Boot> {
        let id = ns_mgmt::boot_id();
        let id = id.map_err(|err| Error::new(Code::Io, format!("cannot tell the boot: {err}")))?;
        Ok(Boot {
            id: short(&id),
            began,
        })
    }
}

fn short(id: &str) -> String {
    let digits = id.chars().filter(char::is_ascii_hexdigit);
    digits.take(DIGITS).collect()
}

fn began() -> Option<SystemTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let made = fs::metadata("/dev/null").ok()?.modified().ok()?;
    earlier(&stat, made)
}

/// The earlier of two times: when the kernel says it began (`btime` of proc_stat(5)), which moves with each step of the clock, and what
/// the clock showed when the kernel made the device files, which does not. A clock that was set forward after the boot, as on machines
/// that keep no time while they are off, so never makes a lease of this boot look older than it.
fn earlier(stat: &str, made: SystemTime) -> Option<SystemTime> {
    btime(stat).map(|told| told.min(made))
}

fn btime(stat: &str) -> Option<SystemTime> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    let seconds = line.trim().parse().ok().filter(|seconds| *seconds > 0)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_has_a_number_and_a_beginning() {
        let boot = Boot::this().unwrap();
        assert_eq!((boot.id.len(), &Boot::this().unwrap().id), (12, &boot.id));
        assert!((boot.began)().unwrap() < SystemTime::now());
    }

    #[test]
    fn a_clock_that_was_set_makes_nothing_look_older() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let began = |made| earlier("btime 1700000000", at(made));
        assert_eq!(began(5), Some(at(5)), "it was set forward");
        assert_eq!(
            began(1_800_000_000),
            Some(at(1_700_000_000)),
            "it was set back"
        );
        assert_eq!(earlier("", at(5)), None);
    }

    #[test]
    fn the_time_of_the_boot_is_read_or_not_known() {
        let at = |stat| btime(stat).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        let want = Some(Duration::from_secs(1_700_000_000));
        assert_eq!(at("cpu 1 2\nbtime 1700000000\nprocesses 3\n"), want);
        for unknown in [
            "",
            "btime 0",
            "btime x",
            "btime",
            "btime 99999999999999999999",
        ] {
            assert_eq!(at(unknown), None, "{unknown}");
        }
    }
}
