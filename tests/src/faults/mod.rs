//! The campaign against Vetch itself: killed, lied to, crowded, worn out. What it counts are trials and losses.
//!
//! `cargo xtask faults` runs all of it and prints a table; the privileged suite runs a bounded part. A trial is lost when something is
//! left that the next command does not mend, when a neighbour suffers, or when a command that must work does not.

mod again;
mod bad_input;
mod call;
mod campaign;
mod crowd;
mod isolation;
mod kill;
mod limits;
mod machine;
mod operation;
mod owner;
mod peers;
mod refuse;
mod table;
mod trace;
mod world;

pub use again::{again_new, again_same, library};
pub use bad_input::bad_input;
pub use call::Call;
pub use campaign::{Part, Size, parts, run};
pub use crowd::crowd;
pub use isolation::isolation;
pub use kill::{Depth, killed};
pub use limits::limits;
pub use machine::machine;
pub use operation::{OPERATIONS, Operation, Side};
pub use owner::changes;
pub use peers::{Beside, peers};
pub use refuse::refused;
pub use table::{Kind, Loss, Row, Table};
pub use trace::{Act, When, trace};
pub use world::World;
