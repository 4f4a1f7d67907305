//! `tbf`: packets leave at a rate, after a burst (tc-tbf(8), `TCA_TBF_*`, `struct tc_tbf_qopt` of linux/pkt_sched.h).

use super::psched;
use crate::attr::{Attrs, Malformed, Writer};
use crate::trace::layout::attributes;
use std::time::Duration;

attributes! {
    pub(super) ATTRIBUTES = "" {
        TCA_TBF_PARMS = 1 Bytes,
        TCA_TBF_RTAB = 2 Bytes,
        TCA_TBF_PTAB = 3 Bytes,
        TCA_TBF_RATE64 = 4 Number,
        TCA_TBF_PRATE64 = 5 Number,
        TCA_TBF_BURST = 6 Number,
        TCA_TBF_PBURST = 7 Number,
    }
}

const PARMS: usize = 36; // struct tc_tbf_qopt: two struct tc_ratespec, limit, buffer, mtu
const TC_LINKLAYER_ETHERNET: u8 = 1; // 0 makes the kernel look at the tables of old tools to guess (sch_tbf.c)

/// A bucket of tokens: whoever sends spends a token for each byte; `rate` tokens come each second, and `burst` fit in.
///
/// What has no token waits; what exceeds `limit` bytes waiting is dropped.
///
/// ```
/// use core_netlink::tc::Tbf;
/// use std::time::Duration;
/// // 8 Mbit/s, 10 KiB at once, and nobody waits longer than 50 ms.
/// let mut tbf = Tbf { rate: 1_000_000, burst: 10_240, ..Tbf::default() };
/// tbf.limit = tbf.limit_of(Duration::from_millis(50));
/// assert_eq!(tbf.limit, 60_240);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tbf {
    /// Bytes per second, from 1.
    pub rate: u64,
    /// Bytes that may leave at once: at least the MTU of the link and its header, or larger packets never leave. The kernel keeps it as
    /// time, in steps of 64 ns: it is found a few bytes smaller where the rate is above 7.8 MB/s. At most what passes in 274 seconds.
    pub burst: u32,
    /// Bytes that may wait, from 1; see [`limit_of`](Self::limit_of).
    pub limit: u32,
    /// How fast the burst itself may leave; as fast as the link can unless given.
    pub peak: Option<TbfPeak>,
}

/// The second bucket of a [`Tbf`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TbfPeak {
    /// Bytes per second, above [`Tbf::rate`].
    pub rate: u64,
    /// Bytes that may leave at once ("mtu" or "minburst"): as [`Tbf::burst`], at least the MTU of the link and its header.
    pub mtu: u32,
}

impl Tbf {
    /// The limit with which no packet waits longer than `latency` (tc's word): what passes in that time, and the burst. At most
    /// 4 GiB.
    pub fn limit_of(&self, latency: Duration) -> u32 {
        let of = |rate: u64, burst: u32| {
            let passed = u128::from(rate).saturating_mul(latency.as_nanos()) / 1_000_000_000;
            u32::try_from(passed.saturating_add(burst.into())).unwrap_or(u32::MAX)
        };
        let limit = of(self.rate, self.burst);
        let peak = self.peak.map(|peak| of(peak.rate, peak.mtu));
        peak.map_or(limit, |peak| peak.min(limit))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let lasting = |field: &str, size: u32, rate: u64| match psched::ticks(size, rate) {
            Some(_) => Ok(()),
            None => Err(format!(
                "{field} {size} lasts longer at rate {rate} than 274 seconds, which is the most"
            )),
        };
        let zeros = [
            ("rate", self.rate == 0),
            ("burst", self.burst == 0),
            ("limit", self.limit == 0),
            ("mtu", self.peak.is_some_and(|peak| peak.mtu == 0)),
        ];
        if let Some((field, _)) = zeros.iter().find(|(_, zero)| *zero) {
            return Err(format!("{field} is 0: nothing would ever pass"));
        }
        lasting("burst", self.burst, self.rate)?;
        match self.peak {
            Some(peak) if peak.rate <= self.rate => Err(format!(
                "peak rate {} is not above rate {}",
                peak.rate, self.rate
            )),
            Some(peak) => lasting("mtu", peak.mtu, peak.rate),
            None => Ok(()),
        }
    }

    /// The 64-bit rates and the sizes in bytes are of Linux 3.13 and 3.14; older kernels go by what is in the struct.
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(TCA_TBF_PARMS, &self.parms());
        w.u32(TCA_TBF_BURST, self.burst);
        if u32::try_from(self.rate).is_err() {
            w.u64(TCA_TBF_RATE64, self.rate);
        }
        let Some(peak) = self.peak else {
            return;
        };
        w.u32(TCA_TBF_PBURST, peak.mtu);
        if u32::try_from(peak.rate).is_err() {
            w.u64(TCA_TBF_PRATE64, peak.rate);
        }
    }

    fn parms(&self) -> Vec<u8> {
        let ticks = |size: u32, rate: u64| psched::ticks(size, rate).unwrap_or(u32::MAX);
        let peak = self.peak.unwrap_or_default();
        let mtu = self.peak.map_or(0, |peak| ticks(peak.mtu, peak.rate));
        let mut parms = Vec::with_capacity(PARMS);
        parms.extend_from_slice(&ratespec(self.rate));
        parms.extend_from_slice(&ratespec(peak.rate));
        for word in [self.limit, ticks(self.burst, self.rate), mtu] {
            parms.extend_from_slice(&word.to_ne_bytes());
        }
        parms
    }

    pub(super) fn decode(attrs: &Attrs<'_>) -> Result<Self, Malformed> {
        let missing = Malformed::new("tbf without TCA_TBF_PARMS", PARMS, 0);
        let parms: [u8; PARMS] = attrs.find(TCA_TBF_PARMS)?.ok_or(missing)?.array()?;
        let word = |at: usize| {
            u32::from_ne_bytes([parms[at], parms[at + 1], parms[at + 2], parms[at + 3]])
        };
        let rate = |short: u32, long: u16| match attrs.find(long)? {
            Some(attr) => attr.u64(),
            None => Ok(short.into()),
        };
        let peak = rate(word(20), TCA_TBF_PRATE64)?;
        let rate = rate(word(8), TCA_TBF_RATE64)?;
        for attr in attrs.clone() {
            attr?; // those behind what was looked for
        }
        Ok(Tbf {
            rate,
            burst: psched::bytes(word(28), rate),
            limit: word(24),
            peak: (peak != 0).then(|| TbfPeak {
                rate: peak,
                mtu: psched::bytes(word(32), peak),
            }),
        })
    }
}

/// `struct tc_ratespec`: cell_log, linklayer, overhead, cell_align, mpu, rate. The cells are those of a table that is not sent. A rate
/// that does not fit is all ones.
fn ratespec(rate: u64) -> [u8; 12] {
    let mut spec = [0; 12];
    spec[1] = if rate == 0 { 0 } else { TC_LINKLAYER_ETHERNET };
    let [a, b, c, d] = u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes();
    spec[8] = a;
    spec[9] = b;
    spec[10] = c;
    spec[11] = d;
    spec
}
