//! Rolling back, whoever moves the service and however far it is. It must never go to a revision that cannot run, nor
//! start a second movement beside one that is under way: what is done is decided before anything moves. Start with
//! [`find`], then [`run`].

mod look;
mod redeploy;

pub use look::{find, history};

use crate::alb::lease::whoami;
use crate::alb::{self, AlbError, Asking};
use crate::client::Client;
use crate::control;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome, Then, code_deploy};
use crate::error::AwsError;
use crate::history;
use crate::sink::{EventSink, now};
use crate::watch;
use serde_json::Value;
use std::fmt::Write as _;
use tidegate_rollout::alb::Verb;
use tidegate_rollout::names::{DeploymentId, TaskDefinitionArn};
use tidegate_rollout::rollback::{Mover, NoTarget, NoWay, PastDeployment, Pin, Way};
use tidegate_rollout::task_definition::diff::Difference;
use tidegate_rollout::{Event, Verdict};

/// Where a rollback goes, and on which way.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// The revision that the service runs now, or is being brought.
    pub current: TaskDefinitionArn,
    /// What is done.
    pub way: Way,
    /// By whom.
    pub mover: Mover,
    /// When it was last deployed, by the history, if the history names it.
    pub last_steady: Option<PastDeployment>,
    /// The containers whose tag would bring other bytes than those that were steady.
    pub pins: Vec<Pin>,
    /// What the rollback changes.
    pub differences: Vec<Difference>,
    /// What was passed over, and why.
    pub notes: Vec<String>,
    pub(crate) described: Value,
    /// The revision that it goes to, as described.
    pub(crate) definition: Value,
}

/// What the user asked to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What was last steady.
    LastSteady,
    /// A revision number of the service's family, `family:revision`, or an ARN.
    Revision(String),
}

/// Why there is no rollback.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// AWS did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// There is nothing to go back to, or no way there now.
    #[error(transparent)]
    NoWay(#[from] NoWay),
    /// There would be something to go back to, had it not been thrown back itself.
    #[error("{no_way}; {passed}")]
    AllPassedOver {
        /// What is left.
        no_way: NoWay,
        /// What was passed over, and why.
        passed: String,
    },
    /// The revision cannot run.
    #[error(
        "{revision} is {status}: no new deployment may use it. Deploy it again from its source, or name another revision with --to"
    )]
    NotActive {
        /// `family:revision`.
        revision: String,
        /// INACTIVE or `DELETE_IN_PROGRESS`.
        status: String,
    },
    /// Somebody else's deployments.
    #[error(
        "the service has deployment controller {controller}, whose deployments are elsewhere: roll back where they are made"
    )]
    Elsewhere {
        /// `deploymentController.type`.
        controller: String,
    },
}

impl From<NoTarget> for RollbackError {
    fn from(error: NoTarget) -> Self {
        Self::NoWay(error.into())
    }
}

impl RollbackError {
    /// What to do, if there is something.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Aws(error) => error.help(),
            Self::NoWay(error) | Self::AllPassedOver { no_way: error, .. } => error.help().map(str::to_owned),
            Self::NotActive { .. } | Self::Elsewhere { .. } => None,
        }
    }
}

/// Why a rollback that had begun did not get to its verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// By Amazon ECS or CodeDeploy.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// By Tidegate itself.
    #[error(transparent)]
    Alb(#[from] AlbError),
}

impl From<AwsError> for RunError {
    fn from(error: AwsError) -> Self {
        Self::Deploy(error.into())
    }
}

impl Rollback {
    /// What is done, in words.
    pub fn in_words(&self) -> String {
        let mut words = self.way.in_words(self.mover);
        for pin in &self.pins {
            let _ = write!(words, "; a revision with {} is registered for it, since {}", pin.image, pin.why);
        }
        if self.pins.is_empty()
            && matches!(self.way, Way::Redeploy { .. })
            && self.last_steady.as_ref().is_some_and(|past| past.images.iter().any(|it| it.digest.is_some()))
        {
            words.push_str("; its images still mean the bytes that ran");
        }
        words
    }

    /// Did it get where it was to go? A deployment that was stopped ends rolled back; one that brings the revision again
    /// ends promoted.
    pub fn succeeded(&self, verdict: &Verdict) -> bool {
        match (&self.way, verdict) {
            (Way::Stop { .. } | Way::Follow { .. }, Verdict::RolledBack { .. })
            | (Way::Redeploy { .. }, Verdict::Promoted { .. }) => true,
            (Way::Stop { .. } | Way::Follow { .. } | Way::Redeploy { .. }, _) => false,
        }
    }
}

