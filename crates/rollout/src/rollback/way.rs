//! The three ways back: what is under way is stopped by whoever moves it, or a deployment that has ended is answered by
//! another one, or what goes back already is only followed. It must never start a second movement beside one that is
//! under way, where the mover takes one at a time. Start with [`decide`].

use super::NoTarget;
use crate::names::TaskDefinitionArn;
use crate::strategy::Controller;
use serde::{Deserialize, Serialize};

/// Who moves the service, as far as it decides the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// Amazon ECS, task by task. A new deployment takes the place of one that is under way.
    EcsRolling,
    /// Amazon ECS in stages (blue/green, linear, canary): one at a time.
    EcsStaged,
    /// AWS CodeDeploy: one at a time.
    CodeDeploy,
    /// Tidegate itself, by the weights of a listener rule: one at a time.
    Tidegate,
}

impl Mover {
    /// Whose deployments they are.
    pub fn controller(self) -> Controller {
        match self {
            Self::EcsRolling | Self::EcsStaged => Controller::Ecs,
            Self::CodeDeploy => Controller::CodeDeploy,
            Self::Tidegate => Controller::Alb,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::EcsRolling | Self::EcsStaged => "Amazon ECS",
            Self::CodeDeploy => "CodeDeploy",
            Self::Tidegate => "Tidegate",
        }
    }
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Tasks are started, or traffic moves.
    Moving,
    /// The candidate has all the traffic, and what was there before still runs.
    Baking,
    /// It is on its way back already.
    GoingBack,
    /// What was there before is being replaced: nobody can take that back any more.
    PastReturn,
}

/// A deployment under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// What its mover calls it.
    pub id: String,
    /// The revision that it brings.
    pub brings: TaskDefinitionArn,
    /// Where its mover goes back to; nowhere for the first one of a service.
    pub back_to: Option<TaskDefinitionArn>,
    /// How far it is.
    pub phase: Phase,
    /// Has the mover a call that takes it back? An endpoint without service deployments has none.
    pub stop: Stop,
}

/// Whether a deployment can be stopped with its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// By one call.
    ByCall,
    /// Only another deployment in its place does.
    NoCall,
}

/// Everything that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who moves the service.
    pub mover: Mover,
    /// The revision that it runs, or is being brought.
    pub current: TaskDefinitionArn,
    /// The deployment under way.
    pub under_way: Option<UnderWay>,
    /// What was last steady before the current one, by the history.
    pub last_steady: Result<TaskDefinitionArn, NoTarget>,
    /// The revision that the user named.
    pub wish: Option<TaskDefinitionArn>,
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Its mover is asked to stop it and to go back.
    Stop {
        /// The deployment.
        id: String,
        /// Where that goes.
        to: TaskDefinitionArn,
        /// How far it is.
        phase: Phase,
    },
    /// It goes back already: it is followed.
    Follow {
        /// The deployment.
        id: String,
        /// Where it goes.
        to: TaskDefinitionArn,
    },
    /// A new deployment brings the revision.
    Redeploy {
        /// The revision.
        to: TaskDefinitionArn,
        /// The deployment whose place it takes.
        instead_of: Option<String>,
    },
}

impl Way {
    /// The revision that it goes to.
    pub fn to(&self) -> &TaskDefinitionArn {
        match self {
            Self::Stop { to, .. } | Self::Follow { to, .. } | Self::Redeploy { to, .. } => to,
        }
    }

