//! Why a service does not get where it should: what was found, how sure that is, and what to do. It must
//! never call a passing trouble final: only what no amount of waiting can heal is [`Heals::Never`].
//! Causes come from the one table of [`crate::rules`]: at first sight of one sentence of AWS by
//! [`of_stopped_task`] and [`of_service_event`], and with everything known by [`crate::rules::causes`].

use crate::observation::StoppedTask;
use crate::rules::{self, Place};
use serde::{Deserialize, Serialize};

/// Can waiting help?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heals {
    /// No: every further task fails in the same way.
    Never,
    /// Perhaps: capacity comes, a dependency starts, a network recovers.
    Perhaps,
}

/// What a finding is to the trouble. The order is the order on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// What makes it fail or hang.
    Cause,
    /// What follows from that: a rollback, slower starts.
    Consequence,
    /// What is worth knowing and fails nothing now.
    Note,
}

/// How sure a finding is. The order is the order on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// AWS says so, or the numbers do.
    Proven,
    /// Everything that was seen fits it, and nothing else as well.
    Likely,
    /// It fits what was seen; so may something else.
    Possible,
}

/// One finding, with what it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The rule that found it, such as `image-not-found`.
    pub rule: String,
    /// What it is, in a few words.
    pub what: String,
    /// What it is to the trouble.
    pub bearing: Bearing,
    /// How sure it is.
    pub certainty: Certainty,
    /// The sentences, numbers and log lines that it was read from, the most telling first. Never empty.
    pub evidence: Vec<String>,
    /// What to do about it.
    pub fix: String,
    /// The command to type next, with the service's own names in it.
    pub next: Option<String>,
    /// Whether waiting can help.
    pub heals: Heals,
}

impl Cause {
    /// The most telling evidence: AWS's own sentence where there is one.
    pub fn said(&self) -> &str {
        self.evidence.first().map_or("", String::as_str)
    }

    /// With one more piece of evidence.
    #[must_use]
    pub(crate) fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// With more pieces of evidence.
    #[must_use]
    pub(crate) fn all_seen(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// The same in other words.
    #[must_use]
    pub(crate) fn named(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// With another way to heal it.
    #[must_use]
    pub(crate) fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// With the next command.
    #[must_use]
    pub(crate) fn then(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }

    /// As sure as that.
    #[must_use]
    pub(crate) fn sure(mut self, certainty: Certainty) -> Self {
        self.certainty = certainty;
        self
    }
}

/// The cause that a stopped task names, if it is a failure. Tasks that the scheduler stopped to
/// scale or to replace are not.
pub fn of_stopped_task(task: &StoppedTask) -> Option<Cause> {
    let mut sentences: Vec<&str> = Vec::new();
    // The container's own reason says more than the task's "Essential container in task exited".
    sentences.extend(task.containers.iter().filter_map(|c| c.reason.as_deref()));
    sentences.extend(task.stopped_reason.as_deref());
    rules::at_first_sight(Place::Task, &sentences)
}

/// The trouble that a service event names, if it does.
pub fn of_service_event(message: &str) -> Option<Cause> {
    rules::at_first_sight(Place::Event, &[message])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::StoppedContainer;

    fn stopped(reason: &str) -> StoppedTask {
        StoppedTask {
            id: "0".repeat(32),
            started_by: None,
            stop_code: Some("TaskFailedToStart".into()),
            stopped_reason: Some(reason.into()),
            stopped_at: None,
            containers: vec![],
        }
    }

    #[test]
    fn an_image_that_is_not_found_never_heals() {
        let cause = of_stopped_task(&stopped("CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/web:nope: docker.io/library/web:nope: not found")).expect("a cause");
        assert_eq!((cause.what.as_str(), cause.heals), ("the image does not exist", Heals::Never));
    }

    #[test]
    fn a_pull_that_timed_out_may_heal() {
        let cause = of_stopped_task(&stopped("CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout"))
            .expect("a cause");
        assert_eq!(cause.heals, Heals::Perhaps);
    }

    #[test]
    fn a_denied_secret_never_heals_and_a_timed_out_one_may() {
        let denied = of_stopped_task(&stopped("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: AccessDeniedException: User is not authorized")).expect("a cause");
        assert_eq!(denied.heals, Heals::Never);
        let slow = of_stopped_task(&stopped(
            "ResourceInitializationError: unable to pull secrets or registry auth: context deadline exceeded",
        ))
        .expect("a cause");
        assert_eq!(slow.heals, Heals::Perhaps);
    }

    #[test]
    fn the_containers_reason_says_more_than_the_tasks() {
        let mut task = stopped("Essential container in task exited");
        task.containers.push(StoppedContainer {
            name: "web".into(),
            exit_code: Some(137),
            reason: Some("OutOfMemoryError: Container killed due to memory usage".into()),
            health_status: None,
        });
        assert_eq!(of_stopped_task(&task).map(|c| c.what), Some("the container ran out of memory".into()));
    }

    #[test]
    fn a_normal_replacement_is_no_cause() {
        assert_eq!(
            of_stopped_task(&stopped(
                "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"
            )),
            None
        );
        assert_eq!(of_service_event("(service web) has reached a steady state."), None);
    }

    #[test]
    fn one_placement_failure_passes_and_stuck_percentages_do_not() {
        let place = of_service_event("(service web) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.").expect("a cause");
        assert_eq!(place.heals, Heals::Perhaps);
        let stuck = of_service_event("(service web) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.").expect("a cause");
        assert_eq!(stuck.heals, Heals::Never);
    }
}
