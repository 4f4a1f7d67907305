//! What is printed and where: pipes, colour, JSON, help, starts with borrowed privileges.

use crate::launch::is_real_root;
use crate::network::{clear, web};
use vetch_tests::{has_tool, lab, skip};

fn vetch() -> String {
    std::env::var("VETCH_BIN").unwrap_or_default()
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
    lab(|lab| {
        for words in ["lsns --json", "--help", "ls"] {
            let said = lab
                .shell(&format!("({} {words}; echo code $? >&2) | true", vetch()))
                .ok();
            assert_eq!(said.stderr.trim(), "code 0", "{said}");
            let said = lab
                .shell(&format!("{} {words} > /dev/full", vetch()))
                .exits(2);
            assert!(said.stderr.contains("No space left"), "{said}");
        }
    });
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    lab(|lab| {
        if !has_tool("script") {
            skip!("tool:script: no terminal to be had");
        }
        let line = format!("{} ls nosuch", vetch());
        let on_terminal = |no_color: &str| {
            lab.argv(&["script", "-qec", &line, "/dev/null"])
                .env("TERM", "xterm")
                .env("NO_COLOR", no_color)
                .go()
                .exits(2)
                .stdout
        };
        assert!(on_terminal("").contains('\u{1b}'), "{:?}", on_terminal(""));
        assert!(!on_terminal("1").contains('\u{1b}'));
        let piped = lab
            .argv(&[&vetch(), "ls", "nosuch"])
            .env("TERM", "xterm")
            .env("NO_COLOR", "")
            .go();
        assert!(!piped.stderr.contains('\u{1b}'), "{piped}");
    });
}

#[test]
fn tables_fit_the_terminal() {
    lab(|lab| {
        if !has_tool("script") {
            skip!("tool:script: no terminal to be had");
        }
        let line = format!("stty cols 60 rows 24; {} lsns", vetch());
        let said = lab
            .argv(&["script", "-qec", &line, "/dev/null"])
            .env("TERM", "xterm")
            .go()
            .ok();
        assert!(
            said.stdout
                .lines()
                .all(|line| line.trim_end().chars().count() <= 60),
            "{said}"
        );
    });
}

#[test]
fn every_answer_is_json_if_asked() {
    lab(|lab| {
        web(lab);
        for words in [
            "network create web --subnet 10.77.0.0/24",
            "network ls",
            "network inspect web",
            "attach web c1 -p 8080:80",
            "attach web c1 -p 8080:80 --dry-run",
            "ls",
            "ls web",
            "lsns",
            "detach web c1 --dry-run",
            "detach web c1",
            "detach web c1",
            "gc",
        ] {
            lab.vetch(&format!("--json {words}")).ok().json();
        }
        clear(lab);
    });
}

#[test]
fn times_are_for_machines_in_json_and_for_people_in_tables() {
    lab(|lab| {
        web(lab);
        lab.vetch("attach web c1").ok();
        let since = lab.vetch("ls --json").ok().json()[0]["since"]
            .as_str()
            .unwrap()
            .to_owned();
        let date = lab
            .argv(&["date", "-u", "-d", &since, "+%s"])
            .go()
            .ok()
            .stdout;
        let now = lab.cmd("date +%s").ok().stdout;
        let age = now.trim().parse::<i64>().unwrap() - date.trim().parse::<i64>().unwrap();
        assert!((0..60).contains(&age) && since.ends_with('Z'), "{since}");
        let table = lab.vetch("ls").ok();
        assert!(
            table.stdout.contains("now") || table.stdout.contains("s ago"),
            "{table}"
        );
        clear(lab);
    });
}

#[test]
fn help_shows_examples_and_says_units() {
    lab(|lab| {
        for command in [
            "",
            "network create ",
            "attach ",
            "detach ",
            "ls ",
            "run ",
            "exec ",
            "sandbox ",
            "lsns ",
        ] {
            lab.vetch(&format!("{command}--help"))
                .ok()
                .prints("Examples:");
        }
        lab.vetch("network create --help")
            .ok()
            .prints("bytes")
            .prints("unless given");
        lab.vetch("").exits(2).complains("Usage:");
        lab.vetch("nosuch").exits(2).complains("nosuch");
        lab.vetch("--version").ok().prints("vetch ");
    });
}

#[test]
fn completions_and_manual_pages_come_from_the_definitions() {
    lab(|lab| {
        lab.fixture(|| {
            lab.vetch("generate /run/generated")
                .ok()
                .prints("vetch.bash")
        });
        lab.cmd("bash -n /run/generated/vetch.bash").ok();
        let page = lab.cmd("cat /run/generated/vetch-network-create.8").ok();
        assert!(
            page.stdout.contains("subnet") && page.stdout.starts_with(".ie"),
            "{page}"
        );
        lab.cmd("ls /run/generated")
            .ok()
            .prints("_vetch")
            .prints("vetch.fish")
            .prints("vetch-run.8");
    });
}

#[test]
fn borrowed_privileges_are_refused() {
    lab(|lab| {
        if !is_real_root() {
            skip!("root: becoming another user takes all user numbers");
        }
        lab.fixture(|| {
            lab.shell("mkdir /run/suid; mount -t tmpfs -o mode=755 suid /run/suid")
                .ok();
            lab.shell(&format!(
                "for name in uid gid cap plain; do cp {} /run/suid/$name; done",
                vetch()
            ))
            .ok();
            lab.shell("chown 0:0 /run/suid/*; chmod 4755 /run/suid/uid; chmod 2755 /run/suid/gid")
                .ok();
        });
        let nobody = |program: &str| {
            lab.argv(&[
                "setpriv",
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                program,
                "--version",
            ])
            .go()
        };
        nobody("/run/suid/uid").exits(2).complains("setuid");
        nobody("/run/suid/gid").exits(2).complains("setgid");
        nobody("/run/suid/plain").ok();
        lab.cmd("/run/suid/uid --version").ok();
        if !has_tool("setcap") {
            return;
        }
        lab.fixture(|| lab.cmd("setcap cap_net_admin=ep /run/suid/cap").ok());
        nobody("/run/suid/cap").exits(2).complains("capabilities");
    });
}
