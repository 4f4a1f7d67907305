//! The kernel of the tests: links, elements and sysctls in memory, and one call that fails.

use crate::engine::Engine;
use crate::error::Result;
use crate::host::Host;
use crate::kernel::{Kernel, Setting};
use crate::store::Store;
use core_netlink::fake::{Reply, Sent};
use core_netlink::{Attrs, Conn, Flags, NsId, Protocol, Writer};
use ns_mgmt::NetNs;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const UPLINK: u32 = 10;
const ENOENT: i32 = 2;
const ENODEV: i32 = 19;
const CONNECTIONS: u16 = 0x0101; // IPCTNL_MSG_CT_GET: none is tracked

/// A link as far as it matters: its attributes by number.
pub(super) type Link = BTreeMap<u16, Vec<u8>>;

#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) links: BTreeMap<u32, Link>,
    pub(super) elements: BTreeMap<Vec<u8>, Vec<u8>>,
    staged: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) sysctls: BTreeMap<String, String>,
    next: u32,
    pub(super) calls: usize,
    pub(super) dumps: usize,
    pub(super) fail: Option<(usize, i32)>,
    /// And every call after it.
    pub(super) for_good: bool,
    /// The process is killed in place of this call.
    pub(super) kill: Option<usize>,
}

/// What must be the same before and after: links, elements, switches of the uplink.
pub(super) type View = (
    Vec<Link>,
    BTreeMap<Vec<u8>, Vec<u8>>,
    BTreeMap<String, String>,
);

impl World {
    pub(super) fn new() -> World {
        let uplink = Link::from([(3, b"up0\0".to_vec()), (4, 1400_u32.to_ne_bytes().to_vec())]);
        World {
            links: [(UPLINK, uplink)].into(),
            next: 20,
            ..World::default()
        }
    }

    pub(super) fn view(&self) -> View {
        let mut sysctls = self.sysctls.clone();
        sysctls.retain(|path, value| path.contains("/up0/") && value != "0");
        (
            self.links.values().cloned().collect(),
            self.elements.clone(),
            sysctls,
        )
    }

    /// Counts a call; the error if it is the one to fail.
    fn call(&mut self) -> Option<i32> {
        self.calls += 1;
        assert_ne!(self.kill, Some(self.calls - 1), "killed");
        self.fail
            .filter(|(at, _)| *at == self.calls - 1 || (self.for_good && *at < self.calls))
            .map(|(_, errno)| errno)
    }

    fn route(&mut self, sent: &Sent<'_>) -> Reply {
        if let Some(errno) = self.call() {
            return Reply::Errno(errno);
        }
        let dump = sent.flags.contains(Flags::DUMP);
        self.dumps += usize::from(dump);
        match sent.kind {
            18 if dump => Reply::Records(
                self.links
                    .iter()
                    .map(|(index, link)| (16, encode(*index, link)))
                    .collect(),
            ),
            26 => Reply::Records(vec![(24, default_route())]),
            90 => Reply::Records(vec![(88, namespace())]),
            16..=18 => self.link(sent),
            _ => Reply::Ack,
        }
    }

    fn link(&mut self, sent: &Sent<'_>) -> Reply {
        let index = u32::from_ne_bytes(sent.body[4..8].try_into().unwrap());
        let asked: Link = Attrs::new(&sent.body[16..])
            .map(|attr| attr.unwrap())
            .map(|attr| (attr.kind, attr.value.to_vec()))
            .collect();
        if asked.contains_key(&46) {
            return Reply::Records(vec![(16, encode(index, &Link::default()))]); // of the other namespace
        }
        if let Some(group) = asked.get(&27).filter(|_| sent.kind == 17) {
            self.links.retain(|_, link| link.get(&27) != Some(group));
            return Reply::Ack;
        }
        let by_name = self
            .links
            .iter()
            .find(|(_, link)| link.get(&3) == asked.get(&3))
            .map(|(index, _)| *index);
        if sent.flags.contains(Flags::CREATE) {
            return match by_name {
                Some(_) => Reply::Errno(17),
                None => self.create(asked),
            };
        }
        let Some(index) = self.links.contains_key(&index).then_some(index).or(by_name) else {
            return Reply::Errno(ENODEV);
        };
        match sent.kind {
            18 => Reply::Records(vec![(16, encode(index, &self.links[&index]))]),
            17 => {
                self.links.remove(&index);
                Reply::Ack
            }
            _ => {
                let link = self.links.entry(index).or_default();
                link.extend(switches(&asked));
                link.extend(kept(asked));
                if sent.body[12] & UP != 0 {
                    link.insert(FLAGS, vec![sent.body[8] & UP, 0, 0, 0]);
                }
                link.retain(|kind, value| *kind < FLAGS || *value != [0; 4]);
                Reply::Ack
            }
        }
    }