    /// What is done, in one sentence; `mover` does it.
    pub fn in_words(&self, mover: Mover) -> String {
        let who = mover.name();
        match self {
            Self::Stop { id, to, phase } => {
                let how = match (mover, phase) {
                    (Mover::EcsRolling, _) => "its tasks are replaced again",
                    (_, Phase::Baking) => "all traffic goes back at once, to tasks that still run",
                    _ => "the traffic goes back at once",
                };
                let call = match mover {
                    Mover::EcsRolling | Mover::EcsStaged => "StopServiceDeployment with ROLLBACK",
                    Mover::CodeDeploy => "StopDeployment with its rollback",
                    Mover::Tidegate => "the weights of its rule",
                };
                let where_ = if *phase == Phase::Baking { "in its bake" } else { "under way" };
                format!("{id} is {where_}: {who} takes it back to {} by {call}; {how}", to.short())
            }
            Self::Follow { id, to } => {
                format!("{id} goes back to {} already: nothing is asked, and it is followed", to.short())
            }
            Self::Redeploy { to, instead_of: Some(id) } => {
                format!("a new deployment of {} takes the place of {id}, which is under way", to.short())
            }
            Self::Redeploy { to, instead_of: None } => {
                format!("nothing is under way: a new deployment by {who} brings {} again", to.short())
            }
        }
    }
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    /// There is nothing to go back to.
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    /// The first deployment of the service.
    #[error(
        "{id} brings {brings}, and no deployment of the service was steady before it: there is nothing to go back to"
    )]
    First {
        /// The deployment.
        id: String,
        /// `family:revision`.
        brings: String,
    },
    /// The revision named is on its way.
    #[error("{revision} is what {id}, which is under way, brings")]
    OnItsWay {
        /// `family:revision`.
        revision: String,
        /// The deployment.
        id: String,
    },
    /// One movement at a time.
    #[error("{id} is under way, and {mover} can only take it back to {back_to}, not to {wished}")]
    OneAtATime {
        /// The deployment.
        id: String,
        /// Who moves it.
        mover: &'static str,
        /// Where it can go back to.
        back_to: String,
        /// What was named.
        wished: String,
    },
    /// What was there before is being replaced.
    #[error("{id} is past its return: {mover} replaces the tasks of {back_to} already")]
    PastReturn {
        /// The deployment.
        id: String,
        /// Who moves it.
        mover: &'static str,
        /// What was there before.
        back_to: String,
    },
}

impl NoWay {
    /// What to do.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoTarget(_) => None,
            Self::First { .. } => Some(
                "deploy a good revision over it with `tidegate deploy`, or name one that ran elsewhere with --to",
            ),
            Self::OnItsWay { .. } => Some("leave out --to to go back from it, or name another revision"),
            Self::OneAtATime { .. } => {
                Some("take it back first with `tidegate rollback` without --to, then go on with --to")
            }
            Self::PastReturn { .. } => {
                Some("follow it to its end with `tidegate watch`, then `tidegate rollback` again")
            }
        }
    }
}

/// The way back of what was seen.
///
/// # Errors
///
/// [`NoWay`], before anything is asked of anybody.
pub fn decide(seen: &Seen) -> Result<Way, NoWay> {
    let Some(moving) = &seen.under_way else { return after_the_end(seen) };
    let id = moving.id.clone();
    let mover = seen.mover.name();
    if seen.wish.as_ref() == Some(&moving.brings) && moving.back_to.as_ref() != Some(&moving.brings) {
        return Err(NoWay::OnItsWay { revision: moving.brings.short().to_owned(), id });
    }
    let elsewhere = |wished: &TaskDefinitionArn| moving.back_to.as_ref() != Some(wished);
    if let Some(wished) = seen.wish.as_ref().filter(|wished| elsewhere(wished)) {
        // Only a rolling deployment by ECS makes room for another one.
        if seen.mover == Mover::EcsRolling {
            return Ok(Way::Redeploy { to: wished.clone(), instead_of: Some(id) });
        }
        let back_to = moving.back_to.as_ref().map_or("nothing", TaskDefinitionArn::short).to_owned();
        return Err(NoWay::OneAtATime { id, mover, back_to, wished: wished.short().to_owned() });
    }
    let Some(to) = moving.back_to.clone() else {
        return Err(NoWay::First { id, brings: moving.brings.short().to_owned() });
    };
    match (moving.phase, moving.stop) {
        (Phase::GoingBack, _) => Ok(Way::Follow { id, to }),
        (Phase::PastReturn, _) => Err(NoWay::PastReturn { id, mover, back_to: to.short().to_owned() }),
        (Phase::Moving | Phase::Baking, Stop::ByCall) => Ok(Way::Stop { id, to, phase: moving.phase }),
        (Phase::Moving | Phase::Baking, Stop::NoCall) => Ok(Way::Redeploy { to, instead_of: Some(id) }),
    }
}

