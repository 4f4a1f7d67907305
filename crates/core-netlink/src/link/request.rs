//! Requests about links, as values: one fits [`Conn::change`](crate::Conn::change), several fit [`Conn::batch`](crate::Conn::batch).

use super::{
    AltName, BridgePort, Link, LinkFlags, LinkRef, LinkSpec, header, ifla, info, rtm, spec,
};
use crate::attr::Writer;
use crate::conn::{Query, Request};
use crate::object::Family;
use crate::types::{IfIndex, NsId};
use crate::wire::Flags;

const SKIP_STATS: u32 = 1 << 3; // RTEXT_FILTER_SKIP_STATS: without the counters of IPv6, half of the answer

/// Make a link. The kernel answers with it if it echoes (Linux 6.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddLink<'a>(pub &'a LinkSpec);

impl Request for AddLink<'_> {
    fn kind(&self) -> u16 {
        rtm::NEWLINK
    }

    fn flags(&self) -> Flags {
        Flags::CREATE | Flags::EXCL
    }

    fn encode(&self, w: &mut Writer<'_>) {
        spec::encode(self.0, w, self.0.index.unwrap_or_default());
    }

    fn what(&self) -> String {
        let kind = self.0.kind.as_ref().map_or("", super::Kind::name);
        match &self.0.name {
            Some(name) => format!("add link `{name}`"),
            None => format!("add a {kind} link"),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.0.check_new()
    }
}

impl Query for AddLink<'_> {
    type Record = Link;
}

/// Change a link. To rename it, it must be meant by its index.
#[derive(Clone, Debug, PartialEq)]
pub struct SetLink<'a> {
    /// Which one.
    pub link: LinkRef,
    /// What of it.
    pub change: &'a LinkSpec,
}

impl<'a> SetLink<'a> {
    /// Change `link` as `change` says.
    pub fn new(link: impl Into<LinkRef>, change: &'a LinkSpec) -> Self {
        SetLink {
            link: link.into(),
            change,
        }
    }
}

impl Request for SetLink<'_> {
    fn kind(&self) -> u16 {
        rtm::NEWLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        spec::encode_change(self.change, w, &self.link);
    }

    fn what(&self) -> String {
        let link = &self.link;
        match (&self.change.netns, &self.change.name) {
            (Some(netns), None) => return format!("move link {link} to {netns}"),
            (Some(netns), Some(name)) => return format!("move link {link} to {netns} as `{name}`"),
            (None, Some(name)) => return format!("rename link {link} to `{name}`"),
            (None, None) => {}
        }
        let fields = self.change.fields().join(", ");
        match (fields.as_str(), self.change.up) {
            ("", Some(true)) => format!("set link {link} up"),
            ("", Some(false)) => format!("set link {link} down"),
            ("", None) => format!("set link {link}"),
            (fields, _) => format!("set {fields} of link {link}"),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.link.check()?;
        if self.change.name.is_some() && self.link.index().0 == 0 {
            return Err("to rename a link, say its index".to_owned());
        }
        self.change.check_change()
    }
}

/// Change all links of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct SetGroup<'a> {
    /// Which ones.
    pub group: u32,
    /// What of them; not the name.
    pub change: &'a LinkSpec,
}

impl Request for SetGroup<'_> {
    fn kind(&self) -> u16 {
        rtm::NEWLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        spec::encode(self.change, w, IfIndex(0));
        w.u32(ifla::GROUP, self.group);
    }

    fn what(&self) -> String {
        format!("set the links of group {}", self.group)
    }

    fn check(&self) -> Result<(), String> {
        if self.change.name.is_some() || self.change.group.is_some() {
            return Err("a whole group cannot get one name or another group".to_owned());
        }
        self.change.check_change()
    }
}

/// Delete a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteLink(pub LinkRef);

impl Request for DeleteLink {
    fn kind(&self) -> u16 {
        rtm::DELLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Unspec,
            self.0.index(),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        self.0.encode(w);
    }

