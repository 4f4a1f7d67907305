//! run, exec, sandbox, lsns.

use nix::sys::signal::Signal;
use std::thread::sleep;
use std::time::{Duration, Instant};
use vetch_tests::{Lab, lab, skip};

fn vetch() -> String {
    std::env::var("VETCH_BIN").unwrap_or_default()
}

#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 5 s");
        sleep(Duration::from_millis(10));
    }
}

fn clear(lab: &Lab) {
    lab.vetch("network rm --wait default").ok();
}

#[test]
fn exit_codes_are_those_of_the_program() {
    lab(|lab| {
        let run = |words: &[&str]| {
            lab.vetch_argv(&[&["run", "--net", "none", "--"], words].concat())
                .go()
        };
        run(&["true"]).exits(0);
        run(&["sh", "-c", "exit 7"]).exits(7);
        run(&["sh", "-c", "kill -KILL $$"]).exits(137);
        run(&["nosuchprogram"])
            .exits(127)
            .complains("nosuchprogram");
        run(&["/etc/passwd"]).exits(126).complains("/etc/passwd");
        lab.vetch("run --net nosuch -- true")
            .exits(125)
            .complains("vetch network create nosuch");
        lab.vetch("run --net ns:nosuch -- true")
            .exits(125)
            .complains("nosuch");
        lab.vetch("run --net container:nosuch -- true")
            .exits(125)
            .complains("nosuch");
        lab.vetch("run --net host -p 80:80 -- true")
            .exits(125)
            .complains("publish");
        lab.vetch("run --rootfs /nosuch --net none -- true")
            .exits(125)
            .complains("/nosuch");
        lab.vetch("run --net none --uts host --hostname x -- true")
            .exits(125)
            .complains("UTS");
        for wrong in [
            "run",
            "exec",
            "sandbox",
            "run --nosuch -- true",
            "exec web",
            "--json sandbox --",
        ] {
            let said = lab.vetch(wrong).exits(125);
            assert!(
                said.stderr.contains("Usage:") && said.stdout.is_empty(),
                "{said}"
            );
        }
        for help in ["run --help", "exec -h", "help run"] {
            lab.vetch(help).ok().prints("Usage:");
        }
        lab.vetch("attach").exits(2);
    });
}

#[test]
fn one_dash_is_explained() {
    lab(|lab| {
        lab.vetch("run -net=host -- true")
            .exits(125)
            .complains("hint: long options have two dashes: `--net host`");
        lab.vetch("run -pid=host -- true")
            .exits(125)
            .complains("`--pid host`");
    });
}

#[test]
fn by_default_everything_is_new_and_the_network_is_made() {
    lab(|lab| {
        let all = "for kind in mnt uts ipc pid net cgroup user; do readlink /proc/self/ns/$kind; done; ip -j addr show eth0 >/dev/null && ip -j link show lo; hostname";
        let outside = lab.shell("for kind in mnt uts ipc pid net cgroup user; do readlink /proc/self/ns/$kind; done").ok();
        let inside = lab
            .vetch_argv(&["run", "--name", "box", "--", "sh", "-c", all])
            .go()
            .ok()
            .complains("made network default: bridge vbr-default");
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (outside, inside) = (lines(&outside.stdout), lines(&inside.stdout));
        for at in 0..6 {
            assert_ne!(outside[at], inside[at]);
        }
        assert_eq!(outside[6], inside[6], "no user namespace unless asked for");
        assert!(inside[7].contains("UP"), "lo is up: {}", inside[7]);
        assert_eq!(inside.last().unwrap(), "box");
        assert_eq!(
            lab.vetch("ls --json").ok().json(),
            serde_json::json!([]),
            "detached at the end"
        );
        assert_eq!(
            lab.vetch("run -- true").ok().stderr,
            "",
            "the second time the network is there"
        );
        clear(lab);
    });
}

#[test]
fn the_network_is_there_before_the_program_and_published() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        lab.vetch("network create default --subnet 10.78.0.0/24")
            .ok();
        // The very first thing the program does needs the network.
        lab.vetch_argv(&["run", "--", "ping", "-c1", "-W1", "192.0.2.2"])
            .go()
            .ok();
        let script = "echo hello | nc -N -l 80";
        let server = lab
            .vetch_argv(&[
                "run", "--name", "web", "-p", "8080:80", "--", "sh", "-c", script,
            ])
            .background();
        until("served", || {
            outside
                .shell("nc -w1 192.0.2.1 8080 </dev/null")
                .stdout
                .contains("hello")
        });
        server.wait().ok();
        clear(lab);
    });
}

