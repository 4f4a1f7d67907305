//! Whole operations beside the floor: exact messages, plain system calls, no library.
//!
//! Owns the floor's bytes, written by hand (linux/rtnetlink.h, linux/nfnetlink.h), the worlds the cases run in, and the loop that
//! times contenders in turn. `cargo xtask bench` runs the program of this package in the private sandbox; `cargo bench -p
//! vetch-benches` measures the library alone. Ratios within one run are what counts: absolute times are the machine's.

pub mod against;
pub mod attach;
mod bulk;
pub mod case;
pub mod cases;
pub mod cni;
mod datapath;
mod dumps;
pub mod floor;
pub mod instructions;
mod many;
pub mod memory;
pub mod nft;
pub mod peers;
pub mod plots;
mod ports;
pub mod process;
pub mod report;
pub mod timing;
pub mod world;
