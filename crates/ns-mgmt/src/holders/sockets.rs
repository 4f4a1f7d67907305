//! The sockets of a network namespace, proc_net(5): one that was opened inside keeps it alive wherever its process went.
//! One that has no address yet is in no table, and not found.

use crate::{Error, Namespace, NetNs, Result};
use std::collections::BTreeSet;
use std::fs;

/// The files, and in which column of each the inode stands.
const TABLES: [(&str, usize); 12] = [
    ("netlink", 9),
    ("unix", 6),
    ("packet", 8),
    ("tcp", 9),
    ("tcp6", 9),
    ("udp", 9),
    ("udp6", 9),
    ("udplite", 9),
    ("udplite6", 9),
    ("raw", 9),
    ("raw6", 9),
    ("icmp", 9),
];

/// The inodes of all sockets opened inside.
pub(super) fn of(namespace: &Namespace) -> Result<BTreeSet<u64>> {
    let netns = NetNs::try_from(namespace.try_clone()?)?;
    let read = netns.within(|| {
        let table = |(file, column): (&str, usize)| {
            let text = fs::read_to_string(format!("/proc/thread-self/net/{file}"));
            inodes(&text.unwrap_or_default(), column) // the kernel may lack the protocol
        };
        TABLES.into_iter().flat_map(table).collect()
    });
    read.map_err(|err| match err.errno() {
        Some(errno) => Error::system(
            format!("list the sockets of {namespace}"),
            nix::errno::Errno::from_raw(errno),
        ),
        None => err,
    })
}

/// The kernel's own sockets have inode 0.
fn inodes(table: &str, column: usize) -> Vec<u64> {
    let inode = |line: &str| {
        line.split_whitespace()
            .nth(column)?
            .parse()
            .ok()
            .filter(|inode| *inode != 0)
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_of_each_table_is_the_inode() {
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n";
        assert_eq!(inodes(tcp, 9), [4711]);
        let unix = "Num       RefCount Protocol Flags    Type St Inode Path
0: 00000002 00000000 00010000 0001 01 815 /run/x\n";
        assert_eq!(inodes(unix, 6), [815]);
        let netlink = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0 0   0          00000000 0        0        0     2        0        0
0 0   1234       00000000 0        0        0     2        0        99\n";
        assert_eq!(inodes(netlink, 9), [99]);
        assert_eq!(inodes("", 9), []);
    }

    #[test]
    fn a_socket_of_ours_is_in_the_list() {
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let inode = nix::sys::stat::fstat(&socket).unwrap().st_ino;
        let here = NetNs::current().unwrap();
        assert!(of(here.as_namespace()).unwrap().contains(&inode));
    }
}
