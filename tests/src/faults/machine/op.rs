//! What happens in one step, drawn at random, and the words a person would type for it.

use bridge::{AttachmentId, Key};
use proptest::prelude::*;

/// The networks, and what each may be defined as.
pub(super) const NETWORKS: [(&str, &str); 2] = [("blue", "eth0"), ("red", "eth1")];
const SUBNETS: [[&str; 2]; 2] = [
    [
        "--subnet 10.71.0.0/24 --subnet fd00:71::/64",
        "--subnet 10.73.0.0/24",
    ],
    [
        "--subnet 10.72.0.0/24",
        "--subnet 10.74.0.0/24 --subnet fd00:74::/64",
    ],
];
/// The namespaces.
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];
/// The ports that may be published; of all addresses, or of 127.0.0.1.
pub(super) const PORTS: [&str; 3] = ["8080:80", "8081:80", "127.0.0.1:8082:80"];
/// Two addresses of the host from outside, and the port as published.
pub(super) const HOST_PORTS: [u16; 3] = [8080, 8081, 8082];
/// The last call a command may be killed before.
const CALLS: u16 = 130;

/// A namespace in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) network: usize,
    pub(super) name: usize,
}

impl At {
    pub(super) fn key(self) -> Key {
        let (network, ifname) = NETWORKS[self.network];
        Key {
            network: network.parse().expect("a network's name"),
            id: AttachmentId::new("cli", NAMES[self.name]).expect("an id"),
            ifname: ifname.parse().expect("an interface's name"),
        }
    }

    pub(super) fn host_end(self) -> String {
        self.key().host_end().to_string()
    }

    pub(super) fn all() -> impl Iterator<Item = At> {
        (0..NETWORKS.len())
            .flat_map(|network| (0..NAMES.len()).map(move |name| At { network, name }))
    }
}

/// A command of Vetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Create { network: usize, definition: usize },
    Remove { network: usize, force: bool },
    Attach(At, Option<usize>),
    Detach(At),
    Publish(At, usize),
    Unpublish(At, usize),
    Collect,
    Repair,
    Purge,
}

/// What somebody does by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    FlushRuleset,
    DeleteTable(&'static str),
    FlushChain(&'static str),
    FlushMap,
    DeleteHostEnd(At),
    HostEndDown(At),
    LeaveBridge(At),
    DeleteBridge(usize),
    BridgeDown(usize),
    FlushBridge(usize),
    DeleteInside(At),
    FlushInside(At),
    RenameInside(At),
    RemoveClaim(At),
    TruncateClaim(At),
    RemoveClaims,
    ForwardingOff,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Run(Command),
    /// The command's processes die before this call that changes something.
    Kill(Command, u16),
    Harm(Harm),
    /// The name of a namespace goes; with `held` the namespace lives on.
    Vanish {
        name: usize,
        held: bool,
    },
    Appear(usize),
    /// What the kernel had is gone, and the definitions stay; with `claims` so does /run.
    Reboot {
        claims: bool,
    },
}

/// How a sequence ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finale {
    /// All is mended, tried, detached and removed.
    Mended,
    /// The networks are removed as they are.
    Forced,
    /// Purged as it is.
    Purged,
}

impl Finale {
    pub(super) fn words(self) -> &'static str {
        match self {
            Finale::Mended => {
                "vetch gc; vetch network repair; vetch network check # then detach and `network rm` one by one"
            }
            Finale::Forced => "vetch network rm --force blue red",
            Finale::Purged => "vetch purge",
        }
    }
}

impl Command {
    pub(super) fn words(self) -> String {
        let of =
            |verb: &str, at: At| format!("{verb} {} {}", NETWORKS[at.network].0, NAMES[at.name]);
        match self {
            Command::Create {
                network,
                definition,
            } => {
                let name = NETWORKS[network].0;
                format!("network create {name} {}", SUBNETS[network][definition])
            }
            Command::Remove { network, force } => {
                let force = if force { " --force" } else { "" };
                format!("network rm{force} {}", NETWORKS[network].0)
            }
            Command::Attach(at, port) => {
                let ports = port.map_or(String::new(), |port| format!(" -p {}", PORTS[port]));
                let ifname = NETWORKS[at.network].1;
                format!("{} --ifname {ifname}{ports}", of("attach", at))
            }
            Command::Detach(at) => of("detach", at),
            Command::Publish(at, port) => format!("{} -p {}", of("port add", at), PORTS[port]),
            Command::Unpublish(at, port) => format!("{} -p {}", of("port rm", at), PORTS[port]),
            Command::Collect => "gc".to_owned(),
            Command::Repair => "network repair".to_owned(),
            Command::Purge => "purge".to_owned(),
        }
    }
}

