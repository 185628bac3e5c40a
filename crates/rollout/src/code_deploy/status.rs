//! What CodeDeploy has to do with a service at one moment, for people: its deployment, where that stands, and the
//! task sets with their shares. It must never be decided by. Start with [`Status`].

use super::seen::{self, Target};
use crate::Percent;
use crate::names::{DeploymentId, TaskDefinitionArn};
use serde::Serialize;

/// A service whose deployment controller is CodeDeploy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The deployment under way.
    pub deployment: Option<UnderWay>,
    /// Why CodeDeploy could not be asked for one.
    pub unseen: Option<String>,
    /// The candidate's first, then by their id.
    pub task_sets: Vec<TaskSet>,
}

/// A deployment under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// The one that brings the candidate.
    pub id: DeploymentId,
    /// Where it stands.
    pub status: seen::Status,
    /// `errorInformation`.
    pub error: Option<seen::ErrorInformation>,
    /// The deployment that goes back from it.
    pub goes_back_by: Option<DeploymentId>,
    /// Application and deployment group.
    pub group: (String, String),
    /// The config that moves its traffic.
    pub config: String,
    /// The lifecycle event that began last.
    pub stage: Option<String>,
    /// The revision that it brings.
    pub candidate: TaskDefinitionArn,
}

/// A task set of the service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskSet {
    /// `ecs-svc/…`.
    pub id: DeploymentId,
    /// Its revision.
    pub task_definition: TaskDefinitionArn,
    /// PRIMARY, ACTIVE or DRAINING.
    pub status: String,
    /// Its share of production, where a deployment tells.
    pub share: Option<Percent>,
    /// Tasks it wants.
    pub desired: u32,
    /// Tasks that are RUNNING.
    pub running: u32,
    /// Tasks that are not yet.
    pub pending: u32,
}

impl Status {
    /// A service without a deployment under way: what is PRIMARY has all the traffic.
    pub fn of(task_sets: Vec<TaskSet>) -> Self {
        let share = |set: &TaskSet| match set.status.as_str() {
            "PRIMARY" => Some(Percent::ALL),
            _ => Some(Percent::NONE),
        };
        let task_sets = task_sets.into_iter().map(|set| TaskSet { share: share(&set), ..set }).collect();
        Self { deployment: None, unseen: None, task_sets }
    }

    /// CodeDeploy could not be asked, so that nobody knows who has which share.
    #[must_use]
    pub fn unseen(self, why: String) -> Self {
        let task_sets = self.task_sets.into_iter().map(|set| TaskSet { share: None, ..set }).collect();
        Self { deployment: None, unseen: Some(why), task_sets }
    }

    /// The same with a deployment under way, whose target tells the shares. They are known by the ids of the task
    /// sets: the labels of a deployment that goes back need not be those of the one before.
    #[must_use]
    pub fn with(self, deployment: UnderWay, target: Option<&Target>) -> Self {
        let share = |set: &TaskSet| {
            let told = target?.task_sets.iter().find(|told| told.id == set.id);
            told.map(|told| told.weight)
        };
        let sets = self.task_sets.iter().cloned();
        let mut task_sets: Vec<TaskSet> = sets.map(|set| TaskSet { share: share(&set), ..set }).collect();
        task_sets.sort_by_key(|set| set.task_definition != deployment.candidate);
        Self { deployment: Some(deployment), task_sets, ..self }
    }
}

/// The lifecycle event of a deployment that began last.
pub fn stage(target: &Target) -> Option<String> {
    let mut stages = target.stages.iter();
    stages.rfind(|stage| stage.status.has_begun()).map(|stage| stage.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_deploy::seen::Label;

    #[test]
    fn shares_are_told_by_task_set_also_while_a_deployment_goes_back_whose_labels_are_the_other_way_round() {
        let arn = |number: u32| {
            TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{number}")).expect("valid")
        };
        let set = |id: &str, number, status: &str| TaskSet {
            id: DeploymentId::answered(id),
            task_definition: arn(number),
            status: status.into(),
            share: None,
            desired: 3,
            running: 3,
            pending: 0,
        };
        let told = |id: &str, label, weight| seen::TaskSet {
            id: DeploymentId::answered(id),
            label,
            status: String::new(),
            weight,
            desired: 3,
            running: 3,
            pending: 0,
        };
        let target = Target {
            stages: Vec::new(),
            task_sets: vec![
                told("ecs-svc/1", Label::Green, Percent::ALL),
                told("ecs-svc/2", Label::Blue, Percent::NONE),
            ],
        };
        let deployment = UnderWay {
            id: DeploymentId::answered("d-OURS"),
            status: seen::Status::Stopped,
            error: None,
            goes_back_by: Some(DeploymentId::answered("d-BACK")),
            group: ("app".into(), "dg".into()),
            config: "CodeDeployDefault.ECSAllAtOnce".into(),
            stage: None,
            candidate: arn(8),
        };
        let status = Status::of(vec![set("ecs-svc/1", 7, "PRIMARY"), set("ecs-svc/2", 8, "ACTIVE")]);
        let shares = |status: &Status| {
            let of = |set: &TaskSet| (set.task_definition.revision(), set.share);
            status.task_sets.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(shares(&status), [(7, Some(Percent::ALL)), (8, Some(Percent::NONE))]);
        let status = status.with(deployment, Some(&target));
        assert_eq!(shares(&status), [(8, Some(Percent::NONE)), (7, Some(Percent::ALL))]);
    }
}
