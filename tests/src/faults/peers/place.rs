//! Where they are compared: a host with a LAN, a neighbour that stays connected, and a namespace `web` to connect.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use super::ground;
use super::runtime::Runtime;
use crate::exec::Output;
use crate::faults::call::Call;
use crate::faults::trace::{Act, When};
use crate::faults::world::taken;
use crate::lab::Lab;
use crate::node::Node;
use crate::peers::{Container, Tool, Verb};
use crate::state::State;
use crate::wire::Server;

/// How long what is left to a child may take until it is done.
const PATIENCE: Duration = Duration::from_secs(4);

/// What is compared of the host, and of the namespace `web`.
#[derive(Default)]
struct Seen {
    host: State,
    web: State,
}

/// A host with a neighbour on the network of one tool.
pub(super) struct Place<'a> {
    pub(super) lab: &'a Lab,
    pub(super) runtime: Runtime<'a>,
    pub(super) outside: Node,
    pub(super) web: Node,
    pub(super) neighbour: Node,
    /// While only the neighbour is connected.
    base: RefCell<Seen>,
    _servers: [Server; 2],
}

impl<'a> Place<'a> {
    /// Everything set up, the network's first container come and gone.
    #[track_caller]
    pub(super) fn new(lab: &'a Lab, tool: &'a dyn Tool) -> Place<'a> {
        ground::private_etc(lab);
        ground::machine(lab);
        lab.leaves_state();
        let outside = lab.outside("outside", "up0");
        let nodes = ["n", "web"].map(|name| lab.netns(name));
        let servers = [0, 1].map(|at| nodes[at].tcp_server("0.0.0.0:80"));
        let [neighbour, web] = nodes;
        let place = Place {
            lab,
            runtime: Runtime::new(tool, lab),
            outside,
            web,
            neighbour,
            base: RefCell::default(),
            _servers: servers,
        };
        place.set_up();
        place
    }

    /// The container that comes and goes.
    pub(super) fn container() -> Container {
        Container::new("web", 3, 8080)
    }

    /// The one that stays.
    pub(super) fn neighbour() -> Container {
        Container::new("n", 2, 8081)
    }

    /// The neighbour is connected, `web` has been and is gone: that is what must be found again.
    #[track_caller]
    fn set_up(&self) {
        for step in self.runtime.tool.prepare() {
            step.run(self.lab, &[]).go().ok();
        }
        self.runtime.go(Verb::Add, &Place::neighbour()).ok();
        self.go(Verb::Add).ok();
        assert!(self.works(), "`web` cannot be reached, or reaches nobody");
        self.go(Verb::Del).ok();
        thread::sleep(Duration::from_millis(300)); // until what was left to a child is done
        *self.base.borrow_mut() = self.seen();
    }

    /// After a loss that nothing mends: everything away by hand, and set up again.
    #[track_caller]
    pub(super) fn rebuild(&self) {
        ground::sweep(self.lab, &[&self.web], ground::What::Everything);
        self.runtime.forget(&Place::container());
        self.set_up();
    }

    /// Connects `web`, or takes it away.
    #[track_caller]
    pub(super) fn go(&self, verb: Verb) -> Output {
        self.runtime.go(verb, &Place::container())
    }

    /// The same, judged at every call.
    #[track_caller]
    pub(super) fn judged(&self, verb: Verb, judge: impl FnMut(&Call, When) -> Act) -> Output {
        self.runtime.judged(verb, &Place::container(), judge)
    }

    /// Whether the published port of `web` is reached from the LAN, and the LAN by `web`. Its address has been used with other MAC
    /// addresses a moment ago, which is no trial here: they are forgotten first.
    pub(super) fn works(&self) -> bool {
        self.lab.cmd("ip neigh flush to 10.66.0.3");
        self.outside.tcp("192.0.2.1:8080").is_ok() && self.web.ping("192.0.2.2")
    }

    /// Waits until the host and `web` are as they were; what is left.
    pub(super) fn left(&self) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = self.difference();
            if left.is_empty() || Instant::now() > end {
                return left;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the neighbour has lost, as [`super::super::World::damage`] finds it.
    pub(super) fn damage(&self) -> Vec<String> {
        let mut lost = taken(self.base.borrow().host.difference(&self.seen_host()));
        if let Err(err) = self.outside.tcp("192.0.2.1:8081") {
            lost.push(format!("published port, from outside: {err}"));
        }
        lost
    }

    fn difference(&self) -> Vec<String> {
        let (base, now) = (self.base.borrow(), self.seen());
        let mut lines = base.host.difference(&now.host);
        let inside = base.web.difference(&now.web).into_iter();
        lines.extend(inside.map(|line| format!("{line} (in `web`)")));
        lines
    }

    fn seen(&self) -> Seen {
        Seen {
            host: self.seen_host(),
            web: State::network(&self.web),
        }
    }

    fn seen_host(&self) -> State {
        let mut host = self.lab.state();
        host.edit(compared);
        host
    }
}

/// But for hints at the next address, and the MAC address that a bridge without one of its own takes from its ports.
fn compared(name: &str, value: String) -> Option<String> {
    let hints = ["/.last4", "/.last6", "/last_reserved_ip.0"];
    if name.starts_with("file ") && hints.iter().any(|hint| name.ends_with(hint)) {
        return None;
    }
    let bridge = name.starts_with("link ") && value.contains(" \"bridge\" {");
    match value.split_once("\"address\":\"") {
        Some((before, after)) if bridge => Some(format!(
            "{before}{}",
            after.split_once(',').map_or("", |(_, rest)| rest)
        )),
        _ => Some(value),
    }
}
