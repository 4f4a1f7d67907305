//! Which links `ip link show` and `ip addr show` mean.

use super::words::group;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use core_netlink::IfIndex;
use core_netlink::link::{Link, LinkFilter};

pub(super) const USAGE: &str =
    "[dev] LINK | [up] [master LINK] [vrf NAME] [group GROUP] [type KIND] [nomaster]";

/// What was asked for.
#[derive(Default)]
pub(crate) struct Select {
    pub(crate) dev: Option<String>,
    up: bool,
    no_master: bool,
    master: Option<IfIndex>,
    group: Option<u32>,
    kind: Option<String>,
}

impl Select {
    /// Takes one word; false if it is none of ours.
    pub(crate) fn take(
        &mut self,
        s: &mut Session<'_>,
        args: &mut Args<'_>,
        word: &str,
    ) -> Done<bool> {
        match word {
            "up" => self.up = true,
            "nomaster" => self.no_master = true,
            "master" => self.master = Some(s.link_value("master", args.value("master")?)?),
            "vrf" => self.master = Some(vrf(s, args.value("vrf")?)?),
            "group" => self.group = Some(group(s, args.value("group")?)?),
            "type" => self.kind = Some(args.value("type")?.to_owned()),
            "dev" => return self.take_dev(args.value("dev")?).map(|()| true),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The name of the link itself.
    pub(crate) fn take_dev(&mut self, word: &str) -> Done {
        if self.dev.is_some() {
            return Err(Fault::garbage(word));
        }
        self.dev = Some(word.to_owned());
        Ok(())
    }

    /// The links meant, and every other whose name they refer to comes with [`Session::link_name`].
    pub(crate) fn find(&self, s: &mut Session<'_>) -> Done<Vec<Link>> {
        if let Some(dev) = &self.dev {
            let link = s.shown_link(dev)?;
            s.remember(std::slice::from_ref(&link));
            return Ok(if self.passes(&link) {
                vec![link]
            } else {
                Vec::new()
            });
        }
        let slave = self
            .kind
            .as_deref()
            .is_some_and(|kind| kind.ends_with("_slave"));
        let kind = self.kind.clone().filter(|_| !slave);
        let filter = LinkFilter {
            master: self.master,
            kind,
        };
        let mut links = s.conn()?.links(&filter)?;
        s.remember(&links);
        links.retain(|link| self.passes(link));
        Ok(links)
    }

    /// Whether every link is meant.
    pub(crate) fn is_nothing(&self) -> bool {
        self.dev.is_none()
            && !self.up
            && !self.no_master
            && self.master.is_none()
            && self.group.is_none()
            && self.kind.is_none()
    }

    fn passes(&self, link: &Link) -> bool {
        let kind = |kind: &String| match kind.strip_suffix("_slave") {
            Some(kind) => link
                .slave
                .as_ref()
                .is_some_and(|slave| slave.name() == kind),
            None => link.kind_name() == Some(kind),
        };
        (!self.up || link.is_up())
            && (!self.no_master || link.master.is_none())
            && self.master.is_none_or(|master| link.master == Some(master))
            && self
                .group
                .is_none_or(|group| link.group.unwrap_or(0) == group)
            && self.kind.as_ref().is_none_or(kind)
    }
}

fn vrf(s: &mut Session<'_>, name: &str) -> Done<IfIndex> {
    let not = || {
        Fault::wrong("vrf", name, "Not a valid VRF name\n")
            .hint("`vetch link show type vrf` lists them")
    };
    let link = s.link(name).map_err(|_| not())?;
    if link.kind_name() == Some("vrf") {
        Ok(link.index)
    } else {
        Err(not())
    }
}
