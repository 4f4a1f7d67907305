//! Netlink by hand: a buffer, offsets, `send`, `recv`.

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

const REQUEST: u16 = 1;
/// `NLM_F_ACK`.
pub const ACK: u16 = 4;
const CREATE_EXCL: u16 = 0x600;
const DUMP: u16 = 0x300;

/// A netlink socket and the message being written.
#[derive(Debug)]
pub struct Floor {
    fd: OwnedFd,
    seq: u32,
    out: Vec<u8>,
    into: Vec<u8>,
    awaited: usize,
}

impl Floor {
    /// A socket of rtnetlink.
    pub fn route() -> io::Result<Floor> {
        Floor::open(SockProtocol::NetlinkRoute)
    }

    /// A socket of nfnetlink.
    pub fn netfilter() -> io::Result<Floor> {
        Floor::open(SockProtocol::NetlinkNetFilter)
    }

    fn open(protocol: SockProtocol) -> io::Result<Floor> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )?;
        let (out, into) = (Vec::with_capacity(1 << 16), vec![0; 1 << 16]);
        Ok(Floor {
            fd,
            seq: 0,
            out,
            into,
            awaited: 0,
        })
    }

    /// Begins a message; returns where it starts.
    pub fn message(&mut self, kind: u16, flags: u16) -> usize {
        let start = self.out.len();
        self.seq += 1;
        self.awaited += usize::from(flags & ACK != 0);
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&kind.to_ne_bytes());
        self.out.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        self.out.extend_from_slice(&self.seq.to_ne_bytes());
        self.out.extend_from_slice(&[0; 4]);
        start
    }

    /// Ends a message.
    pub fn end(&mut self, start: usize) {
        let len = (self.out.len() - start) as u32;
        self.out[start..start + 4].copy_from_slice(&len.to_ne_bytes());
    }

    /// Bytes padded to four.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.out.resize((self.out.len() + 3) & !3, 0);
    }

    /// One attribute.
    pub fn attr(&mut self, kind: u16, value: &[u8]) {
        self.out
            .extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        self.out.extend_from_slice(&kind.to_ne_bytes());
        self.raw(value);
    }

    /// One attribute of text with its zero.
    pub fn text(&mut self, kind: u16, value: &str) {
        let zero = [value.as_bytes(), &[0]].concat();
        self.attr(kind, &zero);
    }

    /// Begins a nested attribute; [`Floor::close`] ends it.
    pub fn nest(&mut self, kind: u16) -> usize {
        let start = self.out.len();
        self.attr(kind, &[]);
        start
    }

    /// Ends a nested attribute.
    pub fn close(&mut self, start: usize) {
        let len = (self.out.len() - start) as u16;
        self.out[start..start + 2].copy_from_slice(&len.to_ne_bytes());
    }

    fn ifinfo(&mut self, index: u32, flags: u32) {
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
    }

    /// Sends what was written and waits for the acknowledgements asked for.
    pub fn flush(&mut self) -> io::Result<()> {
        send(self.fd.as_raw_fd(), &self.out, MsgFlags::empty())?;
        self.out.clear();
        while self.awaited > 0 {
            let len = recv(self.fd.as_raw_fd(), &mut self.into, MsgFlags::empty())?;
            self.awaited -= acknowledged(&self.into[..len])?;
        }
        Ok(())
    }

    /// Sends a dump request and counts the objects.
    fn count(&mut self) -> io::Result<usize> {
        send(self.fd.as_raw_fd(), &self.out, MsgFlags::empty())?;
        self.out.clear();
        let mut objects = 0;
        loop {
            let len = recv(self.fd.as_raw_fd(), &mut self.into, MsgFlags::empty())?;
            let mut at = 0;
            while at + 16 <= len {
                let kind = u16::from_ne_bytes([self.into[at + 4], self.into[at + 5]]);
                if kind == 3 {
                    return Ok(objects);
                }
                objects += 1;
                at += (length(&self.into[at..]) + 3) & !3;
            }
        }
    }

    /// Every link, without statistics.
    pub fn dump_links(&mut self) -> io::Result<usize> {
        let m = self.message(18, DUMP);
        self.ifinfo(0, 0);
        self.attr(29, &8u32.to_ne_bytes()); // IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS
        self.end(m);
        self.count()
    }

    /// Every IPv4 route.
    pub fn dump_routes(&mut self) -> io::Result<usize> {
        let m = self.message(26, DUMP);
        self.raw(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        self.end(m);
        self.count()
    }

    /// One link by name; its index.
    pub fn get_link(&mut self, name: &str) -> io::Result<u32> {
        let m = self.message(18, 0);
        self.ifinfo(0, 0);
        self.text(3, name);
        self.attr(29, &8u32.to_ne_bytes()); // IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS
        self.end(m);
        send(self.fd.as_raw_fd(), &self.out, MsgFlags::empty())?;
        self.out.clear();
        let len = recv(self.fd.as_raw_fd(), &mut self.into, MsgFlags::empty())?;
        if len < 24 || self.into[4] == 2 {
            return Err(io::Error::other(format!("no link {name}")));
        }
        Ok(u32::from_ne_bytes([
            self.into[20],
            self.into[21],
            self.into[22],
            self.into[23],
        ]))
    }

    /// A link of a kind without attributes of its own.
    pub fn add_link(&mut self, name: &str, kind: &str, flags: u16) {
        let m = self.message(16, CREATE_EXCL | flags);
        self.ifinfo(0, 0);
        self.text(3, name);
        let info = self.nest(18);
        self.text(1, kind);
        self.close(info);
        self.end(m);
    }

    /// A veth pair with one queue per end.
    pub fn add_veth(&mut self, name: &str, peer: &str, flags: u16) {
        self.add_pair(
            &Pair {
                name,
                peer,
                ..Pair::default()
            },
            flags,
        );
    }

    /// A veth pair, its first end up and in a bridge, its peer in another namespace.
    pub fn add_pair(&mut self, pair: &Pair<'_>, flags: u16) {
        let m = self.message(16, CREATE_EXCL | flags);
        self.ifinfo(0, u32::from(pair.up));
        self.text(3, pair.name);
        self.queues();
        for (kind, value) in [(10, pair.master), (27, pair.group)] {
            if value != 0 {
                self.attr(kind, &value.to_ne_bytes());
            }
        }
        let info = self.nest(18);
        self.text(1, "veth");
        let data = self.nest(2);
        let inner = self.nest(1);
        self.ifinfo(0, 0);
        self.text(3, pair.peer);
        self.queues();
        if let Some(mac) = pair.mac {
            self.attr(1, &mac);
        }
        if let Some(fd) = pair.namespace {
            self.attr(28, &fd.as_raw_fd().to_ne_bytes());
        }
        self.close(inner);
        self.close(data);
        self.close(info);
        self.end(m);
    }

    fn queues(&mut self) {
        self.attr(31, &1u32.to_ne_bytes());
        self.attr(32, &1u32.to_ne_bytes());
    }

    /// Raises a link, or takes it down.
    pub fn set_up(&mut self, index: u32, up: bool, flags: u16) {
        let m = self.message(16, flags);
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&u32::from(up).to_ne_bytes());
        self.raw(&1u32.to_ne_bytes());
        self.end(m);
    }

    /// Puts a link into a bridge, by both indexes.
    pub fn set_master(&mut self, index: u32, master: u32, flags: u16) {
        let m = self.message(16, flags);
        self.ifinfo(index, 0);
        self.attr(10, &master.to_ne_bytes());
        self.end(m);
    }

    /// Takes a link out of service in one message: down, in no bridge, in `group`, under another name.
    pub fn retire(&mut self, index: u32, group: u32, name: &str, flags: u16) {
        let m = self.message(16, flags);
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&0u32.to_ne_bytes());
        self.raw(&1u32.to_ne_bytes());
        self.attr(10, &0u32.to_ne_bytes());
        self.attr(27, &group.to_ne_bytes());
        self.text(3, name);
        self.end(m);
    }

    /// Removes all links of a group.
    pub fn delete_group(&mut self, group: u32, flags: u16) {
        let m = self.message(17, flags);
        self.ifinfo(0, 0);
        self.attr(27, &group.to_ne_bytes());
        self.end(m);
    }

    /// The socket, to hand it to another process.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Removes a link.
    pub fn delete_link(&mut self, index: u32, flags: u16) {
        let m = self.message(17, flags);
        self.ifinfo(index, 0);
        self.end(m);
    }

    /// An IPv4 address.
    pub fn add_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8, flags: u16) {
        let m = self.message(20, CREATE_EXCL | flags);
        self.raw(&[2, prefix, 0, 0]);
        self.raw(&index.to_ne_bytes());
        self.attr(2, &address.octets());
        self.attr(1, &address.octets());
        self.end(m);
    }

    /// An IPv4 route out of a link, by a gateway if one is given.
    pub fn add_route(
        &mut self,
        to: (Ipv4Addr, u8),
        index: u32,
        gateway: Option<Ipv4Addr>,
        flags: u16,
    ) {
        let m = self.message(24, CREATE_EXCL | flags);
        let scope = if gateway.is_some() { 0 } else { 253 };
        self.raw(&[2, to.1, 0, 0, 254, 3, scope, 1, 0, 0, 0, 0]);
        if to.1 > 0 {
            self.attr(1, &to.0.octets());
        }
        if let Some(gateway) = gateway {
            self.attr(5, &gateway.octets());
        }
        self.attr(4, &index.to_ne_bytes());
        self.end(m);
    }

    /// A permanent IPv4 neighbour.
    pub fn add_neighbour(&mut self, index: u32, address: Ipv4Addr, mac: [u8; 6], flags: u16) {
        let m = self.message(28, CREATE_EXCL | flags);
        self.raw(&[2, 0, 0, 0]);
        self.raw(&index.to_ne_bytes());
        self.raw(&[0x80, 0, 0, 0]);
        self.attr(1, &address.octets());
        self.attr(2, &mac);
        self.end(m);
    }

    /// A static forwarding entry of the bridge that the port `index` belongs to.
    pub fn add_fdb(&mut self, index: u32, mac: [u8; 6], flags: u16) {
        let m = self.message(28, CREATE_EXCL | flags);
        self.raw(&[7, 0, 0, 0]);
        self.raw(&index.to_ne_bytes());
        self.raw(&[0x40, 0, 4, 0]);
        self.attr(2, &mac);
        self.end(m);
    }
}

