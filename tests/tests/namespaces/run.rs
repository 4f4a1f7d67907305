//! Programs in namespaces: what they see and what they inherit.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use ns_mgmt::{Choice, Choices, Error, IdMap, IdMaps, Kind, Namespace, RunSpec};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use vetch_tests::{Lab, lab};

pub(crate) const OUT: &str = "/run/out";

pub(crate) fn sh(line: &str) -> RunSpec {
    RunSpec {
        command: ["sh", "-c", line].map(Into::into).into(),
        ..Default::default()
    }
}

/// Every kind new that a container has.
pub(crate) fn contained() -> Choices {
    Choices {
        cgroup: Choice::New,
        ipc: Choice::New,
        mnt: Choice::New,
        net: Choice::New,
        pid: Choice::New,
        uts: Choice::New,
        ..Default::default()
    }
}

pub(crate) fn code(spec: &RunSpec) -> Result<i32, Error> {
    let mut child = spec.spawn()?;
    child.start()?;
    child.wait()
}

/// What a program that ends with 0 writes.
#[track_caller]
pub(crate) fn output(mut spec: RunSpec) -> String {
    let (code, text) = coded_output(&mut spec);
    assert_eq!(code, 0, "{text}");
    text
}

pub(crate) fn coded_output(spec: &mut RunSpec) -> (i32, String) {
    let out: OwnedFd = File::create(OUT).unwrap().into();
    spec.stdio = [
        Some(File::open("/dev/null").unwrap().into()),
        Some(out.try_clone().unwrap()),
        Some(out),
    ];
    let code = code(spec).unwrap();
    let text = fs::read_to_string(OUT).unwrap();
    fs::remove_file(OUT).unwrap();
    (code, text)
}

#[test]
fn no_descriptor_reaches_the_program() {
    lab(|lab| {
        let leaks: Vec<OwnedFd> = (0..3)
            .map(|_| File::open("/etc/passwd").unwrap().into())
            .collect();
        for leak in &leaks {
            nix::fcntl::fcntl(
                leak,
                nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
            )
            .unwrap();
        }
        lab.netns("blue");
        let joined = || Choices {
            net: Choice::Join(Namespace::open(Kind::Net, &"blue".parse().unwrap()).unwrap()),
            ..Default::default()
        };
        let fresh = || RunSpec {
            namespaces: contained(),
            ..sh("ls /proc/self/fd; ls /proc/1/fd | tr '\\n' ' '")
        };
        // `ls` itself opens the directory as 3.
        for namespaces in [Choices::default(), joined()] {
            let spec = RunSpec {
                namespaces,
                ..sh("ls /proc/self/fd")
            };
            assert_eq!(output(spec), "0\n1\n2\n3\n");
        }
        let (init, _) = (output(fresh()), leaks);
        let init = init.strip_prefix("0\n1\n2\n3\n").unwrap();
        assert_eq!(
            init.split_whitespace().count(),
            1,
            "the init holds its signals and nothing else: {init}"
        );
    });
}

/// Root inside looks at who enters while it is on its way in: it may see that it is there, not what it is.
#[test]
fn who_enters_cannot_be_looked_into() {
    lab(|_| {
        let owned = Choices {
            user: Choice::New,
            ..contained()
        };
        let container = RunSpec {
            namespaces: owned,
            die_with_parent: true,
            ..sh("sleep 60")
        };
        let mut container = container.spawn().unwrap();
        container.start().unwrap();
        let beside = |line: &str| RunSpec {
            namespaces: Choices::of_pid(container.pid()).unwrap(),
            ..sh(line)
        };
        let entering = beside("true").spawn().unwrap(); // inside, and not yet the program
        let looks = "for p in /proc/[0-9]*; do echo $p; done; ls -l /proc/[0-9]*/exe; for p in /proc/[0-9]*; do ls $p/fd $p/root/; done";
        let (_, seen) = coded_output(&mut beside(looks));
        let own = std::env::current_exe().unwrap();
        let own = own.file_name().unwrap().to_string_lossy();
        assert!(
            seen.lines()
                .filter(|line| line.starts_with("/proc/"))
                .count()
                >= 3,
            "{seen}"
        );
        assert!(seen.contains("sleep") && !seen.contains(&*own), "{seen}");
        drop(entering);
        container.signal(Signal::SIGKILL as i32).unwrap();
        assert_eq!(container.wait().unwrap(), 128 + Signal::SIGKILL as i32);
    });
}

