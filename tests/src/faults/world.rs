//! Where a campaign takes place: a host with a way out, a network, and a neighbour on it that must never notice anything.

use std::time::{Duration, Instant};
use std::{env, thread};

use crate::exec::Output;
use crate::lab::Lab;
use crate::node::Node;
use crate::state::State;
use crate::wire::Server;

/// How long what is left to a child may take until it is done, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(10);

/// The network and the neighbour.
const SETUP: [&str; 2] = [
    "network create blue --subnet 10.66.0.0/24 --subnet fd00:66::/64",
    "attach blue n --ip 10.66.0.2 --ip fd00:66::2 -p 8081:80 -p 8081:53/udp",
];

/// A host with a network `blue`, a neighbour on it with published ports, and namespaces to attach.
pub struct World<'a> {
    lab: &'a Lab,
    vetch: String,
    outside: Node,
    neighbour: Node,
    /// What there is while only the neighbour is attached.
    pub(super) base: State,
    inside: State,
    _servers: [Server; 2],
}

impl<'a> World<'a> {
    /// Everything set up, and tried once.
    #[track_caller]
    pub fn new(lab: &'a Lab) -> World<'a> {
        let outside = lab.outside("outside", "up0");
        let neighbour = lab.netns("n");
        for name in ["web", "other"] {
            lab.netns(name);
        }
        lab.vetch("network create blue --subnet 10.66.0.0/24 --subnet fd00:66::/64")
            .ok();
        lab.vetch("attach blue n --ip 10.66.0.2 --ip fd00:66::2 -p 8081:80 -p 8081:53/udp")
            .ok();
        let servers = [
            neighbour.tcp_server("[::]:80"),
            neighbour.udp_server("[::]:53"),
        ];
        let mut world = World {
            lab,
            vetch: env::var("VETCH_BIN").expect("VETCH_BIN is set; run `cargo xtask faults`"),
            outside,
            inside: State::default(),
            neighbour,
            base: State::default(),
            _servers: servers,
        };
        let packets = world.lost_packets(true);
        assert!(
            packets.is_empty(),
            "the neighbour is out of reach: {packets:?}"
        );
        world.base = world.state();
        world.inside = world.inside_neighbour();
        world
    }

    /// Where Vetch runs.
    pub fn host(&self) -> &Lab {
        self.lab
    }

    /// `vetch WORDS`.
    #[track_caller]
    pub fn vetch(&self, words: &str) -> Output {
        self.lab.vetch(words)
    }

    /// The words of a command with the program before them.
    pub fn argv<'b>(&'b self, words: &'b str) -> Vec<&'b str> {
        let vetch = [self.vetch.as_str()];
        vetch.into_iter().chain(words.split_whitespace()).collect()
    }

    /// What there is now.
    pub fn state(&self) -> State {
        let mut state = self.lab.state();
        state.edit(compared);
        state
    }

    /// Waits until the host is as in one of these states; what differs from the first, if it never is.
    pub fn becomes(&self, wanted: &[&State]) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.state();
            let differences: Vec<_> = wanted.iter().map(|state| state.difference(&now)).collect();
            if differences.iter().any(Vec::is_empty) {
                return Vec::new();
            }
            if Instant::now() > end {
                return differences
                    .into_iter()
                    .min_by_key(Vec::len)
                    .unwrap_or_default();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the neighbour has lost: of its objects on the host, and packets. A record may be rewritten, but not be gone.
    pub fn damage(&self) -> Vec<String> {
        let mut lost = taken(self.base.difference(&self.state()));
        lost.extend(self.lost_packets(false));
        lost
    }

    /// The same, and what is inside the neighbour's namespace.
    pub fn whole_damage(&self) -> Vec<String> {
        let mut lost = self.damage();
        lost.extend(self.lost_packets(true));
        lost.extend(self.inside.difference(&self.inside_neighbour()));
        lost
    }

    /// Its files are the host's.
    fn inside_neighbour(&self) -> State {
        let mut state = self.neighbour.state();
        state.edit(|name, value| (!name.starts_with("file ")).then_some(value));
        state
    }

    fn lost_packets(&self, all: bool) -> Vec<String> {
        let lost = |what: &str, answer: std::io::Result<_>| {
            answer.err().map(|err| format!("{what}: {err}"))
        };
        let mut lines = Vec::new();
        lines.extend(lost(
            "published port, from outside",
            self.outside.tcp("192.0.2.1:8081"),
        ));
        lines.extend(lost("IPv6, from the host", self.lab.tcp("[fd00:66::2]:80")));
        if all {
            lines.extend(lost(
                "published UDP port, from outside",
                self.outside.udp("192.0.2.1:8081"),
            ));
            lines.extend(lost(
                "from the host by 127.0.0.1",
                self.lab.tcp("127.0.0.1:8081"),
            ));
        }
        lines
    }

    /// After a loss that nothing mends: everything away by hand, and set up again.
    #[track_caller]
    pub(super) fn rebuild(&self) {
        let ours = "/^vtp|^vbr-|^vx[0-9]+$/ {print $1}";
        self.lab
            .shell(&format!(
                "for dev in $(ip -o link | awk -F '[ :@]+' '{{print $2}}' | awk '{ours}'); do ip link delete $dev; done 2>/dev/null
                 nft flush ruleset; rm -rf /run/vetch /var/lib/vetch; sysctl -qw net.ipv4.conf.up0.forwarding=0; sysctl -qe -w net.ipv6.conf.up0.force_forwarding=0"
            ))
            .ok();
        SETUP.iter().for_each(|words| drop(self.vetch(words).ok()));
        let left = self.becomes(&[&self.base]);
        assert!(left.is_empty(), "cannot be set up again: {left:?}");
    }

    /// Takes everything away again.
    #[track_caller]
    pub fn end(self) {
        self.vetch("network rm --force --wait blue").ok();
    }
}

/// But for what only hints at the next address, and the MAC address that the kernel chose for a host end.
fn compared(name: &str, value: String) -> Option<String> {
    let hint =
        name.starts_with("file ") && (name.ends_with("/.last4") || name.ends_with("/.last6"));
    match value.split_once("\"address\":\"") {
        Some((before, after)) if name.starts_with("link vtp") => Some(format!(
            "{before}{}",
            after.split_once(',').map_or("", |(_, rest)| rest)
        )),
        _ => (!hint).then_some(value),
    }
}

/// What is gone or no longer as it was; a file may have been written anew.
pub(super) fn taken(mut difference: Vec<String>) -> Vec<String> {
    let files: Vec<String> = difference
        .iter()
        .filter_map(|line| file_name(line, "+ "))
        .collect();
    difference.retain(|line| {
        line.starts_with('-') && file_name(line, "- ").is_none_or(|file| !files.contains(&file))
    });
    difference
}

fn file_name(line: &str, sign: &str) -> Option<String> {
    let rest = line.strip_prefix(sign)?.strip_prefix("file ")?;
    rest.split(' ').next().map(str::to_owned)
}
