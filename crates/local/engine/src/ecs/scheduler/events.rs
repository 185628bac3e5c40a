//! What a service says of itself: its events, in AWS's exact words.
//!
//! An event is told once; one whose cause stands is told again only after six hours or after the cause was resolved and
//! came back. Clients match on these texts, so each is what AWS's API returns, not what its guide prints. Start at
//! [`tell`].

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use tidegate_models::{Timestamp, ecs::ServiceEvent};

use crate::{
    State,
    ecs::records::{ServiceEvent as Row, StandingCause},
};

/// As many as `DescribeServices` answers.
const MOST_EVENTS: u32 = 100;

/// After which an event is told again though its cause still stands, and the steady state is said again.
pub(super) const REPEATED_AFTER: Duration = Duration::from_hours(6);

/// Something that a service tells. Tasks are given by ARN.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happened<'a> {
    /// Something that a task set tells of itself.
    OfTaskSet { id: &'a str, happened: &'a Happened<'a> },
    /// A task set should hold another number of tasks.
    ComputedDesiredCount { task_set: &'a str, count: u32 },
    /// Tasks were started, some of them in place of unhealthy ones.
    StartedTasks { tasks: &'a [String], replaced: u32 },
    /// RUNNING tasks were told to stop.
    StoppedRunning { tasks: &'a [String] },
    /// Tasks that were not RUNNING yet were told to stop.
    StoppedPending { count: usize },
    /// Targets were registered with a target group.
    Registered { count: u32, group: &'a str },
    /// Targets were deregistered from a target group.
    Deregistered { count: u32, group: &'a str },
    /// Targets of tasks of a deployment began to drain.
    BegunDraining { count: usize, deployment: &'a str },
    /// A deployment is done.
    Completed { deployment: &'a str },
    /// Everything is as it should be.
    SteadyState,
    /// A load balancer's health check found a task unhealthy.
    UnhealthyTarget { task: &'a str, port: u16, group: &'a str, reason: &'a str },
    /// A container's health check found a task unhealthy.
    FailedContainerChecks { task: &'a str },
    /// The circuit breaker tripped.
    TasksFailedToStart { deployment: &'a str },
    /// A deployment alarm went into ALARM.
    AlarmDetected { deployment: &'a str },
    /// A deployment was stopped by its user.
    StoppedByUser { deployment: &'a str },
    /// A deployment failed for this reason, in AWS's words.
    FailedBecause { deployment: &'a str, reason: &'a str },
    /// A failed deployment is rolled back.
    RollingBack { target: &'a str },
    /// Tasks fail to start again and again.
    StartImpaired,
    /// The percentages allow nothing.
    Stuck,
    /// A task could not be started for want of something that ECS provides.
    NotPlaced { reason: &'a str },
    /// A task was refused before it began.
    NotLaunched { error: &'a str },
}

/// Adds an event to a service's.
pub(super) fn tell(state: &mut State, service_arn: &str, happened: &Happened<'_>, now: Timestamp) {
    let event = ServiceEvent {
        created_at: Some(now),
        id: Some(state.ids.uuid()),
        message: Some(happened.message(service_arn)),
    };
    let (first, last) = {
        let mut told = state.service_events.indexed_by(service_arn).map(|(_, row)| row.number);
        let first = told.next();
        (first, told.next_back().or(first).unwrap_or(0))
    };
    if let Some(first) = first.filter(|first| last - first + 1 >= MOST_EVENTS) {
        state.service_events.remove(&Row::key(service_arn, first));
    }
    let number = last + 1;
    let row = Row { service_arn: service_arn.to_owned(), number, event };
    state.service_events.insert(&Row::key(service_arn, number), row);
}

/// Adds an event of a deployment's or a task set's tasks: of a task set AWS says which.
pub(super) fn tell_of(
    state: &mut State,
    service_arn: &str,
    id: &str,
    happened: &Happened<'_>,
    now: Timestamp,
) {
    let is_task_set = state.services.get(service_arn).is_some_and(|service| service.task_set(id).is_some());
    if is_task_set {
        tell(state, service_arn, &Happened::OfTaskSet { id, happened }, now);
    } else {
        tell(state, service_arn, happened, now);
    }
}

/// Adds an event unless it was told already and its `cause` was not resolved since.
pub(super) fn tell_standing(
    state: &mut State,
    service_arn: &str,
    cause: StandingCause,
    happened: &Happened<'_>,
    now: Timestamp,
) {
    let service = state.services.get(service_arn);
    let told = service.and_then(|service| service.standing.iter().find(|(standing, _)| *standing == cause));
    if told.is_some_and(|(_, at)| now < *at + REPEATED_AFTER) {
        return;
    }
    tell(state, service_arn, happened, now);
    state.services.update(service_arn, |service| {
        service.standing.retain(|(standing, _)| *standing != cause);
        service.standing.push((cause, now));
    });
}

/// A cause does not stand any more: when it comes back it is told again at once.
pub(super) fn resolve(state: &mut State, service_arn: &str, cause: StandingCause) {
    let service = state.services.get(service_arn);
    if service.is_some_and(|service| service.standing.iter().any(|(standing, _)| *standing == cause)) {
        state
            .services
            .update(service_arn, |service| service.standing.retain(|(standing, _)| *standing != cause));
    }
}

impl Happened<'_> {
    fn message(&self, service_arn: &str) -> String {
        let mut message = format!("(service {}", last_part(service_arn));
        // Writing to a string cannot fail.
        let _ = write!(message, "{self}");
        message
    }
}

/// What follows the service's name, whose bracket is still open.
impl fmt::Display for Happened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfTaskSet { id, happened } => write!(f, ", taskSet {id}{happened}"),
            Self::ComputedDesiredCount { task_set, count } => {
                write!(f, ") updated computedDesiredCount for taskSet {task_set} to {count}.")
            }
            Self::StartedTasks { tasks, replaced } => {
                write!(f, ") has started {} tasks: {}.", tasks.len(), Tasks(tasks))?;
                match replaced {
                    0 => Ok(()),
                    replaced => {
                        write!(f, " Amazon ECS replaced {replaced} tasks due to an unhealthy status.")
                    }
                }
            }
            Self::StoppedRunning { tasks } => {
                write!(f, ") has stopped {} running tasks: {}.", tasks.len(), Tasks(tasks))
            }
            Self::StoppedPending { count } => write!(f, ") stopped {count} pending tasks."),
            Self::Registered { count, group } => {
                write!(f, ") registered {count} targets in (target-group {group})")
            }
            Self::Deregistered { count, group } => {
                write!(f, ") deregistered {count} targets in (target-group {group})")
            }
            Self::BegunDraining { count, deployment } => {
                write!(f, ", taskSet {deployment}) has begun draining connections on {count} tasks.")
            }
            Self::Completed { deployment } => write!(f, ") (deployment {deployment}) deployment completed."),
            Self::SteadyState => f.write_str(") has reached a steady state."),
            Self::UnhealthyTarget { task, port, group, reason } => write!(
                f,
                ") (task {}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason}).",
                last_part(task)
            ),
            Self::FailedContainerChecks { task } => {
                write!(f, ") (task {}) failed container health checks.", last_part(task))
            }
            Self::TasksFailedToStart { deployment } => {
                write!(f, ") (deployment {deployment}) deployment failed: tasks failed to start.")
            }
            Self::AlarmDetected { deployment } => {
                write!(f, ") (deployment {deployment}) deployment failed: alarm detected.")
            }
            Self::FailedBecause { deployment, reason } => {
                write!(f, ") (deployment {deployment}) deployment failed: {reason}")
            }
            Self::StoppedByUser { deployment } => {
                write!(
                    f,
                    ") (deployment {deployment}) deployment failed: service deployment stopped by user."
                )
            }
            Self::RollingBack { target } => write!(f, ") rolling back to deployment {target}."),
            Self::StartImpaired => f.write_str(") is unable to consistently start tasks successfully."),
            Self::Stuck => f.write_str(
                ") was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            ),
            Self::NotLaunched { error } => write!(f, ") failed to launch a task with (error {error})."),
            Self::NotPlaced { reason } => write!(f, ") was unable to place a task. Reason: {reason}."),
        }
    }
}

struct Tasks<'a>(&'a [String]);

impl fmt::Display for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, task) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}(task {})", last_part(task))?;
        }
        Ok(())
    }
}

/// The id or name at the end of an ARN.
fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/c/web";

    fn said(happened: &Happened<'_>) -> String {
        happened.message(SERVICE)
    }

    #[test]
    fn events_are_worded_as_aws_words_them() {
        let tasks = ["arn:t/c/0a".to_owned(), "arn:t/c/0b".to_owned()];
        let group = "arn:aws:elasticloadbalancing:r:a:targetgroup/blue/0123456789abcdef";
        for (happened, text) in [
            (
                Happened::StartedTasks { tasks: &tasks, replaced: 0 },
                "(service web) has started 2 tasks: (task 0a) (task 0b).",
            ),
            (
                Happened::StartedTasks { tasks: &tasks[..1], replaced: 1 },
                "(service web) has started 1 tasks: (task 0a). Amazon ECS replaced 1 tasks due to an unhealthy status.",
            ),
            (
                Happened::StoppedRunning { tasks: &tasks[1..] },
                "(service web) has stopped 1 running tasks: (task 0b).",
            ),
            (Happened::StoppedPending { count: 2 }, "(service web) stopped 2 pending tasks."),
            (
                Happened::OfTaskSet {
                    id: "ecs-svc/7",
                    happened: &Happened::StartedTasks { tasks: &tasks[..1], replaced: 0 },
                },
                "(service web, taskSet ecs-svc/7) has started 1 tasks: (task 0a).",
            ),
            (
                Happened::OfTaskSet {
                    id: "ecs-svc/7",
                    happened: &Happened::Registered { count: 1, group: "arn:g" },
                },
                "(service web, taskSet ecs-svc/7) registered 1 targets in (target-group arn:g)",
            ),
            (
                Happened::ComputedDesiredCount { task_set: "ecs-svc/7", count: 1 },
                "(service web) updated computedDesiredCount for taskSet ecs-svc/7 to 1.",
            ),
            (
                Happened::Registered { count: 1, group },
                "(service web) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:a:targetgroup/blue/0123456789abcdef)",
            ),
            (
                Happened::BegunDraining { count: 1, deployment: "ecs-svc/7" },
                "(service web, taskSet ecs-svc/7) has begun draining connections on 1 tasks.",
            ),
            (
                Happened::Completed { deployment: "ecs-svc/7" },
                "(service web) (deployment ecs-svc/7) deployment completed.",
            ),
            (Happened::SteadyState, "(service web) has reached a steady state."),
            (
                Happened::TasksFailedToStart { deployment: "ecs-svc/7" },
                "(service web) (deployment ecs-svc/7) deployment failed: tasks failed to start.",
            ),
            (
                Happened::AlarmDetected { deployment: "ecs-svc/7" },
                "(service web) (deployment ecs-svc/7) deployment failed: alarm detected.",
            ),
            (
                Happened::RollingBack { target: "ecs-svc/6" },
                "(service web) rolling back to deployment ecs-svc/6.",
            ),
            (
                Happened::UnhealthyTarget {
                    task: &tasks[0],
                    port: 8080,
                    group: "arn:g",
                    reason: "Health checks failed with these codes: [404]",
                },
                "(service web) (task 0a) (port 8080) is unhealthy in (target-group arn:g) due to (reason Health checks failed with these codes: [404]).",
            ),
            (
                Happened::NotLaunched { error: "ECS was unable to assume the role 'arn:r'." },
                "(service web) failed to launch a task with (error ECS was unable to assume the role 'arn:r'.).",
            ),
            (Happened::StartImpaired, "(service web) is unable to consistently start tasks successfully."),
            (
                Happened::Stuck,
                "(service web) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            ),
        ] {
            assert_eq!(said(&happened), text);
        }
    }
}
