//! The campaign against others who do the same: CNI's reference plugins, netavark, and Vetch once more under the same rules.
//!
//! Each connects a container with one published port beside a neighbour, and takes it away again, in namespaces of its own. Killed, refused
//! and looked at by the same tracer and the same state as in the campaign against Vetch. Only what is installed is compared.

mod again;
mod attacked;
mod beside;
mod ground;
mod open;
mod place;
mod runtime;
mod trial;
mod vetch;

pub use beside::Beside;

use super::campaign::Part;
use super::table::Row;
use crate::lab::Lab;
use crate::peers::{Cni, Netavark, Tool};

type NewTool = fn() -> Box<dyn Tool>;
type Attack = fn(&Lab, Box<dyn Tool>, usize) -> Vec<Row>;

/// What is done to each, by name.
const ATTACKS: [(&str, Attack); 4] = [
    ("killed", attacked::killed),
    ("refused", attacked::refused),
    ("worn", again::worn),
    ("open", open::open),
];

/// Everyone: its name in filters, and how it is had.
const TOOLS: [(&str, NewTool); 3] = [
    ("vetch", || Box::new(vetch::Vetch::new())),
    ("cni", || Box::new(Cni::installed())),
    ("netavark", || Box::new(Netavark::installed())),
];

/// The parts whose name (`netavark killed`) contains `filter`, of those who are installed; at most `points` places of each command.
pub fn peers(points: usize, filter: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (attack, run) in ATTACKS {
        for (name, tool) in TOOLS {
            let name = format!("{name} {attack}");
            let tool = tool();
            if name.contains(filter) && tool.is_installed() {
                let part = Part::new(name, move |lab| run(lab, tool, points));
                parts.push(if attack == "worn" {
                    part.by_itself()
                } else {
                    part
                });
            }
        }
    }
    parts
}
