//! Many containers at once: namespaces made and attached, and all taken away again, in one process.

use crate::case::Case;
use crate::cases::Size;
use crate::floor::{ACK, Floor, Pair, enter, make_namespace};
use crate::timing::time;
use crate::world::{fresh, here, unname};
use anyhow::{Context, Result};
use bridge::{AttachmentId, AttachmentSpec, Host, NetworkName, NetworkSpec};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use ns_mgmt::NetNs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The group that the floor deletes its pairs by.
const GROUP: u32 = 0x666d;

/// Up and down; each contender in one process.
pub(crate) fn all(size: &Size) -> Vec<Case<'_>> {
    let (count, rounds) = (size.containers, size.rounds.min(7));
    let case = |name| Case::new(name, count, rounds).at_most(1.3);
    vec![
        case("many attached at once")
            .with("floor", move |_| Ok(by_floor(count)?.up))
            .with("vetch", move |_| Ok(by_library(count)?.up)),
        case("many taken away at once")
            .with("floor", move |_| Ok(by_floor(count)?.down))
            .with("vetch", move |_| Ok(by_library(count)?.down)),
    ]
}

struct Took {
    up: Duration,
    down: Duration,
}

fn name(i: usize) -> String {
    format!("many{i}")
}

/// The namespaces' names are the machine's: whatever came of it, they go.
fn with_names<T>(count: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("ask for the limit of files")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("allow many files")?;
    let done = work();
    let _ = (0..count).try_for_each(|i| unname(&name(i)));
    thread::sleep(Duration::from_millis(300)); // until the kernel has taken them down
    done
}

/// A bridge, and for each container a namespace, a pair, an address and a route.
fn by_floor(count: usize) -> Result<Took> {
    fresh()?;
    with_names(count, || {
        let (home, mut host) = (here()?, Floor::route()?);
        host.add_link("br0", "bridge", ACK);
        host.flush()?;
        let bridge = host.get_link("br0")?;
        host.add_address(bridge, GATEWAY, 16, ACK);
        host.set_up(bridge, true, ACK);
        host.flush()?;
        let up = time(|| {
            for i in 0..count {
                let namespace = make_namespace(&name(i))?;
                let mut inside = Floor::route()?;
                enter(&home)?;
                let link = format!("v{i}");
                let pair = Pair {
                    name: &link,
                    peer: "eth0",
                    master: bridge,
                    group: GROUP,
                    up: true,
                    namespace: Some(&namespace),
                    mac: None,
                };
                host.add_pair(&pair, ACK);
                host.flush()?;
                let address = Ipv4Addr::from(u32::from(GATEWAY) + 1 + i as u32);
                inside.set_up(1, true, 0);
                inside.add_address(2, address, 16, 0);
                inside.set_up(2, true, 0);
                inside.add_route((Ipv4Addr::UNSPECIFIED, 0), 2, Some(GATEWAY), ACK);
                inside.flush()?;
            }
            Ok(())
        })?;
        let down = time(|| {
            host.delete_group(GROUP, ACK);
            Ok(host.flush()?)
        })?;
        Ok(Took { up, down })
    })
}

fn by_library(count: usize) -> Result<Took> {
    fresh()?;
    with_names(count, || {
        let (mut host, network) = (Host::open()?, "many".parse::<NetworkName>()?);
        host.create_network(&NetworkSpec {
            subnets: vec!["10.77.0.0/16".parse()?],
            ..NetworkSpec::new(network.clone())
        })?;
        let _lent = ns_mgmt::lend_thread();
        let up = time(|| {
            let mut wishes = Vec::new();
            for i in 0..count {
                let id = AttachmentId::new("bench", &name(i))?;
                let namespace = NetNs::create_named(&name(i).parse()?)?;
                wishes.push((AttachmentSpec::new(network.clone(), id), namespace));
            }
            host.attach_all_or_none(&wishes).map(drop)?;
            Ok(())
        })?;
        let down = time(|| Ok(host.remove_network(&network, true)?.settle()?))?;
        Ok(Took { up, down })
    })
}
