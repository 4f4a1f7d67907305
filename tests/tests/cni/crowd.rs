//! Many containers at once, as a runtime starts them after a reboot.

use crate::call::{Container, List, Runtime, Whose};
use crate::reference::turn;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use vetch_tests::{Node, lab_within};

const MANY: u16 = 64;
const LIMIT: Duration = Duration::from_secs(300);

/// Bridge, portmap and firewall, with a port of its own.
fn list(port: u16) -> List {
    let ranges = json!([[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]]);
    let bridge = json!({"type": "bridge", "isDefaultGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "ranges": ranges}});
    let mapping = json!([{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]);
    let portmap = json!({"type": "portmap", "runtimeConfig": {"portMappings": mapping}});
    List::new(vec![bridge, portmap, json!({"type": "firewall"})])
}

/// Does the same with all of them, each on a thread of its own.
fn at_once<R: Send>(
    all: &[(Container, List)],
    work: impl Fn(usize, &Container, &List) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let mut started = Vec::new();
        for (at, (of, list)) in all.iter().enumerate() {
            started.push(scope.spawn(move || work(at, of, list)));
        }
        let ended = started.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    })
}

#[test]
fn sixty_four_at_once_get_addresses_and_ports_of_their_own_and_leave_nothing() {
    let _turn = turn();
    lab_within(LIMIT, |_| {
        let host = Node::machine("host");
        let (before, runtime) = (
            host.state(),
            Runtime {
                whose: Whose::Ours,
                host: &host,
            },
        );
        let container = |n: u16| (Container::new(format!("c{n}").leak()), list(8000 + n));
        let all: Vec<(Container, List)> = (0..MANY).map(container).collect();
        let added = at_once(&all, |_, of, list| runtime.add(list, of));
        let address = |result: &Value| result["ips"][0]["address"].as_str().unwrap().to_owned();
        let addresses: BTreeSet<String> = added.iter().map(address).collect();
        assert_eq!(addresses.len(), usize::from(MANY), "one each");
        let again = at_once(&all, |_, of, list| runtime.add(list, of));
        assert_eq!(again, added, "the same again answers the same");
        at_once(&all, |at, of, list| {
            for output in runtime.check(list, of, &added[at]) {
                output.ok();
            }
        });
        let server = all[7]
            .0
            .node
            .tcp_server(&address(&added[7]).replace("/24", ":80"));
        host.tcp("127.0.0.1:8007").unwrap();
        drop(server);
        at_once(&all, |at, of, list| {
            for output in runtime.del(list, of, Some(&added[at])) {
                output.ok();
            }
        });
        host.vetch_argv(&["gc"]).go().ok();
        host.vetch_argv(&["network", "rm", "--wait", "blue"])
            .go()
            .ok();
        host.argv(&["rm", "-r", "/var/lib/cni"]).go().ok();
        assert_eq!(before.difference(&host.state()), [""; 0]);
    });
}
