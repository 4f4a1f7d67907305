//! CNI's reference plugins bridge (with host-local), portmap and firewall, in the order in which a runtime runs them.

use std::process::Command;

use serde_json::{Value, json};

use super::{Container, Step, Tool, Verb};
use crate::exec::Output;
use crate::node::Node;
use crate::plugin::REFERENCE;

/// A runtime runs them in this order to add, and backwards to delete.
const CHAIN: [&str; 3] = ["bridge", "portmap", "firewall"];

/// The plugins as Debian has them.
#[derive(Debug)]
pub struct Cni {
    version: String,
}

impl Cni {
    /// The plugins themselves do not know their version, the package does; it is asked where its list is in sight.
    pub fn installed() -> Cni {
        let words = ["-W", "-f", "${Version}", "containernetworking-plugins"];
        let said = Command::new("dpkg-query").args(words).output();
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = said.unwrap_or_default();
        Cni {
            version: version.split(['+', '-']).next().unwrap_or("?").to_owned(),
        }
    }
}

impl Tool for Cni {
    fn name(&self, _: &Node) -> String {
        format!("CNI plugins {}", self.version)
    }

    fn program(&self) -> String {
        format!("{REFERENCE}/bridge")
    }

    fn prepare(&self) -> Vec<Step> {
        Vec::new()
    }

    /// To delete, they are given the answer to the ADD if that succeeded, as libcni does it.
    fn step(
        &self,
        verb: Verb,
        of: &Container,
        said: &[Output],
        kept: Option<&str>,
    ) -> Option<Step> {
        let (at, before) = match verb {
            Verb::Add => (said.len(), said.last().map(|said| said.stdout.as_str())),
            Verb::Del => (CHAIN.len().checked_sub(1 + said.len())?, kept),
        };
        let plugin = CHAIN.get(at)?;
        let mut configuration = configuration(plugin, of);
        if let Some(result) = before.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            configuration["prevResult"] = result;
        }
        Some(Step {
            argv: vec![format!("{REFERENCE}/{plugin}")],
            env: vec![
                ("CNI_COMMAND", verb.word().to_owned()),
                ("CNI_CONTAINERID", of.name.clone()),
                ("CNI_NETNS", of.netns()),
                ("CNI_IFNAME", "eth0".to_owned()),
                ("CNI_PATH", REFERENCE.to_owned()),
            ],
            input: configuration.to_string(),
        })
    }
}

fn configuration(plugin: &str, of: &Container) -> Value {
    let mut all = json!({"cniVersion": "1.0.0", "name": "blue", "type": plugin});
    let more = match plugin {
        "bridge" => json!({
            "bridge": "cni0", "isGateway": true, "ipMasq": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.66.0.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
            "args": {"cni": {"ips": [of.ip]}},
        }),
        "portmap" => json!({
            "runtimeConfig": {"portMappings": [{
                "hostPort": of.host_port, "containerPort": 80, "protocol": "tcp", "hostIP": of.host_ip,
            }]},
        }),
        _ => json!({}),
    };
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(verb: Verb, kept: Option<&str>) -> Vec<Step> {
        let cni = Cni {
            version: String::new(),
        };
        let of = Container::new("web", 3, 8080);
        let (mut said, mut steps) = (Vec::new(), Vec::new());
        while let Some(step) = cni.step(verb, &of, &said, kept) {
            said.push(Output {
                said: String::new(),
                place: String::new(),
                code: 0,
                stdout: format!("{{\"from\": \"{}\"}}", step.argv[0]),
                stderr: String::new(),
            });
            steps.push(step);
        }
        steps
    }

    fn previous(step: &Step) -> Value {
        let input: Value = serde_json::from_str(&step.input).expect("JSON");
        input["prevResult"]["from"].clone()
    }

    #[test]
    fn a_plugin_is_told_what_the_one_before_said() {
        let added = run(Verb::Add, None);
        let from: Vec<Value> = added.iter().map(previous).collect();
        assert_eq!(
            from,
            [
                json!(null),
                json!("/usr/lib/cni/bridge"),
                json!("/usr/lib/cni/portmap")
            ]
        );
        let deleted = run(Verb::Del, Some("{\"from\": \"the ADD\"}"));
        assert!(deleted[0].argv[0].ends_with("firewall") && deleted[2].argv[0].ends_with("bridge"));
        assert!(deleted.iter().all(|step| previous(step) == "the ADD"));
        assert_eq!(previous(&run(Verb::Del, None)[0]), json!(null));
    }
}
