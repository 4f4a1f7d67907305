//! Changes and tables meet the kernel here.

use crate::{Change, Element, Error, Result};
use core_netlink::Conn;

/// What [`install`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installed {
    /// Both tables were there and whole.
    Already,
    /// They were made, with all elements that were to be restored.
    Made,
}

/// Makes both tables, with the elements that `restore` answers, in one transaction; does nothing if they are there and whole.
///
/// `restore` is called only if the tables must be made: when they are not there (anybody may flush the ruleset), not whole, or of another version.
pub fn install(_conn: &mut Conn, _restore: impl FnMut() -> Result<Change>) -> Result<Installed> {
    Err(Error::Restless)
}

/// Whether both tables are there and whole.
pub fn is_installed(_conn: &mut Conn) -> Result<bool> {
    Err(Error::Restless)
}

/// Removes both tables and all that is in them; they may be gone already.
pub fn uninstall(_conn: &mut Conn) -> Result<()> {
    Err(Error::Restless)
}

/// Makes a change in one transaction: all of it or nothing.
///
/// What is there already with the same owner is left; what another owner has is [`Error::Taken`]. What is to be removed may be gone, or
/// belong to another owner by now: it is left then.
pub fn apply(_conn: &mut Conn, _change: &Change) -> Result<()> {
    Err(Error::Restless)
}

/// All elements of ours, by their comments.
pub fn elements(_conn: &mut Conn) -> Result<Vec<Element>> {
    Err(Error::Restless)
}
