//! What an attach and a detach ask of the kernel, counted: noise of the machine cannot touch these.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use vetch_tests::skip::has_tool;
use vetch_tests::{Lab, Run, lab, skip};

const RTM_NEWLINK: u16 = 16;
const RTM_SETLINK: u16 = 19;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE: u16 = 0x400;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_NET_NS_FD: u16 = 28;

/// At most so many netlink sends; of the child that settles a detach, too.
const SENDS: usize = 8;
/// At most so many system calls from the first instruction to the last, the dynamic loader's included.
const CALLS: usize = 220;
/// The same of CNI's bridge with host-local: its answer says two links of the host.
const PLUGIN_SENDS: usize = SENDS + 2;
/// The lease with its directory, lock and second name.
const PLUGIN_CALLS: usize = 280;

/// The system calls of a command and of all that it started, as strace(1) saw them.
#[derive(Default)]
struct Trace {
    calls: usize,
    programs: usize,
    processes: usize,
    threads: usize,
    /// The paths, but for what is opened before `main`.
    opened: Vec<String>,
    sends: Vec<Vec<u8>>,
}

impl Trace {
    /// Runs `vetch WORDS` under strace, with every byte that is sent.
    fn of(lab: &Lab, words: &str) -> Trace {
        let vetch = std::env::var("VETCH_BIN").unwrap();
        let words: Vec<_> = [vetch.as_str()]
            .into_iter()
            .chain(words.split(' '))
            .collect();
        Trace::under(lab, &words, |run| run)
    }

    fn under<'a>(lab: &'a Lab, argv: &[&str], with: impl FnOnce(Run<'a>) -> Run<'a>) -> Trace {
        let options = "strace -f -qq -e signal=none -e write=all -o /run/trace".split(' ');
        let argv: Vec<_> = options.chain(argv.iter().copied()).collect();
        // Where cargo would have the loader look is no part of an attach.
        with(lab.argv(&argv).env("LD_LIBRARY_PATH", "")).go().ok();
        let text = std::fs::read_to_string("/run/trace").unwrap();
        std::fs::remove_file("/run/trace").unwrap();
        Trace::read(&text)
    }

    fn read(text: &str) -> Trace {
        let (mut trace, mut sending) = (Trace::default(), false);
        for line in text.lines() {
            if let Some(dump) = line.strip_prefix(" | ") {
                if sending {
                    trace.add_bytes(dump);
                }
                continue;
            }
            let (_, call) = line.split_once(' ').unwrap();
            let call = call.trim_start();
            sending = ["send", "<... send"]
                .iter()
                .any(|start| call.starts_with(start));
            // A debug build looks at each descriptor that it closes; the kernel begins a sysctl anew while others have its lock.
            let is_noise = call.contains("F_GETFD") || call.contains("ERESTART");
            if call.contains('(') && !call.starts_with("<...") && !is_noise {
                trace.add_call(call);
            }
        }
        trace
    }

    fn add_call(&mut self, call: &str) {
        self.calls += 1;
        self.programs += usize::from(call.starts_with("execve"));
        let path = call
            .starts_with("open")
            .then(|| call.split('"').nth(1))
            .flatten();
        // Rust's own start looks where its stack ends.
        let loaded = |path: &&str| path.contains(".so") || *path == "/proc/self/maps";
        self.opened
            .extend(path.filter(|path| !loaded(path)).map(str::to_owned));
        let new = ["clone", "fork", "vfork"]
            .iter()
            .any(|start| call.starts_with(start));
        let thread = call.contains("CLONE_THREAD");
        self.processes += usize::from(new && !thread);
        self.threads += usize::from(new && thread);
    }

    /// A line such as `00010  54 00 00 00 10 00 0d 06  01 00 00 00 00 00 00 00  T............... |`.
    fn add_bytes(&mut self, dump: &str) {
        let (offset, rest) = dump.split_once("  ").unwrap();
        if usize::from_str_radix(offset, 16) == Ok(0) {
            self.sends.push(Vec::new());
        }
        let digits = rest.get(..48).unwrap().split_whitespace();
        let bytes = digits.map(|byte| u8::from_str_radix(byte, 16).unwrap());
        self.sends.last_mut().unwrap().extend(bytes);
    }

    /// Messages that give a link which is there another namespace.
    fn moves(&self) -> usize {
        let messages = self.sends.iter().flat_map(|send| messages(send));
        messages.filter(|message| is_move(message)).count()
    }

    /// Messages that ask for a list.
    fn lists(&self) -> usize {
        let messages = self.sends.iter().flat_map(|send| messages(send));
        messages.filter(|message| is_list(message)).count()
    }

