//! The host of a sequence, and taking a step on it.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::gettid;

use super::op::{Command, Harm, NAMES, Op};
use crate::exec::Output;
use crate::faults::{Act, When, trace};
use crate::lab::Lab;
use crate::node::Node;
use crate::wire::Server;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Definitions are kept over a boot for the host's own namespace alone, which is that of process 1.
const FIRST: &str = "/proc/1";
/// One step of set-up, since a look at everything takes time.
const WAY_OUT: &str = "up() { ip link add up0 type veth peer name eth0 netns $1; \
    ip address add 192.0.2.1/24 dev up0; ip link set up0 up; ip route add default via 192.0.2.2; }; up";
const OUTSIDE: &str =
    "ip address add 192.0.2.2/24 dev eth0; ip link set lo up; ip link set eth0 up";
const PATIENCE: Duration = Duration::from_secs(4);

/// A namespace under its name, with a server in it.
struct Named {
    node: Node,
    server: Server,
}

/// A host with a way out, and namespaces to attach.
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    pub(super) outside: Node,
    _server: Server,
    named: [Option<Named>; NAMES.len()],
    /// Those that lost their name and live on.
    held: Vec<Named>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(lab: &'a Lab) -> Scene<'a> {
        let outside = lab.anonymous("outside");
        lab.fixture(|| {
            let thread = format!("/proc/self/task/{}", gettid());
            bind(&thread, FIRST);
            let id = fs::read_to_string(BOOT_ID).expect("read the boot id");
            fs::write("/run/boot_id", id).expect("write a boot id");
            bind("/run/boot_id", BOOT_ID);
            lab.shell(&format!("{WAY_OUT} {}", outside.path())).ok();
            outside.shell(OUTSIDE).ok();
        });
        let server = outside.tcp_server("192.0.2.2:7");
        let mut scene = Scene {
            lab,
            outside,
            _server: server,
            named: Default::default(),
            held: Vec::new(),
        };
        (0..NAMES.len()).for_each(|name| scene.appear(name));
        scene
    }

    /// Which namespaces there are.
    pub(super) fn names(&self) -> [bool; NAMES.len()] {
        std::array::from_fn(|name| self.named[name].is_some())
    }

    pub(super) fn node(&self, name: usize) -> Option<&Node> {
        self.named[name].as_ref().map(|named| &named.node)
    }

    pub(super) fn vetch(&self, command: Command) -> Output {
        self.lab.vetch(&command.words())
    }

    /// Ends with 137 if the call was reached.
    pub(super) fn kill(&self, command: Command, call: u16) -> Output {
        let (words, vetch) = (command.words(), crate::node::vetch());
        let argv: Vec<&str> = [vetch.as_str()]
            .into_iter()
            .chain(words.split(' '))
            .collect();
        let mut seen = 0;
        trace(self.lab, &argv, |of, when| {
            if !of.changes || when == When::After {
                return Act::Go;
            }
            seen += 1;
            match seen > call {
                true => Act::KillAll,
                false => Act::Go,
            }
        })
    }

    /// What is not there cannot be harmed.
    pub(super) fn harm(&self, harm: Harm) {
        let _ = self.lab.shell(&harm.words());
    }

    pub(super) fn vanish(&mut self, name: usize, held: bool) {
        let Some(named) = self.named[name].take() else {
            return;
        };
        named.node.clone().unname();
        match held {
            true => self.held.push(named),
            false => self.end(vec![named]),
        }
    }

    /// Without anybody in it the kernel ends a namespace, in its own time.
    fn end(&self, all: Vec<Named>) {
        for named in all {
            let links = named.node.cmd("ip -o link").stdout;
            let Named { node, server } = named;
            drop((node, server));
            let end = Instant::now() + PATIENCE;
            while self.has_peer_in(&links) && Instant::now() < end {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Whether a host end of one of these inner links is there still.
    fn has_peer_in(&self, inner: &str) -> bool {
        let peers: Vec<&str> = inner
            .lines()
            .filter_map(|line| line.split_once("@if")?.1.split(':').next())
            .collect();
        let links = self.lab.cmd("ip -o link").stdout;
        links
            .lines()
            .filter(|line| line.contains(": vtp"))
            .any(|line| peers.contains(&line.split(':').next().unwrap_or("")))
    }

    pub(super) fn appear(&mut self, name: usize) {
        if self.named[name].is_none() {
            let node = Node::named(NAMES[name]);
            node.cmd("ip link set lo up").ok();
            let server = node.tcp_server("[::]:80");
            self.named[name] = Some(Named { node, server });
        }
    }

    pub(super) fn reboot(&mut self, words: &Op) {
        self.leave();
        self.lab.shell(&words.words()).ok();
        (0..NAMES.len()).for_each(|name| self.appear(name));
    }

    /// No namespace but the host's and the outside is left.
    pub(super) fn leave(&mut self) {
        let mut all: Vec<Named> = Vec::new();
        for named in self.named.iter_mut().filter_map(Option::take) {
            named.node.clone().unname();
            all.push(named);
        }
        all.append(&mut self.held);
        self.end(all);
    }

    /// The first of them is the host's again, as before.
    pub(super) fn end_boot(&self) {
        for path in [BOOT_ID, FIRST] {
            umount2(path, MntFlags::MNT_DETACH)
                .unwrap_or_else(|err| panic!("unmount {path}: {err}"));
        }
        fs::remove_file("/run/boot_id").expect("remove the boot id");
    }

    /// All records by name, those that are links with what they lead to.
    pub(super) fn records(&self) -> String {
        let find = "find /run/vetch /var/lib/vetch -printf '%p %l\\n' 2>/dev/null; true";
        self.lab.shell(find).ok().stdout
    }
}

fn bind(from: &str, to: &str) {
    File::open(from).unwrap_or_else(|err| panic!("open {from}: {err}"));
    let none = None::<&str>;
    mount(Some(from), to, none, MsFlags::MS_BIND, none)
        .unwrap_or_else(|err| panic!("bind {from} to {to}: {err}"));
}
