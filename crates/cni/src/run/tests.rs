//! Lists of plugins of others, played by shell scripts that write down how they were called.

mod gc;

use super::*;
use crate::exec::tests::add_plugin;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

const SCRIPT: &str = r#"
at=${0%/*}; name=${0##*/}
cat >"$at/$name.$CNI_COMMAND"
echo "$CNI_COMMAND $name" >>"$at/log"
echo "$CNI_NETNS" >"$at/netns.of.last"
if [ -e "$at/$name.fails.$CNI_COMMAND" ]; then cat "$at/$name.fails.$CNI_COMMAND"; exit 1; fi
[ "$CNI_COMMAND" != ADD ] || cat "$at/$name.result""#;

/// Plugins `a`, `b` and `c`, a cache, and a namespace that can end.
struct World {
    base: TempDir,
    runtime: Runtime,
}

impl World {
    fn new() -> World {
        let base = tempfile::tempdir().unwrap();
        for (at, name) in ["a", "b", "c"].iter().enumerate() {
            add_plugin(base.path(), name, SCRIPT);
            let result = format!(
                r#"{{"cniVersion": "1.1.0", "ips": [{{"address": "10.1.0.{}/24"}}]}}"#,
                at + 1
            );
            fs::write(base.path().join(format!("{name}.result")), result).unwrap();
        }
        symlink("/proc/self/ns/net", base.path().join("netns")).unwrap();
        let runtime = Runtime {
            plugin_directories: vec![base.path().to_owned()],
            cache_directory: base.path().join("cache"),
            ..Runtime::default()
        };
        World { base, runtime }
    }

