//! What holds for the manifests of the members: who may know whom, one version of each dependency, the shared lints.

use super::{Source, Violation};

type Check = fn(&[Source]) -> Vec<Violation>;

pub(super) const CHECKS: [(&str, Check); 3] = [
    ("crates depend in one direction", direction),
    ("versions are said once", versions),
    ("lints are shared", lints),
];

/// Our crates, and which of ours each may use. Tests, benchmarks and tasks may use all.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("core-netlink", &[]),
    ("ipam", &[]),
    ("ns-mgmt", &["core-netlink"]),
    ("firewall", &["core-netlink"]),
    ("bridge", &["firewall", "ipam", "ns-mgmt", "core-netlink"]),
    ("iproute", &["ns-mgmt", "core-netlink"]),
    ("cni", &["bridge", "ipam", "ns-mgmt", "core-netlink"]),
    (
        "cli",
        &["iproute", "cni", "bridge", "ns-mgmt", "core-netlink"],
    ),
];

fn direction(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (source, crate_name) in members(sources).filter_map(|s| {
        Some((
            s,
            s.path
                .strip_prefix("crates/")?
                .strip_suffix("/Cargo.toml")?,
        ))
    }) {
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == crate_name) else {
            found.push(violation(
                source,
                1,
                "a new crate: say in xtask/src/tidy/graph.rs which crates it may use".into(),
            ));
            continue;
        };
        for (line, dependency) in dependencies(&source.text) {
            let name = dependency
                .name
                .strip_prefix("vetch-")
                .unwrap_or(dependency.name);
            let ours = MAY_USE.iter().any(|(ours, _)| *ours == name);
            if ours && !may_use.contains(&name) {
                let instead = format!(
                    "{crate_name} must not know {name}: move the code up, or hand the value down"
                );
                found.push(violation(source, line, instead));
            }
        }
    }
    found
}

fn versions(sources: &[Source]) -> Vec<Violation> {
    let all = members(sources).flat_map(|source| {
        dependencies(&source.text).map(move |(line, dependency)| (source, line, dependency))
    });
    let own = all.filter(|(_, _, dependency)| !dependency.shared);
    own.map(|(source, line, dependency)| {
        let instead = format!(
            "`{}`: name the version in [workspace.dependencies] and write `workspace = true` here",
            dependency.name
        );
        violation(source, line, instead)
    })
    .collect()
}

fn lints(sources: &[Source]) -> Vec<Violation> {
    let bare = members(sources).filter(|source| {
        !source
            .text
            .replace(' ', "")
            .contains("[lints]\nworkspace=true")
    });
    bare.map(|source| {
        violation(
            source,
            1,
            "add `[lints]` with `workspace = true`: the lints are the same everywhere".into(),
        )
    })
    .collect()
}

fn members(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources
        .iter()
        .filter(|source| source.path.ends_with("/Cargo.toml"))
}

fn violation(source: &Source, line: usize, instead: String) -> Violation {
    Violation {
        path: source.path.clone(),
        line,
        instead,
    }
}

struct Dependency<'a> {
    name: &'a str,
    shared: bool,
}

/// The dependencies of a manifest with their line numbers (one per line, as is our custom).
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, Dependency<'_>)> {
    let mut inside = false;
    manifest.lines().enumerate().filter_map(move |(at, line)| {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| inside)?;
        let name = key.trim().trim_end_matches(".workspace");
        let shared = key.trim().ends_with(".workspace") || value.contains("workspace = true");
        Some((at + 1, Dependency { name, shared }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, text: &str) -> [Source; 1] {
        [Source::new(&format!("crates/{name}/Cargo.toml"), text)]
    }

    #[test]
    fn an_arrow_upward_is_caught() {
        let caught = direction(&manifest(
            "ns-mgmt",
            "[dependencies]\nbridge.workspace = true\n",
        ));
        assert_eq!(caught[0].line, 2);
        assert_eq!(
            direction(&manifest(
                "ipam",
                "[dev-dependencies]\nvetch-firewall = { workspace = true }\n"
            ))
            .len(),
            1
        );
        assert_eq!(
            direction(&manifest(
                "bridge",
                "[dependencies]\nipam.workspace = true\nserde.workspace = true\n"
            )),
            []
        );
    }

    #[test]
    fn a_crate_nobody_planned_is_caught() {
        assert_eq!(direction(&manifest("common", "")).len(), 1);
    }

    #[test]
    fn a_version_of_ones_own_is_caught() {
        assert_eq!(
            versions(&manifest("ipam", "[dependencies]\nipnet = \"2\"\n"))[0].line,
            2
        );
        assert_eq!(
            versions(&manifest(
                "ipam",
                "[package]\nname = \"x\"\n[dependencies]\nnix = { workspace = true, features = [] }\n"
            )),
            []
        );
    }

    #[test]
    fn missing_lints_are_caught() {
        assert_eq!(lints(&manifest("ipam", "[package]\n")).len(), 1);
        assert_eq!(lints(&manifest("ipam", "[lints]\nworkspace = true\n")), []);
    }
}
