//! What came of a configuration, as data: the result, the inside of the container, the bridge, and which packets pass.

use crate::call::{Container, cmd};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use vetch_tests::Node;

/// A result without what every call has anew: names of host ends, MAC addresses that nobody asked for, the path of the namespace.
pub(super) fn result(result: &Value, of: &Container, asked_mac: bool) -> Value {
    let mut result = result.clone();
    result["dns"] = json!(result["dns"].to_string());
    let interfaces = result["interfaces"].as_array_mut();
    for (at, interface) in interfaces.into_iter().flatten().enumerate() {
        let mac = interface["mac"].as_str().unwrap_or_default().to_owned();
        if !(asked_mac && at == 2) {
            interface["mac"] = json!(mac.len() == 17);
        }
        if at == 1 {
            interface["name"] = json!("HOST END");
        }
        if interface["sandbox"] == of.node.path() {
            interface["sandbox"] = json!("THE CONTAINER");
        }
    }
    result
}

/// The interface in the container with its addresses, and the routes.
pub(super) fn inside(of: &Container) -> Value {
    let link = link(&of.node, "eth0");
    json!({"link": link, "routes": routes(&of.node)})
}

/// The bridge with its addresses, and what each port may do.
pub(super) fn bridge(host: &Node, name: &str) -> Value {
    let ports = cmd(host, "bridge -j -d link show").ok().json();
    let ports = ports.as_array().unwrap().iter();
    let ports = ports.filter(|port| port["master"] == name);
    let ports: Vec<Value> = ports
        .map(|port| json!({"hairpin": port["hairpin"], "isolated": port["isolated"], "mtu": port["mtu"]}))
        .collect();
    json!({"link": link(host, name), "ports": ports})
}

fn link(node: &Node, name: &str) -> Value {
    let said = cmd(node, &format!("ip -j -d address show dev {name}"))
        .ok()
        .json();
    let link = &said[0];
    let flag = |flag: &str| {
        link["flags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|of| of == flag)
    };
    let addresses = link["addr_info"].as_array().unwrap().iter();
    let addresses = addresses.filter(|address| address["scope"] != "link");
    let addresses: Map<_, _> = addresses
        .map(|address| {
            let name = address["local"].as_str().unwrap().to_owned();
            let keys = [
                "prefixlen",
                "scope",
                "broadcast",
                "dynamic",
                "noprefixroute",
            ];
            (name, json!(only(address, &keys).to_string()))
        })
        .collect();
    json!({"mtu": link["mtu"], "up": flag("UP"), "promiscuous": link["promiscuity"] != 0 && flag("PROMISC"), "addresses": addresses})
}

fn routes(node: &Node) -> Vec<Value> {
    let mut all = Vec::new();
    for family in ["-4", "-6"] {
        let said = cmd(node, &format!("ip {family} -j route show")).ok().json();
        for route in said.as_array().unwrap() {
            let local = route["dst"]
                .as_str()
                .is_some_and(|dst| dst.starts_with("fe80:"));
            if !local {
                all.push(only(
                    route,
                    &[
                        "dst", "gateway", "dev", "protocol", "scope", "prefsrc", "metric", "mtu",
                        "flags",
                    ],
                ));
            }
        }
    }
    all.sort_by_key(Value::to_string);
    all
}

fn only(value: &Value, keys: &[&str]) -> Value {
    let found = keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone())));
    Value::Object(found.collect::<Map<_, _>>())
}

/// One line for each value, by its path.
pub(super) fn lines(value: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    flatten(value, "", &mut all);
    all
}

fn flatten(value: &Value, path: &str, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(value, &format!("{path}.{key}"), all);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (at, value) in list.iter().enumerate() {
                flatten(value, &format!("{path}[{at}]"), all);
            }
        }
        _ => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            all.insert(path.trim_start_matches('.').to_owned(), text);
        }
    }
}
