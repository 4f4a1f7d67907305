//! What moves the process itself: `vetch sandbox`, and `vetch netns exec`, which forks nothing.

use std::fs;

use vetch_tests::lab;

#[test]
fn a_sandbox_is_empty_and_nothing_comes_out_of_it() {
    lab(|lab| {
        lab.cmd("ip link add outside type bridge").ok();
        let seen = lab
            .vetch_argv(&[
                "sandbox",
                "--",
                "sh",
                "-c",
                "id -u; ls -A /run; ls /sys/class/net; cat /sys/class/net/lo/flags",
            ])
            .go()
            .ok();
        let lines: Vec<_> = seen
            .stdout
            .lines()
            .filter(|line| *line != ".proc")
            .collect();
        assert_eq!(lines, ["0", "lo", "0x9"], "{}", seen.stdout);
        lab.vetch_argv(&[
            "sandbox",
            "--",
            "sh",
            "-c",
            "ip link add inside type bridge && ip netns add blue && touch /run/file",
        ])
        .go()
        .ok();
        assert!(!lab.cmd("ip link").ok().stdout.contains("inside"));
        assert!(!fs::exists("/run/netns").unwrap() && !fs::exists("/run/file").unwrap());
        lab.cmd("ip link delete outside").ok();
    });
}

#[test]
fn in_a_sandbox_only_the_sysctls_of_the_network_can_be_written() {
    lab(|lab| {
        let write = |key: &str| {
            let line = format!("echo 1 > /proc/sys/{key}");
            lab.vetch_argv(&["sandbox", "--", "sh", "-c", &line]).go()
        };
        write("net/ipv4/ip_forward").ok();
        assert_ne!(write("kernel/panic").code, 0);
        assert_eq!(
            fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap(),
            "0\n"
        );
    });
}

#[test]
fn a_container_with_numbers_of_its_own_starts_in_a_sandbox() {
    lab(|lab| {
        let words = [
            "sandbox",
            "--",
            &vetch(),
            "run",
            "--net",
            "none",
            "--user",
            "--",
            "sh",
            "-c",
            "id -u; echo $$",
        ];
        lab.vetch_argv(&words).go().ok().prints("0\n2");
    });
}

fn vetch() -> String {
    std::env::var("VETCH_BIN").unwrap()
}

#[test]
fn exec_enters_in_place() {
    lab(|lab| {
        lab.netns("blue");
        let line = "readlink /proc/self/ns/net; ls /sys/class/net; echo $PPID";
        let ours = lab
            .vetch_argv(&["netns", "exec", "blue", "sh", "-c", line])
            .go()
            .ok();
        let theirs = lab
            .argv(&["ip", "netns", "exec", "blue", "sh", "-c", line])
            .go()
            .ok();
        assert_eq!(
            ours.stdout, theirs.stdout,
            "the parent of the program is ours, not a process in between"
        );
        assert_eq!(
            lab.vetch_argv(&["netns", "exec", "blue", "sh", "-c", "exit 9"])
                .go()
                .code,
            9
        );
        assert_eq!(
            lab.vetch_argv(&["netns", "exec", "blue", "sh", "-c", "kill -9 $$"])
                .go()
                .code,
            137
        );
        // Unlike the original, which hands on whatever it was handed. `ls` itself has 3.
        lab.vetch("netns exec blue ls /proc/self/fd")
            .ok()
            .prints("0\n1\n2\n3");
        lab.vetch("netns exec blue no-such-program").exits(127);
        lab.vetch("netns exec blue /etc/passwd").exits(126);
    });
}
