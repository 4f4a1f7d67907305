//! What the demo tells while it runs: steps with the words a person would have typed, proofs with their evidence.

use crate::failure::Failure;
use crate::output::Output;
use serde::Serialize;
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct Step {
    what: String,
    words: Vec<String>,
    microseconds: u128,
}

#[derive(Serialize)]
struct Proof {
    what: String,
    holds: bool,
    evidence: String,
    microseconds: u128,
}

/// Steps and proofs, told at once as text or at the end as one JSON document.
#[derive(Default, Serialize)]
pub(super) struct Report {
    steps: Vec<Step>,
    proofs: Vec<Proof>,
    topology: Vec<String>,
}

impl Report {
    /// A step that `work` takes; `words` is what a person would have typed for it.
    pub(super) fn step<T>(
        &mut self,
        out: &mut Output,
        what: &str,
        words: &[&str],
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begin = Instant::now();
        let done = work().map_err(|failure| failure.context(what))?;
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.told(out, what, words, begin.elapsed())?;
        Ok(done)
    }

    /// A step that was taken elsewhere.
    pub(super) fn told(
        &mut self,
        out: &mut Output,
        what: &str,
        words: Vec<String>,
        took: Duration,
    ) -> Result<(), Failure> {
        if !out.json {
            out.line(format!("  {:<84}{:>9.2} ms", what, milliseconds(took)))?;
            for word in &words {
                out.line(format!("      $ {word}"))?;
            }
        }
        let microseconds = took.as_micros();
        self.steps.push(Step {
            what: what.to_owned(),
            words,
            microseconds,
        });
        Ok(())
    }

    /// A claim and what real packets say about it: `Ok` with the evidence if it holds.
    pub(super) fn prove(
        &mut self,
        out: &mut Output,
        what: &str,
        test: impl FnOnce() -> Result<String, String>,
    ) -> Result<(), Failure> {
        let begin = Instant::now();
        let (holds, evidence) = match test() {
            Ok(evidence) => (true, evidence),
            Err(evidence) => (false, evidence),
        };
        let took = begin.elapsed();
        if !out.json {
            let mark = if holds { "ok  " } else { "FAIL" };
            out.line(format!(
                "  {mark}  {what:<44} {evidence:<34}{:>9.2} ms",
                milliseconds(took)
            ))?;
        }
        let microseconds = took.as_micros();
        self.proofs.push(Proof {
            what: what.to_owned(),
            holds,
            evidence,
            microseconds,
        });
        Ok(())
    }

    /// A heading.
    pub(super) fn part(&self, out: &mut Output, title: &str) -> Result<(), Failure> {
        if out.json {
            Ok(())
        } else {
            out.line(format!("\n{title}"))
        }
    }

    /// The drawing at the end and, with `--json`, everything.
    pub(super) fn finish(
        &mut self,
        out: &mut Output,
        topology: Vec<String>,
    ) -> Result<(), Failure> {
        if !out.json {
            topology
                .iter()
                .try_for_each(|line| out.line(format!("  {line}")))?;
        }
        self.topology = topology;
        if out.json { out.document(self) } else { Ok(()) }
    }

    /// How many proofs hold, and how many there are.
    pub(super) fn score(&self) -> (usize, usize) {
        let hold = self.proofs.iter().filter(|proof| proof.holds);
        (hold.count(), self.proofs.len())
    }
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