#[test]
fn a_container_sees_itself_only() {
    lab(|_| {
        let spec = RunSpec {
            hostname: Some("box".into()),
            namespaces: contained(),
            ..sh(
                "hostname; echo $$; ls /sys/class/net; ip -o link show up; ls -d /proc/[0-9]* | wc -l",
            )
        };
        let text = output(spec);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..3], ["box", "2", "lo"], "{text}");
        assert!(lines[3].contains(": lo: <LOOPBACK,UP"), "{text}");
        assert!(lines[4].trim().parse::<u32>().unwrap() <= 5, "{text}");
        let here = nix::unistd::gethostname().unwrap();
        assert_ne!(here, "box");
    });
}

#[test]
fn each_kind_can_be_new_joined_or_the_hosts() {
    lab(|_| {
        let kinds = [
            Kind::Cgroup,
            Kind::Ipc,
            Kind::Mnt,
            Kind::Net,
            Kind::Pid,
            Kind::Uts,
        ];
        let links = "for kind in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$kind; done";
        let here: Vec<_> = kinds
            .map(|kind| Namespace::current(kind).unwrap().to_string())
            .into();
        assert_eq!(output(sh(links)).lines().collect::<Vec<_>>(), here);
        let mut other = RunSpec {
            namespaces: contained(),
            ..sh("sleep 60")
        }
        .spawn()
        .unwrap();
        other.start().unwrap();
        let there: Vec<_> = kinds
            .map(|kind| other.namespace(kind).unwrap().to_string())
            .into();
        assert!(here.iter().zip(&there).all(|(here, there)| here != there));
        let spec = RunSpec {
            namespaces: Choices::of_pid(other.pid()).unwrap(),
            ..sh(links)
        };
        assert_eq!(output(spec).lines().collect::<Vec<_>>(), there);
        other.signal(Signal::SIGKILL as i32).unwrap();
        assert_eq!(other.wait().unwrap(), 137);
    });
}

#[test]
fn a_time_namespace_can_be_new() {
    lab(|_| {
        let spec = RunSpec {
            namespaces: Choices {
                time: Choice::New,
                ..Default::default()
            },
            ..sh("readlink /proc/self/ns/time")
        };
        assert_ne!(
            output(spec).trim(),
            Namespace::current(Kind::Time).unwrap().to_string()
        );
    });
}

#[test]
fn a_network_is_attached_before_the_program_starts() {
    lab(|lab| {
        let spec = RunSpec {
            namespaces: contained(),
            stdio: [None, Some(File::create(OUT).unwrap().into()), None],
            ..sh("ip -o link show eth0")
        };
        let mut child = spec.spawn().unwrap();
        assert_eq!(
            child.netns().unwrap(),
            ns_mgmt::NetNs::open_pid(child.pid()).unwrap()
        );
        lab.cmd(&format!(
            "ip link add v0 type veth peer name eth0 netns {}",
            child.pid()
        ))
        .ok();
        assert_eq!(child.try_wait().unwrap(), None);
        child.start().unwrap();
        assert_eq!(child.wait().unwrap(), 0);
        assert!(fs::read_to_string(OUT).unwrap().contains("eth0@"));
        fs::remove_file(OUT).unwrap();
    });
}

#[test]
fn the_environment_is_inherited_changed_or_empty() {
    lab(|_| {
        let changed = RunSpec {
            env: vec![("COLOUR".into(), "blue".into())],
            ..sh("echo $COLOUR; test -n \"$PATH\"")
        };
        assert_eq!(output(changed), "blue\n");
        let empty = RunSpec {
            clear_env: true,
            command: vec!["env".into()],
            env: vec![("A".into(), "1".into())],
            ..Default::default()
        };
        assert_eq!(output(empty), "A=1\n");
    });
}

fn user(ids: IdMaps) -> RunSpec {
    RunSpec {
        namespaces: Choices {
            user: Choice::New,
            ..contained()
        },
        ids,
        ..sh("id -u; cat /proc/self/uid_map; cat /proc/self/gid_map")
    }
}