    /// Nothing is started, nothing is moved.
    #[track_caller]
    fn check(&self, sends: usize, calls: usize) {
        assert_eq!(self.programs, 1, "no program is started but vetch itself");
        assert_eq!(self.moves(), 0, "no link is moved");
        assert_eq!(self.lists(), 0, "no list is asked for");
        assert!(!self.sends.is_empty(), "nothing was seen being sent");
        assert!(
            self.sends.len() <= sends,
            "{} sends, at most {sends}",
            self.sends.len()
        );
        assert!(
            self.calls <= calls,
            "{} system calls, at most {calls}",
            self.calls
        );
    }
}

fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(len) = bytes.first_chunk::<4>() {
        let len = u32::from_ne_bytes(*len) as usize;
        all.push(&bytes[..len]);
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

/// Whether a message asks the kernel for everything: of links, addresses, routes, of nf_tables, of tracked connections.
fn is_list(message: &[u8]) -> bool {
    let half = |at: usize| u16::from_ne_bytes([message[at], message[at + 1]]);
    let asks = match half(4) {
        kind @ 16.. if kind < 0x100 => kind % 4 == 2,
        kind => matches!(kind, 0x101 | 0xa01 | 0xa04 | 0xa07 | 0xa0a | 0xa0d),
    };
    asks && half(6) & NLM_F_DUMP == NLM_F_DUMP
}

/// Whether a message changes the namespace of a link that is there. (A batch of nf_tables begins with type 16 too, but is short.)
fn is_move(message: &[u8]) -> bool {
    let half = |at: usize| u16::from_ne_bytes([message[at], message[at + 1]]);
    let changes = match half(4) {
        RTM_NEWLINK => half(6) & NLM_F_CREATE == 0,
        kind => kind == RTM_SETLINK,
    };
    let mut at = 32; // behind nlmsghdr and ifinfomsg
    while changes && at + 4 <= message.len() {
        if [IFLA_NET_NS_PID, IFLA_NET_NS_FD].contains(&(half(at + 2) & 0x3fff)) {
            return true;
        }
        at += usize::from(half(at)).max(4).next_multiple_of(4);
    }
    false
}

fn is_traced(lab: &Lab) -> bool {
    has_tool("strace") && lab.cmd("strace -f -qq -o /dev/null true").code == 0
}

/// System calls that one run has more than another of the same: the heap grows once more, or once less.
const NOISE: usize = 6;

fn detach(lab: &Lab, n: usize) -> Trace {
    lab.vetch("gc").ok(); // what the others put aside is not to be found
    Trace::of(lab, &format!("detach blue c{n}"))
}

fn attach(lab: &Lab, n: usize) -> Trace {
    lab.netns(&format!("c{n}"));
    Trace::of(lab, &format!("attach blue c{n} -p {}:80", 8000 + n))
}

#[test]
fn attach_and_detach_start_nothing_and_move_nothing() {
    lab(|lab| {
        if !is_traced(lab) {
            skip!("tool:strace: cannot count system calls");
        }
        lab.vetch("network create blue --subnet 10.66.0.0/16").ok();
        attach(lab, 1); // the first of a network also makes what all share
        let attached = attach(lab, 2);
        attached.check(SENDS, CALLS);
        assert_eq!(attached.processes, 0, "an attach is one process");
        assert_eq!(attached.threads, 0, "and one thread");
        let detached = Trace::of(lab, "detach blue c2");
        detached.check(SENDS, CALLS);
        assert_eq!(
            (detached.processes, detached.threads),
            (1, 0),
            "the child settles"
        );
        // Flows of UDP to a published port go with the address.
        lab.vetch("attach blue c2 -p 53:53/udp").ok();
        Trace::of(lab, "detach blue c2").check(SENDS, CALLS);
        lab.vetch("detach blue c1 --wait").ok();
        lab.vetch("network rm blue").ok();
    });
}

/// No locale, no users, no configuration.
#[test]
fn a_start_opens_no_file_that_it_does_not_need() {
    lab(|lab| {
        if !is_traced(lab) {
            skip!("tool:strace: cannot see which files are opened");
        }
        assert_eq!(Trace::of(lab, "--version").opened, [""; 0]);
        lab.vetch("network create blue --subnet 10.66.0.0/16").ok();
        let attached = attach(lab, 1);
        let ours = |path: &String| {
            ["/run/", "/proc", "/var/lib/vetch"]
                .iter()
                .any(|start| path.starts_with(start))
        };
        let strange: Vec<_> = attached
            .opened
            .iter()
            .filter(|path| path.starts_with('/') && !ours(path))
            .collect();
        assert!(
            !attached.opened.is_empty() && strange.is_empty(),
            "{strange:?}"
        );
        lab.vetch("network rm --force --wait blue").ok();
    });
}

/// The tenth neighbour costs what the second does, coming and going.
#[test]
fn neighbours_cost_nothing() {
    lab(|lab| {
        if !is_traced(lab) {
            skip!("tool:strace: cannot count system calls");
        }
        lab.vetch("network create blue --subnet 10.66.0.0/16").ok();
        attach(lab, 1);
        let (second, third) = (attach(lab, 2), attach(lab, 3));
        for n in 4..10 {
            lab.netns(&format!("c{n}"));
            lab.vetch(&format!("attach blue c{n} -p {}:80", 8000 + n))
                .ok();
        }
        let tenth = attach(lab, 10);
        assert_eq!(tenth.sends.len(), second.sends.len(), "sends");
        assert!(
            third.calls.abs_diff(second.calls) <= NOISE,
            "{} and {} calls",
            third.calls,
            second.calls
        );
        assert!(
            tenth.calls.abs_diff(second.calls) <= NOISE,
            "{} and {} calls",
            tenth.calls,
            second.calls
        );
        let tenth = detach(lab, 10);
        for n in 4..10 {
            lab.vetch(&format!("detach blue c{n}")).ok();
        }
        let third = detach(lab, 3);
        assert_eq!(tenth.sends.len(), third.sends.len(), "sends");
        assert!(
            tenth.calls.abs_diff(third.calls) <= NOISE,
            "{} and {} calls",
            tenth.calls,
            third.calls
        );
        lab.vetch("network rm blue --force").ok();
    });
}

/// Plugins under their own names.
const PLUGINS: &str = "/run/plugins";
const CONFIGURATION: &str = r#"{"cniVersion": "1.0.0", "name": "pods", "type": "bridge", "bridge": "cni0", "isDefaultGateway": true,
    "ipMasq": true, "ipam": {"type": "host-local", "subnet": "10.66.0.0/16", "dataDir": "/run/leases"}}"#;

