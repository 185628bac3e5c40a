//! Where a rollback goes: to what was last steady, from the service's deployment history, never to
//! "revision minus one", which may never have run or may be inactive. It must never guess: with
//! nothing to go back to it refuses. Start with [`target`].

use crate::Millis;
use crate::names::{ServiceDeploymentArn, TaskDefinitionArn};
use crate::observation::ServiceDeploymentStatus;
use serde::{Deserialize, Serialize};

/// One service deployment of the history with the revision that it brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDeployment {
    /// Its ARN.
    pub arn: ServiceDeploymentArn,
    /// How it ended.
    pub status: ServiceDeploymentStatus,
    /// The revision that it was to bring, from `DescribeServiceRevisions`.
    pub task_definition: TaskDefinitionArn,
    /// When it was created.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
}

/// Why there is no rollback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// The history has no steady deployment of another revision.
    #[error(
        "there is nothing to roll back to: none of the {looked_at} deployments in the service's history ended SUCCESSFUL with a revision other than {current}. Name one with --to"
    )]
    NothingSteady {
        /// The revision that runs now, `family:revision`.
        current: String,
        /// How many deployments the history holds.
        looked_at: usize,
    },
    /// The revision named is the one that runs.
    #[error("{current} is what the service runs already; name another revision with --to")]
    AlreadyThere {
        /// The revision, `family:revision`.
        current: String,
    },
}

/// The revision that was last steady before the current one: that of the newest SUCCESSFUL
/// deployment whose revision is not `current`. ECS keeps the history for 90 days.
pub fn target<'a>(
    history: &'a [PastDeployment],
    current: &TaskDefinitionArn,
) -> Result<&'a PastDeployment, NoTarget> {
    history
        .iter()
        .filter(|past| past.status == ServiceDeploymentStatus::Successful)
        .filter(|past| past.task_definition != *current)
        .max_by_key(|past| past.created_at)
        .ok_or_else(|| NoTarget::NothingSteady {
            current: current.short().to_owned(),
            looked_at: history.len(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceDeploymentStatus::{RollbackSuccessful, Stopped, Successful};

    fn arn(revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{revision}")).expect("valid")
    }

    fn past(revision: u32, status: ServiceDeploymentStatus, created_at: Millis) -> PastDeployment {
        PastDeployment {
            arn: ServiceDeploymentArn::answered(format!("arn:sd/{created_at}")),
            status,
            task_definition: arn(revision),
            created_at,
            finished_at: None,
        }
    }

    #[test]
    fn the_last_steady_revision_is_chosen_and_not_the_one_before_in_number() {
        let history = [
            past(7, Successful, 40),
            past(6, RollbackSuccessful, 30),
            past(5, Stopped, 20),
            past(4, Successful, 10),
        ];
        assert_eq!(target(&history, &arn(7)).map(|p| p.task_definition.revision()), Ok(4));
    }

    #[test]
    fn the_same_revision_redeployed_is_no_way_back() {
        let history = [past(7, Successful, 40), past(7, Successful, 30)];
        let error = target(&history, &arn(7)).expect_err("nothing else was steady");
        insta::assert_snapshot!(error, @"there is nothing to roll back to: none of the 2 deployments in the service's history ended SUCCESSFUL with a revision other than web:7. Name one with --to");
    }

    #[test]
    fn order_of_the_answer_does_not_matter() {
        let history = [past(3, Successful, 5), past(4, Successful, 10), past(5, Successful, 20)];
        assert_eq!(target(&history, &arn(5)).map(|p| p.task_definition.revision()), Ok(4));
    }
}
