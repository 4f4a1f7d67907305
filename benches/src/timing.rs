//! Two or three contenders in turn, round by round, so that a slow moment of the machine hits all of them.

use anyhow::Result;
use std::time::{Duration, Instant};

/// One contender: a name and a function that does the work once and says how long it took.
pub struct Contender<'a> {
    /// Such as `floor`.
    pub name: &'a str,
    /// Prepares outside the measured time, works, and returns the measured time.
    pub run: Box<dyn FnMut(usize) -> Result<Duration> + 'a>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contender({})", self.name)
    }
}

/// Sorted times of one contender.
#[derive(Clone, Debug)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Of at least one time.
    pub fn new(mut times: Vec<Duration>) -> Times {
        times.sort();
        Times(times)
    }

    /// The middle one.
    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// The shortest.
    pub fn min(&self) -> Duration {
        self.0[0]
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.0[self.0.len() - 1]
    }
}

/// Runs every contender once per round, in turn, after one round that does not count.
pub fn interleave(contenders: &mut [Contender<'_>], rounds: usize) -> Result<Vec<Times>> {
    let mut all = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut all) {
            let took = (contender.run)(round)?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    Ok(all.into_iter().map(Times::new).collect())
}

/// How long `work` takes.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}
