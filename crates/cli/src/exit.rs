//! The exit codes, published. A script must be able to tell every ending from every other. Start
//! with [`Exit`].

use std::process::ExitCode;
use tidegate_aws::Outcome;
use tidegate_aws::deploy::{Changed, DeployError};
use tidegate_rollout::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused, or failed before anything changed.
    Refused = 1,
    /// Wrong arguments or a wrong config file.
    Usage = 2,
    /// The service is back on an earlier revision.
    RolledBack = 3,
    /// Failed, and not rolled back.
    Failed = 4,
    /// Timed out; the deployment goes on.
    StillGoing = 5,
    /// Somebody else's deployment took its place.
    Superseded = 6,
    /// `diff` or `sync --dry-run` found a difference, or `check` something at or above its threshold.
    Drift = 7,
    /// Interrupted.
    Interrupted = 130,
}

/// The table that every help ends with.
pub const TABLE: &str = "\
Exit codes:
  0    done
  1    refused, or failed before anything changed
  2    usage: wrong arguments or config file
  3    rolled back: the service is steady on an earlier revision
  4    failed, and not rolled back
  5    timed out or out of sight; the deployment goes on
  6    superseded by someone else's deployment
  7    drift found (diff, sync --dry-run), or something to fix (check)
  130  interrupted; says what goes on without it";

impl Exit {
    /// The code of an outcome.
    pub fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::NothingToDo | Outcome::OnlyShown { .. } | Outcome::Started { .. } => Self::Done,
            Outcome::Ended(verdict) => Self::of_verdict(verdict),
        }
    }

    /// The code of a verdict.
    pub fn of_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Promoted { .. } => Self::Done,
            Verdict::RolledBack { .. } => Self::RolledBack,
            Verdict::Failed { .. } | Verdict::Aborted { .. } => Self::Failed,
            Verdict::TimedOut { .. } => Self::StillGoing,
            Verdict::Superseded { .. } => Self::Superseded,
        }
    }

    /// The code of a deployment that did not get to its verdict.
    pub fn of_deploy_error(error: &DeployError) -> Self {
        match error.changed() {
            Changed::Nothing => Self::Refused,
            Changed::Perhaps => Self::Failed,
            Changed::Service => Self::StillGoing,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
