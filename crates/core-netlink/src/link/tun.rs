//! `tun`: a link whose other end is a program, of either mode (`IFLA_TUN_*`, Documentation/networking/tuntap.rst; Linux 4.17).
//!
//! Only read: netlink makes none and changes none. See [`super::tap`].

use super::values::value_of;
use crate::table::{attrs, numbered};

attrs! {
    /// What a tun or tap is; read only.
    pub struct Tun {
        /// The user who may open it beside the privileged.
        owner: u32 = 1,
        /// The group whose members may.
        group: u32 = 2,
        /// What the program reads and writes.
        mode: TunMode = 3,
        /// A header of four bytes stands before each packet (`struct tun_pi`).
        pi: bool = 4,
        /// A header of virtio stands before each packet.
        vnet_hdr: bool = 5,
        /// It stays when the program closes it.
        persist: bool = 6,
        /// Several programs or threads may have it open at once.
        multi_queue: bool = 7,
        /// How many have.
        queues: u32 = 8,
        /// How many have and pause.
        disabled_queues: u32 = 9,
    }
}

numbered! {
    /// What the program reads and writes (`IFF_TUN`, `IFF_TAP` of linux/if_tun.h).
    TunMode(u8), "tun mode" {
        /// IP packets.
        Tun = 1 "tun",
        /// Ethernet frames.
        Tap = 2 "tap",
    }
}

value_of! { TunMode: u8; }
