//! What the calling thread may do: its effective capabilities and the numbers its user namespace knows.

use std::fs;

/// linux/capability.h
pub(crate) const CAP_SETUID: u32 = 7;
pub(crate) const CAP_SYS_ADMIN: u32 = 21;

/// Whether the calling thread has a capability in its user namespace.
pub(crate) fn has(capability: u32) -> bool {
    fs::read_to_string("/proc/thread-self/status")
        .is_ok_and(|status| effective(&status) >> capability & 1 == 1)
}

fn effective(status: &str) -> u64 {
    let field = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    field
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0)
}

/// Whether all these user and group numbers exist in the calling thread's user namespace.
pub(crate) fn knows_ids(first: u32, count: u32) -> bool {
    let knows = |file: &str| fs::read_to_string(file).is_ok_and(|map| covers(&map, first, count));
    knows("/proc/thread-self/uid_map") && knows("/proc/thread-self/gid_map")
}

/// Whether one line of a map, `inside outside count`, holds the whole range.
fn covers(map: &str, first: u32, count: u32) -> bool {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        let (start, _, length) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let (first, count) = (u64::from(first), u64::from(count));
        Some(start <= first && first + count <= start + length)
    };
    map.lines().any(|text| line(text) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_the_status() {
        assert_eq!(
            effective("Name:\tx\nCapEff:\t0000000000200080\n"),
            1 << CAP_SYS_ADMIN | 1 << CAP_SETUID
        );
        assert_eq!(effective("CapEff:\n"), 0);
        assert_eq!(effective(""), 0);
    }

    #[test]
    fn a_range_is_covered_only_as_a_whole() {
        let all = "         0          0 4294967295\n";
        assert!(covers(all, 0x7000_0000, 65536));
        assert!(!covers("0 1000 1\n1 100000 65536\n", 0x7000_0000, 65536));
        assert!(!covers("0 0 10\n", 5, 6));
        assert!(!covers("junk\n0 x 1\n", 0, 1));
    }
}
