//! Links against real bytes (`tests/*.hex` as Linux 6.18 reports them), random values and a fake kernel.

mod asked;
mod found;
mod random;
mod sent;

use super::*;
use crate::{IfIndex, IfName};

fn name(text: &str) -> Option<IfName> {
    Some(text.parse().unwrap())
}

fn link(name_: &str, kind: Kind, lower: Option<u32>) -> LinkSpec {
    LinkSpec {
        name: name(name_),
        kind: Some(kind),
        link: lower.map(IfIndex),
        ..LinkSpec::default()
    }
}
