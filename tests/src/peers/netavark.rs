//! netavark, Podman's network program: `setup` and `teardown`, configured as Podman does it.

use std::env;

use serde_json::json;

use super::{Container, Step, Tool, Verb};
use crate::exec::Output;
use crate::node::Node;

const PROGRAM: &str = "/usr/lib/podman/netavark";
/// Where it keeps what belongs to its name server, which is not asked for.
const CONFIG: &str = "/run/netavark";

/// netavark, by the path of its program.
#[derive(Debug)]
pub struct Netavark(String);

impl Netavark {
    /// As Debian has it.
    pub fn installed() -> Netavark {
        Netavark(PROGRAM.to_owned())
    }

    /// Another one, whose path the variable `NETAVARK` holds.
    pub fn named() -> Option<Netavark> {
        env::var("NETAVARK").ok().map(Netavark)
    }
}

impl Tool for Netavark {
    fn name(&self, node: &Node) -> String {
        let said = node.argv(&[&self.0, "version"]).go().ok().json();
        format!("netavark {}", said["version"].as_str().unwrap_or("?"))
    }

    fn program(&self) -> String {
        self.0.clone()
    }

    fn prepare(&self) -> Vec<Step> {
        Vec::new()
    }

    fn step(&self, verb: Verb, of: &Container, said: &[Output], _: Option<&str>) -> Option<Step> {
        let word = match verb {
            Verb::Add => "setup",
            Verb::Del => "teardown",
        };
        let words = [&self.0, "--config", CONFIG, word, &of.netns()];
        said.is_empty().then(|| Step {
            argv: words.map(str::to_owned).into(),
            env: Vec::new(),
            input: configuration(of),
        })
    }
}

fn configuration(of: &Container) -> String {
    let network = json!({
        "name": "blue", "id": "b1".repeat(32), "driver": "bridge", "network_interface": "podman1",
        "created": "2024-01-01T00:00:00Z",
        "subnets": [{"subnet": "10.66.0.0/24", "gateway": "10.66.0.1"}],
        "ipv6_enabled": false, "internal": false, "dns_enabled": false,
        "ipam_options": {"driver": "host-local"},
    });
    json!({
        "container_id": of.name, "container_name": of.name,
        "port_mappings": [{
            "container_port": 80, "host_ip": of.host_ip, "host_port": of.host_port, "protocol": "tcp", "range": 1,
        }],
        "networks": {"blue": {"static_ips": [of.ip], "interface_name": "eth0"}},
        "network_info": {"blue": network},
    })
    .to_string()
}