/// Goes back, and follows it as far as the plan says.
///
/// # Errors
///
/// [`RunError`].
pub async fn run(
    client: &Client,
    plan: &DeployPlan,
    rollback: &Rollback,
    sink: &mut dyn EventSink,
) -> Result<Outcome, RunError> {
    let steady_at = rollback.last_steady.as_ref().map(|past| past.finished_at.unwrap_or(past.created_at));
    for note in &rollback.notes {
        sink.event(now(), &Event::Warned { message: note.clone() });
    }
    let (from, to) = (rollback.current.clone(), rollback.way.to().clone());
    sink.event(now(), &Event::RollbackChosen { from: from.clone(), to: to.clone(), steady_at });
    let differences = rollback.differences.clone();
    sink.event(
        now(),
        &Event::Planned { target: plan.target.clone(), from, differences: differences.clone() },
    );
    if plan.then == Then::OnlyShow {
        let reason = format!("dry run: {}", rollback.in_words());
        sink.event(now(), &Event::NothingDone { reason });
        return Ok(Outcome::OnlyShown { differences });
    }
    sink.event(now(), &Event::Held { reason: rollback.in_words() });
    match (&rollback.way, rollback.mover) {
        (Way::Redeploy { .. }, _) => Ok(Box::pin(redeploy::run(client, plan, rollback, sink)).await?),
        (Way::Stop { .. }, Mover::EcsRolling | Mover::EcsStaged) => {
            let before = Before::of(rollback.described.clone())?;
            let reason = format!("rolled back by {}", whoami());
            Ok(control::take_back(client, plan, &before, reason, sink).await?)
        }
        (Way::Stop { .. }, Mover::CodeDeploy) => {
            let ended = code_deploy::stop(client, plan, &rollback.described, sink).await?;
            Ok(ended.unwrap_or(Outcome::NothingToDo))
        }
        (Way::Stop { id, .. }, Mover::Tidegate) => by_weights(client, plan, Verb::Abort, id, sink).await,
        (Way::Follow { id, .. }, Mover::Tidegate) => by_weights(client, plan, Verb::Resume, id, sink).await,
        (Way::Follow { id, .. }, _) if plan.then == Then::Return => {
            Ok(Outcome::Started { deployment: DeploymentId::answered(id.clone()) })
        }
        (Way::Follow { .. }, _) => {
            let verdict = watch::attach(client, plan, sink).await?;
            Ok(verdict.map_or(Outcome::NothingToDo, Outcome::Ended))
        }
    }
}

/// Asks the process that runs the rollout, or does it where nobody does, and follows it to the end either way.
async fn by_weights(
    client: &Client,
    plan: &DeployPlan,
    verb: Verb,
    id: &str,
    sink: &mut dyn EventSink,
) -> Result<Outcome, RunError> {
    let asking = Asking { target: &plan.target, verb, elsewhere: plan.elsewhere.as_ref(), watch: plan.watch };
    match alb::ask(client, &asking, sink).await? {
        alb::Answer::Ended(verdict) => Ok(Outcome::Ended(verdict)),
        alb::Answer::Heard { .. } if plan.then == Then::Return => {
            Ok(Outcome::Started { deployment: DeploymentId::answered(id) })
        }
        alb::Answer::Heard { by } => {
            let reason = format!("{by}, who runs the rollout, has heard it");
            sink.event(now(), &Event::Held { reason });
            let verdict = alb::follow(client, &plan.target, plan.timeout_ms, plan.watch, sink).await?;
            verdict.map(Outcome::Ended).ok_or_else(|| {
                DeployError::Left {
                    what: format!("{by}, who ran the rollout of {}, is gone", plan.target),
                    help: Some("`tidegate rollback` again takes it over".to_owned()),
                }
                .into()
            })
        }
    }
}

/// Keeps on the revision that was left that it was, so that nobody goes back to it unasked.
async fn keep_on_the_one_left(
    client: &Client,
    plan: &DeployPlan,
    rollback: &Rollback,
    to: &TaskDefinitionArn,
    sink: &mut dyn EventSink,
) {
    if rollback.current == *to {
        return;
    }
    let reason = format!("rolled back to {} by {} after it had been promoted", to.short(), whoami());
    let verdict = Verdict::RolledBack { to: to.clone(), reason, breaker: None };
    // On the clock of the deployments that it is compared with.
    let at = client.clock(plan.watch.tick).aws(now());
    history::keep_at(client, &rollback.current, &verdict, at, sink).await;
}