fn plugin(lab: &Lab, command: &str, n: usize) -> Trace {
    let program = format!("{PLUGINS}/bridge");
    Trace::under(lab, &[&program], |run| {
        run.env("CNI_COMMAND", command)
            .env("CNI_CONTAINERID", &format!("c{n}"))
            .env("CNI_NETNS", &format!("/run/netns/c{n}"))
            .env("CNI_IFNAME", "eth0")
            .stdin(CONFIGURATION)
    })
}

/// CNI's bridge with host-local, in one process: as much as an attach, and the lease on disk.
#[test]
fn a_plugin_asks_little_more_than_an_attach() {
    lab(|lab| {
        if !is_traced(lab) {
            skip!("tool:strace: cannot count system calls");
        }
        lab.vetch(&format!("cni install --dir {PLUGINS} --plugins bridge"))
            .ok();
        let mut added = Vec::new();
        for n in 1..=8 {
            lab.netns(&format!("c{n}"));
            added.push(plugin(lab, "ADD", n));
        }
        let (second, eighth) = (&added[1], &added[7]);
        for trace in [second, eighth] {
            trace.check(PLUGIN_SENDS, PLUGIN_CALLS);
            assert_eq!((trace.processes, trace.threads), (0, 0), "one of each");
        }
        assert_eq!(eighth.sends.len(), second.sends.len(), "sends");
        let apart = eighth.calls.abs_diff(second.calls);
        assert!(
            apart <= NOISE,
            "{} and {} calls",
            eighth.calls,
            second.calls
        );
        lab.vetch("gc").ok();
        let deleted = plugin(lab, "DEL", 8);
        deleted.check(SENDS, PLUGIN_CALLS);
        assert_eq!(
            (deleted.processes, deleted.threads),
            (1, 0),
            "the child settles"
        );
        lab.vetch("network rm pods --force").ok();
        lab.vetch(&format!("cni uninstall --dir {PLUGINS}")).ok();
        for dir in [PLUGINS, "/run/leases"] {
            std::fs::remove_dir_all(dir).unwrap();
        }
    });
}

/// The reader sees a move and a list where there is one: otherwise the tests above could not fail.
#[test]
fn a_moved_link_and_a_list_are_noticed() {
    lab(|lab| {
        if !is_traced(lab) {
            skip!("tool:strace: cannot count system calls");
        }
        lab.netns("c1");
        lab.cmd("ip link add a0 type veth peer name b0").ok();
        let moved = Trace::of(lab, "link set b0 netns c1");
        assert_eq!((moved.moves(), moved.programs), (1, 1));
        assert_eq!(Trace::of(lab, "link show").lists(), 1);
        let born = Trace::of(lab, "link add a1 type veth peer name b1 netns c1");
        assert_eq!(born.moves(), 0);
        lab.cmd("ip link delete a0").ok();
        lab.cmd("ip link delete a1").ok();
    });
}
