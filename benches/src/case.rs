//! One operation that several contenders do: the floor, Vetch, and `ip` where it can.

use crate::timing::{Contender, Times, interleave};
use anyhow::Result;
use std::time::Duration;

type Run<'a> = Box<dyn FnMut(usize) -> Result<Duration> + 'a>;

/// An operation, how often a run repeats it, and who does it. The floor comes first.
pub struct Case<'a> {
    /// Such as `address add`.
    pub name: &'static str,
    /// Operations per run.
    pub operations: usize,
    contenders: Vec<Contender<'a>>,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({}, {:?})", self.name, self.contenders)
    }
}

impl<'a> Case<'a> {
    /// A case of `operations` per run, without contenders yet.
    pub fn new(name: &'static str, operations: usize) -> Self {
        let contenders = Vec::new();
        Case {
            name,
            operations,
            contenders,
        }
    }

    /// Adds a contender: a function that prepares, does the work once, and returns the time of the work alone.
    #[must_use]
    pub fn with(mut self, name: &'a str, run: impl FnMut(usize) -> Result<Duration> + 'a) -> Self {
        let run: Run<'a> = Box::new(run);
        self.contenders.push(Contender { name, run });
        self
    }

    /// Runs all contenders in turn.
    pub fn measure(mut self, rounds: usize) -> Result<Row> {
        let times = interleave(&mut self.contenders, rounds)?;
        let names = self.contenders.iter().map(|c| c.name.to_owned());
        let (name, operations) = (self.name, self.operations);
        Ok(Row {
            name,
            operations,
            times: names.zip(times).collect(),
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
    /// Each contender's name and times; the floor first.
    pub times: Vec<(String, Times)>,
}

impl Row {
    /// Each contender's median over the floor's.
    pub fn ratios(&self) -> impl Iterator<Item = (&str, f64)> {
        let floor = self.times[0].1.median().as_secs_f64();
        self.times
            .iter()
            .map(move |(name, times)| (name.as_str(), times.median().as_secs_f64() / floor))
    }

    /// A line for people: per operation the floor's median in microseconds, then each ratio with the spread of its contender.
    pub fn line(&self) -> String {
        let each = |d: Duration| d.as_secs_f64() * 1e6 / self.operations as f64;
        let floor = &self.times[0].1;
        let mut line = format!("{:<26} {:>9.2} us", self.name, each(floor.median()));
        for ((name, ratio), (_, times)) in self.ratios().zip(&self.times).skip(1) {
            let spread = format!("{:.2}..{:.2}", each(times.min()), each(times.max()));
            line += &format!("   {name} {ratio:>5.2}x ({spread})");
        }
        line
    }

    /// The same as JSON: microseconds per operation.
    pub fn json(&self) -> serde_json::Value {
        let each = |d: Duration| d.as_secs_f64() * 1e6 / self.operations as f64;
        let contenders = self.times.iter().zip(self.ratios()).map(|((name, times), (_, ratio))| {
            serde_json::json!({
                "name": name, "min": each(times.min()), "median": each(times.median()), "max": each(times.max()), "ratio": ratio,
            })
        });
        serde_json::json!({ "case": self.name, "operations": self.operations, "contenders": contenders.collect::<Vec<_>>() })
    }
}
