//! Where answers are received: one buffer for all connections of a thread, which take turns.

use std::cell::Cell;

/// The kernel fills no more than 32 KiB of a dump. From 128 KiB on the C library leaves it to the kernel to clear memory, page by page as
/// it is written to; less it would clear itself, which costs more than most requests.
const SIZE: usize = 160 << 10;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer, until it is dropped.
pub(super) struct Room(Vec<u8>);

impl Room {
    pub(super) fn take() -> Room {
        let spare = SPARE.try_with(Cell::take).unwrap_or_default();
        match spare.is_empty() {
            true => Room(vec![0; SIZE]),
            false => Room(spare),
        }
    }

    pub(super) fn all(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// What was received; a length beyond the buffer is cut.
    pub(super) fn first(&self, len: usize) -> &[u8] {
        self.0.get(..len).unwrap_or(&self.0)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = SPARE.try_with(|spare| spare.set(std::mem::take(&mut self.0)));
    }
}
