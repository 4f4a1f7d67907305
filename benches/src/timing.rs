//! Contenders in turn, round by round, so that a slow moment of the machine hits all of them.

use anyhow::Result;
use std::time::{Duration, Instant};

/// Prepares outside the measured time, works, and returns the measured time. It is given the number of the round.
pub type Run<'a> = Box<dyn FnMut(usize) -> Result<Duration> + 'a>;

/// The times of one contender, round by round.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(pub Vec<Duration>);

impl Times {
    /// The middle one; zero if there is none.
    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// The shortest.
    pub fn min(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    /// Of each round, this contender's time over the floor's; sorted.
    pub fn ratios(&self, floor: &Times) -> Vec<f64> {
        let pairs = self.0.iter().zip(&floor.0);
        let mut ratios: Vec<_> = pairs.map(|(a, b)| a.div_duration_f64(*b)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// Runs every contender once per round, in turn, after one round that does not count.
pub fn interleave(contenders: &mut [Run<'_>], rounds: usize) -> Result<Vec<Times>> {
    let mut all = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (run, times) in contenders.iter_mut().zip(&mut all) {
            let took = run(round)?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    Ok(all.into_iter().map(Times).collect())
}

/// How long `work` takes.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: &[u64]) -> Times {
        Times(millis.iter().map(|&ms| Duration::from_millis(ms)).collect())
    }

    #[test]
    fn a_round_is_compared_with_itself() {
        let (floor, ours) = (times(&[1, 10, 2]), times(&[2, 10, 3]));
        assert_eq!(ours.ratios(&floor), [1.0, 1.5, 2.0]);
        assert_eq!(ours.median(), Duration::from_millis(3));
        assert_eq!(
            (ours.min(), ours.max()),
            (Duration::from_millis(2), Duration::from_millis(10))
        );
    }

    #[test]
    fn the_first_round_does_not_count() {
        let mut contenders: Vec<Run<'_>> =
            vec![Box::new(|round| Ok(Duration::from_secs(round as u64)))];
        let all = interleave(&mut contenders, 2).unwrap();
        assert_eq!(all, [times(&[1000, 2000])]);
    }
}
