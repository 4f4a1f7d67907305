//! With how little it works, and what a container cannot reach of it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};
use vetch_tests::{Lab, Output, has_tool, lab, skip};

/// README names these, and no others.
const NEEDED: [&str; 2] = ["net_admin", "sys_admin"];

/// `vetch WORDS` as root that has these capabilities and can get no others.
fn with(lab: &Lab, capabilities: &[&str], words: &str) -> Output {
    let mut bounds = "--bounding-set=-all".to_owned();
    capabilities
        .iter()
        .for_each(|name| bounds += &format!(",+{name}"));
    let program = std::env::var("VETCH_BIN").unwrap();
    let start = ["setpriv", &bounds, "--inh-caps=-all", &program];
    let words: Vec<_> = words.split_whitespace().collect();
    lab.argv(&[&start[..], &words].concat()).go()
}

#[test]
fn networks_need_two_capabilities() {
    lab(|lab| {
        if !has_tool("setpriv") {
            skip!("tool:setpriv: nothing drops capabilities");
        }
        let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
        let vetch = |words: &str| with(lab, &NEEDED, words).ok();
        vetch("network create web --subnet 10.77.0.0/24 --subnet fd77::/64");
        vetch("attach web c1 -p 8080:80 -p 127.0.0.1:5353:53/udp");
        vetch("attach web c2");
        assert!(c2.reaches("10.77.0.2") && c1.reaches("fd77::3"));
        vetch("ls").prints("8080:80/tcp");
        vetch("network check");
        vetch("port add web c2 -p 8081:80");
        vetch("port rm web c1 -p 8080:80");
        vetch("detach web c1 --wait");
        vetch("gc");
        vetch("network rm --force --wait web");
    });
}

#[test]
fn one_capability_fewer_is_named() {
    lab(|lab| {
        if !has_tool("setpriv") {
            skip!("tool:setpriv: nothing drops capabilities");
        }
        lab.netns("c1");
        let without = |missing: &str, words: &str| {
            let left: Vec<_> = NEEDED.into_iter().filter(|name| *name != missing).collect();
            let name = format!("CAP_{}", missing.to_uppercase());
            with(lab, &left, words).exits(2).complains(&name);
        };
        let unchanged = |missing: &str, words: &str| {
            let before = lab.state();
            without(missing, words);
            let mut changed = before.difference(&lab.state());
            changed.retain(|line| !line.contains("/.last")); // which address was given last
            assert!(changed.is_empty(), "without {missing}: {changed:?}");
        };
        unchanged("net_admin", "network create web --subnet 10.77.0.0/24");
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        for missing in NEEDED {
            unchanged(missing, "attach web c1 -p 8080:80");
        }
        lab.vetch("attach web c1 -p 8080:80").ok();
        without("net_admin", "detach web c1");
        without("net_admin", "network rm --force web");
        lab.vetch("network rm --force --wait web").ok();
    });
}

#[test]
fn sysctls_are_written_to_the_kernel_only() {
    lab(|lab| {
        let made = "for f in disable_ipv6 accept_ra autoconf; do for d in all lo vbr-web; do mkdir -p /run/false/$d; echo 7 >/run/false/$d/$f; done; done";
        lab.fixture(|| {
            lab.shell(&format!(
                "{made}; mount --bind /run/false /proc/sys/net/ipv6/conf"
            ))
            .ok()
        });
        lab.vetch("network create web --subnet 10.77.0.0/24")
            .exits(2)
            .complains("/proc is not the kernel's proc file system, or a part of it is covered");
        lab.check_nothing_left();
        let read = lab.shell("cat /run/false/*/*").ok();
        assert!(read.stdout.lines().all(|line| line == "7"), "{read}");
        lab.fixture(|| {
            lab.shell("umount /proc/sys/net/ipv6/conf; rm -r /run/false")
                .ok()
        });
    });
}

/// `vetch run --name box` in the background, ready.
fn in_a_box(lab: &Lab, test: impl FnOnce()) {
    let run = [
        "run", "--user", "--name", "box", "--net", "none", "--", "sleep", "60",
    ];
    let sleeper = lab.vetch_argv(&run).background();
    let end = Instant::now() + Duration::from_secs(5);
    while lab.vetch("exec box -- true").code != 0 {
        assert!(Instant::now() < end, "the container does not start");
    }
    test();
    drop(sleeper);
    lab.vetch("gc").ok();
    lab.shell("rm -rf /run/vetch").ok();
}

