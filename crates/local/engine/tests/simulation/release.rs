//! What tasks of a release do once they are started.

use std::time::Duration;

use fastrand::Rng;

/// How a release behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// It starts, gets healthy, and runs until it is told to stop.
    Good,
    /// Its image cannot be pulled.
    CannotPull,
    /// Its container exits before the task is RUNNING.
    ExitsBeforeRunning,
    /// It exits as soon as it runs.
    ExitsAtStart,
    /// It exits some time after it ran, perhaps after it was healthy.
    ExitsLater,
    /// It runs and never passes a health check.
    NeverHealthy,
    /// It is healthy, then it is not, then it is.
    Flaps,
    /// Each task is good or is not.
    Mixed,
}

impl Release {
    const BAD: [Self; 7] = [
        Self::CannotPull,
        Self::ExitsBeforeRunning,
        Self::ExitsAtStart,
        Self::ExitsLater,
        Self::NeverHealthy,
        Self::Flaps,
        Self::Mixed,
    ];

    pub(super) fn any(rng: &mut Rng) -> Self {
        if rng.u8(..10) < 4 { Self::Good } else { Self::BAD[rng.usize(..Self::BAD.len())] }
    }
}

/// What one task will do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// From the order to start until its network is ready.
    pub(super) prepares: Duration,
    /// From then until it runs or fails.
    pub(super) starts: Duration,
    /// How it fails instead of running.
    pub(super) fails_to_run: Option<FailsToRun>,
    /// After it runs: when it exits by itself.
    pub(super) exits_after: Option<Duration>,
    /// After it runs: when health checks have found something.
    pub(super) found_after: Duration,
    /// What they find.
    pub(super) healthy: bool,
    /// How often that turns.
    pub(super) turns_every: Option<Duration>,
}

/// How a task fails before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailsToRun {
    /// Its image is not there.
    CannotPull,
    /// Its essential container exits first.
    Exits,
}

impl Fate {
    pub(super) fn of(release: Release, rng: &mut Rng) -> Self {
        let release = match release {
            Release::Mixed if rng.bool() => Release::Good,
            Release::Mixed => Release::BAD[rng.usize(..Release::BAD.len() - 1)],
            other => other,
        };
        let good = Self {
            prepares: millis(rng, 1, 800),
            starts: millis(rng, 1, 5_000),
            fails_to_run: None,
            exits_after: None,
            found_after: millis(rng, 100, 20_000),
            healthy: true,
            turns_every: None,
        };
        match release {
            Release::Good | Release::Mixed => good,
            Release::CannotPull => Self { fails_to_run: Some(FailsToRun::CannotPull), ..good },
            Release::ExitsBeforeRunning => Self { fails_to_run: Some(FailsToRun::Exits), ..good },
            Release::ExitsAtStart => Self { exits_after: Some(millis(rng, 0, 90)), ..good },
            Release::ExitsLater => Self { exits_after: Some(millis(rng, 5_000, 90_000)), ..good },
            Release::NeverHealthy => Self { healthy: false, ..good },
            Release::Flaps => {
                Self { turns_every: Some(millis(rng, 5_000, 60_000)), healthy: rng.bool(), ..good }
            }
        }
    }
}

fn millis(rng: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.u64(from..=to))
}
