//! Where a rollback goes and on which way: to what was last steady, from the service's deployment history, never to
//! "revision minus one", which may never have run or may be inactive. It must never guess: with nothing to go back to it
//! refuses. Start with [`decide`].

mod digests;
mod way;

pub use digests::{Now, Pin, RanImage, pins};
pub use way::{Mover, NoWay, Phase, Seen, Stop, UnderWay, Way, decide};

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
    /// AWS's sentence about that.
    pub reason: Option<String>,
    /// The revision that it was to bring, from `DescribeServiceRevisions`.
    pub task_definition: TaskDefinitionArn,
    /// The bytes that ran, as far as AWS recorded them: `serviceRevisions[].containerImages[]`.
    pub images: Vec<RanImage>,
    /// When it was created.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
}

impl PastDeployment {
    /// Did it bring other bytes than these? Only where AWS recorded both.
    fn ran_other_bytes_than(&self, images: &[RanImage]) -> bool {
        let digest = |images: &[RanImage], container: &str| {
            images.iter().find(|image| image.container == container).and_then(|image| image.digest.clone())
        };
        self.images.iter().any(|image| match (&image.digest, digest(images, &image.container)) {
            (Some(then), Some(now)) => *then != now,
            _ => false,
        })
    }
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

/// What was last steady before the current revision: the newest SUCCESSFUL deployment of another one, or of the same one
/// with other bytes (a tag that was pushed again). ECS keeps the history for 90 days.
pub fn target<'a>(
    history: &'a [PastDeployment],
    current: &TaskDefinitionArn,
) -> Result<&'a PastDeployment, NoTarget> {
    let newest_of_current = history
        .iter()
        .filter(|past| past.task_definition == *current)
        .max_by_key(|past| past.created_at)
        .map_or(&[][..], |past| past.images.as_slice());
    history
        .iter()
        .filter(|past| past.status == ServiceDeploymentStatus::Successful)
        .filter(|past| past.task_definition != *current || past.ran_other_bytes_than(newest_of_current))
        .max_by_key(|past| past.created_at)
        .ok_or_else(|| NoTarget::NothingSteady {
            current: current.short().to_owned(),
            looked_at: history.len(),
        })
}

/// Where ECS itself goes back to from a deployment under way: the newest one that ended SUCCESSFUL, whatever its
/// revision.
pub fn completed_before<'a>(
    history: &'a [PastDeployment],
    under_way: &ServiceDeploymentArn,
) -> Option<&'a PastDeployment> {
    history
        .iter()
        .filter(|past| past.arn != *under_way && past.status == ServiceDeploymentStatus::Successful)
        .max_by_key(|past| past.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceDeploymentStatus::{InProgress, RollbackSuccessful, Stopped, Successful};

    fn arn(revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{revision}")).expect("valid")
    }

    fn past(revision: u32, status: ServiceDeploymentStatus, created_at: Millis) -> PastDeployment {
        PastDeployment {
            arn: ServiceDeploymentArn::answered(format!("arn:sd/{created_at}")),
            status,
            reason: None,
            task_definition: arn(revision),
            images: Vec::new(),
            created_at,
            finished_at: None,
        }
    }

    fn of_bytes(past: PastDeployment, digest: &str) -> PastDeployment {
        let image = RanImage {
            container: "web".to_owned(),
            image: "web:latest".to_owned(),
            digest: Some(format!("sha256:{digest}")),
        };
        PastDeployment { images: vec![image], ..past }
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
        let same = [of_bytes(past(7, Successful, 40), "aa"), of_bytes(past(7, Successful, 30), "aa")];
        assert!(target(&same, &arn(7)).is_err());
    }

    #[test]
    fn the_same_revision_with_other_bytes_is_one() {
        let history = [
            of_bytes(past(7, Successful, 40), "bb"),
            of_bytes(past(7, Successful, 30), "aa"),
            of_bytes(past(6, Successful, 20), "00"),
        ];
        assert_eq!(target(&history, &arn(7)).map(|past| past.created_at), Ok(30));
    }

    #[test]
    fn order_of_the_answer_does_not_matter() {
        let history = [past(3, Successful, 5), past(4, Successful, 10), past(5, Successful, 20)];
        assert_eq!(target(&history, &arn(5)).map(|p| p.task_definition.revision()), Ok(4));
    }

    #[test]
    fn ecs_goes_back_to_the_newest_that_was_completed_whatever_its_revision() {
        let history = [past(8, InProgress, 50), past(8, Successful, 40), past(7, Successful, 30)];
        let to = completed_before(&history, &history[0].arn).map(|past| past.created_at);
        assert_eq!(to, Some(40), "a redeployed revision goes back to itself");
        assert_eq!(completed_before(&history[..1], &history[0].arn), None);
    }
}
