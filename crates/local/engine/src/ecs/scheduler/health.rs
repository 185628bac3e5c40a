//! When a task counts as healthy.
//!
//! Facts §1.2: without load balancer and container check, 40 s after RUNNING; with either, when that says so; with both,
//! when both do. Unhealthy results within the service's grace period are ignored, healthy ones never are. Start at
//! [`standing`].

use std::time::Duration;

use tidegate_models::{Timestamp, ecs::HealthStatus, elbv2::TargetHealthStateEnum as TargetState};

use crate::{
    ecs::records::{Task, TaskContainer, TaskStatus, TaskTarget},
    elbv2::TargetHealth,
};

/// After RUNNING, when nothing checks a task's health.
pub(super) const HEALTHY_AFTER: Duration = Duration::from_secs(40);

/// Where a task stands for the scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does not run yet.
    Pending,
    /// It runs, and nobody knows yet whether it is healthy; time alone tells at `until`, if there is one.
    Waiting { until: Option<Timestamp> },
    /// It runs and counts towards the floor.
    Healthy,
    /// It runs and is to be replaced.
    Unhealthy(Unhealthy),
    /// It was told to stop, or ended: it counts for nothing.
    Ending,
}

/// What found a task unhealthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unhealthy {
    /// The health check of an essential container.
    Container,
    /// The health check of a target group.
    Target { target: TaskTarget, reason: String },
}

impl Unhealthy {
    /// The `stoppedReason` of a task that is stopped for it.
    pub(super) fn stopped_reason(&self) -> String {
        match self {
            Self::Container => "Task failed container health checks".to_owned(),
            Self::Target { target, .. } => {
                format!("Task failed ELB health checks in (target-group {})", target.target_group)
            }
        }
    }
}

/// Where `task` stands at `now`, `grace` being the service's health check grace period.
pub(super) fn standing(
    task: &Task,
    grace: Duration,
    health_of: impl Fn(&TaskTarget) -> Option<TargetHealth>,
    now: Timestamp,
) -> Standing {
    if task.stop.is_some() || task.last_status > TaskStatus::Running {
        return Standing::Ending;
    }
    let Some(started) = task.times.started_at.filter(|_| task.last_status == TaskStatus::Running) else {
        return Standing::Pending;
    };
    let checks_containers = task.containers.iter().any(is_decisive);
    if !checks_containers && task.targets.is_empty() {
        let healthy_at = started + HEALTHY_AFTER;
        return if now < healthy_at {
            Standing::Waiting { until: Some(healthy_at) }
        } else {
            Standing::Healthy
        };
    }
    let mut all_healthy = true;
    let mut unhealthy = None;
    for target in &task.targets {
        let health = health_of(target);
        match health.as_ref().map(|health| health.state) {
            Some(TargetState::Healthy) => {}
            Some(TargetState::Unhealthy) => {
                let reason = health.and_then(|health| health.description).unwrap_or_default();
                unhealthy = Some(Unhealthy::Target { target: target.clone(), reason });
            }
            _ => all_healthy = false,
        }
    }
    if checks_containers {
        match task.health {
            HealthStatus::Healthy => {}
            HealthStatus::Unhealthy => unhealthy = Some(Unhealthy::Container),
            HealthStatus::Unknown => all_healthy = false,
        }
    }
    match unhealthy {
        Some(_) if now < started + grace => Standing::Waiting { until: Some(started + grace) },
        Some(unhealthy) => Standing::Unhealthy(unhealthy),
        None if all_healthy => Standing::Healthy,
        None => Standing::Waiting { until: None },
    }
}

/// A task's `healthStatus`: over its essential containers that have a health check.
pub(super) fn over_containers(containers: &[TaskContainer]) -> HealthStatus {
    let mut found =
        containers.iter().filter(|container| is_decisive(container)).map(|it| it.health).peekable();
    if found.peek().is_none() {
        return HealthStatus::Unknown;
    }
    found.fold(HealthStatus::Healthy, |all, one| match (all, one) {
        (HealthStatus::Unhealthy, _) | (_, HealthStatus::Unhealthy) => HealthStatus::Unhealthy,
        (HealthStatus::Unknown, _) | (_, HealthStatus::Unknown) => HealthStatus::Unknown,
        _ => HealthStatus::Healthy,
    })
}

fn is_decisive(container: &TaskContainer) -> bool {
    container.essential && container.has_health_check
}
