//! One operation that several contenders do: the floor, Vetch, and `ip` where it can.

use crate::timing::{Run, Times, interleave};
use crate::world::bury;
use anyhow::{Context, Result};
use std::fmt;
use std::time::Duration;

/// An operation, how often a run repeats it, and who does it. The floor comes first.
pub struct Case<'a> {
    name: &'static str,
    operations: usize,
    rounds: usize,
    target: Option<f64>,
    least: Vec<(&'static str, f64)>,
    names: Vec<&'static str>,
    runs: Vec<Run<'a>>,
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({}: {})", self.name, self.names.join(", "))
    }
}

impl<'a> Case<'a> {
    /// A case such as `address add`, of `operations` per run, without contenders yet.
    pub fn new(name: &'static str, operations: usize, rounds: usize) -> Self {
        let (target, least) = (None, Vec::new());
        let (names, runs) = (Vec::new(), Vec::new());
        Case {
            name,
            operations,
            rounds,
            target,
            least,
            names,
            runs,
        }
    }

    /// The ratio that Vetch is to stay within.
    #[must_use]
    pub fn at_most(mut self, target: f64) -> Self {
        self.target = Some(target);
        self
    }

    /// The ratio that another contender is to reach.
    #[must_use]
    pub fn at_least(mut self, name: &'static str, ratio: f64) -> Self {
        self.least.push((name, ratio));
        self
    }

    /// Adds a contender: a function that prepares, does the work once, and returns the time of the work alone.
    #[must_use]
    pub fn with(
        mut self,
        name: &'static str,
        run: impl FnMut(usize) -> Result<Duration> + 'a,
    ) -> Self {
        self.names.push(name);
        self.runs.push(Box::new(run));
        self
    }

    /// The same, if it is there to compete.
    #[must_use]
    pub fn with_if(
        self,
        there: bool,
        name: &'static str,
        run: impl FnMut(usize) -> Result<Duration> + 'a,
    ) -> Self {
        if there { self.with(name, run) } else { self }
    }

    /// What the operation is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs all contenders in turn.
    pub fn measure(mut self) -> Result<Row> {
        let times = interleave(&mut self.runs, self.rounds);
        drop(self.runs);
        bury();
        let times = times.with_context(|| format!("measure `{}`", self.name))?;
        let times = self.names.into_iter().zip(times).collect();
        Ok(Row {
            name: self.name,
            operations: self.operations,
            target: self.target,
            least: self.least,
            times,
        })
    }
}

/// What came of a case.
#[derive(Debug)]
pub struct Row {
    /// The operation.
    pub name: &'static str,
    /// Operations per run.
    pub operations: usize,
    /// The ratio that Vetch is to stay within.
    pub target: Option<f64>,
    /// The ratios that others are to reach.
    pub least: Vec<(&'static str, f64)>,
    /// Each contender's name and times; the floor first.
    pub times: Vec<(&'static str, Times)>,
}

impl Row {
    /// Microseconds per operation.
    pub fn each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.operations as f64
    }

    /// A contender's median over the floor's.
    pub fn ratio(&self, times: &Times) -> f64 {
        times.median().div_duration_f64(self.times[0].1.median())
    }

    /// What another contender is to reach, if anything.
    pub fn least_of(&self, name: &str) -> Option<f64> {
        let found = self.least.iter().find(|(of, _)| *of == name);
        found.map(|(_, ratio)| *ratio)
    }

    /// Whether Vetch stays within its target, if there is one.
    pub fn holds(&self) -> Option<bool> {
        let (_, vetch) = self.times.iter().find(|(name, _)| *name == "vetch")?;
        self.target.map(|target| self.ratio(vetch) <= target)
    }
}
