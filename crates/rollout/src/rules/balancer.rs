//! What the load balancer's checks say of the tasks in question. Not a rule: several rules read it. It must
//! never take the trouble of an earlier deployment for this one's. Start with [`trouble`].

use crate::Millis;
use crate::case::{Case, Target, TargetGroup, Task, without_service};

/// How the check fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is answered, with these status codes.
    Answered(String),
    /// It is not answered in time.
    TimedOut,
    /// There is no connection: nothing listens there.
    Refused,
    /// Nobody says.
    Unknown,
}

/// The trouble, where it was seen, and at whom.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) trouble: Trouble,
    /// The sentence that says so.
    pub(super) said: String,
    /// The target group, where it was described.
    pub(super) group: Option<&'a TargetGroup>,
    /// The failed task, where one was seen, else one that runs.
    pub(super) task: Option<&'a Task>,
    /// How many tasks were killed for it.
    pub(super) killed: usize,
}

/// Words by which an application says that it serves now.
const SERVES: &[&str] = &["listening", "serving", "started", "ready", "running on", "accepting", "server up"];

/// What the checks of the load balancer have against the tasks in question.
pub(super) fn trouble(case: &Case) -> Option<Found<'_>> {
    let killed = case.deaths(|task| {
        let reason = task.end.stopped_reason.as_deref().unwrap_or_default();
        reason.contains("failed ELB health checks")
    });
    let unhealthy = unhealthy(case);
    if killed.is_none() && unhealthy.is_none() {
        return None;
    }
    let event = case.events().find(|message| message.contains("is unhealthy in (target-group"));
    let named = killed.as_ref().and_then(|deaths| deaths.newest().end.stopped_reason.as_deref()).or(event);
    let arn = named.and_then(|sentence| sentence.split("(target-group ").nth(1)?.split(')').next());
    let group = case.groups.items().iter().find(|it| Some(it.arn.as_str()) == arn);
    let group = group.or_else(|| unhealthy.map(|(group, _)| group)).or_else(|| case.groups.items().first());
    let by_event = event.and_then(|message| message.split("(reason ").nth(1));
    let (trouble, said) = match (by_event, unhealthy) {
        (Some(reason), _) => (read(reason), without_service(event.unwrap_or_default())),
        (None, Some((_, target))) => {
            let reason = target.reason.as_deref().unwrap_or_default();
            let description = target.description.as_deref().unwrap_or_default();
            (
                read(if description.is_empty() { reason } else { description }),
                format!("{}:{} is {}, {reason}: {description}", target.id, target.port, target.state),
            )
        }
        (None, None) => (Trouble::Unknown, named.unwrap_or_default().to_owned()),
    };
    let (task, killed) = match killed {
        Some(deaths) => (deaths.tasks.first().copied(), deaths.tasks.len()),
        None => (case.live_tasks().into_iter().next(), 0),
    };
    Some(Found { trouble, said, group, task, killed })
}

impl Found<'_> {
    /// The sentence, the check, and how the tasks ended.
    pub(super) fn evidence(&self, case: &Case) -> Vec<String> {
        let mut told = vec![self.said.clone()];
        told.extend(self.group.map(|group| format!("{} checks {}", group.name, group.check)));
        if let Some(task) = self.task.filter(|_| self.killed > 0) {
            let lived = self.lived(case).map(|it| format!(" {} after start", super::span(it)));
            let lived = lived.unwrap_or_default();
            told.push(format!(
                "{} killed for it, the latest ({}){lived}; grace period {} s",
                super::count(self.killed, "task"),
                task.short(),
                case.grace_seconds()
            ));
        }
        told
    }
}

impl Found<'_> {
    /// How long the failed task had run when it was found unhealthy, in milliseconds. What it ran on while its
    /// connections drained is not part of that.
    pub(super) fn lived(&self, case: &Case) -> Option<Millis> {
        let task = self.task?;
        let mut events = case.service.iter().flat_map(|it| &it.seen.events);
        let found =
            events.find(|it| it.message.contains("is unhealthy in (") && it.message.contains(&task.end.id));
        if let (Some(event), Some(started)) = (found, task.started_at) {
            return Some((event.at - started).max(0));
        }
        let drained = self.group.and_then(|group| group.delay_seconds.known()).map_or(0, |it| it * 1000);
        let lived = task.lived()?;
        Some(if lived > drained { lived - drained } else { lived })
    }
}

/// The line by which a task's application says that it serves.
pub(super) fn says_that_it_serves(case: &Case, task: &Task) -> Option<String> {
    let logs = case.logs.items().iter().filter(|log| log.task == task.end.id);
    let mut lines = logs.flat_map(|log| &log.lines).map(|(_, line)| line);
    let says = |line: &&String| {
        let line = line.to_lowercase();
        SERVES.iter().any(|word| line.contains(word)) && !line.contains("not ready")
    };
    lines.find(says).cloned()
}

/// A target that fails its checks. Before the first failure counts it is `initial`.
fn unhealthy(case: &Case) -> Option<(&TargetGroup, &Target)> {
    let groups = case.groups.items().iter();
    let mut all = groups.flat_map(|group| group.targets.items().iter().map(move |target| (group, target)));
    all.find(|(_, target)| target.state == "unhealthy")
}

/// AWS's reason of an unhealthy target, facts §5.
fn read(reason: &str) -> Trouble {
    if let Some(codes) = reason.split_once("these codes: [") {
        return Trouble::Answered(codes.1.split(']').next().unwrap_or_default().to_owned());
    }
    match reason {
        _ if reason.contains("timed out") || reason.contains("Timeout") => Trouble::TimedOut,
        _ if reason.contains("Health checks failed") || reason.contains("FailedHealthChecks") => {
            Trouble::Refused
        }
        _ => Trouble::Unknown,
    }
}