    fn what(&self) -> String {
        format!("delete link {}", self.0)
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

/// Delete all links of a group; never group 0, to which every link belongs that was not given another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteGroup(pub u32);

impl Request for DeleteGroup {
    fn kind(&self) -> u16 {
        rtm::DELLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Unspec,
            IfIndex(0),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        w.u32(ifla::GROUP, self.0);
    }

    fn what(&self) -> String {
        format!("delete the links of group {}", self.0)
    }

    fn check(&self) -> Result<(), String> {
        match self.0 {
            0 => Err("every link belongs to group 0 that was not given another".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Read one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetLink(pub LinkRef);

impl Request for GetLink {
    fn kind(&self) -> u16 {
        rtm::GETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Unspec,
            self.0.index(),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        self.0.encode(w);
        w.u32(ifla::EXT_MASK, SKIP_STATS);
    }

    fn what(&self) -> String {
        format!("find link {}", self.0)
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

impl Query for GetLink {
    type Record = Link;
}

/// Read a link of another namespace from here, by the number it has here (Linux 4.20; the inner end of a pair tells it as
/// [`Link::link_netnsid`]). Needs privilege there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetLinkIn {
    /// Which one.
    pub link: IfIndex,
    /// Of which namespace.
    pub netns: NsId,
}

impl Request for GetLinkIn {
    fn kind(&self) -> u16 {
        rtm::GETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        GetLink(self.link.into()).encode(w);
        w.i32(ifla::TARGET_NETNSID, self.netns.get());
    }

    fn what(&self) -> String {
        format!("find link {} of namespace {}", self.link, self.netns)
    }

    fn check(&self) -> Result<(), String> {
        LinkRef::Index(self.link).check()
    }
}

impl Query for GetLinkIn {
    type Record = Link;
}

/// Which links to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFilter {
    /// Ports of this bridge (or the like).
    pub master: Option<IfIndex>,
    /// Of this kind, such as `bridge`.
    pub kind: Option<String>,
}

/// List links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpLinks<'a>(pub &'a LinkFilter);

impl Request for DumpLinks<'_> {
    fn kind(&self) -> u16 {
        rtm::GETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Unspec,
            IfIndex(0),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        w.u32(ifla::EXT_MASK, SKIP_STATS);
        if let Some(master) = self.0.master {
            w.u32(ifla::MASTER, master.0);
        }
        if let Some(kind) = &self.0.kind {
            w.nest_unmarked(ifla::LINKINFO, |w| w.bytes(info::KIND, kind.as_bytes()));
        }
    }

    fn what(&self) -> String {
        "list links".to_owned()
    }
}

impl Query for DumpLinks<'_> {
    type Record = Link;
}

/// List the ports of all bridges, as `bridge link` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpBridgePorts;

impl Request for DumpBridgePorts {
    fn kind(&self) -> u16 {
        rtm::GETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Bridge,
            IfIndex(0),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
    }

    fn what(&self) -> String {
        "list the ports of bridges".to_owned()
    }
}

impl Query for DumpBridgePorts {
    type Record = Link;
}

/// Change the port of a bridge, as `bridge link set` does.
#[derive(Clone, Debug, PartialEq)]
pub struct SetBridgePort<'a> {
    /// Which link.
    pub link: IfIndex,
    /// What of it.
    pub port: &'a BridgePort,
}

impl Request for SetBridgePort<'_> {
    fn kind(&self) -> u16 {
        rtm::SETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Bridge,
            self.link,
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        w.nest(ifla::PROTINFO, |w| self.port.encode(w));
    }

    fn what(&self) -> String {
        format!("set bridge port {}", LinkRef::Index(self.link))
    }

    fn check(&self) -> Result<(), String> {
        LinkRef::Index(self.link).check()
    }
}

/// Give a link further names, or take them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAltNames<'a> {
    /// Which link.
    pub link: LinkRef,
    /// The names.
    pub names: &'a [AltName],
    /// Take them.
    pub delete: bool,
}

impl Request for ChangeAltNames<'_> {
    fn kind(&self) -> u16 {
        if self.delete {
            rtm::DELLINKPROP
        } else {
            rtm::NEWLINKPROP
        }
    }

    fn flags(&self) -> Flags {
        match self.delete {
            true => Flags::NONE,
            false => Flags::CREATE | Flags::EXCL | Flags::APPEND,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(
            w,
            Family::Unspec,
            self.link.index(),
            LinkFlags::NONE,
            LinkFlags::NONE,
        );
        self.link.encode(w);
        w.nest(ifla::PROP_LIST, |w| {
            for name in self.names {
                w.str(ifla::ALT_IFNAME, name.as_str());
            }
        });
    }

    fn what(&self) -> String {
        let verb = if self.delete { "delete" } else { "add" };
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "{verb} alternative name {} of link {}",
            names.join(", "),
            self.link
        )
    }

    fn check(&self) -> Result<(), String> {
        self.link.check()?;
        if self.names.is_empty() {
            return Err("no name is given".to_owned());
        }
        Ok(())
    }
}
