//! AWS's rate limits, kept on this side. It must never let a process of ours throttle the account's
//! other tools; all rollouts of a process share one set of buckets. Start with [`Pacer::permit`].

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tidegate_rollout::Millis;

/// The token buckets of Amazon ECS, per account and Region, and one for everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// UpdateService, `StopServiceDeployment`: burst 50, 5 a second.
    ServiceModify,
    /// DescribeServices, `ListServices`: burst 100, 20 a second.
    ServiceRead,
    /// Service deployments and revisions: burst 50, 20 a second.
    ServiceDeploymentRead,
    /// `RegisterTaskDefinition`, `DeregisterTaskDefinition`: burst 20, 1 a second.
    TaskDefinitionModify,
    /// `DescribeTaskDefinition`, `ListTaskDefinitions`: burst 50, 20 a second.
    TaskDefinitionRead,
    /// `DescribeTasks`, `ListTasks`: burst 100, 20 a second.
    TaskRead,
    /// AWS CodeDeploy: burst 50, 10 a second.
    CodeDeploy,
    /// Elastic Load Balancing, CloudWatch Logs, Amazon ECR: burst 20, 5 a second, well below theirs.
    Elsewhere,
}

impl Bucket {
    /// Tokens it holds when full, and tokens it gains a second, as AWS publishes them.
    const fn size(self) -> (f64, f64) {
        match self {
            Self::ServiceModify => (50.0, 5.0),
            Self::ServiceRead | Self::TaskRead => (100.0, 20.0),
            Self::ServiceDeploymentRead | Self::TaskDefinitionRead => (50.0, 20.0),
            Self::TaskDefinitionModify => (20.0, 1.0),
            Self::CodeDeploy => (50.0, 10.0),
            Self::Elsewhere => (20.0, 5.0),
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// The part of a burst that is spent. A call reaches AWS later than it was let go, and what its bucket would have gained
/// meanwhile is lost while it is full: calls that come late together would find it empty. The rest is left for them, and
/// for the account's other tools.
const SPENT: f64 = 0.75;

/// The number of buckets.
const BUCKETS: usize = 8;

/// How full one bucket is.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Tokens taken out and not yet regained; may exceed the size, and then callers wait.
    owed: f64,
    at: Millis,
}

/// All buckets of whoever shares them.
#[derive(Debug)]
pub struct Pacer {
    levels: Mutex<[Level; BUCKETS]>,
    /// Seconds of the endpoint's clock in one of this machine's.
    speed: f64,
}

static PROCESS: LazyLock<Arc<Pacer>> = LazyLock::new(|| Arc::new(Pacer::at_speed(1.0)));

impl Pacer {
    /// Full buckets, which fill by the endpoint's clock: on a local cloud it may run faster than this machine's.
    pub fn at_speed(speed: f64) -> Self {
        Self { levels: Mutex::default(), speed }
    }

    /// The one that all clients of this process share unless they are given their own.
    pub(crate) fn of_process() -> Arc<Self> {
        Arc::clone(&PROCESS)
    }

    /// Waits until a call of this kind is allowed.
    pub async fn permit(&self, bucket: Bucket) {
        let wait = self.reserve(bucket, crate::sink::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a token at `now`; answers how long to wait before using it.
    pub fn reserve(&self, bucket: Bucket, now: Millis) -> Duration {
        let (burst, per_second) = bucket.size();
        let per_second = per_second * self.speed;
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let level = &mut levels[bucket.index()];
        let gained = (now - level.at).max(0) as f64 / 1000.0 * per_second;
        level.owed = (level.owed - gained).max(0.0) + 1.0;
        level.at = now;
        let over = (level.owed - burst * SPENT).max(0.0);
        Duration::from_secs_f64(over / per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quarters_of_a_burst_pass_at_once_and_then_one_a_second() {
        let pacer = Pacer::at_speed(1.0);
        let waits: Vec<_> = (0..17).map(|_| pacer.reserve(Bucket::TaskDefinitionModify, 0)).collect();
        assert!(waits[..15].iter().all(Duration::is_zero));
        assert_eq!(waits[15..], [Duration::from_secs(1), Duration::from_secs(2)]);
    }

    /// AWS's own bucket, as a call finds it that arrives at `at`: is it let in?
    fn answers(tokens: &mut f64, last: &mut f64, at: f64, bucket: Bucket) -> bool {
        let (burst, per_second) = bucket.size();
        *tokens = (*tokens + (at - *last) * per_second).min(burst);
        *last = at;
        *tokens >= 1.0 && {
            *tokens -= 1.0;
            true
        }
    }

    #[test]
    fn calls_that_are_late_by_half_a_second_are_not_throttled() {
        let bucket = Bucket::TaskDefinitionRead;
        for late_until in [0.0, 0.1, 0.25, 0.5] {
            let pacer = Pacer::at_speed(1.0);
            let (mut tokens, mut last) = (bucket.size().0, 0.0);
            // Whatever is let go before that moment arrives at it, all together.
            let arrivals =
                (0..1_000).map(|_| pacer.reserve(bucket, 0).as_secs_f64()).map(|at| at.max(late_until));
            let refused = arrivals.filter(|at| !answers(&mut tokens, &mut last, *at, bucket)).count();
            assert_eq!(refused, 0, "late by {late_until} s");
        }
    }

    #[test]
    fn a_bucket_fills_again_but_never_over_its_size() {
        let pacer = Pacer::at_speed(1.0);
        for _ in 0..15 {
            pacer.reserve(Bucket::TaskDefinitionModify, 0);
        }
        for _ in 0..15 {
            assert!(pacer.reserve(Bucket::TaskDefinitionModify, 3_600_000).is_zero());
        }
        assert!(!pacer.reserve(Bucket::TaskDefinitionModify, 3_600_000).is_zero());
    }

    #[test]
    fn buckets_fill_by_the_endpoints_clock() {
        let pacer = Pacer::at_speed(10.0);
        let waits: Vec<_> = (0..16).map(|_| pacer.reserve(Bucket::TaskDefinitionModify, 0)).collect();
        assert_eq!(waits[15], Duration::from_millis(100));
    }

    #[test]
    fn buckets_do_not_share_tokens() {
        let pacer = Pacer::at_speed(1.0);
        for _ in 0..30 {
            pacer.reserve(Bucket::TaskDefinitionModify, 0);
        }
        assert!(pacer.reserve(Bucket::ServiceRead, 0).is_zero());
    }
}
