//! Calls that cannot be served, through the binary: refused with the specification's error object, naming the key or the variable, before
//! anything is changed.

mod chained;
mod environment;
mod keys;
mod texts;

use crate::call::{Whose, call};
use serde_json::{Value, json};
use vetch_tests::{Output, lab};

/// A call, the code of its error, and what the message holds.
struct Bad {
    plugin: &'static str,
    /// Other than [`USUAL`].
    variables: Vec<(&'static str, String)>,
    input: String,
    code: u64,
    says: &'static str,
}

const USUAL: [(&str, &str); 6] = [
    ("CNI_COMMAND", "ADD"),
    ("CNI_CONTAINERID", "web"),
    ("CNI_NETNS", "/run/netns/web"),
    ("CNI_IFNAME", "eth0"),
    ("CNI_PATH", "/usr/lib/cni"),
    ("CNI_ARGS", ""),
];

/// What each plugin is given beside the keys of a row; nothing is wrong with it.
fn usual(plugin: &str) -> Value {
    let ranges = json!([[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]]);
    let host_local = json!({"type": "host-local", "ranges": ranges, "dataDir": "/run/leases"});
    let mut all = json!({"cniVersion": "1.1.0", "name": "blue", "type": plugin});
    let more = match plugin {
        "bridge" => json!({"isDefaultGateway": true, "ipMasq": true, "ipam": host_local}),
        "host-local" => json!({"ipam": host_local}),
        "static" => json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/24"}]}}),
        _ => json!({"prevResult": previous()}),
    };
    merge(&mut all, more);
    all
}

fn previous() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "cni0"}, {"name": "vtp0"}, {"name": "eth0", "sandbox": "/run/netns/web"}],
        "ips": [{"address": "10.1.0.2/24", "gateway": "10.1.0.1", "interface": 2}],
    })
}

fn merge(value: &mut Value, keys: Value) {
    let Value::Object(keys) = keys else {
        panic!("keys are an object");
    };
    value.as_object_mut().unwrap().extend(keys);
}

/// A configuration with these keys instead of, or beside, the usual ones.
fn keys(plugin: &'static str, keys: Value, code: u64, says: &'static str) -> Bad {
    let mut input = usual(plugin);
    merge(&mut input, keys);
    text(plugin, input.to_string(), code, says)
}

/// Any text.
fn text(plugin: &'static str, input: impl Into<String>, code: u64, says: &'static str) -> Bad {
    Bad {
        plugin,
        variables: Vec::new(),
        input: input.into(),
        code,
        says,
    }
}

/// The usual configuration, with a variable set otherwise.
fn variable(name: &'static str, value: impl Into<String>, code: u64, says: &'static str) -> Bad {
    Bad {
        variables: vec![(name, value.into())],
        ..text("bridge", usual("bridge").to_string(), code, says)
    }
}

/// What is wrong with the answer.
fn wrong(bad: &Bad, output: &Output) -> Option<String> {
    let object: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let msg = object["msg"].as_str().unwrap_or_default();
    let is_object = object["cniVersion"].is_string() && object["code"] == bad.code;
    let is_short = !msg.is_empty() && output.stdout.len() < 4096;
    let is_clean =
        output.stderr.is_empty() && !output.stdout.contains("panicked") && !msg.contains('\u{1b}');
    let fine = output.code == 1 && is_object && is_short && is_clean && msg.contains(bad.says);
    let input: String = bad.input.chars().take(300).collect();
    (!fine).then(|| {
        let said: String = output.to_string().chars().take(600).collect();
        format!(
            "{} {:?} {input}: want {} {:?}: {said}",
            bad.plugin,
            short(&bad.variables),
            bad.code,
            bad.says
        )
    })
}

fn short(variables: &[(&'static str, String)]) -> Vec<String> {
    let all = variables.iter();
    all.map(|(name, value)| format!("{name}={}", value.chars().take(60).collect::<String>()))
        .collect()
}

/// Every row is refused, at least as many as there were, and the host is as before.
fn refused(rows: Vec<Bad>, least: usize) {
    assert!(rows.len() >= least, "{} rows", rows.len());
    lab(move |lab| {
        lab.netns("web");
        let mut all = Vec::new();
        for bad in &rows {
            let mut environment: Vec<(&'static str, String)> =
                USUAL.map(|(name, value)| (name, value.to_owned())).into();
            environment.extend(bad.variables.iter().cloned());
            let output = call(Whose::Ours, lab, bad.plugin, &environment, &bad.input);
            all.extend(wrong(bad, &output));
        }
        all.extend(lab.difference());
        assert!(
            all.is_empty(),
            "{} of {}:\n{}",
            all.len(),
            rows.len(),
            all.join("\n")
        );
    });
}

/// Or the rows below would prove nothing.
#[test]
fn what_is_usual_is_served() {
    lab(|lab| {
        lab.netns("web");
        let environment: Vec<(&'static str, String)> =
            USUAL.map(|(name, value)| (name, value.to_owned())).into();
        for plugin in ["bridge", "host-local", "static"] {
            call(
                Whose::Ours,
                lab,
                plugin,
                &environment,
                &usual(plugin).to_string(),
            )
            .ok();
        }
        for plugin in ["portmap", "firewall"] {
            call(
                Whose::Ours,
                lab,
                plugin,
                &environment,
                &usual(plugin).to_string(),
            )
            .ok();
        }
        let mut environment = environment;
        environment[0].1 = "DEL".to_owned();
        for plugin in ["bridge", "host-local"] {
            call(
                Whose::Ours,
                lab,
                plugin,
                &environment,
                &usual(plugin).to_string(),
            )
            .ok();
        }
        lab.vetch("network rm --force --wait blue").ok();
        lab.shell("rm -r /run/leases").ok();
    });
}
