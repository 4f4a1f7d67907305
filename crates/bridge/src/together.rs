//! Taking many attachments away with their network: their links as one group, their elements in few transactions, their flows in one look.
//! By themselves each would be put aside for its own sake, which takes three times as long.

use crate::action::{self, Action};
use crate::batch::TOGETHER;
use crate::engine::{DYING, Engine, is_bridge_of, is_of, is_tombstone, netlink, send};
use crate::error::{Error, Result};
use crate::intent;
use crate::network::leaving;
use crate::spec::{Attachment, Network};
use core_netlink::link::{Link, LinkFilter, LinkSpec, SetLink};
use core_netlink::{IfIndex, IfName, Request};
use firewall::Change;
use std::collections::HashMap;

/// So many are put aside one by one, and deleted later: nobody waits for the kernel.
const FEW: usize = 8;

impl Engine {
    /// Whether all but the records of these is done, since they are many. Whoever watches is told each step instead.
    pub(crate) fn took_together(&mut self, plans: &[Vec<Action>], last: &[Action]) -> bool {
        let all: Vec<Attachment> = plans.iter().flatten().filter_map(leaving).collect();
        let network = last.iter().find_map(|action| match action {
            Action::AsideBridge(network) => Some(network),
            _ => None,
        });
        let network = network.filter(|_| all.len() > FEW && self.watch.is_none());
        network.is_some_and(|network| self.take_together(&all, network).is_ok())
    }

    /// All but the records, with the bridge of their network, which goes too. If this fails, some of it may be done: each by itself is to follow then.
    fn take_together(&mut self, all: &[Attachment], network: &Network) -> Result<()> {
        self.delete_together(all, network)?;
        for some in all.chunks(TOGETHER) {
            let mut change = Change::default();
            for attachment in some {
                change.extend(intent::attachment(attachment)?.inverse());
            }
            self.apply(&change)?;
        }
        let addresses = all.iter().flat_map(|of| &of.addresses);
        let addresses = addresses.map(|net| net.addr()).collect();
        firewall::forget_addresses(self.kernel.nft()?, &addresses)
            .map_err(|err| Error::firewall("cut the old flows of a network", err))
    }

    /// One deletion of a group waits for the kernel once, however many are in it.
    fn delete_together(&mut self, all: &[Attachment], network: &Network) -> Result<()> {
        let links = self.kernel.route()?.links(&LinkFilter::default());
        let links = links.map_err(|err| netlink("look at the host's links", err))?;
        let mut group = links.iter().filter(|link| link.group == Some(DYING));
        if let Some(other) = group.find(|link| !is_tombstone(link)) {
            let why = format!("`{}` is in the group of links that are deleted", other.name);
            return Err(Error::exists("delete links together", why));
        }
        let ends: HashMap<IfName, &Attachment> = all.iter().map(|of| (of.host_end, of)).collect();
        let marks = links.iter().filter_map(|link| {
            let end = ends.get(&link.name).filter(|of| is_of(link, &of.key));
            let bridge = network.owns_gateway_link() && is_bridge_of(link, network);
            let bridge = bridge.then(|| network.name.alias());
            let alias = end.map(|of| action::alias(of)).or(bridge)?;
            Some((link.index, marked(link, alias)))
        });
        let marks: Vec<(IfIndex, LinkSpec)> = marks.collect();
        let fail = |err| netlink("delete links together", err);
        let conn = self.kernel.route()?;
        for some in marks.chunks(TOGETHER) {
            let requests = some.iter();
            let requests = requests
                .map(|(index, mark)| Box::new(SetLink::new(*index, mark)) as Box<dyn Request>);
            send(conn, &requests.collect::<Vec<_>>(), |_| false).map_err(fail)?;
        }
        match conn.delete_group(DYING) {
            Err(err) if err.is_not_found() => Ok(()),
            done => done.map_err(fail),
        }
    }
}

/// In the group; with an alias, without which it would not be known as ours.
fn marked(link: &Link, alias: String) -> LinkSpec {
    LinkSpec {
        group: Some(DYING),
        alias: link.alias.is_none().then_some(alias),
        ..LinkSpec::default()
    }
}