impl Harm {
    /// A line of shell; it may fail where there is nothing to harm.
    pub(super) fn words(self) -> String {
        let bridge = |network: usize| format!("vbr-{}", NETWORKS[network].0);
        let inside = |at: At| (NAMES[at.name], NETWORKS[at.network].1);
        let claim = |at: At| {
            let network = NETWORKS[at.network].0;
            format!("/run/vetch/*/{network}/up/{}.json", at.host_end())
        };
        match self {
            Harm::FlushRuleset => "nft flush ruleset".to_owned(),
            Harm::DeleteTable(family) => format!("nft delete table {family} vetch"),
            Harm::FlushChain(chain) => format!("nft flush chain inet vetch {chain}"),
            Harm::FlushMap => ["any4", "any6"]
                .map(|map| format!("nft flush map inet vetch {map}"))
                .join("; "),
            Harm::DeleteHostEnd(at) => format!("ip link delete {}", at.host_end()),
            Harm::HostEndDown(at) => format!("ip link set {} down", at.host_end()),
            Harm::LeaveBridge(at) => format!("ip link set {} nomaster", at.host_end()),
            Harm::DeleteBridge(network) => format!("ip link delete {}", bridge(network)),
            Harm::BridgeDown(network) => format!("ip link set {} down", bridge(network)),
            Harm::FlushBridge(network) => format!("ip address flush dev {}", bridge(network)),
            Harm::DeleteInside(at) => {
                let (name, dev) = inside(at);
                format!("ip -n {name} link delete {dev}")
            }
            Harm::FlushInside(at) => {
                let (name, dev) = inside(at);
                format!("ip -n {name} address flush dev {dev}")
            }
            Harm::RenameInside(at) => {
                let (name, dev) = inside(at);
                format!("ip -n {name} link set {dev} down name {dev}x")
            }
            Harm::RemoveClaim(at) => format!("rm {}", claim(at)),
            Harm::TruncateClaim(at) => format!("truncate -s 20 -c {}", claim(at)),
            Harm::RemoveClaims => "rm -r /run/vetch".to_owned(),
            Harm::ForwardingOff => "sysctl -qw net.ipv4.conf.up0.forwarding=0".to_owned(),
        }
    }
}

pub(super) const REBOOT: &str = "nft flush ruleset; \
    for dev in $(ip -o link | grep -oE '(vtp[a-z2-7]{12}|vbr-[a-z]+|vx[0-9]+)' | sort -u); do ip link delete $dev 2>/dev/null; done; \
    sysctl -qw net.ipv4.conf.up0.forwarding=0; sysctl -qe -w net.ipv6.conf.up0.force_forwarding=0; conntrack -F 2>/dev/null; \
    cat /proc/sys/kernel/random/uuid >/run/boot_id";

impl Op {
    /// Lines that one can retype.
    pub(super) fn words(self) -> String {
        match self {
            Op::Run(command) => format!("vetch {}", command.words()),
            Op::Kill(command, call) => format!(
                "vetch {} # killed before its call {call} that changes something",
                command.words()
            ),
            Op::Harm(harm) => harm.words(),
            Op::Vanish { name, held } => {
                let (name, how) = (NAMES[name], if held { " # it lives on" } else { "" });
                format!("ip netns delete {name}{how}")
            }
            Op::Appear(name) => format!("ip netns add {}", NAMES[name]),
            Op::Reboot { claims } => {
                let claims = if claims { "" } else { "; rm -rf /run/vetch" };
                format!("{REBOOT}{claims} # and all namespaces anew")
            }
        }
    }
}

