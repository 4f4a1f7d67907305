//! Range sets as they are written in JSON.

use super::decode::{self, Object};
use crate::error::{Error, Result};
use ::ipam::{BadRange, Range, RangeSet, RangeSpec};
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// One range.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RangeFile {
    #[serde(default, deserialize_with = "decode::some_net")]
    pub(super) subnet: Option<IpNet>,
    #[serde(default, deserialize_with = "decode::address")]
    pub(super) range_start: Option<IpAddr>,
    #[serde(default, deserialize_with = "decode::address")]
    pub(super) range_end: Option<IpAddr>,
    #[serde(default, deserialize_with = "decode::address")]
    pub(super) gateway: Option<IpAddr>,
}

impl RangeFile {
    /// `None` without a subnet.
    pub(super) fn spec(&self) -> Option<RangeSpec> {
        Some(RangeSpec {
            subnet: self.subnet?,
            start: self.range_start,
            end: self.range_end,
            gateway: self.gateway,
        })
    }
}

/// What is asked of the ranges of each set; `at` is where they are written.
pub(super) fn specs(sets: Vec<Vec<Object<RangeFile>>>, at: &str) -> Result<Vec<Vec<RangeSpec>>> {
    let one = |set: usize, range: usize, file: &RangeFile| {
        let key = || format!("{at}[{set}][{range}].subnet");
        file.spec()
            .ok_or_else(|| Error::invalid(&key(), "it is missing"))
    };
    let all = sets.iter().enumerate().map(|(at, set)| {
        let specs = set
            .iter()
            .enumerate()
            .map(|(range, Object(file))| one(at, range, file));
        specs.collect()
    });
    all.collect()
}

/// A set, and where it is written.
pub(super) type Written = (String, RangeSet);

/// The sets that are written in a list.
pub(super) fn listed(sets: &[Vec<RangeSpec>], at: &str) -> Result<Vec<Written>> {
    let all = sets.iter().enumerate().map(|(set, specs)| {
        let at = format!("{at}[{set}]");
        let range = |(range, spec)| checked(spec, &format!("{at}[{range}]"));
        let ranges = specs.iter().enumerate().map(range);
        let set = RangeSet::new(ranges.collect::<Result<_>>()?);
        set.map_err(|why| invalid(&at, &why)).map(|set| (at, set))
    });
    all.collect()
}

/// The set of a single range that is written at the top.
pub(super) fn single(spec: &RangeSpec, at: &str) -> Result<Written> {
    let set = RangeSet::new(vec![checked(spec, at)?]);
    set.map_err(|why| invalid(at, &why))
        .map(|set| (at.to_owned(), set))
}

fn checked(spec: &RangeSpec, at: &str) -> Result<Range> {
    Range::new(spec).map_err(|why| invalid(at, &why))
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
