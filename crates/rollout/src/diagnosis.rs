//! Why a rollout failed, or why a service hangs, gathered for one screen. It must never fetch anything: the
//! shell fetches, [`group_stopped`] and [`events_that_tell`] choose, and the causes are those of
//! [`crate::rules`]. Start with [`Diagnosis`], and with [`Findings`] for a service that nobody deploys now.

use crate::case::{Case, Course};
use crate::cause::{Cause, of_stopped_task};
use crate::names::ServiceRef;
use crate::observation::{ServiceEvent, StoppedTask};
use serde::{Deserialize, Serialize};

/// Everything the failure screen shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What went wrong, the most telling first.
    pub causes: Vec<Cause>,
    /// The service events of this rollout that tell something, oldest first.
    pub events: Vec<ServiceEvent>,
    /// The stopped tasks, grouped by reason, the largest group first.
    pub stopped: Vec<StoppedGroup>,
    /// Target groups with targets that are not healthy.
    pub health: Vec<HealthFinding>,
    /// The last log lines of a failed task.
    pub logs: Vec<LogTail>,
    /// What could not be had, one short line each.
    pub missing: Vec<String>,
}

/// What `tidegate diagnose` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The service.
    pub target: ServiceRef,
    /// Where it stands; absent where there is no such service.
    pub course: Option<Course>,
    /// The same in one line.
    pub standing: String,
    /// What was found, ranked.
    pub causes: Vec<Cause>,
    /// What was looked at, a few words each.
    pub looked_at: Vec<String>,
    /// What could not be asked, each with why.
    pub not_asked: Vec<String>,
}

impl Findings {
    /// What the rules say of a case.
    pub fn of(case: &Case) -> Self {
        Self {
            target: case.target.clone(),
            course: case.service.as_ref().map(|_| case.course()),
            standing: case.standing(),
            causes: crate::rules::causes(case),
            looked_at: case.looked_at(),
            not_asked: case.not_asked(),
        }
    }
}

/// Stopped tasks that stopped for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedGroup {
    /// AWS's sentence, with ids taken out so that equal ones are equal.
    pub reason: String,
    /// AWS's stop code.
    pub stop_code: Option<String>,
    /// How many tasks.
    pub tasks: usize,
    /// One line for each way its containers ended, such as `web exited 1`.
    pub containers: Vec<String>,
    /// The id of the one that stopped last.
    pub latest_task: String,
}

/// A target group whose health check fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFinding {
    /// The target group's name.
    pub target_group: String,
    /// The check, in one line.
    pub check: String,
    /// The targets that are not healthy, one line each.
    pub targets: Vec<String>,
}

/// The end of a log stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    /// The container.
    pub container: String,
    /// `group/stream`.
    pub stream: String,
    /// The last lines, oldest first.
    pub lines: Vec<String>,
}

/// Stopped tasks grouped by reason. Replacements that the scheduler made on purpose are left out.
pub fn group_stopped(tasks: &[StoppedTask]) -> Vec<StoppedGroup> {
    let mut newest_first: Vec<&StoppedTask> = tasks.iter().filter(|task| tells(task)).collect();
    newest_first.sort_by_key(|task| std::cmp::Reverse(task.stopped_at));
    let mut groups: Vec<StoppedGroup> = Vec::new();
    for task in newest_first {
        let reason = reason_of(task);
        let endings = endings_of(task);
        let known = groups.iter_mut().find(|group| group.reason == reason && group.containers == endings);
        if let Some(group) = known {
            group.tasks += 1;
        } else {
            groups.push(StoppedGroup {
                reason,
                stop_code: task.stop_code.clone(),
                tasks: 1,
                containers: endings,
                latest_task: task.id.clone(),
            });
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.tasks));
    groups
}

/// How many of these tasks ended by themselves: not by hand, nor since AWS took the machine, nor to scale.
pub(crate) fn failures(tasks: &[StoppedTask]) -> u32 {
    let by_others = |code: Option<&str>| matches!(code, Some("UserInitiated" | "SpotInterruption"));
    let own = tasks.iter().filter(|task| tells(task) && !by_others(task.stop_code.as_deref()));
    u32::try_from(own.count()).unwrap_or(u32::MAX)
}

/// Failed tasks at which a candidate is given up: as ECS's own circuit breaker counts, facts §2.1.
pub(crate) fn most_failures(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

/// Is this task's end worth a word? `Scaling activity initiated by …` is every normal replacement.
fn tells(task: &StoppedTask) -> bool {
    let scaled = task
        .stopped_reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with("Scaling activity initiated by"));
    !scaled || of_stopped_task(task).is_some()
}

