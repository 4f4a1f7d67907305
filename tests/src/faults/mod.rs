//! The campaign against Vetch itself: killed, lied to, crowded, worn out. What it counts are trials and losses.
//!
//! `cargo xtask faults` runs all of it and prints a table; the privileged suite runs a bounded part. A trial is lost when something is
//! left that the next command does not mend, when a neighbour suffers, or when a command that must work does not.

mod call;
mod campaign;
mod kill;
mod operation;
mod table;
mod trace;
mod world;

pub use call::Call;
pub use campaign::{Part, Size, parts, run};
pub use kill::{Depth, killed};
pub use operation::{OPERATIONS, Operation, Side};
pub use table::{Kind, Loss, Row, Table};
pub use trace::{Act, When, trace};
pub use world::World;
