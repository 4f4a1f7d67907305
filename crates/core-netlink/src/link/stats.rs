//! Counters of a link.

use crate::attr::Attr;
use crate::table::Value;
use crate::{Malformed, Writer};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Counters of a link since it was made (`struct rtnl_link_stats64`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats64 {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Value for Stats64 {
            /// Counters that an older kernel does not have stay 0.
            fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
                let mut words = attr.value.chunks_exact(8).filter_map(|word| word.first_chunk());
                let mut next = || words.next().copied().map(u64::from_ne_bytes);
                let short = Malformed::new("counters", 8, attr.value.len());
                let first = next().ok_or(short)?;
                let mut first = Some(first);
                Ok(Stats64 { $($name: first.take().or_else(&mut next).unwrap_or_default(),)+ })
            }

            fn write(&self, kind: u16, w: &mut Writer<'_>) {
                let words = [$(self.$name.to_ne_bytes(),)+];
                w.bytes(kind, &words.concat());
            }
        }
    };
}

counters! {
    /// Packets received.
    rx_packets,
    /// Packets sent.
    tx_packets,
    /// Bytes received.
    rx_bytes,
    /// Bytes sent.
    tx_bytes,
    /// Bad packets received.
    rx_errors,
    /// Packets that could not be sent.
    tx_errors,
    /// Received, but dropped for want of space.
    rx_dropped,
    /// Dropped on the way out.
    tx_dropped,
    /// Multicast packets received.
    multicast,
    /// Collisions.
    collisions,
    /// Of a bad length.
    rx_length_errors,
    /// Overruns of the ring.
    rx_over_errors,
    /// Bad checksums.
    rx_crc_errors,
    /// Bad alignment.
    rx_frame_errors,
    /// Overruns of the queue.
    rx_fifo_errors,
    /// Missed by the host.
    rx_missed_errors,
    /// Given up.
    tx_aborted_errors,
    /// Carrier lost.
    tx_carrier_errors,
    /// Underruns of the queue.
    tx_fifo_errors,
    /// Heartbeat lost.
    tx_heartbeat_errors,
    /// Late collisions.
    tx_window_errors,
    /// Received compressed.
    rx_compressed,
    /// Sent compressed.
    tx_compressed,
    /// Dropped because nobody wanted them.
    rx_nohandler,
    /// Dropped because another host was meant (Linux 5.19).
    rx_otherhost_dropped,
}