/// Nothing is under way: another deployment brings the revision back.
fn after_the_end(seen: &Seen) -> Result<Way, NoWay> {
    let to = match &seen.wish {
        Some(wished) if *wished == seen.current => {
            return Err(NoTarget::AlreadyThere { current: wished.short().to_owned() }.into());
        }
        Some(wished) => wished.clone(),
        None => seen.last_steady.clone()?,
    };
    Ok(Way::Redeploy { to, instead_of: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const MOVERS: [Mover; 4] = [Mover::EcsRolling, Mover::EcsStaged, Mover::CodeDeploy, Mover::Tidegate];
    const PHASES: [Phase; 4] = [Phase::Moving, Phase::Baking, Phase::GoingBack, Phase::PastReturn];

    fn arn(revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{revision}")).expect("valid")
    }

    fn seen(mover: Mover, phase: Option<Phase>) -> Seen {
        Seen {
            mover,
            current: arn(8),
            under_way: phase.map(|phase| UnderWay {
                id: "deployment d".to_owned(),
                brings: arn(8),
                back_to: Some(arn(7)),
                phase,
                stop: Stop::ByCall,
            }),
            last_steady: Ok(arn(7)),
            wish: None,
        }
    }

    fn said(seen: &Seen) -> String {
        match decide(seen) {
            Ok(way) => way.in_words(seen.mover),
            Err(no_way) => format!("refused: {no_way}"),
        }
    }

    #[test]
    fn every_mover_has_a_way_back_in_every_phase() {
        let mut table = String::new();
        for mover in MOVERS {
            for phase in PHASES.map(Some).into_iter().chain([None]) {
                let when = phase.map_or("Over".to_owned(), |phase| format!("{phase:?}"));
                let _ = writeln!(table, "{mover:?} {when}: {}", said(&seen(mover, phase)));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_revision_that_is_named_takes_the_place_of_a_rolling_deployment_and_waits_for_any_other() {
        let mut table = String::new();
        for mover in MOVERS {
            for (wished, phase) in [
                (7, Some(Phase::Moving)),
                (5, Some(Phase::Moving)),
                (8, Some(Phase::Moving)),
                (5, Some(Phase::GoingBack)),
                (5, None),
                (8, None),
            ] {
                let seen = Seen { wish: Some(arn(wished)), ..seen(mover, phase) };
                let when = phase.map_or("Over".to_owned(), |phase| format!("{phase:?}"));
                let _ = writeln!(table, "{mover:?} {when} --to {wished}: {}", said(&seen));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_first_deployment_of_a_service_has_nothing_to_go_back_to() {
        for mover in MOVERS {
            for phase in [Phase::Moving, Phase::Baking, Phase::PastReturn] {
                let mut seen = seen(mover, Some(phase));
                seen.under_way.iter_mut().for_each(|moving| moving.back_to = None);
                assert!(matches!(decide(&seen), Err(NoWay::First { .. })), "{mover:?} {phase:?}");
            }
            let nothing = NoTarget::NothingSteady { current: "web:8".into(), looked_at: 1 };
            let seen = Seen { last_steady: Err(nothing.clone()), ..seen(mover, None) };
            assert_eq!(decide(&seen), Err(NoWay::NoTarget(nothing)), "{mover:?}");
        }
    }

    #[test]
    fn a_revision_that_is_deployed_again_goes_back_to_itself() {
        let mut seen = seen(Mover::EcsRolling, Some(Phase::Moving));
        seen.under_way.iter_mut().for_each(|moving| moving.back_to = Some(arn(8)));
        assert!(matches!(decide(&seen), Ok(Way::Stop { to, .. }) if to == arn(8)));
    }

    #[test]
    fn an_endpoint_without_service_deployments_is_gone_back_on_by_another_deployment() {
        let mut seen = seen(Mover::EcsRolling, Some(Phase::Moving));
        seen.under_way.iter_mut().for_each(|moving| moving.stop = Stop::NoCall);
        let way = decide(&seen);
        assert!(matches!(way, Ok(Way::Redeploy { to, instead_of: Some(_) }) if to == arn(7)));
    }
}
