//! IP address management: `host-local` and `static`, in the process of the plugin that needs an address.

mod boot;
mod dir;
mod key;
mod leases;
mod lock;

pub use key::Key;
pub use leases::{DEFAULT_DIR, Leases};