    fn create(&mut self, asked: Link) -> Reply {
        self.next += 1;
        let mut link: Link = kept(asked).collect();
        link.insert(5, 2_u32.to_ne_bytes().to_vec());
        link.insert(37, PEERS.to_ne_bytes().to_vec());
        let record = encode(self.next, &link);
        self.links.insert(self.next, link);
        Reply::Records(vec![(16, record)])
    }

    /// A transaction is staged, and dropped whole if one of its messages failed.
    fn nft(&mut self, sent: &Sent<'_>) -> Reply {
        // The kernel never answers the end of a transaction: what fails there is said of its beginning.
        let failed = if sent.kind == 0x11 { None } else { self.call() };
        match (sent.kind, failed) {
            (0x10, None) => self.staged = Some(self.elements.clone()),
            (_, Some(errno)) => {
                self.staged = None;
                return Reply::Errno(errno);
            }
            (0x11, None) => {
                self.elements = self.staged.take().unwrap_or_else(|| self.elements.clone())
            }
            (CONNECTIONS, None) => return Reply::Records(Vec::new()),
            (kind, None) => return self.nft_object(kind & 0xff, sent.body),
        }
        Reply::Ack
    }

    fn nft_object(&mut self, kind: u16, body: &[u8]) -> Reply {
        match kind {
            16 => {
                let mut out = vec![0; 4];
                Writer::new(&mut out).be32(1, 7);
                Reply::Records(vec![(0x0a0f, out)])
            }
            1 => Reply::Errno(ENOENT), // tables are always made anew
            13 => match self.elements.get(&element_key(body)) {
                Some(found) => Reply::Records(vec![(0x0a0c, found.clone())]),
                None => Reply::Errno(ENOENT),
            },
            12 if element_key(body).starts_with(b"__") => Reply::Ack, // of a rule, and gone with it
            12 => {
                self.staged
                    .iter_mut()
                    .for_each(|staged| drop(staged.insert(element_key(body), body.to_vec())));
                Reply::Ack
            }
            14 => {
                self.staged
                    .iter_mut()
                    .for_each(|staged| drop(staged.remove(&element_key(body))));
                Reply::Ack
            }
            _ => Reply::Ack,
        }
    }
}

/// The number of the namespace in which other ends are.
const PEERS: i32 = 0;

/// The answer to a question for a namespace by that number: RTM_NEWNSID with NETNSA_NSID.
fn namespace() -> Vec<u8> {
    let mut body = vec![0; 4];
    Writer::new(&mut body).u32(1, PEERS.unsigned_abs());
    body
}

const UP: u8 = 1; // IFF_UP
/// Where a link keeps its flags: of them, only whether it is up.
const FLAGS: u16 = 9_999;

/// Where a link keeps its IPv4 switches, by number; those that are off are not kept.
const SWITCH: u16 = 10_000;

/// Of IFLA_AF_SPEC, AF_INET, IFLA_INET_CONF.
fn switches(asked: &Link) -> Vec<(u16, Vec<u8>)> {
    let nested = |bytes: &[u8], kind| {
        let found = Attrs::new(bytes).find(kind).unwrap();
        found.map_or_else(Vec::new, |found| found.value.to_vec())
    };
    let families = asked.get(&26).cloned().unwrap_or_default();
    let conf = nested(&nested(&families, 2), 1);
    let switches = Attrs::new(&conf).map(|attr| attr.unwrap());
    switches
        .map(|attr| (SWITCH + attr.kind, attr.value.to_vec()))
        .collect()
}

/// What a set-link message leaves on a link, of what is looked at: name, MAC, MTU, master, alias, group.
fn kept(asked: Link) -> impl Iterator<Item = (u16, Vec<u8>)> {
    asked
        .into_iter()
        .filter(|(kind, _)| [1, 3, 4, 10, 20, 27].contains(kind))
}

