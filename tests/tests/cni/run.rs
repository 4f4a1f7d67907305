//! `vetch cni run`: our plugins and one of others in a list.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use vetch_tests::{Lab, Output, lab};

const PLUGINS: &str = "/run/plugins";
const TUNING: &str = "tuning-of-others";
const LIST: &str = "/run/10-pods.conflist";
const RESULTS: &str = "/var/lib/cni/results";
const PORT: &str = r#"{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}"#;

/// A plugin that is a shell script; `input` is what it was given.
fn script(name: &str, text: &str) {
    let path = Path::new(PLUGINS).join(name);
    fs::create_dir_all(PLUGINS).unwrap();
    fs::write(&path, format!("#!/bin/sh\ninput=$(cat)\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Answers an ADD with the result before, which is the last key that a plugin is given.
const PASS_ON: &str =
    r#"if [ "$CNI_COMMAND" = ADD ]; then r=${input#*\"prevResult\":}; echo "${r%\}}"; fi"#;

/// `bridge`, `portmap`, `firewall` and one more.
fn write_list(version: &str, last: Value) {
    let bridge = json!({
        "type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "ipMasq": true,
        "ipam": {"type": "host-local", "dataDir": "/run/leases", "subnet": "10.22.0.0/24"},
    });
    let portmap = json!({"type": "portmap", "capabilities": {"portMappings": true}});
    write_plugins(
        version,
        json!([bridge, portmap, {"type": "firewall"}, last]),
    );
}

fn write_plugins(version: &str, plugins: Value) {
    let list = json!({"cniVersion": version, "name": "pods", "plugins": plugins});
    fs::write(LIST, list.to_string()).unwrap();
}

#[track_caller]
fn run(lab: &Lab, words: &str, more: &[&str]) -> Output {
    let mut argv = vec!["cni", "run"];
    argv.extend(words.split_whitespace());
    argv.extend(["--plugin-dir", PLUGINS, "--plugin-dir", "/usr/lib/cni"]);
    argv.extend(more);
    lab.vetch_argv(&argv).go()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|err| panic!("{err}: {output:?}"))
}

fn results() -> Vec<String> {
    let entries = fs::read_dir(RESULTS).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The bridge and which address was the last outlive the attachments; the rest is this test's own.
fn clear(lab: &Lab) {
    assert!(
        !lab.shell("ls /run/leases/pods").stdout.contains("10.2"),
        "no lease is left"
    );
    lab.vetch("network rm --wait pods").ok();
    remove_files(lab);
}

fn remove_files(lab: &Lab) {
    lab.shell(&format!(
        "rm -rf {PLUGINS} {LIST} /run/leases /run/pool.log"
    ))
    .ok();
}

/// The list with Debian's plugin `tuning` where it is, under a name that ours has not; else with one that does nothing. Whether it is the
/// real one.
fn write_list_with_tuning() -> bool {
    let real = Path::new("/usr/lib/cni/tuning");
    fs::create_dir_all(PLUGINS).unwrap();
    match real.exists() {
        true => symlink(real, Path::new(PLUGINS).join(TUNING)).unwrap(),
        false => script(TUNING, PASS_ON),
    }
    let sysctl = json!({"net.ipv4.conf.eth0.arp_filter": "1"});
    write_list("1.0.0", json!({"type": TUNING, "sysctl": sysctl}));
    real.exists()
}

#[test]
fn packets_flow_through_a_chain_of_ours_and_another_plugin() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
        let is_real = write_list_with_tuning();
        let add = format!("ADD {LIST} --container-id c1 --netns c1 --json");
        let added = json(&run(lab, &add, &["--capabilities", PORT]).ok());
        let result = &added["result"];
        assert_eq!(result["ips"][0]["address"], "10.22.0.2/24");
        assert_eq!(result["interfaces"][2]["sandbox"], "/run/netns/c1");
        let plugin = |step: &Value| step["plugin"].as_str().map(str::to_owned);
        let steps = added["steps"].as_array().unwrap().iter();
        let steps: Vec<_> = steps.filter_map(plugin).collect();
        assert_eq!(steps, ["bridge", "portmap", "firewall", TUNING]);
        let second = format!("ADD {LIST} --container-id c2 --netns /run/netns/c2");
        let second = json(&run(lab, &second, &[]).ok());
        assert_eq!(second["ips"][0]["address"], "10.22.0.3/24");

        let _web = c1.tcp_server("0.0.0.0:80");
        assert!(c2.reaches("10.22.0.2") && c2.reaches("10.22.0.1") && c1.reaches("192.0.2.2"));
        let seen = outside.tcp("192.0.2.1:8080").unwrap();
        assert_eq!(seen.ip().to_string(), "192.0.2.2");
        if is_real {
            let tuned = c1.cmd("cat /proc/sys/net/ipv4/conf/eth0/arp_filter");
            assert_eq!(tuned.ok().stdout.trim(), "1");
        }

        fs::remove_file(LIST).unwrap();
        let codes = ["c1", "c2", "c2"].map(|container| {
            let del = format!("DEL --network pods --conf-dir /run/none --container-id {container}");
            run(lab, &del, &[]).code
        });
        assert_eq!(
            codes,
            [0, 0, 2],
            "by what is kept; then nobody knows the network"
        );
        assert!(results().is_empty() && outside.tcp("192.0.2.1:8080").is_err());
        clear(lab);
    });
}

