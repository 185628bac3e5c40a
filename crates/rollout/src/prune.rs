//! Which task definition revisions may go. It must never name a revision that runs, that a rollback
//! needs, or that belongs to another family: an INACTIVE revision cannot be deployed again.
//! Start with [`needed`], then [`prunable`].

use crate::names::TaskDefinitionArn;
use crate::observation::ServiceDeploymentStatus;
use crate::rollback::{PastDeployment, target};
use std::collections::{BTreeMap, BTreeSet};

/// How many of the revisions that were last steady a service keeps: one that was thrown back after it had been steady is
/// passed over by a rollback, so the next one is needed, too.
const STEADY: usize = 3;

/// A service, of whatever cluster, that has to do with the family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `cluster/service`.
    pub name: String,
    /// What it runs, or is being brought.
    pub current: TaskDefinitionArn,
    /// All that its deployments and task sets have.
    pub runs: BTreeSet<TaskDefinitionArn>,
    /// Its deployments by ECS of the last 90 days.
    pub history: Vec<PastDeployment>,
    /// Where other movers would go back to: CodeDeploy, or a rollout that Tidegate wrote down.
    pub ways_back: BTreeSet<TaskDefinitionArn>,
}

/// Every revision of the family that must stay, with the reason in words. `tasks` are those that tasks outside of services
/// run, with the name of their cluster.
pub fn needed(
    family: &str,
    active: &[TaskDefinitionArn],
    users: &[User],
    tasks: &[(TaskDefinitionArn, String)],
) -> BTreeMap<TaskDefinitionArn, String> {
    let mut needed = BTreeMap::new();
    let mut stays = |arn: &TaskDefinitionArn, why: String| {
        if arn.family() == family {
            needed.entry(arn.clone()).or_insert(why);
        }
    };
    for user in users {
        for arn in user.runs.iter().chain([&user.current]) {
            stays(arn, format!("{} runs it", user.name));
        }
    }
    for (arn, cluster) in tasks {
        stays(arn, format!("a task of cluster {cluster} runs it"));
    }
    for user in users {
        let back = target(&user.history, &user.current).ok().map(|past| &past.task_definition);
        for arn in back.into_iter().chain(&user.ways_back).chain(last_steady(&user.history)) {
            stays(arn, format!("{} may go back to it", user.name));
        }
    }
    if let Some(newest) = own(family, active).last() {
        stays(newest, "it is the newest: what the family's name alone means".to_owned());
    }
    needed
}

/// The revisions of the newest deployments that ended SUCCESSFUL, each once.
fn last_steady(history: &[PastDeployment]) -> Vec<&TaskDefinitionArn> {
    let mut steady: Vec<&PastDeployment> =
        history.iter().filter(|past| past.status == ServiceDeploymentStatus::Successful).collect();
    steady.sort_by_key(|past| std::cmp::Reverse(past.created_at));
    let mut found: Vec<&TaskDefinitionArn> = Vec::new();
    for past in steady {
        if !found.contains(&&past.task_definition) {
            found.push(&past.task_definition);
        }
    }
    found.truncate(STEADY);
    found
}

/// The revisions of `family` that may be deregistered, oldest first: all but the newest `keep`, and
/// never one of `needed`.
pub fn prunable(
    family: &str,
    active: &[TaskDefinitionArn],
    needed: &BTreeMap<TaskDefinitionArn, String>,
    keep: usize,
) -> Vec<TaskDefinitionArn> {
    let own = own(family, active);
    let gone = own.len().saturating_sub(keep);
    own.into_iter().take(gone).filter(|arn| !needed.contains_key(*arn)).cloned().collect()
}