fn encode(index: u32, link: &Link) -> Vec<u8> {
    let mut body = vec![0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    if let Some(flags) = link.get(&FLAGS) {
        body[8..12].copy_from_slice(flags);
    }
    let mut w = Writer::new(&mut body);
    link.iter().for_each(|(kind, value)| w.bytes(*kind, value));
    body
}

fn default_route() -> Vec<u8> {
    let mut body = vec![2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let mut w = Writer::new(&mut body);
    w.u32(4, UPLINK);
    w.bytes(5, &[192, 0, 2, 2]);
    body
}

/// Set and key of the first element, and of all others.
fn element_key(body: &[u8]) -> Vec<u8> {
    let all = Attrs::new(&body[4..]);
    let mut key = all
        .find(2)
        .unwrap()
        .map(|set| set.value.to_vec())
        .unwrap_or_default();
    if let Some(list) = all.find(3).unwrap() {
        for element in list.nested() {
            let element = element.unwrap();
            let value = element.nested().find(1).unwrap();
            key.extend(value.map(|value| value.value.to_vec()).unwrap_or_default());
        }
    }
    key
}

struct Fake {
    world: Arc<Mutex<World>>,
    route: Option<Conn>,
    nft: Option<Conn>,
    diag: Option<Conn>,
}

pub(super) fn open(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    fn failure(&self, what: &str) -> Result<()> {
        let failed = open(&self.world).call();
        failed.map_or(Ok(()), |errno| {
            Err(crate::Error::file(what, nix::errno::Errno::from_raw(errno)))
        })
    }
}

impl Kernel for Fake {
    fn route(&mut self) -> Result<&mut Conn> {
        let world = self.world.clone();
        Ok(self
            .route
            .get_or_insert_with(|| Conn::fake(move |sent| open(&world).route(sent))))
    }

    fn nft(&mut self) -> Result<&mut Conn> {
        let world = self.world.clone();
        Ok(self
            .nft
            .get_or_insert_with(|| Conn::fake(move |sent| open(&world).nft(sent))))
    }

    /// Nobody listens.
    fn diag(&mut self) -> Result<&mut Conn> {
        let world = self.world.clone();
        let answer = move |_: &Sent<'_>| {
            let failed = open(&world).call();
            failed.map_or(Reply::Records(Vec::new()), Reply::Errno)
        };
        Ok(self.diag.get_or_insert_with(|| Conn::fake(answer)))
    }

    fn part(&mut self) -> (Option<Conn>, Option<Conn>) {
        (self.route.take(), self.nft.take())
    }

    fn another(&mut self, _: Protocol) -> Result<Conn> {
        Ok(Conn::fake(|_| Reply::Silence))
    }

    fn inside(&mut self, _: &NetNs) -> Result<Conn> {
        self.failure("enter the namespace")?;
        let world = self.world.clone();
        Ok(Conn::fake(move |sent| {
            match (open(&world).call(), sent.kind) {
                (Some(errno), _) => Reply::Errno(errno),
                (None, 18) if sent.body[4..8] == [0; 4] => Reply::Errno(ENODEV), // asked by name: it is free
                (None, 18) => Reply::Records(vec![(
                    16,
                    encode(2, &Link::from([(3, b"eth0\0".to_vec())])),
                )]),
                _ => Reply::Ack,
            }
        }))
    }

    fn set_sysctls(&mut self, _: Option<&NetNs>, settings: Vec<Setting>) -> Result<()> {
        for (path, value) in settings {
            self.failure(&path)?;
            open(&self.world).sysctls.insert(path, value.to_owned());
        }
        Ok(())
    }

    fn sysctl(&mut self, path: &str) -> Result<Option<String>> {
        self.failure(path)?;
        Ok(Some(
            open(&self.world)
                .sysctls
                .get(path)
                .cloned()
                .unwrap_or_else(|| "0".to_owned()),
        ))
    }

    fn cookie(&mut self, _: &NetNs) -> Result<u64> {
        Ok(4711)
    }

    fn open(&mut self, _: &str) -> Option<NetNs> {
        None
    }

    fn by_number(&mut self, _: NsId) -> Option<NetNs> {
        None
    }
}

pub(super) fn host(dir: &Path, world: &Arc<Mutex<World>>) -> Host {
    let store = Store {
        base: dir.join("run/7"),
        definitions: None,
        boot: "b".into(),
        here: 7,
        lock_timeout: Duration::from_millis(200),
    };
    let kernel = Box::new(Fake {
        world: world.clone(),
        route: None,
        nft: None,
        diag: None,
    });
    Host {
        engine: Engine {
            store,
            kernel,
            watch: None,
            planning: false,
        },
    }
}