/// The task's reason with the parts that differ from task to task taken out.
fn reason_of(task: &StoppedTask) -> String {
    let said = task.stopped_reason.as_deref().unwrap_or("no reason given");
    let words: Vec<&str> =
        said.split(' ').map(|word| if is_task_id(word) { "<task>" } else { word }).collect();
    words.join(" ")
}

fn is_task_id(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit())
}

fn endings_of(task: &StoppedTask) -> Vec<String> {
    task.containers
        .iter()
        .map(|container| {
            let ended = match container.exit_code {
                Some(code) => format!("{} exited {code}{}", container.name, meaning(code)),
                // Tasks that are told to stop are listed before their containers are gone.
                None if task.stopped_at.is_none() => format!("{} is being stopped", container.name),
                None => format!("{} never started", container.name),
            };
            match &container.reason {
                Some(reason) => format!("{ended}: {reason}"),
                None => ended,
            }
        })
        .collect()
}

/// What an exit code usually means, for those that need words.
fn meaning(code: i32) -> &'static str {
    match code {
        126 => " (not executable)",
        127 => " (command not found)",
        134 => " (abort)",
        137 => " (SIGKILL: out of memory, or stopTimeout over)",
        139 => " (segmentation fault)",
        143 => " (SIGTERM)",
        _ => "",
    }
}

/// The events worth a line on the failure screen: at most `most`, the latest ones, oldest first.
/// "has started" and "registered targets" tell nothing about a failure.
pub fn events_that_tell(events: &[ServiceEvent], most: usize) -> Vec<ServiceEvent> {
    let dull = ["has started", "registered", "has stopped", "draining", "steady state"];
    let mut told: Vec<ServiceEvent> = events
        .iter()
        .filter(|event| {
            event.message.contains("unhealthy") || !dull.iter().any(|part| event.message.contains(part))
        })
        .cloned()
        .collect();
    told.sort_by_key(|event| event.at);
    let first = told.len().saturating_sub(most);
    told.split_off(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::StoppedContainer;

    fn task(n: u8, reason: &str, code: Option<i32>) -> StoppedTask {
        StoppedTask {
            id: format!("{n:032x}"),
            started_by: None,
            stop_code: Some("EssentialContainerExited".into()),
            stopped_reason: Some(reason.into()),
            stopped_at: Some(i64::from(n)),
            containers: vec![StoppedContainer {
                name: "web".into(),
                exit_code: code,
                reason: None,
                health_status: None,
            }],
        }
    }

    #[test]
    fn equal_ends_are_one_group_and_the_largest_comes_first() {
        let groups = group_stopped(&[
            task(1, "Task failed ELB health checks in (target-group arn:x)", Some(143)),
            task(2, "Essential container in task exited", Some(1)),
            task(3, "Essential container in task exited", Some(1)),
            task(4, "Scaling activity initiated by (deployment ecs-svc/1)", Some(0)),
        ]);
        let told: Vec<_> =
            groups.iter().map(|g| (g.tasks, g.reason.as_str(), g.containers[0].as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "Essential container in task exited", "web exited 1"),
                (1, "Task failed ELB health checks in (target-group arn:x)", "web exited 143 (SIGTERM)"),
            ]
        );
        assert_eq!(groups[0].latest_task, format!("{:032x}", 3));
    }

    #[test]
    fn a_container_without_an_exit_code_never_started_or_is_not_gone_yet() {
        let gone = task(1, "CannotPullContainerError: no such image", None);
        let going = StoppedTask { stopped_at: None, ..gone.clone() };
        assert_eq!(endings_of(&gone), ["web never started"]);
        assert_eq!(endings_of(&going), ["web is being stopped"]);
    }

    #[test]
    fn ids_do_not_split_a_group() {
        let one = task(1, &format!("(task {:032x}) failed", 7), Some(1));
        let two = task(2, &format!("(task {:032x}) failed", 8), Some(1));
        assert_eq!(group_stopped(&[one, two]).len(), 1);
    }

    #[test]
    fn events_keep_the_telling_ones_in_order() {
        let event = |at: i64, message: &str| ServiceEvent { id: at.to_string(), at, message: message.into() };
        let told = events_that_tell(
            &[
                event(3, "(service web) (deployment ecs-svc/1) deployment failed: tasks failed to start."),
                event(
                    2,
                    "(service web) has started 1 tasks: (task x). Amazon ECS replaced 1 tasks due to an unhealthy status.",
                ),
                event(1, "(service web) has started 1 tasks: (task x)."),
            ],
            5,
        );
        assert_eq!(told.iter().map(|e| e.at).collect::<Vec<_>>(), [2, 3]);
    }
}
