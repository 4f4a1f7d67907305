//! Which address an attachment gets: pure arithmetic over a subnet, or over a set of ranges.
//!
//! Owns the order in which addresses are given out and what may never be given out. Leaves to others: who holds which address
//! (asked through a closure), files, the kernel.
//!
//! ```
//! use ipam::Pool;
//! let pool = Pool::new("10.1.0.0/24".parse().unwrap(), ["10.1.0.1".parse().unwrap()]);
//! let held = |ip| ip == "10.1.0.2".parse::<std::net::IpAddr>().unwrap();
//! assert_eq!(pool.next(None, held).unwrap().to_string(), "10.1.0.3");
//! ```

mod pool;
mod range;
mod set;

pub use pool::Pool;
pub use range::{BadRange, Range, RangeSpec, place};
pub use set::{Offer, RangeSet};

use ipnet::IpNet;
use range::number;
use std::net::IpAddr;

type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an address cannot be given out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every address is held.
    #[error("all {usable} addresses of {subnet} are in use")]
    Exhausted {
        /// The subnet.
        subnet: IpNet,
        /// How many addresses it can give out.
        usable: u128,
    },
    /// The address belongs to another subnet.
    #[error("{address} is not in {subnet}")]
    Outside {
        /// The address that was wished for.
        address: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// The address is that of the subnet itself (IPv6: the routers' anycast address, RFC 4291 2.6.1).
    #[error("{address} is the network address of {subnet}")]
    Network {
        /// The address that was wished for.
        address: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// The address is the subnet's broadcast address.
    #[error("{address} is the broadcast address of {subnet}")]
    Broadcast {
        /// The address that was wished for.
        address: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// The address was set aside when the pool was made, such as the gateway's.
    #[error("{address} is reserved in {subnet}: it is the gateway's")]
    Reserved {
        /// The address that was wished for.
        address: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// Every address of a set is held.
    #[error("all {usable} addresses of {set} are in use")]
    SetExhausted {
        /// Its ranges.
        set: String,
        /// How many addresses it can give out.
        usable: u128,
    },
    /// The address belongs to none of a set's ranges.
    #[error("{address} is in none of the ranges {set}")]
    OutsideSet {
        /// The address that was wished for.
        address: IpAddr,
        /// The ranges.
        set: String,
    },
    /// Somebody holds the address.
    #[error("{address} is in use")]
    Taken {
        /// The address that was wished for.
        address: IpAddr,
    },
}
