//! One test's world: a host in namespaces of its own, what is built around it, and the check that nothing is left.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, panic, thread};

use nix::sched::{CloneFlags, unshare};

use crate::node::{Node, apart, private_mounts};
use crate::skip::Outcome;
use crate::state::State;

/// A test that takes longer has failed.
const TEST_LIMIT: Duration = Duration::from_secs(90);
/// How long tombstones, dying namespaces and children may take to go.
const SETTLE_LIMIT: Duration = Duration::from_secs(4);

/// Runs a test in a world of its own. It fails if the host's state afterwards is not what it was.
///
/// ```no_run
/// # use vetch_tests::lab;
/// lab(|lab| {
///     let (a, b) = (lab.netns("a"), lab.netns("b"));
///     lab.veth(&a, "eth0", "10.0.0.1/24", &b, "eth0", "10.0.0.2/24");
///     assert!(a.reaches("10.0.0.2"));
/// });
/// ```
pub fn lab<R: Outcome>(test: impl FnOnce(&Lab) -> R + Send + 'static) {
    lab_within(TEST_LIMIT, test);
}

/// The same with another limit, for what is no test of seconds.
pub fn lab_within<R: Outcome>(limit: Duration, test: impl FnOnce(&Lab) -> R + Send + 'static) {
    let name = thread::current().name().unwrap_or("lab").to_owned();
    let (alive, ended) = mpsc::channel::<()>();
    let world = move || {
        let _alive = alive;
        let lab = Lab::enter();
        test(&lab).check();
        lab.check_nothing_left();
    };
    let thread = thread::Builder::new()
        .name(name)
        .spawn(world)
        .expect("start the lab's thread");
    match ended.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => panic!("still running after {limit:?}"),
        _ => thread
            .join()
            .unwrap_or_else(|cause| panic::resume_unwind(cause)),
    }
}

/// One test's world. What [`Node`] can do is done on its host: `lab.vetch("network create blue")`.
pub struct Lab {
    host: Node,
    nodes: RefCell<Vec<Node>>,
    before: RefCell<State>,
    leaves_state: Cell<bool>,
}

impl Deref for Lab {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.host
    }
}

impl Lab {
    fn enter() -> Lab {
        assert!(
            env::var_os("VETCH_BIN").is_some(),
            "a privileged test; run `cargo xtask test-net [FILTER]`"
        );
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
            .expect("new network and mount namespaces");
        private_mounts();
        let host = Node::current("host", false);
        host.cmd("ip link set lo up").ok();
        let before = RefCell::new(host.state());
        Lab {
            host,
            nodes: RefCell::default(),
            before,
            leaves_state: Cell::new(false),
        }
    }

    /// A network namespace under /run/netns.
    pub fn netns(&self, name: &str) -> Node {
        self.keep(self.fixture(|| Node::named(name)))
    }

    /// A network namespace without a name (see [`Node::path`]).
    pub fn anonymous(&self, name: &str) -> Node {
        self.keep(Node::anonymous(name))
    }

    /// Another machine: a network namespace with its own mounts, /run and /var/lib, `lo` up.
    pub fn machine(&self, name: &str) -> Node {
        self.keep(Node::machine(name))
    }

    /// Until the end of the test, so that a fixture does not vanish from the host before the last look.
    fn keep(&self, node: Node) -> Node {
        self.nodes.borrow_mut().push(node.clone());
        node
    }

    /// A cable between two nodes, both ends up. An empty address leaves that end without one.
    pub fn veth(&self, a: &Node, a_dev: &str, a_addr: &str, b: &Node, b_dev: &str, b_addr: &str) {
        self.fixture(|| {
            a.cmd(&format!(
                "ip link add {a_dev} type veth peer name {b_dev} netns {}",
                b.path()
            ))
            .ok();
            for (node, dev, addr) in [(a, a_dev, a_addr), (b, b_dev, b_addr)] {
                if !addr.is_empty() {
                    let nodad = if addr.contains(':') { "nodad" } else { "" };
                    node.cmd(&format!("ip address add {addr} dev {dev} {nodad}"))
                        .ok();
                }
                node.cmd(&format!("ip link set {dev} up")).ok();
            }
        });
    }

    /// An outside: a node `name` beyond the host's interface `dev`, host 192.0.2.1/24, outside 192.0.2.2/24,
    /// which has no way back to the networks behind the host; the host's default route leads there.
    pub fn outside(&self, name: &str, dev: &str) -> Node {
        let outside = self.anonymous(name);
        outside.cmd("ip link set lo up").ok();
        self.veth(self, dev, "192.0.2.1/24", &outside, "eth0", "192.0.2.2/24");
        self.fixture(|| {
            self.cmd(&format!("ip route add default via 192.0.2.2 dev {dev}"))
                .ok()
        });
        outside
    }

    /// What the closure changes on the host belongs to the set-up: it is still to be there after the test.
    pub fn fixture<T>(&self, f: impl FnOnce() -> T) -> T {
        let from = self.host.state();
        let value = f();
        self.before.borrow_mut().follow(&from, &self.host.state());
        value
    }

    /// Sets a sysctl of the host (`net/bridge/bridge-nf-call-iptables`) as part of the set-up; says whether it is there.
    pub fn sysctl(&self, name: &str, value: &str) -> bool {
        self.fixture(|| {
            self.host
                .run(|| fs::write(format!("/proc/sys/{name}"), value))
                .is_ok()
        })
    }

    /// /etc becomes a copy that this test may write (for /etc/netns).
    pub fn writable_etc(&self) {
        self.fixture(|| {
            // Files that an ordinary user cannot read are left out: `cp` says so and goes on.
            self.shell(
                "mkdir /run/etc; cp -a /etc/. /run/etc 2>/dev/null; mount --bind /run/etc /etc",
            )
            .ok();
        });
    }

    /// This test leaves things on the host on purpose.
    pub fn leaves_state(&self) {
        self.leaves_state.set(true);
    }

    /// What differs on the host from how the test began, as lines with `+` and `-`.
    pub fn difference(&self) -> Vec<String> {
        self.before.borrow().difference(&self.host.state())
    }

    /// Waits, within a limit, until the host is as it was; answers what still differs.
    pub fn settled_difference(&self) -> Vec<String> {
        let end = Instant::now() + SETTLE_LIMIT;
        loop {
            let left = self.difference();
            if left.is_empty() || Instant::now() > end {
                return left;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails the test if the host is not as it was.
    #[track_caller]
    pub fn check_nothing_left(&self) {
        if !self.leaves_state.get() {
            let left = self.settled_difference();
            assert!(
                left.is_empty(),
                "the host is not as it was before the test:\n{}",
                left.join("\n")
            );
        }
    }

    /// Runs a closure in namespaces of its own on another thread, as a second lab would (to prove that labs are apart).
    pub fn aside<T: Send>(&self, f: impl FnOnce(&Node) -> T + Send) -> T {
        apart(|| f(&Node::machine("aside")))
    }
}