/// What a process may do, as its status says: once it has let go of the rest. One that was on its way to another program is looked for again.
#[track_caller]
fn keeps(pid: impl Fn() -> u32, mask: &str) {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", pid())).unwrap_or_default();
        let sets = status
            .lines()
            .filter(|line| line.starts_with("CapPrm") || line.starts_with("CapEff"));
        let sets: Vec<_> = sets.collect();
        if sets.len() == 2 && sets.iter().all(|set| set.ends_with(mask)) {
            return;
        }
        assert!(Instant::now() < end, "not {mask}: {sets:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn whoever_stays_keeps_little() {
    lab(|lab| {
        in_a_box(lab, || {
            let vetch = std::env::var("VETCH_BIN").unwrap();
            keeps(|| find("run --user --name box", &vetch), "0000000000201020"); // kill, net_admin, sys_admin
        });
        let watching = lab.vetch_argv(&["watch"]).background();
        keeps(|| watching.pid(), "0000000000281004"); // dac_read_search, net_admin, sys_ptrace, sys_admin
        drop(watching);
        lab.shell("rm -rf /run/vetch").ok();
    });
}

/// CVE-2019-5736: `#!/proc/self/exe` runs the program that entered the container again, where its file can be opened.
#[test]
fn a_container_cannot_write_to_the_program_that_enters_it() {
    lab(|lab| {
        in_a_box(lab, || {
            let program = std::env::var("VETCH_BIN").unwrap();
            let inode = fs::metadata(&program).unwrap().ino();
            let again = "exec box -- /proc/self/exe run --net host --mount host --pid host --uts host --ipc host --cgroup host -- sleep 61";
            let entered = lab
                .vetch_argv(&again.split(' ').collect::<Vec<_>>())
                .background();
            let inside = find("sleep 61", "/proc/self/exe");
            let file = format!("/proc/{inside}/exe");
            let link = fs::read_link(&file).unwrap();
            assert!(link.to_string_lossy().starts_with("/memfd:"), "{link:?}");
            assert_ne!(fs::metadata(&file).unwrap().ino(), inode);
            // Held open until nobody runs it, then written to: what the attack waits for.
            let held = File::open(&file).unwrap();
            kill(Pid::from_raw(inside.cast_signed()), Signal::SIGKILL).unwrap();
            drop(entered);
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&held));
            let end = Instant::now() + Duration::from_secs(5);
            let refused = loop {
                match File::options().write(true).open(&path) {
                    Ok(mut file) => break file.write_all(b"x").unwrap_err(),
                    Err(_) => assert!(Instant::now() < end, "it still runs"),
                }
                std::thread::sleep(Duration::from_millis(10));
            };
            assert_eq!(refused.raw_os_error(), Some(nix::libc::EPERM));
        });
    });
}

/// The process whose command line holds these words and begins with that one.
fn find(words: &str, first: &str) -> u32 {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            let line = line.replace('\0', " ");
            if line.starts_with(first) && line.contains(words) {
                return entry.file_name().to_str().unwrap().parse().unwrap();
            }
        }
        assert!(Instant::now() < end, "no process `{first} ... {words}`");
    }
}

#[test]
fn a_terminal_comes_along_only_where_it_is_given() {
    lab(|lab| {
        if !has_tool("script") {
            skip!("tool:script: no terminal to be had");
        }
        in_a_box(lab, || {
            let program = std::env::var("VETCH_BIN").unwrap();
            let tries = "sh -c '(: >/dev/tty) && echo has a terminal || echo has none'";
            let in_terminal = |line: String| lab.argv(&["script", "-qec", &line, "/dev/null"]).go();
            in_terminal(format!("{program} exec box -- {tries}"))
                .ok()
                .prints("has a terminal");
            let apart = format!("{program} exec box -- {tries} </dev/null 2>&1 | cat");
            in_terminal(apart).ok().prints("has none");
            // Whoever types at it must still be able to end the program.
            let sleeps = format!("{program} exec box -- sleep 62 </dev/null >/dev/null 2>&1");
            let ended = in_terminal(format!("(sleep 1; kill -INT 0) & {sleeps}"));
            assert_ne!(ended.code, 0, "{ended}");
        });
    });
}

#[test]
fn nothing_open_here_is_open_there() {
    lab(|lab| {
        in_a_box(lab, || {
            let program = std::env::var("VETCH_BIN").unwrap();
            // `ls` itself opens the directory as 3.
            let listed = lab
                .shell(&format!(
                    "exec 7</etc/passwd 9>/run/out; {program} exec box -- ls /proc/self/fd"
                ))
                .ok();
            assert_eq!(listed.stdout, "0\n1\n2\n3\n");
            lab.shell("rm /run/out").ok();
        });
    });
}
