//! `veth`: two links joined by a wire (veth(4)).

use super::{LinkSpec, spec};
use crate::attr::{Attr, Malformed, Writer};
use crate::trace::layout::{Table, attributes};
use crate::types::IfIndex;

attributes! {
    ATTRIBUTES = "" {
        VETH_INFO_PEER = 1 Headed(&super::HEADER, &super::ifla::ATTRIBUTES),
    }
}

/// One end of a pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Veth {
    /// The other end, which may be made directly in another namespace ([`LinkSpec::netns`]). The kernel does not report it: see
    /// [`Link::link`](super::Link::link).
    pub peer: Option<Box<LinkSpec>>,
}

impl super::Kind {
    /// One end of a pair whose other end is `peer`.
    ///
    /// ```
    /// use core_netlink::link::{Kind, LinkSpec};
    /// let peer = LinkSpec { name: Some("eth0".parse()?), ..LinkSpec::default() };
    /// let host = LinkSpec { name: Some("veth0".parse()?), kind: Some(Kind::veth(peer)), ..LinkSpec::default() };
    /// # let _ = host;
    /// # Ok::<(), core_netlink::Bad>(())
    /// ```
    pub fn veth(peer: LinkSpec) -> Self {
        let peer = Some(Box::new(peer));
        super::Kind::Veth(Veth { peer })
    }
}

impl Veth {
    pub(super) const ATTRIBUTES: Table = Table {
        prefix: "",
        rows: &[],
        more: &[&ATTRIBUTES],
    };

    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        if let Some(peer) = &self.peer {
            w.nest_unmarked(VETH_INFO_PEER, |w| {
                let index = peer.index.unwrap_or(IfIndex(0));
                spec::encode(peer, w, index);
            });
        }
    }

    pub(super) fn read(&mut self, _: &Attr<'_>) -> Result<bool, Malformed> {
        Ok(false)
    }

    /// The kernel refuses a peer that is to be up, and ignores what it cannot do at creation.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(peer) = &self.peer else {
            return Ok(());
        };
        if peer.up == Some(true) {
            return Err(
                "the peer of a veth cannot be made up, only the first end: set it up afterwards"
                    .to_owned(),
            );
        }
        if peer.kind.is_some() {
            return Err("the peer of a veth has no kind of its own".to_owned());
        }
        if peer.master.is_some() {
            return Err("the peer of a veth gets its master afterwards: the kernel would drop it without a word".to_owned());
        }
        peer.check_peer().map_err(|why| format!("peer: {why}"))
    }
}
