//! How connections to published ports are translated, besides where they lead.

use firewall::{Region, Source};

/// Which connections the published ports of an attachment take, and whom it sees there.
///
/// ```
/// use bridge::Translation;
/// use firewall::{AddressRange, Region};
/// let inside = AddressRange::of("192.0.2.0/24".parse()?);
/// let from = AddressRange::every(true);
/// let only = inside.others().into_iter().map(|to| Region { to, from }).collect(); // not to 192.0.2.0/24
/// let translation = Translation { only, ..Translation::default() };
/// assert_eq!(translation.only.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// Whom it sees.
    pub source: Source,
    /// Only these connections, of each family that is among them; of the other one all.
    pub only: Vec<Region>,
}

impl Translation {
    /// The same, written in one way.
    pub(crate) fn sorted(&self) -> Translation {
        let mut all = self.clone();
        all.only.sort();
        all.only.dedup();
        all
    }
}