fn at() -> impl Strategy<Value = At> {
    // The first of each is the simplest, and the most likely: things are to happen to the same.
    (
        prop_oneof![3 => Just(0), 1 => Just(1_usize)],
        0..NAMES.len(),
    )
        .prop_map(|(network, name)| At { network, name })
}

fn command() -> impl Strategy<Value = Command> {
    let (network, port) = (0..NETWORKS.len(), 0..PORTS.len());
    let definition = prop_oneof![5 => Just(0), 1 => Just(1_usize)];
    let create = (network.clone(), definition).prop_map(|(network, definition)| Command::Create {
        network,
        definition,
    });
    let remove =
        (network, any::<bool>()).prop_map(|(network, force)| Command::Remove { network, force });
    let attach = (at(), proptest::option::of(port.clone()));
    prop_oneof![
        12 => create,
        4 => remove,
        24 => attach.prop_map(|(at, port)| Command::Attach(at, port)),
        10 => at().prop_map(Command::Detach),
        8 => (at(), port.clone()).prop_map(|(at, port)| Command::Publish(at, port)),
        6 => (at(), port).prop_map(|(at, port)| Command::Unpublish(at, port)),
        4 => Just(Command::Collect),
        5 => Just(Command::Repair),
        1 => Just(Command::Purge),
    ]
}

fn harm() -> impl Strategy<Value = Harm> {
    let network = 0..NETWORKS.len();
    prop_oneof![
        2 => Just(Harm::FlushRuleset),
        1 => prop_oneof![Just("inet"), Just("bridge")].prop_map(Harm::DeleteTable),
        1 => prop_oneof![Just("forward"), Just("input")].prop_map(Harm::FlushChain),
        1 => Just(Harm::FlushMap),
        1 => at().prop_map(Harm::DeleteHostEnd),
        1 => at().prop_map(Harm::HostEndDown),
        1 => at().prop_map(Harm::LeaveBridge),
        1 => network.clone().prop_map(Harm::DeleteBridge),
        1 => network.clone().prop_map(Harm::BridgeDown),
        1 => network.prop_map(Harm::FlushBridge),
        1 => at().prop_map(Harm::DeleteInside),
        1 => at().prop_map(Harm::FlushInside),
        1 => at().prop_map(Harm::RenameInside),
        2 => at().prop_map(Harm::RemoveClaim),
        2 => at().prop_map(Harm::TruncateClaim),
        2 => Just(Harm::RemoveClaims),
        1 => Just(Harm::ForwardingOff),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let name = 0..NAMES.len();
    prop_oneof![
        60 => command().prop_map(Op::Run),
        15 => (command(), 0..CALLS).prop_map(|(command, call)| Op::Kill(command, call)),
        16 => harm().prop_map(Op::Harm),
        3 => (name.clone(), any::<bool>()).prop_map(|(name, held)| Op::Vanish { name, held }),
        5 => name.prop_map(Op::Appear),
        2 => any::<bool>().prop_map(|claims| Op::Reboot { claims }),
    ]
}

const A: At = At {
    network: 0,
    name: 0,
};
/// How a sequence may begin: with nothing, with a network, with attachments too.
const BEGINNING: [Command; 4] = [
    Command::Create {
        network: 0,
        definition: 0,
    },
    Command::Attach(A, Some(0)),
    Command::Attach(At { name: 1, ..A }, None),
    Command::Create {
        network: 1,
        definition: 0,
    },
];

/// A whole sequence. Every step can be taken in every state, so that any of them may be left out.
pub(super) fn sequence(steps: usize) -> impl Strategy<Value = (Vec<Op>, Finale)> {
    let finale = prop_oneof![
        Just(Finale::Mended),
        Just(Finale::Forced),
        Just(Finale::Purged)
    ];
    let rest = proptest::collection::vec(op(), 1..=steps);
    (0..=BEGINNING.len(), rest, finale).prop_map(|(first, rest, finale)| {
        let first = BEGINNING[..first].iter().map(|command| Op::Run(*command));
        (first.chain(rest).collect(), finale)
    })
}

/// The first subnet of a definition.
pub(super) fn first_subnet(network: usize, definition: usize) -> String {
    let words = SUBNETS[network][definition].split(' ');
    words.skip(1).step_by(2).next().unwrap_or("").to_owned()
}
