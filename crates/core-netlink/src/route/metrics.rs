//! What a route says about its path (`RTAX_*`, nested in `RTA_METRICS`).

use crate::attr::{Attr, Attrs, Malformed, Writer};
use crate::table::{Value, attrs, bits};

bits! {
    /// Behaviour of TCP on a route (`RTAX_FEATURE_*`).
    RouteFeatures(u32) {
        /// Explicit congestion notification.
        ECN = 1 "ecn",
        /// Selective acknowledgement (historical).
        SACK = 2 "sack",
        /// Timestamps (historical).
        TIMESTAMP = 4 "timestamp",
        /// A fragment header in every packet (historical).
        ALLFRAG = 8 "allfrag",
        /// Timestamps in microseconds.
        TCP_USEC_TS = 16 "tcp_usec_ts",
    }
}

bits! {
    /// Metrics that path discovery and TCP must not adjust: bit 1 << `RTAX_*`.
    MetricLocks(u32) {
        /// Path MTU discovery is off.
        MTU = 0x4 "mtu",
        /// The TCP window.
        WINDOW = 0x8 "window",
        /// The round trip.
        RTT = 0x10 "rtt",
        /// Its variance.
        RTTVAR = 0x20 "rttvar",
        /// The slow start threshold.
        SSTHRESH = 0x40 "ssthresh",
        /// The congestion window clamp.
        CWND = 0x80 "cwnd",
        /// The segment to advertise.
        ADVMSS = 0x100 "advmss",
        /// The reordering length.
        REORDERING = 0x200 "reordering",
        /// The hop limit.
        HOPLIMIT = 0x400 "hoplimit",
        /// The first congestion window.
        INITCWND = 0x800 "initcwnd",
        /// The least retransmission timeout.
        RTO_MIN = 0x2000 "rto_min",
        /// The first receive window.
        INITRWND = 0x4000 "initrwnd",
        /// Immediate acknowledgement.
        QUICKACK = 0x8000 "quickack",
        /// The congestion control algorithm.
        CONGESTION = 0x1_0000 "congctl",
    }
}

attrs! {
    /// What is known of the path behind a route; the kernel finds out the rest.
    pub struct Metrics {
        /// Which of the others the kernel must not adjust.
        lock: MetricLocks = 1,
        /// Largest packet in bytes.
        mtu: u32 = 2,
        /// Largest TCP window to advertise, in bytes.
        window: u32 = 3,
        /// First estimate of the round trip, in eighths of a millisecond.
        rtt: u32 = 4,
        /// First estimate of its variance, in quarters of a millisecond.
        rttvar: u32 = 5,
        /// First slow start threshold, in segments.
        ssthresh: u32 = 6,
        /// Congestion window clamp, in segments.
        cwnd: u32 = 7,
        /// Largest segment to advertise, in bytes.
        advmss: u32 = 8,
        /// First reordering length, in segments.
        reordering: u32 = 9,
        /// Hop limit of packets sent, 1 to 255.
        hoplimit: u32 = 10,
        /// First congestion window, in segments.
        initcwnd: u32 = 11,
        /// Behaviour of TCP.
        features: RouteFeatures = 12,
        /// Least retransmission timeout in milliseconds.
        rto_min: u32 = 13,
        /// First receive window, in segments.
        initrwnd: u32 = 14,
        /// Acknowledge at once: 0 or 1.
        quickack: u32 = 15,
        /// Congestion control algorithm, up to 15 bytes.
        congestion: String = 16,
        /// TCP fast open without a cookie: 0 or 1.
        fastopen_no_cookie: u32 = 17,
    }
}

impl Metrics {
    pub(super) fn decode(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut metrics = Metrics::default();
        for attr in attrs {
            metrics.read(&attr?)?;
        }
        Ok(metrics)
    }
}

impl Value for MetricLocks {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.u32().map(MetricLocks::from_bits)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u32(kind, self.bits());
    }
}

impl Value for RouteFeatures {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.u32().map(RouteFeatures::from_bits)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u32(kind, self.bits());
    }
}