#[test]
fn a_signal_ends_it_and_the_network_goes() {
    lab(|lab| {
        lab.vetch("network create default --subnet 10.78.0.0/24")
            .ok();
        for (signal, code) in [
            (Signal::SIGTERM, 143),
            (Signal::SIGINT, 130),
            (Signal::SIGHUP, 129),
        ] {
            // Whoever starts the suite in the background ignores SIGINT, and programs inherit that.
            let vetch = std::env::var("VETCH_BIN").unwrap();
            let fresh = ["env", "--default-signal=INT,HUP,TERM", &vetch];
            let words = ["run", "--name", "web", "--", "sleep", "60"];
            let run = lab.argv(&[&fresh[..], &words[..]].concat()).background();
            until("attached", || {
                lab.vetch("ls --json").ok().json()[0]["state"] == "up"
            });
            until("running", || lab.vetch("exec web -- true").code == 0);
            run.signal(signal);
            run.wait().exits(code);
            assert_eq!(
                lab.vetch("ls --json").ok().json(),
                serde_json::json!([]),
                "{signal}"
            );
            lab.vetch("exec web -- true").exits(125);
        }
        clear(lab);
    });
}

#[test]
fn killed_without_a_chance_it_is_cleared_later() {
    lab(|lab| {
        lab.vetch("network create default --subnet 10.78.0.0/24")
            .ok();
        let run = lab
            .vetch_argv(&["run", "--name", "web", "--", "sleep", "60"])
            .background();
        until("running", || lab.vetch("exec web -- true").code == 0);
        run.signal(Signal::SIGKILL);
        run.wait().exits(137);
        lab.vetch("exec web -- true")
            .exits(125)
            .complains("none of that name is running");
        until("the namespace is gone", || {
            lab.vetch("gc").ok();
            lab.vetch("ls --json").ok().json() == serde_json::json!([])
        });
        lab.vetch("run --name web -- true").ok();
        clear(lab);
    });
}

#[test]
fn exec_enters_all_namespaces_of_a_container() {
    lab(|lab| {
        let run = lab
            .vetch_argv(&[
                "run",
                "--name",
                "box",
                "--net",
                "none",
                "--hostname",
                "inside",
                "--",
                "sleep",
                "60",
            ])
            .background();
        until("running", || lab.vetch("exec box -- true").code == 0);
        lab.vetch("exec box -- hostname").ok().prints("inside");
        lab.vetch("exec box -- ps ax").ok().prints("sleep 60");
        assert!(!lab.vetch("exec box -- ps ax").ok().stdout.contains("xtask"));
        lab.vetch_argv(&["exec", "box", "--", "sh", "-c", "exit 9"])
            .go()
            .exits(9);
        lab.vetch("exec box -- nosuchprogram").exits(127);
        lab.vetch("run --name box --net none -- true")
            .exits(125)
            .complains("one of that name is running");
        lab.vetch("run --net container:box -- ip link")
            .ok()
            .prints("lo")
            .complains("");
        run.signal(Signal::SIGTERM);
        run.wait().exits(143);
    });
}

#[test]
fn exec_beside_a_process_and_in_a_named_namespace() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let sleeper = c1.argv(&["sleep", "60"]).background();
        c1.cmd("ip link set lo alias here").ok();
        lab.vetch(&format!("exec pid:{} -- ip link show lo", sleeper.pid()))
            .ok()
            .prints("alias here");
        lab.vetch("exec ns:c1 -- ip link show lo")
            .ok()
            .prints("alias here");
        lab.vetch("exec ns:c1 -- ls /sys/class/net")
            .ok()
            .prints("lo");
        lab.vetch("run --net ns:c1 -- ip link show lo")
            .ok()
            .prints("alias here");
        lab.vetch(&format!(
            "run --net pid:{} -- ip link show lo",
            sleeper.pid()
        ))
        .ok()
        .prints("alias here");
        lab.vetch("exec c1 -- true").exits(125).complains("`ns:c1`");
        lab.vetch("exec pid:4194304 -- true").exits(125);
    });
}

#[test]
fn the_hosts_own_namespaces_can_be_kept() {
    lab(|lab| {
        lab.cmd("ip link set lo alias host").ok();
        lab.vetch("run --net host -- ip link show lo")
            .ok()
            .prints("alias host");
        lab.argv(&["ip", "link", "set", "lo", "alias", ""])
            .go()
            .ok();
        let net = lab
            .shell("readlink /proc/self/ns/pid /proc/self/ns/mnt")
            .ok()
            .stdout;
        let kept = lab
            .vetch_argv(&[
                "run",
                "--net",
                "none",
                "--pid",
                "host",
                "--mount",
                "host",
                "--",
                "readlink",
                "/proc/self/ns/pid",
                "/proc/self/ns/mnt",
            ])
            .go();
        assert_eq!(kept.ok().stdout, net);
    });
}

