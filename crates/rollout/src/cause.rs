//! Why tasks do not come up, read from AWS's own sentences. It must never call a passing trouble
//! final: only what no amount of waiting can heal is [`Heals::Never`]. Start with [`of_stopped_task`]
//! and [`of_service_event`].

use crate::observation::StoppedTask;
use serde::{Deserialize, Serialize};

/// Can waiting help?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heals {
    /// No: every further task fails in the same way.
    Never,
    /// Perhaps: capacity comes, a dependency starts, a network recovers.
    Perhaps,
}

/// One cause, with the sentence that it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What it is, in a few words.
    pub what: String,
    /// AWS's sentence.
    pub said: String,
    /// What to do about it.
    pub fix: String,
    /// Whether waiting can help.
    pub heals: Heals,
}

/// How one sentence is recognised. All of `has` must occur, in any order and case.
struct Sign {
    has: &'static [&'static str],
    what: &'static str,
    fix: &'static str,
    heals: Heals,
}

const fn sign(has: &'static [&'static str], heals: Heals, what: &'static str, fix: &'static str) -> Sign {
    Sign { has, what, fix, heals }
}

/// From the most to the least specific; the first that fits names the cause.
const TASK_SIGNS: &[Sign] = &[
    sign(
        &["cannotpullcontainer", "platform"],
        Heals::Never,
        "the image has no build for the task's platform",
        "build the image for the task's CPU architecture, or set runtimePlatform.cpuArchitecture",
    ),
    sign(
        &["cannotpullcontainer", "not found"],
        Heals::Never,
        "the image does not exist",
        "check the repository, the tag or digest, and that the push has finished",
    ),
    sign(
        &["cannotpullcontainer", "manifest unknown"],
        Heals::Never,
        "the image does not exist",
        "check the repository, the tag or digest, and that the push has finished",
    ),
    sign(
        &["cannotpullcontainer", "access denied"],
        Heals::Never,
        "the image may not be pulled",
        "let the task execution role pull from the repository (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)",
    ),
    sign(
        &["cannotpullcontainer", "accessdenied"],
        Heals::Never,
        "the image may not be pulled",
        "let the task execution role pull from the repository (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)",
    ),
    sign(
        &["cannotpullcontainer", "invalid reference"],
        Heals::Never,
        "the image's name is not a valid reference",
        "correct the image's name",
    ),
    sign(
        &["cannotpullcontainer"],
        Heals::Perhaps,
        "the image could not be pulled",
        "check the route to the registry (NAT, VPC endpoints, security groups) and its rate limits",
    ),
    sign(
        &["resourceinitializationerror", "secret", "accessdenied"],
        Heals::Never,
        "a secret may not be read",
        "let the task execution role read the secrets that the task definition names",
    ),
    sign(
        &["resourceinitializationerror", "secret", "not authorized"],
        Heals::Never,
        "a secret may not be read",
        "let the task execution role read the secrets that the task definition names",
    ),
    sign(
        &["resourceinitializationerror", "secret", "resourcenotfound"],
        Heals::Never,
        "a secret does not exist",
        "create the secret or correct its valueFrom",
    ),
    sign(
        &["resourceinitializationerror", "secret", "can't find"],
        Heals::Never,
        "a secret does not exist",
        "create the secret or correct its valueFrom",
    ),
    sign(
        &["resourceinitializationerror", "secret", "invalid parameter"],
        Heals::Never,
        "a parameter does not exist",
        "create the SSM parameter or correct its valueFrom",
    ),
    sign(
        &["resourceinitializationerror", "logger args"],
        Heals::Never,
        "the log configuration is refused",
        "create the log group (or set awslogs-create-group), and check the options' names",
    ),
    sign(
        &["resourceinitializationerror"],
        Heals::Perhaps,
        "the task's resources could not be set up",
        "check the route to Secrets Manager, SSM, ECR and CloudWatch Logs from the task's subnets",
    ),
    sign(
        &["cannotstartcontainer", "no such file or directory"],
        Heals::Never,
        "the command does not exist in the image",
        "correct entryPoint and command, or the image",
    ),
    sign(
        &["cannotstartcontainer", "executable file not found"],
        Heals::Never,
        "the command does not exist in the image",
        "correct entryPoint and command, or the image",
    ),
    sign(
        &["cannotstartcontainer", "permission denied"],
        Heals::Never,
        "the command may not be executed",
        "make the file executable in the image",
    ),
    sign(
        &["cannotstartcontainer"],
        Heals::Perhaps,
        "the container could not be started",
        "read the sentence above; it is the runtime's own",
    ),
    sign(
        &["cannotcreatecontainer"],
        Heals::Perhaps,
        "the container could not be created",
        "read the sentence above; it is the runtime's own",
    ),
    sign(
        &["outofmemory"],
        Heals::Perhaps,
        "the container ran out of memory",
        "raise memory, or find out what the application holds",
    ),
    sign(
        &["failed elb health checks"],
        Heals::Perhaps,
        "the load balancer's health check fails",
        "check the health check's path, port and matcher, the security groups, and healthCheckGracePeriodSeconds",
    ),
    sign(
        &["failed container health checks"],
        Heals::Perhaps,
        "the container's health check fails",
        "check that the command exists in the image, and its startPeriod",
    ),
    sign(
        &["essential container in task exited"],
        Heals::Perhaps,
        "the application exits",
        "read what it logged last",
    ),
    sign(
        &["spot task was interrupted"],
        Heals::Perhaps,
        "Fargate Spot took the capacity back",
        "nothing to do; or keep a base of on-demand tasks",
    ),
];