#[test]
fn the_same_again_answers_the_same_until_check_finds_a_difference() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        write_list_with_tuning();
        let words = format!("{LIST} --container-id c1 --netns c1");
        let add = || run(lab, &format!("ADD {words}"), &["--capabilities", PORT]);
        let added = add().ok();
        let before = lab.state();
        assert_eq!(add().ok().stdout, added.stdout);
        assert_eq!(before.difference(&lab.state()), [""; 0]);
        let check = || run(lab, &format!("CHECK {LIST} --container-id c1 -v"), &[]);
        let checked = check().ok();
        assert!(
            checked.stdout.is_empty() && checked.stderr.contains("# CHECK tuning-of-others by ")
        );

        c1.cmd("ip address del 10.22.0.2/24 dev eth0").ok();
        for differs in [check(), add()] {
            assert_eq!(
                (differs.code, json(&differs)["code"].as_u64()),
                (1, Some(101))
            );
        }
        run(lab, &format!("DEL {words}"), &[]).ok();
        add().ok();
        assert!(c1.reaches("10.22.0.1"));
        run(lab, &format!("DEL {words}"), &[]).ok();
        run(lab, &format!("DEL {words}"), &[]).ok();
        clear(lab);
    });
}

#[test]
fn a_plugin_that_fails_leaves_nothing_of_those_before() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        script(
            "breaks",
            r#"echo "look: $CNI_IFNAME" >&2
            if [ "$CNI_COMMAND" = ADD ]; then echo '{"code": 142, "msg": "no luck"}'; exit 1; fi"#,
        );
        write_list("1.0.0", json!({"type": "breaks"}));
        let words = format!("ADD {LIST} --container-id c1 --netns c1");
        let failed = run(lab, &words, &["--capabilities", PORT]);
        assert_eq!(failed.code, 2);
        assert_eq!(
            json(&failed),
            json!({"cniVersion": "1.0.0", "code": 142, "msg": "no luck"})
        );
        let said = "breaks: look: eth0\nbreaks: look: eth0\n\
            error: ADD failed for c1/eth0: plugin `breaks`: no luck\n";
        assert_eq!(failed.stderr, said);
        assert!(results().is_empty() && !Path::new("/run/leases/pods/10.22.0.2").exists());
        assert_ne!(c1.cmd("ip link show eth0").code, 0);
        assert_eq!(lab.vetch("ls --json").ok().stdout.trim(), "[]");
        clear(lab);
    });
}

#[test]
fn what_a_later_plugin_would_refuse_is_refused_before_anything_is_changed() {
    lab(|lab| {
        lab.netns("c1");
        fs::create_dir_all(PLUGINS).unwrap();
        write_list(
            "1.0.0",
            json!({"type": "portmap", "capabilities": {"portMappings": true}, "conditionsV4": ["-x"]}),
        );
        let words = format!("ADD {LIST} --container-id c1 --netns c1");
        let failed = run(lab, &words, &["--capabilities", PORT]);
        assert_eq!((failed.code, json(&failed)["code"].as_u64()), (2, Some(7)));
        write_list("1.0.0", json!({"type": "nosuch"}));
        let failed = run(lab, &words, &[]);
        assert!(failed.stderr.contains("\"nosuch\""), "{failed:?}");
        remove_files(lab);
        assert_eq!(lab.difference(), [""; 0]);
    });
}

#[test]
fn gc_takes_away_what_lost_its_namespace_and_spares_what_only_the_records_know() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        lab.netns("c3");
        lab.shell("ip netns add c2").ok();
        script("last", PASS_ON);
        write_list("1.1.0", json!({"type": "last"}));
        for container in ["c1", "c2", "c3"] {
            let words = format!("ADD {LIST} --container-id {container} --netns {container}");
            run(lab, &words, &[]).ok();
        }
        run(lab, &format!("STATUS {LIST}"), &[]).ok();
        // As if another runtime had attached it, which keeps its results elsewhere.
        fs::remove_file(format!("{RESULTS}/pods-c3-eth0")).unwrap();
        lab.shell("ip netns del c2").ok();
        while !lab.vetch("ls").ok().stdout.contains("gone") {
            sleep(Duration::from_millis(20)); // the kernel ends namespaces a moment later
        }
        run(lab, &format!("GC {LIST}"), &[]).ok();
        assert_eq!(results(), ["pods-c1-eth0"]);
        let leases = ["2", "3", "4"]
            .map(|end| Path::new(&format!("/run/leases/pods/10.22.0.{end}")).exists());
        assert_eq!(leases, [true, false, true]);
        assert!(c1.reaches("10.22.0.4"));
        run(lab, &format!("GC {LIST} --valid c1/eth0"), &[]).ok();
        assert!(!c1.ping("10.22.0.4") && c1.reaches("10.22.0.1"));
        run(lab, &format!("GC {LIST} --valid none"), &[]).ok();
        assert!(results().is_empty());
        clear(lab);
    });
}

#[test]
fn addresses_may_come_of_another_ipam_plugin() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        script(
            "pool",
            r#"echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS" >>/run/pool.log
            if [ "$CNI_COMMAND" = ADD ]; then
                echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.23.0.9/24", "gateway": "10.23.0.1"}]}'
            fi"#,
        );
        write_plugins(
            "1.0.0",
            json!([{"type": "bridge", "isGateway": true, "ipam": {"type": "pool"}}]),
        );
        let words = format!("{LIST} --container-id c1 --netns c1");
        let added = json(&run(lab, &format!("ADD {words}"), &[]).ok());
        assert_eq!(added["ips"][0]["address"], "10.23.0.9/24");
        assert!(c1.reaches("10.23.0.1"));
        run(lab, &format!("CHECK {words}"), &[]).ok();
        run(lab, &format!("DEL {words}"), &[]).ok();
        let calls = ["ADD", "CHECK", "DEL"].map(|word| format!("{word} c1 /run/netns/c1\n"));
        assert_eq!(fs::read_to_string("/run/pool.log").unwrap(), calls.concat());
        clear(lab);
    });
}
