//! What is said of a case beside its causes: where the service stands, what was looked at, what could not
//! be asked. Start with [`Case::standing`].

use super::{Case, Course, Fact};
use crate::rules::{count, short_arn};

impl Case {
    /// Where the service stands, in one line.
    pub fn standing(&self) -> String {
        let Some(service) = &self.service else { return "there is no such service".to_owned() };
        let seen = &service.seen;
        if seen.status != "ACTIVE" {
            return format!("the service is {}", seen.status);
        }
        let running = self.member("/runningCount").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let counts = format!("{running} of {} tasks run", seen.desired_count);
        let revision = short_arn(seen.task_definition.as_str());
        let asked = self.revision_in_question();
        let other = asked.as_deref().map(short_arn).filter(|asked| *asked != revision);
        match (self.course(), other) {
            (Course::Steady, _) => format!("steady on {revision}, {counts}"),
            (Course::Moving, Some(other)) => format!("{other} is being deployed over {revision}, {counts}"),
            (Course::Moving, None) => format!("{revision} is being deployed, {counts}"),
            (Course::GoingBack, Some(other)) => format!("going back from {other} to {revision}, {counts}"),
            (Course::GoingBack, None) => format!("going back to {revision}, {counts}"),
            (Course::RolledBack, Some(other)) => {
                format!("{other} was taken back; {revision} serves, {counts}")
            }
            (Course::RolledBack, None) => format!("rolled back; {revision} serves, {counts}"),
            (Course::Failed, _) => {
                format!("the deployment of {} failed, {counts}", other.unwrap_or(revision))
            }
        }
    }

    /// What was looked at, a few words each.
    pub fn looked_at(&self) -> Vec<String> {
        let Some(service) = &self.service else { return vec!["the cluster's services".to_owned()] };
        let mut looked = vec![
            count(service.seen.deployments.len(), "deployment"),
            count(service.seen.events.len(), "service event"),
        ];
        let mut number = |fact: Option<usize>, what: &str| looked.extend(fact.map(|n| count(n, what)));
        number(self.live.known().map(Vec::len), "running task");
        number(self.stopped.known().map(Vec::len), "stopped task");
        number(self.groups.known().map(Vec::len), "target group");
        number(self.rules.known().map(Vec::len), "listener rule");
        number(self.alarms.known().map(Vec::len), "alarm");
        number(self.logs.known().map(Vec::len), "log");
        let has = |fact: bool, what: &str| fact.then(|| what.to_owned());
        looked.extend(has(self.service_deployment.known().is_some(), "the newest service deployment"));
        looked.extend(has(self.code_deploy.known().is_some(), "the newest CodeDeploy deployment"));
        looked.extend(has(self.task_definition.known().is_some(), "the task definition"));
        looked
    }

    /// What AWS did not answer, each with why.
    pub fn not_asked(&self) -> Vec<String> {
        fn why<T>(what: &str, fact: &Fact<T>) -> Option<String> {
            match fact {
                Fact::Unasked(why) => Some(format!("{what}: {why}")),
                Fact::Known(_) | Fact::Absent => None,
            }
        }
        let delays = self
            .groups
            .items()
            .iter()
            .filter_map(|group| why(&format!("attributes of {}", group.name), &group.delay_seconds));
        let targets = self.groups.items().iter();
        let targets = targets.filter_map(|group| why(&format!("targets of {}", group.name), &group.targets));
        [
            why("services of the cluster", &self.neighbours),
            why("service deployment", &self.service_deployment),
            why("CodeDeploy", &self.code_deploy),
            why("task definition", &self.task_definition),
            why("stopped tasks", &self.stopped),
            why("running tasks", &self.live),
            why("target groups", &self.groups),
            why("listener rules", &self.rules),
            why("alarms", &self.alarms),
            why("logs", &self.logs),
        ]
        .into_iter()
        .flatten()
        .chain(targets)
        .chain(delays)
        .collect()
    }
}
