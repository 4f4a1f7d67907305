//! `vetch demo`: the main job on real packets, in a private sandbox.

mod http;
mod ping;
mod proof;
mod report;
mod stage;
mod tree;

use crate::command::Answer;
use crate::failure::Failure;
use crate::output::Output;
use report::Report;

/// Show it all on real packets, in a private sandbox
///
/// Makes an outside host, a network with NAT and two containers, one of which serves a published port; then proves with real packets what
/// can reach what, and what cannot. Each step prints the words of ip(8) and nft(8) that a person would have typed. Works as root and as an
/// ordinary user; the machine's own network stays untouched. Exits with 0 only if every proof holds, with 1 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let mut report = Report::default();
        report.part(out, "Build")?;
        let words = ["unshare --net --mount sh   # and --user --map-root-user without root"];
        report.step(
            out,
            "a sandbox: network and mounts of its own",
            &words,
            || Ok(ns_mgmt::sandbox()?),
        )?;
        let stage = stage::build(&mut report, out)?;
        report.part(out, "Prove")?;
        proof::all(&stage, &mut report, out)?;
        report.part(out, "Topology")?;
        report.finish(out, stage.tree().draw())?;
        let (hold, all) = report.score();
        out.note(format!("{hold} of {all} proofs hold"));
        Ok(if hold == all {
            Answer::Done
        } else {
            Answer::No
        })
    }
}