/// What [`Floor::add_pair`] makes.
#[derive(Debug, Default)]
pub struct Pair<'a> {
    /// The end here.
    pub name: &'a str,
    /// The other end.
    pub peer: &'a str,
    /// The bridge of the end here, by index.
    pub master: u32,
    /// Its group, to be deleted by.
    pub group: u32,
    /// Whether the end here is up.
    pub up: bool,
    /// Where the other end is born.
    pub namespace: Option<&'a File>,
    /// The other end's address.
    pub mac: Option<[u8; 6]>,
}

fn length(bytes: &[u8]) -> usize {
    u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

/// Counts acknowledgements; the first error is the result.
fn acknowledged(bytes: &[u8]) -> io::Result<usize> {
    let (mut at, mut seen) = (0, 0);
    while at + 20 <= bytes.len() {
        if bytes[at + 4] == 2 {
            let errno = -i32::from_ne_bytes([
                bytes[at + 16],
                bytes[at + 17],
                bytes[at + 18],
                bytes[at + 19],
            ]);
            if errno != 0 {
                return Err(io::Error::from_raw_os_error(errno));
            }
            seen += 1;
        }
        at += (length(&bytes[at..]).max(16) + 3) & !3;
    }
    Ok(seen)
}

/// A new network namespace, kept by a bind mount at `/run/netns/NAME`, as the calling thread's own. Returns its descriptor.
pub fn make_namespace(name: &str) -> io::Result<File> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
    let at = format!("/run/netns/{name}");
    File::options().write(true).create_new(true).open(&at)?;
    let none: Option<&str> = None;
    nix::mount::mount(
        Some("/proc/thread-self/ns/net"),
        at.as_str(),
        none,
        nix::mount::MsFlags::MS_BIND,
        none,
    )?;
    File::open("/proc/thread-self/ns/net")
}

/// Moves the calling thread into a namespace.
pub fn enter(namespace: &File) -> io::Result<()> {
    Ok(nix::sched::setns(
        namespace,
        nix::sched::CloneFlags::CLONE_NEWNET,
    )?)
}
