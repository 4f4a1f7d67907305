//! What may be there after a command was killed on its way: as before, as after, or in between.

use super::model::{Attached, Elements, Link, Model, Slot, each};
use super::op::{At, Command, NAMES, NETWORKS};

impl Model {
    /// What may be there when a command was killed on its way: as before, as after, or in between.
    pub(super) fn killed(self, command: Command, named: &[bool]) -> Vec<Model> {
        let mut models = match command {
            Command::Purge => self.without_links(), // they go first, the records last
            _ => vec![self],
        };
        for (_, after) in self.apply(command, named) {
            for network in 0..NETWORKS.len() {
                models = each(models, |model| model.between(&after, network));
            }
        }
        models
    }

    /// Some of its links may be gone.
    fn without_links(self) -> Vec<Model> {
        let mut models = vec![self];
        for at in At::all() {
            models = each(models, |model| match model.at(at) {
                Slot::There(of) => {
                    let gone = Attached {
                        link: Link::Gone,
                        elements: Elements::Gone,
                        ..of
                    };
                    vec![model, model.with(at, Slot::There(gone))]
                }
                _ => vec![model],
            });
        }
        models
    }

    /// The networks of this one as they are, as in the other, or half; or some of their attachments so.
    fn between(self, after: &Model, network: usize) -> Vec<Model> {
        let change = |slot| {
            let mut networks = self.networks;
            networks[network] = slot;
            Model { networks }
        };
        let mut models = vec![self];
        match (self.networks[network], after.networks[network]) {
            (before, after) if before == after => {}
            (Slot::There(before), Slot::There(after)) if before.definition == after.definition => {
                for name in 0..NAMES.len() {
                    let at = At { network, name };
                    let (old, new) = (before.attachments[name], after.attachments[name]);
                    if old != new {
                        models = each(models, |model| {
                            vec![model, model.with(at, new), model.with(at, Slot::Half)]
                        });
                    }
                }
            }
            (_, after) => models.extend([change(Slot::Half), change(after)]),
        }
        models
    }
}
