//! Vetch: one program, `vetch attach` and `vetch detach`.

use std::env;

use crate::exec::Output;
use crate::node::Node;
use crate::peers::{Container, Step, Tool, Verb};

/// The binary under test.
pub(super) struct Vetch {
    program: String,
}

impl Vetch {
    pub(super) fn new() -> Vetch {
        Vetch {
            program: env::var("VETCH_BIN").expect("VETCH_BIN is set; run `cargo xtask faults`"),
        }
    }

    fn step(&self, words: &str) -> Step {
        let words = [self.program.as_str()]
            .into_iter()
            .chain(words.split_whitespace());
        Step {
            argv: words.map(str::to_owned).collect(),
            ..Step::default()
        }
    }
}

impl Tool for Vetch {
    fn name(&self, node: &Node) -> String {
        let said = node.vetch("--version").ok().stdout;
        format!("Vetch {}", said.split_whitespace().last().unwrap_or("?"))
    }

    fn program(&self) -> String {
        self.program.clone()
    }

    fn prepare(&self) -> Vec<Step> {
        vec![self.step("network create blue --subnet 10.66.0.0/24")]
    }

    fn step(&self, verb: Verb, of: &Container, said: &[Output], _: Option<&str>) -> Option<Step> {
        if !said.is_empty() {
            return None;
        }
        let Container {
            name,
            ip,
            host_ip,
            host_port,
        } = of;
        let colon = if host_ip.is_empty() { "" } else { ":" };
        Some(match verb {
            Verb::Add => self.step(&format!(
                "attach blue {name} --ip {ip} -p {host_ip}{colon}{host_port}:80"
            )),
            Verb::Del => self.step(&format!("detach blue {name}")),
        })
    }
}