#[test]
fn a_user_namespace_makes_root_nobody_outside() {
    lab(|lab| {
        let said = lab
            .vetch_argv(&[
                "run",
                "--net",
                "none",
                "--user",
                "--",
                "sh",
                "-c",
                "id -u; cat /proc/self/uid_map",
            ])
            .go()
            .ok();
        let mut lines = said.stdout.lines();
        assert_eq!(lines.next(), Some("0"));
        let map: Vec<_> = lines.next().unwrap().split_whitespace().collect();
        if nix::unistd::geteuid().is_root()
            && std::fs::read_to_string("/proc/self/uid_map")
                .unwrap()
                .contains("4294967295")
        {
            assert_ne!(map[1], "0", "{said}");
        }
        lab.vetch_argv(&["run", "--user", "--", "ping", "-c1", "-W2", "127.0.0.1"])
            .go()
            .ok();
        clear(lab);
    });
}

#[test]
fn a_root_directory_of_its_own() {
    lab(|lab| {
        lab.fixture(|| {
            lab.shell("mkdir -p /run/root/proc /run/root/usr /run/root/bin /run/root/lib /run/root/lib64; echo here > /run/root/marker").ok();
            lab.shell("for d in usr bin lib lib64; do mount --bind /$d /run/root/$d; done").ok();
        });
        // Nothing is left out without a word, and nothing is written into somebody's directory.
        for missing in ["dev", "sys"] {
            lab.vetch("run --net none --rootfs /run/root -- /bin/true")
                .exits(125)
                .complains(&format!(
                    "/{missing} is mounted in it, and /run/root/{missing} is missing"
                ))
                .complains(&format!("hint: mkdir /run/root/{missing}"));
            lab.fixture(|| drop(lab.shell(&format!("mkdir /run/root/{missing}")).ok()));
        }
        let said = lab
            .vetch_argv(&[
                "run",
                "--net",
                "none",
                "--rootfs",
                "/run/root",
                "--",
                "/bin/sh",
                "-c",
                "cat /marker; ls /; echo text >/dev/null; test -c /dev/null && test -d /sys/class/net",
            ])
            .go()
            .ok()
            .prints("here");
        assert!(!said.stdout.contains("var"), "{said}");
    });
}

#[test]
fn everything_works_in_a_sandbox() {
    lab(|lab| {
        let script = format!(
            "set -e; V={}; $V netns add c1; $V network create web --subnet 10.77.0.0/24; $V attach web c1; $V -n c1 addr show eth0; $V run --net web -- ping -c1 -W2 10.77.0.2; ip -br link",
            vetch()
        );
        let said = lab
            .vetch_argv(&["sandbox", "--", "sh", "-c", &script])
            .go()
            .ok()
            .prints("10.77.0.2");
        assert!(said.stdout.contains("vbr-web"), "{said}");
        lab.vetch_argv(&["sandbox", "--", "sh", "-c", "exit 5"])
            .go()
            .exits(5);
        lab.vetch("sandbox -- nosuchprogram").exits(127);
    });
}

#[test]
fn an_ordinary_user_has_a_sandbox() {
    lab(|lab| {
        if !is_real_root() {
            skip!("root: becoming another user takes all user numbers");
        }
        let script = format!(
            "set -e; V={}; id -u; $V netns add c1; $V network create web --subnet 10.77.0.0/24; $V attach web c1; $V netns exec c1 ping -c1 -W2 10.77.0.1",
            vetch()
        );
        let words = [
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            &vetch(),
            "sandbox",
            "--",
            "sh",
            "-c",
            &script,
        ];
        lab.argv(&words).go().ok().prints("1 received");
    });
}

pub(crate) fn is_real_root() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().nth(2) == Some("4294967295"))
}

#[test]
fn lsns_shows_names_and_holders() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let sleeper = c1.argv(&["sleep", "60"]).background();
        let all = lab.vetch("lsns --type net --json").ok().json();
        let found = all["namespaces"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["names"] == serde_json::json!(["c1"]))
            .cloned()
            .expect("c1 is listed");
        assert_eq!(found["processes"], serde_json::json!([sleeper.pid()]));
        lab.vetch("lsns --type net")
            .ok()
            .prints("c1")
            .prints("sleep");
        lab.vetch("lsns --type nets")
            .exits(2)
            .complains("cgroup, ipc, mnt");
        let all = lab.vetch("lsns --json").ok().json();
        let all = all["namespaces"].as_array().unwrap();
        assert!(all.iter().any(|one| one["kind"] == "user"));
    });
}
