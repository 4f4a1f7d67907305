//! Range sets out of ranges as they are written.

use crate::config::IpRange;
use crate::error::{Error, Result};
use ::ipam::{BadRange, Range, RangeSet, RangeSpec};

impl From<&IpRange> for RangeSpec {
    fn from(range: &IpRange) -> RangeSpec {
        RangeSpec {
            subnet: range.subnet,
            start: range.range_start,
            end: range.range_end,
            gateway: range.gateway,
        }
    }
}

/// A set, and where it is written.
pub(super) type Written = (String, RangeSet);

/// The sets that are written in a list.
pub(super) fn listed(sets: &[Vec<IpRange>], at: &str) -> Result<Vec<Written>> {
    let all = sets.iter().enumerate().map(|(set, ranges)| {
        let at = format!("{at}[{set}]");
        let read = |(place, range)| checked(range, &format!("{at}[{place}]"));
        let ranges = ranges.iter().enumerate().map(read);
        let set = RangeSet::new(ranges.collect::<Result<_>>()?);
        set.map_err(|why| invalid(&at, &why)).map(|set| (at, set))
    });
    all.collect()
}

/// The set of a single range that is written at the top.
pub(super) fn single(range: &IpRange, at: &str) -> Result<Written> {
    let set = RangeSet::new(vec![checked(range, at)?]);
    set.map_err(|why| invalid(at, &why))
        .map(|set| (at.to_owned(), set))
}

fn checked(range: &IpRange, at: &str) -> Result<Range> {
    Range::new(&range.into()).map_err(|why| invalid(at, &why))
}

fn invalid(at: &str, why: &BadRange) -> Error {
    match why.key() {
        Some(key) => Error::invalid(&format!("{at}.{key}"), why),
        None => Error::invalid(at, why),
    }
}

/// No address may come from two sets.
pub(super) fn check_apart(sets: &[Written]) -> Result<()> {
    for (place, (at, later)) in sets.iter().enumerate() {
        for (_, earlier) in sets.iter().take(place) {
            let apart = earlier.check_apart(later);
            apart.map_err(|why| invalid(at, &why))?;
        }
    }
    Ok(())
}
