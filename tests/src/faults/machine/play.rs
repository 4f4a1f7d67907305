//! One sequence, step by step, with the host held against the model after each.

use super::look::{Listing, Verdict, nothing_left, packets};
use super::model::{Answer, Link, Model, Slot, each};
use super::op::{At, Command, Finale, Harm, NETWORKS, Op};
use super::scene::Scene;
use crate::exec::Output;
use crate::lab::Lab;

/// What is known while a sequence runs.
struct Play<'a> {
    scene: Scene<'a>,
    /// All answers that are right.
    models: Vec<Model>,
    /// Something was harmed and not yet mended.
    harmed: bool,
    /// An attach does not mend this harm on its way.
    beside: bool,
    /// A killed command may have left something half done.
    unfinished: bool,
    /// A boot left records that nobody has looked at since.
    booted: bool,
    /// Where it was noted that forwarding was switched on: in the firewall, among the records.
    noted: [bool; 2],
}

/// Goes through a sequence; what is wrong, if something is.
pub(super) fn play(lab: &Lab, ops: &[Op], finale: Finale) -> Verdict {
    let mut play = Play {
        scene: Scene::new(lab),
        models: vec![Model::empty()],
        harmed: false,
        beside: false,
        unfinished: false,
        booted: false,
        noted: [true; 2],
    };
    for (step, op) in ops.iter().enumerate() {
        play.step(*op)
            .map_err(|wrong| format!("after step {}, `{}`: {wrong}", step + 1, op.words()))?;
    }
    play.end(finale)
        .map_err(|wrong| format!("at the end ({finale:?}): {wrong}"))
}

