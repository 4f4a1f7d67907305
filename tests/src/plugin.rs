//! CNI's plugins, called as a runtime calls them: ours by their names, the reference's by their paths.

use crate::{Node, Run};

/// Where Debian has the reference's.
pub const REFERENCE: &str = "/usr/lib/cni";

/// Whose plugins are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The reference's.
    Theirs,
    /// Ours.
    Ours,
}

impl Node {
    /// A plugin by its name; what it is to do is still to be said.
    pub fn plugin(&self, whose: Whose, name: &str) -> Run<'_> {
        match whose {
            Whose::Theirs => self.argv(&[&format!("{REFERENCE}/{name}")]),
            Whose::Ours => self.vetch_argv(&[]).arg0(name),
        }
    }
}

impl Run<'_> {
    /// Says a plugin what to do, and for which interface of which container.
    pub fn for_container(self, command: &str, id: &str, netns: &str, ifname: &str) -> Self {
        self.env("CNI_COMMAND", command)
            .env("CNI_CONTAINERID", id)
            .env("CNI_NETNS", netns)
            .env("CNI_IFNAME", ifname)
            .env("CNI_PATH", REFERENCE)
    }
}
