//! Two that look on, and one that sends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::forged::{Cast, Frames, Row};
use super::frames::{BROADCAST, Wire, inside, udp};
use crate::node::Node;

/// A sender, and taps where its frames may come by.
pub struct Stage {
    taps: Vec<Wire>,
    wire: Wire,
    cast: Cast,
}

impl Stage {
    /// What `from` sends by its `eth0` is looked for at the links `taps`.
    pub fn new(from: &Node, taps: &[(&Node, &str)], cast: Cast) -> Stage {
        let taps = taps.iter().map(|(node, dev)| Wire::open(node, dev));
        Stage {
            taps: taps.collect(),
            wire: Wire::open(from, "eth0"),
            cast,
        }
    }

    /// How many of the frames are sent, and how many come by. One that may always be sent follows, and ends the wait.
    pub fn arrive(&self, frames: Frames) -> [usize; 2] {
        let sent = frames(&self.cast);
        self.taps.iter().for_each(|tap| drop(tap.seen()));
        sent.iter().for_each(|frame| self.wire.send(frame));
        let mark = self.mark();
        let end = Instant::now() + Duration::from_secs(2);
        let (mut seen, mut marked) = (Vec::new(), vec![false; self.taps.len()]);
        while marked.contains(&false) {
            assert!(Instant::now() < end, "the mark does not arrive");
            self.wire.send(&mark);
            sleep(Duration::from_millis(2));
            for (tap, marked) in self.taps.iter().zip(&mut marked) {
                let new = tap.seen();
                *marked |= new.iter().any(|frame| inside(frame) == inside(&mark));
                seen.extend(new);
            }
        }
        let came = |frame: &&Vec<u8>| seen.iter().any(|other| inside(other) == inside(frame));
        [sent.len(), sent.iter().filter(came).count()]
    }

    /// Of this row and no other.
    fn mark(&self) -> Vec<u8> {
        static ROW: AtomicUsize = AtomicUsize::new(0);
        let me = &self.cast.me;
        let text = format!("the end of row {}", ROW.fetch_add(1, Ordering::Relaxed));
        let ports = [4000, 9];
        udp(
            me.mac,
            BROADCAST,
            &me.v4,
            "10.10.0.255",
            ports,
            text.as_bytes(),
        )
    }

    /// What is wrong with the row, if all of its frames are to come by, or none.
    pub fn wrong(&self, row: &Row, wanted: bool) -> Option<String> {
        let (name, frames) = row;
        let [sent, came] = self.arrive(*frames);
        let right = if wanted { came == sent } else { came == 0 };
        (!right).then(|| format!("{name} ({came} of {sent} came by)"))
    }
}