#[test]
fn a_user_namespace_maps_the_numbers_it_was_given() {
    lab(|_| {
        let one = IdMap {
            inside: 0,
            outside: 0,
            count: 1,
        };
        let text = output(user(IdMaps {
            users: vec![one],
            groups: vec![one],
        }));
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words, ["0", "0", "0", "1", "0", "0", "1"]);
        let overlapping = IdMaps {
            users: vec![one, one],
            ..Default::default()
        };
        assert!(user(overlapping).spawn().unwrap_err().is_invalid());
    });
}

#[test]
fn root_inside_is_nobody_outside() {
    lab(|_| {
        let text = output(user(IdMaps::default()));
        let words: Vec<_> = text.split_whitespace().collect();
        let outside = words[2];
        // In a sandbox of an ordinary user the range does not exist.
        assert!(
            outside == "1879048192" && words[3] == "65536" || outside == "0" && words[3] == "1",
            "{text}"
        );
    });
}

/// A root directory made of the host's programs.
fn rootfs(lab: &Lab) -> PathBuf {
    let root = PathBuf::from("/run/root");
    lab.fixture(|| {
        for directory in ["proc", "sys", "dev", "usr", "tmp", "etc"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            if let Ok(to) = fs::read_link(PathBuf::from("/").join(link)) {
                std::os::unix::fs::symlink(to, root.join(link)).unwrap();
            }
        }
        mount(
            Some("/usr"),
            &root.join("usr"),
            None::<&str>,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            None::<&str>,
        )
        .unwrap();
    });
    root
}

#[test]
fn another_root_directory_has_what_programs_expect() {
    lab(|lab| {
        let root = rootfs(lab);
        let spec = RunSpec {
            rootfs: Some(root.clone()),
            namespaces: contained(),
            ..sh(
                "pwd; ls /; echo text >/dev/null && ls -l /dev/fd/ >/dev/null; ls /sys/class/net; test -d /proc/1; grep -c run/root /proc/self/mountinfo",
            )
        };
        let (code, text) = coded_output(&mut RunSpec { ..spec });
        assert_eq!(code, 1, "grep finds no mount of the old root: {text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"/"));
        assert!(
            lines.contains(&"proc") && !lines.contains(&"home"),
            "{text}"
        );
        assert_eq!(lines[lines.len() - 2..], ["lo", "0"]);
        let relative = RunSpec {
            rootfs: Some(root.clone()),
            cwd: Some("/tmp".into()),
            namespaces: Choices {
                mnt: Choice::New,
                ..Default::default()
            },
            ..sh("pwd")
        };
        assert_eq!(output(relative), "/tmp\n");
        lab.fixture(|| {
            umount2(&root.join("usr"), MntFlags::MNT_DETACH).unwrap();
            fs::remove_dir_all(&root).unwrap();
        });
    });
}

#[test]
fn files_of_a_named_namespace_are_bound_over_those_of_etc() {
    lab(|lab| {
        lab.writable_etc();
        lab.netns("blue");
        lab.fixture(|| {
            fs::create_dir_all("/etc/netns/blue").unwrap();
            fs::write("/etc/netns/blue/hosts", "192.0.2.9 nine\n").unwrap();
            fs::write("/etc/netns/blue/without-counterpart", "").unwrap();
        });
        let spec = RunSpec {
            etc: Some("blue".parse().unwrap()),
            namespaces: Choices {
                net: Choice::Join(Namespace::open(Kind::Net, &"blue".parse().unwrap()).unwrap()),
                mnt: Choice::New,
                ..Default::default()
            },
            ..sh("cat /etc/hosts; ls /sys/class/net")
        };
        let ours = output(spec);
        assert_eq!(ours, "192.0.2.9 nine\nlo\n");
        let theirs = lab
            .argv(&[
                "ip",
                "netns",
                "exec",
                "blue",
                "sh",
                "-c",
                "cat /etc/hosts; ls /sys/class/net",
            ])
            .go();
        assert_eq!(theirs.stdout, ours);
        assert!(!fs::read_to_string("/etc/hosts").unwrap().contains("nine"));
    });
}

#[test]
fn mounts_inside_do_not_come_out() {
    lab(|_| {
        let before = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let spec = RunSpec {
            namespaces: contained(),
            ..sh("mount -t tmpfs inside /mnt && touch /mnt/file")
        };
        assert_eq!(output(spec), "");
        assert_eq!(
            fs::read_to_string("/proc/thread-self/mountinfo").unwrap(),
            before
        );
    });
}
