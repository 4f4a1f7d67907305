//! How programs in namespaces begin to run, receive signals and end.

use super::run::{OUT, code, contained, output, sh};
use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use ns_mgmt::{Choice, Choices, Kind, Namespace, RunSpec};
use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use vetch_tests::lab;

#[test]
fn the_exit_code_is_passed_on() {
    lab(|_| {
        for pid in [false, true] {
            let choices = || Choices {
                pid: if pid { Choice::New } else { Choice::Host },
                mnt: Choice::New,
                ..Default::default()
            };
            let end = |line: &str| {
                code(&RunSpec {
                    namespaces: choices(),
                    ..sh(line)
                })
                .unwrap()
            };
            assert_eq!(end("exit 0"), 0);
            assert_eq!(end("exit 7"), 7);
            assert_eq!(end("kill -TERM $$"), 143);
            assert_eq!(end("kill -KILL $$"), 137);
            let fail = |program: &str| {
                let spec = RunSpec {
                    command: vec![program.into()],
                    namespaces: choices(),
                    ..Default::default()
                };
                code(&spec).unwrap_err()
            };
            assert_eq!(fail("no-such-program").exit_code(), 127);
            assert_eq!(fail("/no/such/program").exit_code(), 127);
            assert_eq!(fail("/etc/passwd").exit_code(), 126);
            assert_eq!(fail("/etc").exit_code(), 126);
            assert!(fail("no-such-program").is_not_found());
        }
    });
}

#[test]
fn a_script_without_an_interpreter_line_goes_to_the_shell() {
    lab(|_| {
        use std::os::unix::fs::PermissionsExt;
        fs::write("/run/script", "exit $1").unwrap();
        fs::set_permissions("/run/script", fs::Permissions::from_mode(0o755)).unwrap();
        let spec = RunSpec {
            command: vec!["/run/script".into(), "9".into()],
            ..Default::default()
        };
        assert_eq!(code(&spec).unwrap(), 9);
        fs::remove_file("/run/script").unwrap();
    });
}

#[test]
fn what_contradicts_itself_is_refused_before_anything_happens() {
    lab(|_| {
        let uts = Namespace::current(Kind::Uts).unwrap();
        let long = "h".repeat(65);
        let new_uts = || Choices {
            uts: Choice::New,
            ..Default::default()
        };
        let hostname = |name: &str| RunSpec {
            hostname: Some(name.into()),
            namespaces: new_uts(),
            ..sh("true")
        };
        let bad = [
            RunSpec::default(),
            RunSpec {
                hostname: Some("box".into()),
                ..sh("true")
            },
            hostname(""),
            hostname(&long),
            hostname("a\nb"),
            RunSpec {
                rootfs: Some("/run".into()),
                ..sh("true")
            },
            RunSpec {
                namespaces: Choices {
                    net: Choice::Join(uts),
                    ..Default::default()
                },
                ..sh("true")
            },
        ];
        for spec in bad {
            let err = spec.spawn().unwrap_err();
            assert!(
                err.is_invalid() && err.exit_code() == 125,
                "{spec:?}: {err:?}"
            );
        }
    });
}

#[test]
fn a_failure_before_the_program_comes_back_with_its_cause() {
    lab(|_| {
        let spec = RunSpec {
            cwd: Some("/no/such/directory".into()),
            namespaces: contained(),
            ..sh("true")
        };
        let err = spec.spawn().unwrap_err();
        assert!(err.is_not_found() && err.exit_code() == 125);
        assert_eq!(
            err.to_string(),
            "cannot run `sh`: change to the directory /no/such/directory"
        );
    });
}

#[test]
fn a_child_that_is_never_started_is_gone() {
    lab(|_| {
        let spec = RunSpec {
            namespaces: contained(),
            ..sh("sleep 60")
        };
        let pid = spec.spawn().unwrap().pid();
        assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
    });
}

#[test]
fn number_one_reaps_orphans() {
    lab(|_| {
        let spec = RunSpec {
            namespaces: contained(),
            ..sh("(sleep 0.1 & sleep 0.1 &) ; sleep 0.5; cat /proc/[0-9]*/stat")
        };
        let text = output(spec);
        assert!(!text.contains("(sleep)"), "{text}");
    });
}

#[test]
fn number_one_takes_everything_with_it() {
    lab(|_| {
        let start = Instant::now();
        let spec = RunSpec {
            namespaces: contained(),
            ..sh("setsid sleep 60 & exit 3")
        };
        assert_eq!(code(&spec).unwrap(), 3);
        assert!(start.elapsed() < Duration::from_secs(20));
    });
}

fn check_forwarded(namespaces: Choices) {
    let spec = RunSpec {
        namespaces,
        stdio: [None, Some(File::create(OUT).unwrap().into()), None],
        ..sh("trap 'exit 42' USR1; echo ready; while :; do sleep 0.05; done")
    };
    let mut child = spec.spawn().unwrap();
    child.start().unwrap();
    while fs::read_to_string(OUT).unwrap().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    let held = ns_mgmt::HeldSignals::new().unwrap(); // as a launcher does, so that none is lost before the wait
    pthread_kill(pthread_self(), Signal::SIGUSR1).unwrap();
    assert_eq!(child.wait().unwrap(), 42);
    drop(held);
    fs::remove_file(OUT).unwrap();
}

#[test]
fn signals_to_us_reach_the_program() {
    lab(|_| {
        check_forwarded(Choices::default());
        check_forwarded(contained());
    });
}

#[test]
fn the_program_begins_without_blocked_or_ignored_signals() {
    lab(|_| {
        let held = ns_mgmt::HeldSignals::new().unwrap();
        let text = output(sh("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
        drop(held);
        let mask = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
        };
        assert_eq!(mask("SigBlk"), 0);
        assert_eq!(mask("SigIgn") >> (Signal::SIGPIPE as u32 - 1) & 1, 0);
    });
}
