//! `type veth [peer [name] NAME [netns NS] ...]`.

use super::super::words;
use super::unknown;
use crate::Done;
use crate::args::Args;
use crate::session::Session;
use crate::value::if_name;
use core_netlink::link::{Kind, LinkSpec, Veth};

pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    match args.next()? {
        None => return Ok(Kind::Veth(Veth::default())),
        Some("peer") => {}
        Some(word) => return Err(unknown("veth", word)),
    }
    let mut peer = LinkSpec::default();
    while let Some(word) = args.next()? {
        if !words::take(s, args, word, &mut peer)? {
            if peer.name.is_some() {
                return Err(unknown("veth peer", word));
            }
            peer.name = Some(if_name("name", word)?);
        }
    }
    Ok(Kind::veth(peer))
}