/// The family's own, oldest first.
fn own<'a>(family: &str, active: &'a [TaskDefinitionArn]) -> Vec<&'a TaskDefinitionArn> {
    let mut own: Vec<&TaskDefinitionArn> = active.iter().filter(|arn| arn.family() == family).collect();
    own.sort_by_key(|arn| arn.revision());
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ServiceDeploymentArn;
    use ServiceDeploymentStatus::{RollbackSuccessful, Successful};
    use proptest::prelude::*;

    fn arn(family: &str, revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/{family}:{revision}"))
            .expect("valid")
    }

    fn past(revision: u32, status: ServiceDeploymentStatus, created_at: i64) -> PastDeployment {
        PastDeployment {
            arn: ServiceDeploymentArn::answered(format!("arn:sd/{created_at}")),
            status,
            reason: None,
            task_definition: arn("web", revision),
            images: Vec::new(),
            created_at,
            finished_at: None,
        }
    }

    fn user(name: &str, current: u32, history: Vec<PastDeployment>) -> User {
        let current = arn("web", current);
        let runs = BTreeSet::from([current.clone()]);
        User { name: name.to_owned(), current, runs, history, ways_back: BTreeSet::new() }
    }

    #[test]
    fn what_any_service_runs_or_may_go_back_to_stays_and_says_why() {
        let active: Vec<_> = (1..=12).map(|n| arn("web", n)).collect();
        let history = vec![
            past(11, Successful, 110),
            past(10, RollbackSuccessful, 100),
            past(9, Successful, 90),
            past(7, Successful, 70),
            past(6, Successful, 60),
        ];
        let elsewhere = user("staging/web", 3, Vec::new());
        let by_code_deploy =
            User { ways_back: BTreeSet::from([arn("web", 4)]), ..user("blue/web", 11, Vec::new()) };
        let users = [user("prod/web", 11, history), elsewhere, by_code_deploy];
        let tasks = [(arn("web", 2), "batch".to_owned()), (arn("other", 1), "batch".to_owned())];
        let needed = needed("web", &active, &users, &tasks);
        let said: Vec<String> = needed.iter().map(|(arn, why)| format!("{}: {why}", arn.short())).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        web:11: prod/web runs it
        web:12: it is the newest: what the family's name alone means
        web:2: a task of cluster batch runs it
        web:3: staging/web runs it
        web:4: blue/web may go back to it
        web:7: prod/web may go back to it
        web:9: prod/web may go back to it
        ");
        let gone: Vec<u32> =
            prunable("web", &active, &needed, 0).iter().map(TaskDefinitionArn::revision).collect();
        assert_eq!(gone, [1, 5, 6, 8, 10]);
        let gone = prunable("web", &active, &needed, 7);
        assert_eq!(gone, [arn("web", 1), arn("web", 5)], "the newest seven stay, too");
    }

    proptest! {
        #[test]
        fn nothing_needed_and_no_other_family_is_ever_named(
            revisions in proptest::collection::btree_set(1u32..40, 0..40),
            others in proptest::collection::btree_set(1u32..40, 0..10),
            currents in proptest::collection::vec(1u32..40, 0..4),
            deployed in proptest::collection::vec((1u32..40, proptest::bool::ANY), 0..12),
            tasks in proptest::collection::vec(1u32..40, 0..4),
            keep in 0usize..20,
        ) {
            let active: Vec<_> = revisions.iter().map(|n| arn("web", *n))
                .chain(others.iter().map(|n| arn("web-admin", *n))).collect();
            let history: Vec<PastDeployment> = deployed.iter().enumerate()
                .map(|(at, (n, ok))| past(*n, if *ok { Successful } else { RollbackSuccessful }, at as i64)).collect();
            let users: Vec<User> =
                currents.iter().map(|n| user("prod/web", *n, history.clone())).collect();
            let tasks: Vec<_> = tasks.iter().map(|n| (arn("web", *n), "batch".to_owned())).collect();
            let needed = needed("web", &active, &users, &tasks);
            let gone = prunable("web", &active, &needed, keep);
            for arn in &gone {
                prop_assert!(arn.family() == "web" && active.contains(arn));
                prop_assert!(users.iter().all(|user| user.current != *arn), "it runs");
                prop_assert!(tasks.iter().all(|(task, _)| task != arn), "a task runs it");
                for user in &users {
                    let back = target(&user.history, &user.current).ok();
                    prop_assert!(back.is_none_or(|past| past.task_definition != *arn), "a rollback needs it");
                }
            }
            prop_assert!(revisions.len() - gone.len() >= keep.max(1).min(revisions.len()), "the newest always stay");
        }
    }
}