impl Play<'_> {
    fn step(&mut self, op: Op) -> Verdict {
        let mut attached = None;
        match op {
            Op::Run(command) => {
                let answer = self.run(command)?;
                if let (Answer::Done, Command::Attach(at, _)) = (answer, command) {
                    attached = Some(at);
                }
            }
            Op::Kill(command, call) => self.kill(command, call)?,
            Op::Harm(harm) => self.harm(harm)?,
            Op::Vanish { name, held } => {
                self.scene.vanish(name, held);
                let hurts = |of: &super::model::Attached| of.named && !held;
                self.harmed |= self.any(|at, of| at.name == name && hurts(&of));
                self.change(|model| vec![model.vanished(name, held)]);
            }
            Op::Appear(name) => self.scene.appear(name),
            Op::Reboot { .. } => {
                self.scene.reboot(&op);
                self.change(|model| vec![model.rebooted()]);
                (self.harmed, self.booted, self.unfinished) = (true, true, true);
                self.noted = [true; 2];
            }
        }
        self.look(attached)
    }

    fn change(&mut self, change: impl Fn(Model) -> Vec<Model>) {
        self.models = each(std::mem::take(&mut self.models), change);
    }

    fn any(&self, is: impl Fn(At, super::model::Attached) -> bool) -> bool {
        self.models
            .iter()
            .any(|model| At::all().any(|at| model.at(at).there().is_some_and(|of| is(at, *of))))
    }

    fn run(&mut self, command: Command) -> Result<Answer, String> {
        let names = self.scene.names();
        let output = self.scene.vetch(command);
        self.ended(command, &output, &names)
    }

    fn ended(
        &mut self,
        command: Command,
        output: &Output,
        names: &[bool],
    ) -> Result<Answer, String> {
        let answer = answer(output)?;
        let before = std::mem::take(&mut self.models);
        let ends = |model: Model| {
            let ends = model.apply(command, names).into_iter();
            ends.filter(|(end, _)| *end == answer)
                .flat_map(|(_, model)| model.perhaps_mended())
                .collect()
        };
        self.models = each(before.clone(), ends);
        if self.models.is_empty() {
            return Err(format!("must not be {answer:?}: {output}\nas {before:?}"));
        }
        if answer == Answer::Done && !matches!(command, Command::Detach(_) | Command::Unpublish(..))
        {
            self.booted = false;
        }
        match command {
            Command::Repair if answer == Answer::Done => {
                (self.harmed, self.beside) = (false, false);
                // What is noted nowhere was the host's own from the beginning.
                if self.noted != [false; 2] {
                    self.noted = [true; 2];
                }
            }
            Command::Collect | Command::Purge => self.unfinished = false,
            _ => {}
        }
        Ok(answer)
    }

    fn kill(&mut self, command: Command, call: u16) -> Verdict {
        let names = self.scene.names();
        let output = self.scene.kill(command, call);
        if output.code != 137 {
            return self.ended(command, &output, &names).map(drop);
        }
        self.unfinished = true;
        self.change(|model| {
            let after = model.killed(command, &names).into_iter();
            after.flat_map(Model::perhaps_mended).collect()
        });
        Ok(())
    }

    fn harm(&mut self, harm: Harm) -> Verdict {
        let meant = |at: At| self.any(|other, of| other == at && of.link != Link::Gone);
        let network = |at: usize| {
            self.models
                .iter()
                .any(|model| model.networks[at] != Slot::Absent)
        };
        let some = (0..NETWORKS.len()).any(network);
        let (bites, beside) = match harm {
            Harm::FlushRuleset => (some, false),
            Harm::DeleteTable(_) | Harm::FlushChain(_) | Harm::FlushMap | Harm::ForwardingOff => {
                (some, true)
            }
            Harm::DeleteHostEnd(at) | Harm::RemoveClaim(at) | Harm::TruncateClaim(at) => {
                (meant(at), false)
            }
            Harm::HostEndDown(at) | Harm::LeaveBridge(at) => (meant(at), true),
            Harm::DeleteInside(at) | Harm::FlushInside(at) | Harm::RenameInside(at) => {
                (meant(at), true)
            }
            Harm::DeleteBridge(at) | Harm::BridgeDown(at) => (network(at), false),
            Harm::FlushBridge(at) => (network(at), true),
            Harm::RemoveClaims => (true, false),
        };
        self.scene.harm(harm);
        self.harmed |= bites;
        self.beside |= bites && beside;
        self.noted[0] &= !matches!(harm, Harm::FlushRuleset | Harm::DeleteTable("inet"));
        self.noted[1] &= harm != Harm::RemoveClaims;
        self.change(|model| vec![model.harmed(harm)]);
        Ok(())
    }

    /// `attached`: whoever was just attached works, whatever else is harmed.
    fn look(&mut self, attached: Option<At>) -> Verdict {
        let listing = Listing::take(&self.scene)?;
        let fitting: Vec<Model> = self
            .models
            .iter()
            .copied()
            .filter(|model| listing.fits(model, self.booted))
            .collect();
        if fitting.is_empty() {
            return Err(format!(
                "{listing:?}\nis not what must be there: {:?}",
                self.models
            ));
        }
        self.models = fitting;
        listing.is_unique()?;
        nothing_left(&self.scene, &self.models, self.booted)?;
        let check = self.scene.lab.vetch("network check");
        match check.code {
            0 if !self.unfinished => (self.harmed, self.beside) = (false, false),
            0 => {}
            1 if self.harmed || self.unfinished => {}
            _ => return Err(format!("nothing was harmed: {check}")),
        }
        match attached {
            _ if check.code == 0 && !self.harmed => {
                packets(&self.scene, &self.models, &listing, None)
            }
            Some(at) if !self.beside => packets(&self.scene, &self.models, &listing, Some(at)),
            _ => Ok(()),
        }
    }

    fn end(&mut self, finale: Finale) -> Verdict {
        match finale {
            Finale::Mended => {
                for command in [Command::Collect, Command::Repair] {
                    self.run(command)?;
                }
                self.look(None)?;
                let check = self.scene.lab.vetch("network check");
                if check.code != 0 {
                    return Err(format!("after a repair: {check}"));
                }
                At::all().try_for_each(|at| self.run(Command::Detach(at)).map(drop))?;
                self.remove(false)?;
            }
            Finale::Forced => self.remove(true)?,
            Finale::Purged => drop(self.run(Command::Purge)?),
        }
        self.as_before()
    }

    fn remove(&mut self, force: bool) -> Verdict {
        (0..NETWORKS.len())
            .try_for_each(|network| self.run(Command::Remove { network, force }).map(drop))
    }

    fn as_before(&mut self) -> Verdict {
        self.scene.leave();
        let lab = self.scene.lab;
        if self.noted == [false; 2] {
            lab.shell("sysctl -qw net.ipv4.conf.up0.forwarding=0; sysctl -qe -w net.ipv6.conf.up0.force_forwarding=0").ok();
        }
        lab.fixture(|| self.scene.end_boot());
        let left = lab.settled_difference();
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("the host is not as before:\n{}", left.join("\n"))),
        }
    }
}

/// Commands say what is wrong, and do not crash.
fn answer(output: &Output) -> Result<Answer, String> {
    match output.code {
        0 => Ok(Answer::Done),
        1 | 2 if !output.stderr.trim().is_empty() => Ok(Answer::Refused),
        _ => Err(format!("no proper end: {output}")),
    }
}
