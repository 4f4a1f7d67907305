//! What a connection does with links.

use super::{
    AddLink, AltName, BridgePort, ChangeAltNames, DeleteGroup, DeleteLink, DumpBridgePorts,
    DumpLinks, GetLink, Kind, Link, LinkFilter, LinkRef, LinkSpec, Netns, SetBridgePort, SetGroup,
    SetLink,
};
use crate::conn::{Conn, Request};
use crate::error::{Error, Result};
use crate::types::{IfIndex, IfName};

impl Conn {
    /// Makes a link, and answers with it: its index and, of a veth, that of the peer ([`Link::link`]).
    ///
    /// `None` if it was made in another namespace, or without a name on a kernel that does not echo (before Linux 6.2). What the kernel
    /// takes only of a link that is there (alias, altnames, carrier, inet6, ipv4, port, protodown) follows in further messages,
    /// before the link goes up; if one fails, the link is deleted again. Who needs the one message alone takes
    /// [`Conn::create`] with [`AddLink`]. If the kernel lacks the kind, the hint of the error names the option.
    pub fn add_link(&mut self, spec: &LinkSpec) -> Result<Option<Link>> {
        let Some(later) = spec.later() else {
            let made = self.make(spec)?;
            let stale = made.as_ref().filter(|_| spec.master.is_some()); // echoed before it had its master
            return match stale.map(|link| link.index) {
                Some(index) => self.get_link(index).map(Some),
                None => Ok(made),
            };
        };
        let request = AddLink(spec);
        if spec.netns.is_some() {
            let why = "alias, altnames, carrier, inet6, ipv4, port and protodown cannot be set from outside the namespace it is made in";
            return Err(Error::invalid(request.what(), why));
        }
        let checked = later.check_change();
        checked.map_err(|why| Error::invalid(request.what(), why))?;
        let made = self.make(&spec.at_once())?;
        let made = made.ok_or_else(|| {
            Error::invalid(request.what(), "its index is not known: give it a name")
        })?;
        let finished = self.finish(made.index, &later, spec);
        if finished.is_err() {
            let _ = self.delete_link(made.index); // the error that counts is the first one
        }
        finished.map(Some)
    }

    fn make(&mut self, spec: &LinkSpec) -> Result<Option<Link>> {
        let made = self.create(&AddLink(spec));
        let made = made.map_err(|err| err.for_want_of(spec.kind.iter().map(Kind::name)))?;
        match (made, &spec.name) {
            _ if spec.netns.is_some() => Ok(None),
            (None, Some(name)) => self.get_link(*name).map(Some),
            (made, _) => Ok(made),
        }
    }

    fn finish(&mut self, index: IfIndex, later: &LinkSpec, spec: &LinkSpec) -> Result<Link> {
        if *later != LinkSpec::default() {
            self.set_link(index, later)?;
        }
        if !spec.altnames.is_empty() {
            self.add_altnames(index, &spec.altnames)?;
        }
        if let Some(up) = spec.up {
            self.set_link(
                index,
                &LinkSpec {
                    up: Some(up),
                    ..LinkSpec::default()
                },
            )?;
        }
        self.get_link(index)
    }

    /// Changes a link. If it is renamed and not meant by its index, its index is read first.
    pub fn set_link(&mut self, link: impl Into<LinkRef>, change: &LinkSpec) -> Result<()> {
        let mut link = link.into();
        if change.name.is_some() && link.index().0 == 0 {
            link = self.get_link(link)?.index.into();
        }
        self.change(&SetLink { link, change })
    }

    /// Changes all links of a group.
    pub fn set_group(&mut self, group: u32, change: &LinkSpec) -> Result<()> {
        self.change(&SetGroup { group, change })
    }

    /// Deletes a link; the peer of a veth goes with it. Takes 20 to 40 ms (the kernel waits for readers).
    pub fn delete_link(&mut self, link: impl Into<LinkRef>) -> Result<()> {
        self.change(&DeleteLink(link.into()))
    }

    /// Deletes all links of a group, in little more time than one. Group 0 is refused.
    pub fn delete_group(&mut self, group: u32) -> Result<()> {
        self.change(&DeleteGroup(group))
    }

    /// Reads a link.
    ///
    /// ```no_run
    /// use core_netlink::{Conn, Protocol, link::LinkRef};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut conn = Conn::open(Protocol::Route)?;
    /// let lo = conn.get_link("lo".parse::<LinkRef>()?)?;
    /// assert!(lo.is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_link(&mut self, link: impl Into<LinkRef>) -> Result<Link> {
        self.get(&GetLink(link.into()))
    }

    /// The same, `None` if there is no such link.
    pub fn find_link(&mut self, link: impl Into<LinkRef>) -> Result<Option<Link>> {
        match self.get_link(link) {
            Ok(link) => Ok(Some(link)),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Lists links.
    pub fn links(&mut self, filter: &LinkFilter) -> Result<Vec<Link>> {
        self.dump(&DumpLinks(filter))
    }

    /// Lists the ports of all bridges, as `bridge link` does; what the bridge knows of them is in [`Link::slave`].
    pub fn bridge_ports(&mut self) -> Result<Vec<Link>> {
        self.dump(&DumpBridgePorts)
    }

    /// Changes the port of a bridge, as `bridge link set` does.
    pub fn set_bridge_port(&mut self, link: IfIndex, port: &BridgePort) -> Result<()> {
        self.change(&SetBridgePort { link, port })
    }

    /// Gives a link another name; it may be up (Linux 6.2 renames any).
    pub fn rename_link(&mut self, link: impl Into<LinkRef>, name: IfName) -> Result<()> {
        self.set_link(
            link,
            &LinkSpec {
                name: Some(name),
                ..LinkSpec::default()
            },
        )
    }

    /// Moves a link to another namespace. It loses its addresses and goes down; 20 ms. Better to make it there.
    pub fn move_link(&mut self, link: impl Into<LinkRef>, netns: Netns) -> Result<()> {
        self.set_link(
            link,
            &LinkSpec {
                netns: Some(netns),
                ..LinkSpec::default()
            },
        )
    }

    /// Gives a link further names.
    pub fn add_altnames(&mut self, link: impl Into<LinkRef>, names: &[AltName]) -> Result<()> {
        self.change(&ChangeAltNames {
            link: link.into(),
            names,
            delete: false,
        })
    }

    /// Takes further names from a link.
    pub fn delete_altnames(&mut self, link: impl Into<LinkRef>, names: &[AltName]) -> Result<()> {
        self.change(&ChangeAltNames {
            link: link.into(),
            names,
            delete: true,
        })
    }
}
