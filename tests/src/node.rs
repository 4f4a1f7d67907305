//! One network namespace of a lab, and how to act in it.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, panic, process, thread};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use crate::exec::{Output, Run};
use crate::state::State;

/// A network namespace, with a mount namespace of its own if it is a machine. A clone is the same one.
#[derive(Clone)]
pub struct Node {
    name: String,
    path: PathBuf,
    net: Arc<OwnedFd>,
    mnt: Option<Arc<OwnedFd>>,
}

impl Node {
    /// The namespaces the calling thread is in.
    pub(crate) fn current(name: &str, own_mounts: bool) -> Node {
        let net = open("/proc/thread-self/ns/net");
        let path = format!("/proc/{}/fd/{}", process::id(), net.as_raw_fd()).into();
        let mnt = own_mounts.then(|| Arc::new(open("/proc/thread-self/ns/mnt")));
        Node {
            name: name.to_owned(),
            path,
            net: Arc::new(net),
            mnt,
        }
    }

    /// A fresh network namespace without a name, gone with its last clone; [`Lab::netns`](crate::Lab::netns) and the like keep theirs.
    pub fn anonymous(name: &str) -> Node {
        apart(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("a new network namespace");
            Node::current(name, false)
        })
    }

    /// A fresh network namespace under /run/netns, as `ip netns add` makes it.
    pub(crate) fn named(name: &str) -> Node {
        let path = PathBuf::from("/run/netns").join(name);
        let node = Node::anonymous(name);
        fs::create_dir_all("/run/netns").expect("make /run/netns");
        File::create_new(&path).expect("make the file of a named namespace");
        mount(
            Some(&node.path),
            &path,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
        .expect("bind a namespace to its name");
        Node { path, ..node }
    }

    /// Takes the name away; the namespace goes with its last user.
    pub(crate) fn unname(self) {
        umount2(&self.path, MntFlags::MNT_DETACH).expect("unbind a name");
        fs::remove_file(&self.path).expect("remove the file of a name");
    }

    /// A machine: network and mount namespace, with its own /run and /var/lib, gone with its last clone.
    pub fn machine(name: &str) -> Node {
        apart(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
                .expect("new network and mount namespaces");
            private_mounts();
            let node = Node::current(name, true);
            node.cmd("ip link set lo up").ok();
            node
        })
    }

    /// What it is called in this test.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A path that names the namespace: `/run/netns/NAME`, or `/proc/PID/fd/N` where it has no name.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("the lab's paths are UTF-8")
    }

    /// The open namespace.
    pub fn net(&self) -> &OwnedFd {
        &self.net
    }

    /// Runs a closure on a thread inside. Sockets opened there stay there.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        apart(|| {
            if let Some(mnt) = &self.mnt {
                unshare(CloneFlags::CLONE_FS).expect("a working directory of one's own");
                setns(mnt.as_fd(), CloneFlags::CLONE_NEWNS).expect("enter a mount namespace");
            }
            setns(self.net.as_fd(), CloneFlags::CLONE_NEWNET).expect("enter a network namespace");
            f()
        })
    }

    /// Runs a command given as words parted by spaces: `node.cmd("ip link set eth0 up").ok()`.
    #[track_caller]
    pub fn cmd(&self, words: &str) -> Output {
        self.argv(&words.split_whitespace().collect::<Vec<_>>())
            .go()
    }

    /// A command given word by word, to be completed (input, environment) and started.
    pub fn argv(&self, argv: &[&str]) -> Run<'_> {
        Run::new(self, argv)
    }

    /// Runs a line of shell.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Output {
        self.argv(&["sh", "-c", line]).go()
    }

    /// Runs `vetch WORDS`.
    #[track_caller]
    pub fn vetch(&self, words: &str) -> Output {
        self.vetch_argv(&words.split_whitespace().collect::<Vec<_>>())
            .go()
    }

    /// `vetch` with the words one by one, to be completed and started.
    pub fn vetch_argv(&self, args: &[&str]) -> Run<'_> {
        let program = vetch();
        self.argv(&[&[program.as_str()], args].concat())
    }

    /// The `vetch` binary under another program's name, as through a symbolic link: `vetch_as("ip link")`.
    #[track_caller]
    pub fn vetch_as(&self, words: &str) -> Output {
        let words: Vec<_> = words.split_whitespace().collect();
        let (name, args) = words.split_first().expect("a program's name");
        self.vetch_argv(args).arg0(name).go()
    }

    /// Whether the kernel can make links of this kind (asked with the reference `ip`).
    pub fn has_kind(&self, kind: &str) -> bool {
        let probe = Node::anonymous("probe");
        probe
            .cmd("ip link add lower0 type veth peer name lower1")
            .ok();
        let parent = if ["vlan", "macvlan", "ipvlan"].contains(&kind) {
            "link lower0"
        } else {
            ""
        };
        let more = match kind {
            "vlan" => "id 7",
            "vxlan" => "id 7 dstport 4789",
            "vrf" => "table 7",
            "geneve" => "id 7 remote 192.0.2.1",
            _ => "",
        };
        probe
            .cmd(&format!(
                "ip link add {parent} name probe0 type {kind} {more}"
            ))
            .code
            == 0
    }

    /// Everything there is in this namespace.
    pub fn state(&self) -> State {
        self.run(|| State::take(self))
    }
}

/// Runs on a thread of its own, which takes its namespaces with it.
pub(crate) fn apart<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let name = thread::current().name().unwrap_or("lab").to_owned();
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name(name)
            .spawn_scoped(scope, f)
            .expect("start a thread");
        thread
            .join()
            .unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}

fn open(path: &str) -> OwnedFd {
    File::open(path)
        .unwrap_or_else(|e| panic!("open {path}: {e}"))
        .into()
}

/// The binary under test.
pub(crate) fn vetch() -> String {
    env::var("VETCH_BIN").expect("VETCH_BIN is set; run `cargo xtask test-net`")
}

/// In a fresh mount namespace: nothing comes in or goes out; own /run, /var/lib, and a /sys of this network namespace.
pub(crate) fn private_mounts() {
    let none = None::<&str>;
    let (vetch, binary) = (vetch(), open(&vetch()));
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .expect("make mounts private");
    for directory in ["/run", "/var/lib"] {
        mount(
            Some("lab"),
            directory,
            Some("tmpfs"),
            MsFlags::MS_NOSUID,
            Some("mode=0755"),
        )
        .unwrap_or_else(|e| panic!("mount a tmpfs on {directory}: {e}"));
    }
    if !fs::exists(&vetch).is_ok_and(|there| there) {
        // Built somewhere under what is now hidden.
        let directory = PathBuf::from(&vetch);
        fs::create_dir_all(directory.parent().unwrap_or(&directory))
            .expect("make the directory of the binary");
        File::create(&vetch).expect("make the file of the binary");
        let hidden = format!("/proc/thread-self/fd/{}", binary.as_raw_fd());
        mount(
            Some(hidden.as_str()),
            vetch.as_str(),
            none,
            MsFlags::MS_BIND,
            none,
        )
        .expect("bind the binary");
    }
    let cgroup = open("/sys/fs/cgroup");
    let old = format!("/proc/thread-self/fd/{}", cgroup.as_raw_fd());
    // A user namespace under a masked /sys may not do this; only brctl notices.
    if mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none).is_ok() {
        let _ = mount(
            Some(old.as_str()),
            "/sys/fs/cgroup",
            none,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            none,
        );
    }
}