const EVENT_SIGNS: &[Sign] = &[
    sign(
        &[
            "unable to stop or start tasks during a deployment because of the service deployment configuration",
        ],
        Heals::Never,
        "minimumHealthyPercent and maximumPercent leave no room: nothing may start and nothing may stop",
        "raise maximumPercent or lower minimumHealthyPercent so that one task can move (floor(desired × max%) must exceed ceil(desired × min%))",
    ),
    sign(
        &["was unable to place a task", "cannotpullcontainer", "not found"],
        Heals::Never,
        "the image does not exist",
        "check the repository, the tag or digest, and that the push has finished",
    ),
    sign(
        &["was unable to place a task", "no container instances were found"],
        Heals::Perhaps,
        "the cluster has no container instances",
        "add capacity, or use a capacity provider",
    ),
    sign(
        &["was unable to place a task", "insufficient cpu"],
        Heals::Perhaps,
        "no container instance has enough CPU units free",
        "add capacity, or ask for less",
    ),
    sign(
        &["was unable to place a task", "insufficient memory"],
        Heals::Perhaps,
        "no container instance has enough memory free",
        "add capacity, or ask for less",
    ),
    sign(
        &["was unable to place a task", "already using a port"],
        Heals::Perhaps,
        "the host port is taken on every container instance",
        "use a dynamic host port (hostPort 0), or more instances than tasks",
    ),
    sign(
        &["was unable to place a task"],
        Heals::Perhaps,
        "a task could not be placed",
        "read the sentence above; it is the scheduler's own",
    ),
    sign(
        &["unable to consistently start tasks"],
        Heals::Perhaps,
        "tasks keep failing to start, so ECS waits longer between tries (up to 15 minutes)",
        "see the stopped tasks",
    ),
    sign(
        &["is unhealthy in (target-group"],
        Heals::Perhaps,
        "the load balancer's health check fails",
        "check the health check's path, port and matcher, the security groups, and healthCheckGracePeriodSeconds",
    ),
    sign(
        &["failed container health checks"],
        Heals::Perhaps,
        "the container's health check fails",
        "check that the command exists in the image, and its startPeriod",
    ),
    sign(
        &["failed to register targets"],
        Heals::Perhaps,
        "targets could not be registered",
        "check that the target group's type and VPC fit the task's network mode",
    ),
    sign(
        &["operations are being throttled"],
        Heals::Perhaps,
        "ECS throttles its own calls for this service",
        "wait",
    ),
];

/// The cause that a stopped task names, if it is a failure. Tasks that the scheduler stopped to
/// scale or to replace are not.
pub fn of_stopped_task(task: &StoppedTask) -> Option<Cause> {
    let mut sentences: Vec<&str> = Vec::new();
    // The container's own reason says more than the task's "Essential container in task exited".
    sentences.extend(task.containers.iter().filter_map(|c| c.reason.as_deref()));
    sentences.extend(task.stopped_reason.as_deref());
    TASK_SIGNS.iter().find_map(|sign| {
        let said = sentences.iter().find(|sentence| fits(sign, sentence))?;
        Some(named(sign, said))
    })
}

/// The trouble that a service event names, if it does.
pub fn of_service_event(message: &str) -> Option<Cause> {
    EVENT_SIGNS.iter().find(|sign| fits(sign, message)).map(|sign| named(sign, message))
}

fn fits(sign: &Sign, sentence: &str) -> bool {
    let sentence = sentence.to_lowercase();
    sign.has.iter().all(|part| sentence.contains(part))
}

fn named(sign: &Sign, said: &str) -> Cause {
    Cause { what: sign.what.to_owned(), said: said.to_owned(), fix: sign.fix.to_owned(), heals: sign.heals }
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
