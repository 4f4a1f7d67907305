//! Taking out of service at once: down, off the bridge, its name free. The slow deletion comes later (`settle`).

use crate::action;
use crate::engine::{DYING, Engine, Scene, is_bridge_of, is_of, netlink, send};
use crate::error::Result;
use crate::name::SEVERAL;
use crate::spec::{Attachment, Network, State};
use core_netlink::link::{Link, LinkSpec, NO_MASTER, SetLink};
use core_netlink::{IfIndex, IfName, Request};
use ns_mgmt::NetNs;

impl Engine {
    pub(crate) fn leave(&mut self, attachment: &Attachment) -> Result<()> {
        let (network, end) = (&attachment.key.network, attachment.host_end);
        match attachment.state {
            State::Leaving => Ok(()),
            from => self.store.move_claim(network, end, from, State::Leaving),
        }
    }

    pub(crate) fn aside(&mut self, attachment: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let Some(link) = self.find(attachment.host_end)? else {
            return Ok(());
        };
        if !is_of(&link, &attachment.key) {
            return Ok(()); // somebody else's by now
        }
        (scene.host_end, scene.inner) = (Some(link.index), link.link);
        self.put_aside(&link, action::alias(attachment), scene)
    }

    /// A link that was made a moment ago has no alias yet; without one nobody would delete it later.
    pub(crate) fn put_aside(
        &mut self,
        link: &Link,
        alias: String,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        scene.aside.extend(self.store.note_dying(link.index)?);
        let down = LinkSpec {
            up: Some(false),
            ..LinkSpec::default()
        };
        let is_port = link.master.is_some();
        let tombstone = LinkSpec {
            name: Some(tombstone(link.index)),
            group: Some(DYING),
            alias: link.alias.is_none().then_some(alias),
            master: is_port.then_some(NO_MASTER),
            ..LinkSpec::default()
        };
        let requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(link.index, &down)),
            Box::new(SetLink::new(link.index, &tombstone)),
        ];
        match send(self.kernel.route()?, &requests, |_| false) {
            Err(err) if err.is_not_found() => Ok(()), // its namespace just died
            other => other.map_err(|err| netlink(format!("put `{}` aside", link.name), err)),
        }
    }

    /// Best effort: it serves only the next attach to the same namespace, which would otherwise wait.
    pub(crate) fn aside_inside(
        &mut self,
        attachment: &Attachment,
        scene: &Scene<'_>,
    ) -> Result<()> {
        let (Some(inner), Some(namespace)) = (scene.inner, self.reopen(attachment)) else {
            return Ok(());
        };
        let Ok(mut conn) = self.kernel.inside(&namespace) else {
            return Ok(());
        };
        let down = LinkSpec {
            up: Some(false),
            ..LinkSpec::default()
        };
        let name = LinkSpec {
            name: Some(tombstone(inner)),
            ..LinkSpec::default()
        };
        let requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(inner, &down)),
            Box::new(SetLink::new(inner, &name)),
        ];
        let _ = send(&mut conn, &requests, |_| false);
        Ok(())
    }

    /// The namespace of an attachment, if its words still mean the same one.
    pub(crate) fn reopen(&mut self, attachment: &Attachment) -> Option<NetNs> {
        let namespace = self.kernel.open(&attachment.namespace)?;
        let same = self.kernel.cookie(&namespace).ok()? == attachment.cookie;
        same.then_some(namespace)
    }

    pub(crate) fn aside_bridge(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        match self.find(network.gateway_link())? {
            Some(_) if !network.owns_gateway_link() => self.leave_bridge(network)?,
            Some(link) if is_bridge_of(&link, network) => {
                self.put_aside(&link, network.name.alias(), scene)?;
            }
            _ => {}
        }
        match self.leave_together(network)? {
            Some(link) => self.put_aside(&link, SEVERAL.to_owned(), scene),
            None => Ok(()),
        }
    }
}

fn tombstone(index: IfIndex) -> IfName {
    IfName::from_kernel(format!("vx{index}").as_bytes())
}