    fn run<T>(&self, work: impl FnOnce(&mut Run<'_>) -> T) -> T {
        let mut report = |_: &Step| {};
        work(&mut Run::new(&self.runtime, &mut report).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn fail(&self, plugin: &str, operation: &str, code: u32) {
        let error = format!(r#"{{"code": {code}, "msg": "{plugin} says no", "details": "why"}}"#);
        fs::write(self.path(&format!("{plugin}.fails.{operation}")), error).unwrap();
    }

    /// The calls since this was last asked.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let _ = fs::remove_file(self.path("log"));
        log.trim().replace('\n', ", ")
    }

    fn input(&self, plugin: &str, operation: &str) -> Value {
        let text = fs::read(self.path(&format!("{plugin}.{operation}"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The address in the result that a plugin was given.
    fn previous(&self, plugin: &str, operation: &str) -> Option<String> {
        let input = self.input(plugin, operation);
        let address = input.pointer("/prevResult/ips/0/address");
        address.and_then(Value::as_str).map(str::to_owned)
    }

    fn web(&self) -> Attachment {
        Attachment {
            netns: Some(self.path("netns")),
            ..Attachment::new(key("web"))
        }
    }

    fn kept(&self, container: &str) -> PathBuf {
        self.path(&format!("cache/results/blue-{container}-eth0"))
    }
}

fn key(container: &str) -> AttachmentKey {
    AttachmentKey {
        container_id: container.parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

fn list_of(version: &str, more: &str, plugins: &str) -> NetworkList {
    let text =
        format!(r#"{{"cniVersion": "{version}", "name": "blue"{more}, "plugins": [{plugins}]}}"#);
    NetworkList::parse(text.as_bytes()).unwrap()
}

const ABC: &str =
    r#"{"type": "a"}, {"type": "b", "capabilities": {"mac": true}, "own": 1}, {"type": "c"}"#;

fn list(version: &str) -> NetworkList {
    list_of(version, "", ABC)
}

#[test]
fn add_goes_forth_and_del_back_each_with_the_result_before() {
    let world = World::new();
    let web = Attachment {
        args: "IgnoreUnknown=1;A=b".parse().unwrap(),
        capabilities: CapabilityArgs::parse(br#"{"mac": "02:00:00:00:00:01", "ips": []}"#).unwrap(),
        ..world.web()
    };
    let result = world.run(|run| run.add(&list("1.0.0"), &web)).unwrap();
    assert_eq!(result.ips[0].address.to_string(), "10.1.0.3/24");
    assert_eq!(world.log(), "ADD a, ADD b, ADD c");
    assert_eq!(world.previous("a", "ADD"), None);
    assert_eq!(world.previous("b", "ADD").unwrap(), "10.1.0.1/24");
    assert_eq!(world.previous("c", "ADD").unwrap(), "10.1.0.2/24");
    let input = world.input("b", "ADD");
    assert_eq!(
        input["runtimeConfig"].to_string(),
        r#"{"mac":"02:00:00:00:00:01"}"#
    );
    assert_eq!((&input["own"], &input["name"]), (&1.into(), &"blue".into()));
    assert!(world.input("c", "ADD").get("runtimeConfig").is_none());

    // The list changed meanwhile, and nobody remembers the arguments: those of the ADD are kept.
    let other = list_of("1.0.0", "", r#"{"type": "a"}"#);
    let bare = Attachment::new(key("web"));
    world.run(|run| run.del(&other, &bare)).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a");
    for plugin in ["a", "b", "c"] {
        assert_eq!(world.previous(plugin, "DEL").unwrap(), "10.1.0.3/24");
    }
    assert_eq!(
        world.input("b", "DEL")["runtimeConfig"]["mac"],
        "02:00:00:00:00:01"
    );
    assert!(!world.kept("web").exists());
    world.run(|run| run.del(&other, &bare)).unwrap();
    assert_eq!(
        (world.log().as_str(), world.previous("a", "DEL")),
        ("DEL a", None)
    );
}

#[test]
fn del_has_no_result_before_version_0_4_0() {
    let world = World::new();
    let list = list("0.3.1");
    world.run(|run| run.add(&list, &world.web())).unwrap();
    world.run(|run| run.del(&list, &world.web())).unwrap();
    assert_eq!(world.previous("a", "DEL"), None);
}

#[test]
fn what_ran_is_undone_in_reverse_and_the_first_error_is_the_answer() {
    let world = World::new();
    world.fail("b", "ADD", 999);
    world.fail("a", "DEL", 11);
    let mut steps = Vec::new();
    let mut report = |step: &Step| steps.push(step.clone());
    let mut run = Run::new(&world.runtime, &mut report).unwrap();
    let error = run.add(&list("1.0.0"), &world.web()).unwrap_err();
    assert!(run.finish().is_empty());
    assert_eq!(world.log(), "ADD a, ADD b, DEL b, DEL a");
    assert_eq!(
        (error.code, error.msg.as_str()),
        (Code::Other(999), "b says no")
    );
    assert_eq!(error.details, "why; not undone: plugin `a`: a says no");
    assert_eq!(world.previous("a", "DEL").unwrap(), "10.1.0.1/24");
    assert!(!world.kept("web").exists());
    let said: Vec<_> = steps
        .iter()
        .map(|step| (step.operation, step.plugin.as_str(), step.error.is_some()))
        .collect();
    let want = [
        ("ADD", "a", false),
        ("ADD", "b", true),
        ("DEL", "b", false),
        ("DEL", "a", true),
    ];
    assert_eq!(said, want);
    assert_eq!(steps[0].program.as_deref(), Some(world.path("a").as_path()));
    assert!(steps[0].took > Duration::ZERO);
}

#[test]
fn a_result_that_is_none_and_one_that_cannot_be_kept_are_undone_too() {
    let world = World::new();
    fs::write(world.path("c.result"), "hello").unwrap();
    let error = world
        .run(|run| run.add(&list("1.0.0"), &world.web()))
        .unwrap_err();
    assert_eq!(error.code, Code::Decoding);
    assert!(
        error.msg.starts_with("the result of plugin `c`: "),
        "{error}"
    );
    assert_eq!(world.log(), "ADD a, ADD b, ADD c, DEL c, DEL b, DEL a");

    let long = format!("\"dns\": {{\"domain\": \"{}\"}}", "x".repeat(1_000_000));
    fs::write(world.path("c.result"), format!("{{{long}, \"ips\": []}}")).unwrap();
    let filler = "x".repeat(100_000);
    let list = list_of(
        "1.0.0",
        "",
        &format!(r#"{{"type": "c", "filler": "{filler}"}}"#),
    );
    let error = world.run(|run| run.add(&list, &world.web())).unwrap_err();
    assert!(error.msg.contains("more than 1 MiB"), "{error}");
    assert_eq!(world.log(), "ADD c, DEL c");
}

#[test]
fn what_can_be_refused_is_refused_before_anything_runs() {
    let world = World::new();
    let plugins = |plugins: &str| list_of("1.0.0", "", plugins);
    let web = world.web();
    let capabilities = CapabilityArgs::parse(
        br#"{"portMappings": [{"hostPort": 80, "containerPort": 80, "hostIP": "ff02::1"}]}"#,
    );
    let ports = Attachment {
        capabilities: capabilities.unwrap(),
        ..world.web()
    };
    let nowhere = Attachment {
        netns: Some("/nowhere".into()),
        ..world.web()
    };
    let cases = [
        (
            plugins(r#"{"type": "a"}, {"type": "missing"}"#),
            &web,
            "plugin \"missing\"",
        ),
        (
            plugins(r#"{"type": "a"}, {"type": "portmap", "conditionsV4": ["-x"]}"#),
            &web,
            "`conditionsV4`",
        ),
        (
            plugins(r#"{"type": "a"}, {"type": "firewall", "backend": "x"}"#),
            &web,
            "`backend`",
        ),
        (
            plugins(
                r#"{"type": "a"}, {"type": "portmap", "capabilities": {"portMappings": true}}"#,
            ),
            &ports,
            "`runtimeConfig.portMappings[0]`",
        ),
        (list("1.0.0"), &nowhere, "/nowhere"),
        (
            list("1.0.0"),
            &Attachment::new(key("web")),
            "ADD needs the namespace",
        ),
    ];
    for (list, attachment, why) in cases {
        let error = world.run(|run| run.add(&list, attachment)).unwrap_err();
        assert!(error.msg.contains(why), "{why}: {error}");
        assert_eq!(world.log(), "", "{why}");
    }
    let mut report = |_: &Step| {};
    let relative = Runtime {
        plugin_directories: vec!["bin".into()],
        ..Runtime::default()
    };
    assert!(Run::new(&relative, &mut report).is_err());
}

#[test]
fn del_runs_all_and_keeps_what_is_needed_to_try_again() {
    let world = World::new();
    let list = list("1.0.0");
    world.run(|run| run.add(&list, &world.web())).unwrap();
    world.log();
    fs::remove_file(world.path("c")).unwrap();
    world.fail("b", "DEL", 42);
    let error = world.run(|run| run.del(&list, &world.web())).unwrap_err();
    assert!(error.msg.contains("plugin \"c\""), "{error}");
    assert_eq!(error.details, "and then: plugin `b`: b says no");
    assert_eq!(world.log(), "DEL b, DEL a");
    assert!(world.kept("web").exists());
    fs::remove_file(world.path("b.fails.DEL")).unwrap();
    add_plugin(world.base.path(), "c", SCRIPT);
    world.run(|run| run.del(&list, &world.web())).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a");
    assert!(!world.kept("web").exists());
}

#[test]
fn a_damaged_file_is_no_obstacle_for_del() {
    let world = World::new();
    let list = list("1.0.0");
    world.run(|run| run.add(&list, &world.web())).unwrap();
    world.log();
    fs::write(world.kept("web"), "{\"kind\": \"cniCa").unwrap();
    assert!(world.run(|run| run.check(&list, &world.web())).is_err());
    world.run(|run| run.del(&list, &world.web())).unwrap();
    assert_eq!(
        (world.log().as_str(), world.previous("a", "DEL")),
        ("DEL c, DEL b, DEL a", None)
    );
    assert!(!world.kept("web").exists());
}

#[test]
fn the_same_add_again_answers_the_same() {
    let world = World::new();
    let list = list("1.0.0");
    let first = world.run(|run| run.add(&list, &world.web())).unwrap();
    world.log();
    assert_eq!(
        world.run(|run| run.add(&list, &world.web())).unwrap(),
        first
    );
    assert_eq!(world.log(), "CHECK a, CHECK b, CHECK c");
    assert_eq!(world.previous("a", "CHECK").unwrap(), "10.1.0.3/24");

    let other = Attachment {
        args: "A=b".parse().unwrap(),
        ..world.web()
    };
    let error = world.run(|run| run.add(&list, &other)).unwrap_err();
    assert!(error.msg.contains("attached to `blue` already"), "{error}");
    assert_eq!(world.log(), "");

    world.fail("b", "CHECK", 100);
    let error = world.run(|run| run.add(&list, &world.web())).unwrap_err();
    assert_eq!(
        error.details,
        "why; it is attached already; DEL takes it away"
    );
    assert_eq!(world.log(), "CHECK a, CHECK b");
    let off = list_of("1.0.0", r#", "disableCheck": true"#, ABC);
    world.run(|run| run.del(&list, &world.web())).unwrap();
    world.run(|run| run.add(&off, &world.web())).unwrap();
    world.log();
    assert_eq!(world.run(|run| run.add(&off, &world.web())).unwrap(), first);
    assert_eq!(world.log(), "");
}

#[test]
fn an_attachment_whose_namespace_ended_is_made_anew() {
    let world = World::new();
    let list = list("1.0.0");
    world.run(|run| run.add(&list, &world.web())).unwrap();
    world.log();
    fs::rename(world.path("netns"), world.path("netns2")).unwrap();
    let after = Attachment {
        netns: Some(world.path("netns2")),
        ..world.web()
    };
    world.run(|run| run.add(&list, &after)).unwrap();
    let anew = "DEL c, DEL b, DEL a, ADD a, ADD b, ADD c";
    assert_eq!(world.log(), anew);

    // As after a boot: the path is the same, the namespace is not.
    let text = fs::read_to_string(world.kept("web")).unwrap();
    let cookie = text.find("\"cookie\":").unwrap() + "\"cookie\":".len();
    fs::write(
        world.kept("web"),
        format!("{}9{}", &text[..cookie], &text[cookie..]),
    )
    .unwrap();
    world.run(|run| run.add(&list, &after)).unwrap();
    assert_eq!(world.log(), anew);
    let kept = world
        .run(|run| run.kept_list("blue", &key("web")))
        .unwrap()
        .unwrap();
    assert_eq!(kept.to_json(), list.to_json());
}

#[test]
fn check_goes_forth_and_ends_at_the_first_that_fails() {
    let world = World::new();
    let bare = Attachment::new(key("web"));
    let check = |list: &NetworkList| world.run(|run| run.check(list, &bare));
    let error = check(&list("1.0.0")).unwrap_err();
    assert_eq!(error.code, Code::Differs);
    assert!(
        error.msg.starts_with("web/eth0 is not attached to `blue`"),
        "{error}"
    );
    world
        .run(|run| run.add(&list("1.0.0"), &world.web()))
        .unwrap();
    world.log();
    check(&list("1.0.0")).unwrap();
    assert_eq!(world.log(), "CHECK a, CHECK b, CHECK c");
    world.fail("b", "CHECK", 77);
    assert_eq!(check(&list("1.0.0")).unwrap_err().code, Code::Other(77));
    assert_eq!(world.log(), "CHECK a, CHECK b");
    check(&list_of("1.0.0", r#", "disableCheck": true"#, ABC)).unwrap();
    assert_eq!(
        check(&list("0.3.1")).unwrap_err().code,
        Code::IncompatibleVersion
    );
    assert_eq!(world.log(), "");
}

#[test]
fn status_goes_forth_since_version_1_1_0() {
    let world = World::new();
    let status = |list: &NetworkList| world.run(|run| run.status(list));
    status(&list("1.0.0")).unwrap();
    assert_eq!(world.log(), "");
    status(&list("1.1.0")).unwrap();
    assert_eq!(world.log(), "STATUS a, STATUS b, STATUS c");
    world.fail("b", "STATUS", 50);
    assert_eq!(status(&list("1.1.0")).unwrap_err().code, Code::Unavailable);
    assert_eq!(world.log(), "STATUS a, STATUS b");
}

#[test]
fn plugins_of_ours_run_in_this_process() {
    let world = World::new();
    let ours = r#"{"type": "static", "ipam": {"type": "static", "addresses": [{"address": "10.9.0.5/24"}]}}, {"type": "a"}"#;
    let list = list_of("1.0.0", "", ours);
    let mut programs = Vec::new();
    let mut report = |step: &Step| programs.push(step.program.is_some());
    let mut run = Run::new(&world.runtime, &mut report).unwrap();
    run.add(&list, &world.web()).unwrap();
    run.del(&list, &world.web()).unwrap();
    assert_eq!(world.log(), "ADD a, DEL a");
    assert_eq!(world.previous("a", "ADD").unwrap(), "10.9.0.5/24");
    assert_eq!(programs, [false, true, true, false]);
}

#[test]
fn addresses_may_come_of_a_plugin_of_others() {
    let world = World::new();
    let with = |kind: &str| {
        list_of(
            "1.1.0",
            "",
            &format!(r#"{{"type": "static", "ipam": {{"type": "{kind}", "own": 1}}}}"#),
        )
    };
    let (list, web) = (with("a"), world.web());
    let result = world.run(|run| run.add(&list, &web)).unwrap();
    assert_eq!(result.ips[0].address.to_string(), "10.1.0.1/24");
    assert_eq!(world.input("a", "ADD")["ipam"]["own"], 1);
    world.run(|run| run.check(&list, &web)).unwrap();
    assert_eq!(world.previous("a", "CHECK").unwrap(), "10.1.0.1/24");
    world.run(|run| run.status(&list)).unwrap();
    world.run(|run| run.gc(&list, Some(&[]))).unwrap();
    assert_eq!(world.log(), "ADD a, CHECK a, STATUS a, DEL a, GC a");

    world.fail("a", "ADD", 11);
    let error = world.run(|run| run.add(&list, &web)).unwrap_err();
    assert_eq!(
        (error.code, error.msg.as_str()),
        (Code::TryAgain, "IPAM plugin `a`: a says no")
    );
    let error = world
        .run(|run| run.add(&with("missing"), &web))
        .unwrap_err();
    assert!(error.msg.starts_with("IPAM plugin `missing`: "), "{error}");
}
