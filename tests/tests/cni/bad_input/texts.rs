//! Texts that are no configuration, and what every plugin reads of one.

use super::{Bad, keys, previous, refused, text, usual};
use serde_json::{Value, json};

const MEBIBYTE: usize = 1 << 20;

/// `{"cniVersion": "1.0.0", "name": "blue", "type": "bridge"` and more.
fn begun(more: &str) -> String {
    format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "bridge"{more}"#)
}

fn malformed() -> Vec<Bad> {
    let whole = usual("bridge").to_string();
    let of = |input: String, code, says| text("bridge", input, code, says);
    vec![
        of(String::new(), 6, "EOF"),
        of(" \n\t".to_owned(), 6, "EOF"),
        of("null".to_owned(), 6, "no JSON object"),
        of("true".to_owned(), 6, "no JSON object"),
        of("5".to_owned(), 6, "no JSON object"),
        of("[]".to_owned(), 6, "no JSON object"),
        of("\"x\"".to_owned(), 6, "no JSON object"),
        of("{".to_owned(), 6, "EOF"),
        of("}".to_owned(), 6, "expected value"),
        of(whole[..whole.len() / 2].to_owned(), 6, "EOF"),
        of(format!("{whole} x"), 6, "trailing"),
        of(format!("{whole}{whole}"), 6, "trailing"),
        of(format!("\u{feff}{whole}"), 6, "expected value"),
        of(begun(r#", "mtu": 1e999}"#), 6, "`mtu`"),
        of(begun(r#", "mtu": 01}"#), 6, "mtu"),
        of(begun(r#", "mtu": NaN}"#), 6, "mtu"),
        of(
            begun(", \"bridge\": \"a\u{1}\"}"),
            6,
            "`bridge`: control character",
        ),
        of(begun(r#", "bridge": "\ud800"}"#), 6, "`bridge`"),
        of(
            begun(", // a word\n \"mtu\": 1}"),
            6,
            "key must be a string",
        ),
        of(begun(r#", "mtu": 1400,}"#), 6, "trailing comma"),
        of(
            begun(&format!(r#", "x": {}"#, "[".repeat(100_000))),
            6,
            "recursion",
        ),
        of(
            begun(&format!(r#", "x": {}"#, r#"{"a":"#.repeat(100_000))),
            6,
            "recursion",
        ),
        of(
            format!("{}{}", "[".repeat(300_000), "]".repeat(300_000)),
            6,
            "recursion",
        ),
        of(begun(r#", "name": "blue"}"#), 7, "`name` is there twice"),
        of(
            begun(r#", "mtu": 1400, "MTU": 1500}"#),
            7,
            "`mtu` is there twice",
        ),
        of(
            begun(r#", "ipam": {"type": "host-local", "type": "static"}}"#),
            7,
            "`ipam`: `type` is there twice",
        ),
        of(
            begun(r#", "ipam": {"type": "host-local", "Type": "static"}}"#),
            7,
            "`type` is there twice",
        ),
    ]
}

fn huge() -> Vec<Bad> {
    let long = "a".repeat(MEBIBYTE - 300);
    vec![
        text(
            "bridge",
            begun(&format!(r#", "x": "{}"}}"#, "a".repeat(MEBIBYTE))),
            6,
            "more than 1 MiB",
        ),
        text("bridge", " ".repeat(4 * MEBIBYTE), 6, "more than 1 MiB"),
        text(
            "bridge",
            format!(r#"{{"cniVersion": "{long}", "name": "a", "type": "b"}}"#),
            1,
            "`cniVersion`",
        ),
        text(
            "bridge",
            format!(r#"{{"cniVersion": "1.0.0", "name": "{long}", "type": "b"}}"#),
            7,
            "`name`",
        ),
        text(
            "bridge",
            format!(r#"{{"cniVersion": "1.0.0", "name": "a", "type": "{long}"}}"#),
            7,
            "`type`",
        ),
        text(
            "bridge",
            begun(&format!(r#", "bridge": "{long}"}}"#)),
            7,
            "`bridge`",
        ),
        text(
            "bridge",
            begun(&format!(r#", "{long}": 1, "mtu": -1}}"#)),
            7,
            "`mtu`",
        ),
        text(
            "bridge",
            begun(&format!(r#", "ipam": {{"type": "{long}"}}}}"#)),
            7,
            "`ipam.type`",
        ),
        text(
            "bridge",
            begun(&format!(r#", "runtimeConfig": {{"mac": "{long}"}}}}"#)),
            7,
            "`runtimeConfig.mac`",
        ),
        text(
            "bridge",
            begun(&format!(r#", "args": {{"cni": {{"ips": ["{long}"]}}}}}}"#)),
            7,
            "`args.cni.ips[0]`",
        ),
        text(
            "bridge",
            begun(&format!(
                r#", "ipam": {{"type": "host-local", "ranges": [{}[]]}}}}"#,
                "[],".repeat(100_000)
            )),
            7,
            "`ipam.ranges[0]`",
        ),
        text(
            "bridge",
            begun(&format!(
                r#", "dns": {{"search": [{}5]}}}}"#,
                "\"a\",".repeat(100_000)
            )),
            6,
            "`dns.search[100000]`",
        ),
    ]
}

fn head() -> Vec<Bad> {
    let of = |changed: Value, code, says| keys("bridge", changed, code, says);
    vec![
        text(
            "bridge",
            r#"{"name": "blue", "type": "bridge"}"#,
            1,
            "`cniVersion` is missing",
        ),
        of(json!({"cniVersion": null}), 1, "`cniVersion`"),
        of(json!({"cniVersion": 1}), 6, "`cniVersion`"),
        of(json!({"cniVersion": ""}), 1, "`cniVersion`"),
        of(json!({"cniVersion": "0.2.0"}), 1, "`cniVersion`"),
        of(json!({"cniVersion": "1.0"}), 1, "`cniVersion`"),
        of(json!({"cniVersion": "1.2.0"}), 1, "`cniVersion`"),
        of(json!({"cniVersion": "1.0.0\n"}), 1, "`cniVersion`"),
        text(
            "bridge",
            r#"{"cniVersion": "1.0.0", "type": "bridge"}"#,
            7,
            "`name` is missing",
        ),
        of(json!({"name": ""}), 7, "`name`"),
        of(json!({"name": 5}), 6, "`name`"),
        of(json!({"name": ".."}), 7, "`name`"),
        of(json!({"name": "../blue"}), 7, "`name`"),
        of(json!({"name": "a/b"}), 7, "`name`"),
        of(json!({"name": "-a"}), 7, "`name`"),
        of(json!({"name": "a\0b"}), 7, "`name`"),
        of(json!({"name": "a\nb"}), 7, "`name`"),
        of(json!({"name": "\u{1b}[2J"}), 7, "`name`"),
        of(json!({"name": "a".repeat(256)}), 7, "`name`"),
        text(
            "bridge",
            r#"{"cniVersion": "1.0.0", "name": "blue"}"#,
            7,
            "`type` is missing",
        ),
        of(json!({"type": ["bridge"]}), 6, "`type`"),
        of(json!({"type": "../bridge"}), 7, "`type`"),
        keys("vetch-cni", json!({"type": "nosuch"}), 2, "`type`"),
    ]
}

fn everybody_reads() -> Vec<Bad> {
    let of = |changed: Value, code, says| keys("bridge", changed, code, says);
    vec![
        of(json!({"dns": ["10.0.0.1"]}), 6, "`dns`"),
        of(
            json!({"dns": {"nameservers": "10.0.0.1"}}),
            6,
            "`dns.nameservers`",
        ),
        of(json!({"dns": {"domain": 5}}), 6, "`dns.domain`"),
        of(json!({"dns": {"options": [null]}}), 6, "`dns.options[0]`"),
        of(json!({"capabilities": ["mac"]}), 6, "`capabilities`"),
        of(
            json!({"capabilities": {"mac": "yes"}}),
            6,
            "`capabilities.mac`",
        ),
        of(json!({"runtimeConfig": []}), 6, "`runtimeConfig`"),
        of(
            json!({"runtimeConfig": {"mac": "02:00"}}),
            7,
            "`runtimeConfig.mac`",
        ),
        of(
            json!({"runtimeConfig": {"mac": 2}}),
            6,
            "`runtimeConfig.mac`",
        ),
        of(
            json!({"runtimeConfig": {"ips": "10.1.0.5"}}),
            6,
            "`runtimeConfig.ips`",
        ),
        of(
            json!({"runtimeConfig": {"ips": ["10.1.0.5/33"]}}),
            7,
            "`runtimeConfig.ips[0]`",
        ),
        of(
            json!({"runtimeConfig": {"ips": ["banana"]}}),
            7,
            "`runtimeConfig.ips[0]`",
        ),
        of(
            json!({"runtimeConfig": {"ipRanges": [{}]}}),
            6,
            "`runtimeConfig.ipRanges[0]`",
        ),
        of(
            json!({"runtimeConfig": {"ipRanges": [[{}]]}}),
            7,
            "`runtimeConfig.ipRanges[0][0].subnet`",
        ),
        of(
            json!({"runtimeConfig": {"portMappings": {}}}),
            6,
            "`runtimeConfig.portMappings`",
        ),
        of(json!({"args": 5}), 6, "`args`"),
        of(json!({"args": {"cni": []}}), 6, "`args.cni`"),
        of(json!({"args": {"cni": {"mac": "x"}}}), 7, "`args.cni.mac`"),
        of(
            json!({"args": {"cni": {"labels": [{"key": "a"}]}}}),
            7,
            "`args.cni.labels[0].value`",
        ),
    ]
}

/// What the plugin before is said to have answered.
fn results() -> Vec<Bad> {
    let of = |changed: Value, code, says| {
        let mut result = previous();
        super::merge(&mut result, changed);
        keys("portmap", json!({"prevResult": result}), code, says)
    };
    vec![
        keys("portmap", json!({"prevResult": "x"}), 6, "`prevResult`"),
        keys("portmap", json!({"prevResult": []}), 6, "`prevResult`"),
        keys(
            "portmap",
            json!({"prevResult": null}),
            7,
            "`prevResult` is missing",
        ),
        keys(
            "firewall",
            json!({"prevResult": null}),
            7,
            "`prevResult` is missing",
        ),
        of(json!({"cniVersion": "0.2.0"}), 1, "`prevResult.cniVersion`"),
        of(json!({"cniVersion": "9.9.9"}), 1, "`prevResult.cniVersion`"),
        of(json!({"cniVersion": 1}), 6, "`prevResult.cniVersion`"),
        of(
            json!({"ips": [{"address": "10.1.0.2/24", "interface": 3}]}),
            7,
            "`prevResult.ips[0].interface`",
        ),
        of(
            json!({"ips": [{"address": "10.1.0.2/24", "interface": -1}]}),
            7,
            "`prevResult.ips[0].interface`",
        ),
        of(
            json!({"ips": [{"address": "10.1.0.2/24", "interface": u64::MAX}]}),
            7,
            "`prevResult.ips[0].interface`",
        ),
        of(
            json!({"ips": [{"address": "10.1.0.2/24", "interface": "2"}]}),
            6,
            "`prevResult.ips[0].interface`",
        ),
        of(
            json!({"ips": [{"address": "10.1.0.2"}]}),
            7,
            "`prevResult.ips[0].address`",
        ),
        of(
            json!({"ips": [{"gateway": "10.1.0.1"}]}),
            7,
            "`prevResult.ips[0].address` is missing",
        ),
        of(
            json!({"ips": [{"address": "10.1.0.2/24", "gateway": "x"}]}),
            7,
            "`prevResult.ips[0].gateway`",
        ),
        of(
            json!({"cniVersion": "0.4.0", "ips": [{"address": "10.1.0.2/24", "version": "6"}]}),
            7,
            "`prevResult.ips[0].version`",
        ),
        of(
            json!({"interfaces": [{"mac": "x"}]}),
            7,
            "`prevResult.interfaces[0].name` is missing",
        ),
        of(
            json!({"interfaces": {"name": "eth0"}}),
            6,
            "`prevResult.interfaces`",
        ),
        of(
            json!({"routes": [{"gw": "10.1.0.1"}]}),
            7,
            "`prevResult.routes[0].dst` is missing",
        ),
        of(
            json!({"routes": [{"dst": "default"}]}),
            7,
            "`prevResult.routes[0].dst`",
        ),
    ]
}

#[test]
fn texts_that_are_no_configuration_are_refused() {
    refused([malformed(), huge()].into_iter().flatten().collect(), 39);
}

#[test]
fn what_every_plugin_reads_is_refused_by_its_key() {
    refused(
        [head(), everybody_reads(), results()]
            .into_iter()
            .flatten()
            .collect(),
        61,
    );
}
