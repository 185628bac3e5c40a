//! A service under a rollout, as two coins: requests come, some go to the candidate, some fail. It must never draw from
//! anything but its seed. Start with [`World::run`].

use std::sync::atomic::{AtomicU64, Ordering};
use tidegate_stats::{Certainty, Comparison, Counts, Measure, OutOfRange, Points};

/// What is true, and how it is looked at. Rates and weights are shares of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    /// The share of stable's requests that fail.
    pub(crate) stable: f64,
    /// The share of the candidate's.
    pub(crate) candidate: f64,
    /// The candidate's share of the traffic.
    pub(crate) weight: f64,
    /// How many requests there are at most.
    pub(crate) requests: u64,
    /// When a look is taken.
    pub(crate) looks: Looks,
}

/// When a look is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Looks {
    /// After so many new requests.
    Every(u64),
    /// After ten new requests, and later after every hundredth part of all so far: for long rollouts, to save time.
    Sparser,
}

/// What is asked in all worlds: "roll back once 99 % sure …
pub(crate) const CERTAINTY: f64 = 99.0;
/// … that the candidate's error rate is more than 0.5 points worse".
pub(crate) const TOLERANCE: f64 = 0.5;
/// Where the textbook's one-sided test draws the line for the same certainty, in standard deviations.
const TEXTBOOK: f64 = 2.326_347_874;

/// What one rollout came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    /// After how many requests in all the comparison found the candidate worse.
    pub(crate) alarm: Option<u64>,
    /// After how many the textbook's test for two proportions first called it worse …
    pub(crate) textbook: Option<u64>,
    /// … and whether it did at the last look, the only one that it is made for.
    pub(crate) textbook_last: bool,
}

impl World {
    /// One rollout to its end; the same seed gives the same.
    pub(crate) fn run(self, seed: u64) -> Result<Run, OutOfRange> {
        let mut comparison = comparison()?;
        let mut run = Run::default();
        for (stable, candidate) in self.totals(seed) {
            let seen = stable.requests() + candidate.requests();
            run.textbook_last = textbook_says_worse(stable, candidate);
            run.textbook = run.textbook.or(run.textbook_last.then_some(seen));
            if run.alarm.is_none() {
                comparison.observe(stable, candidate);
                run.alarm = comparison.is_worse().then_some(seen);
            }
        }
        Ok(run)
    }

    /// One rollout until the comparison finds the candidate worse: how many requests the candidate had by then.
    pub(crate) fn delay(self, seed: u64) -> Result<Option<u64>, OutOfRange> {
        let mut comparison = comparison()?;
        Ok(self.totals(seed).find_map(|(stable, candidate)| {
            comparison.observe(stable, candidate);
            comparison.is_worse().then(|| candidate.requests())
        }))
    }

    /// The totals of both groups at every look.
    fn totals(self, seed: u64) -> impl Iterator<Item = (Counts, Counts)> {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut stable, mut candidate, mut seen) = (Counts::default(), Counts::default(), 0);
        std::iter::from_fn(move || {
            if seen >= self.requests {
                return None;
            }
            let new = match self.looks {
                Looks::Every(requests) => requests,
                Looks::Sparser => 10.max(seen / 100),
            };
            seen += new;
            let to_candidate = how_many(&mut random, new, self.weight);
            let to_stable = new - to_candidate;
            stable = stable.plus(Counts::new(to_stable, how_many(&mut random, to_stable, self.stable)));
            let failed = how_many(&mut random, to_candidate, self.candidate);
            candidate = candidate.plus(Counts::new(to_candidate, failed));
            Some((stable, candidate))
        })
    }
}

pub(crate) fn comparison() -> Result<Comparison, OutOfRange> {
    Ok(Comparison::new(Measure::ErrorRate, Certainty::percent(CERTAINTY)?, Points::new(TOLERANCE)?))
}

/// The test of every introduction to statistics: the difference in standard deviations of itself.
fn textbook_says_worse(stable: Counts, candidate: Counts) -> bool {
    let spread = |group: Counts| group.rate() * (1.0 - group.rate()) / group.requests().max(1) as f64;
    let deviation = (spread(stable) + spread(candidate)).sqrt();
    candidate.rate() - stable.rate() - TOLERANCE / 100.0 > TEXTBOOK * deviation && deviation > 0.0
}

/// How many of `tries` come true with this chance each: by the gaps between them, which are few where the chance is small.
pub(crate) fn how_many(random: &mut fastrand::Rng, tries: u64, chance: f64) -> u64 {
    if chance > 0.5 {
        return tries - how_many(random, tries, 1.0 - chance);
    }
    if chance <= 0.0 {
        return 0;
    }
    let log = (-chance).ln_1p();
    let (mut came_true, mut place) = (0, 0.0);
    loop {
        place += ((1.0 - random.f64()).ln() / log).floor() + 1.0;
        if place > tries as f64 {
            return came_true;
        }
        came_true += 1;
    }
}

/// Does `work` for every seed on all cores; what comes out stands in the order of the seeds, so the cores do not matter.
pub(crate) fn for_seeds<T: Send>(
    seeds: std::ops::Range<u64>,
    work: impl Fn(u64) -> Result<T, OutOfRange> + Sync,
) -> Result<Vec<T>, OutOfRange> {
    const PORTION: u64 = 50;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let mut portions = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let start = next.fetch_add(PORTION, Ordering::Relaxed);
                if start >= seeds.end {
                    return Ok(done);
                }
                let end = seeds.end.min(start + PORTION);
                done.push((start, (start..end).map(&work).collect::<Result<Vec<T>, OutOfRange>>()?));
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let mut portions = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(done) => portions.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(portions)
    })?;
    portions.sort_by_key(|(start, _)| *start);
    Ok(portions.into_iter().flat_map(|(_, results)| results).collect())
}
