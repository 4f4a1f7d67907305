//! Bytes at a rate, as the kernel's packet scheduler counts them: in ticks of time.
//!
//! A tick is 64 ns: `PSCHED_SHIFT` is 6 in include/net/pkt_sched.h of all kernels since Linux 2.6.31, and the first two words of
//! /proc/net/psched say so (`000003e8 00000040`: 1000 ns in a microsecond, 64 ns in a tick).

const TICK: u128 = 64; // nanoseconds
const SECOND: u128 = 1_000_000_000; // nanoseconds

/// How many whole ticks `bytes` take at `rate` bytes per second; `None` if they are more than the kernel's 32 bits, which is 274 seconds.
pub(super) fn ticks(bytes: u32, rate: u64) -> Option<u32> {
    let time = u128::from(bytes) * SECOND;
    let ticks = time.checked_div(u128::from(rate) * TICK)?;
    u32::try_from(ticks).ok()
}

/// How many bytes pass in `ticks` at `rate` bytes per second, to the nearest byte: what [`ticks`] was told, as long as less than half a
/// byte passes in a tick (below 7.8 MB/s), and nearly that above.
pub(super) fn bytes(ticks: u32, rate: u64) -> u32 {
    let passed = u128::from(ticks) * TICK * u128::from(rate);
    u32::try_from((passed + SECOND / 2) / SECOND).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_those_of_tc() {
        // tc 6.1 sends 0x27100 for rate 8mbit burst 10kb, and 0x30d4 for peakrate 16mbit mtu 1600.
        assert_eq!(ticks(10_240, 1_000_000), Some(0x27100));
        assert_eq!(ticks(1600, 2_000_000), Some(0x30d4));
        assert_eq!(bytes(160_000, 1_000_000), 10_240);
    }

    #[test]
    fn what_does_not_fit_is_said_and_nothing_divides_by_zero() {
        assert_eq!(ticks(1, 0), None);
        assert_eq!(ticks(0, 1), Some(0));
        assert_eq!(ticks(274, 1), Some(4_281_250_000));
        assert_eq!(ticks(275, 1), None, "274.9 s");
        assert_eq!(ticks(u32::MAX, u64::MAX), Some(0));
        assert_eq!(bytes(u32::MAX, u64::MAX), u32::MAX);
    }

    proptest! {
        #[test]
        fn bytes_come_back(size: u32, rate in 1u64..7_800_000) {
            if let Some(ticks) = ticks(size, rate) {
                prop_assert_eq!(bytes(ticks, rate), size);
            }
        }

        #[test]
        fn at_high_rates_less_than_a_tick_is_lost(size: u32, rate in 7_800_000u64..1 << 40) {
            if let Some(ticks) = ticks(size, rate) {
                let found = bytes(ticks, rate);
                prop_assert!(found <= size && u64::from(size - found) <= rate * 64 / 1_000_000_000 + 1);
            }
        }
    }
}
