//! The floor that Vetch is measured against: exact messages, plain system calls, no library.
//!
//! Owns bytes written by hand (linux/rtnetlink.h, linux/nfnetlink.h) and the loop that times two contenders in turn.

pub mod case;
pub mod floor;
pub mod nft;
pub mod timing;
pub mod world;
