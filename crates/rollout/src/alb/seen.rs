//! What a rollout asks, what it is told, and what it wants done. One question is one call, one act one
//! write, so that a runner may be killed between any two. Start with [`Question`] and [`Action`].

use super::progress::Role;
use super::request::Request;
use super::rule::{Rule, RuleSeen, Weights};
use crate::gate::Reading;
use crate::observation::{ServiceDeployment, ServiceSeen, StoppedTask};
use crate::{Event, Millis, TaskDefinitionArn, rolling};

/// Something to be looked at before the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// What people asked for meanwhile.
    Request,
    /// The rule.
    Rule(String),
    /// Both services.
    Services,
    /// The targets of the group of this service.
    Targets(Role),
    /// The requests that both groups got since then.
    Traffic {
        /// The moment.
        since: Millis,
    },
    /// Whether the revision can still be run.
    Revision(TaskDefinitionArn),
    /// These gates of the plan.
    Gates(Vec<usize>),
}

/// What was seen. What was not asked for, or could not be had at the moment, is `None`.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What somebody asked for.
    pub request: Option<Request>,
    /// The rule.
    pub rule: Option<RuleSeen>,
    /// The stable service.
    pub stable: Option<ServiceSeen>,
    /// The candidate service.
    pub candidate: Option<ServiceSeen>,
    /// Targets of stable's group.
    pub stable_targets: Option<Targets>,
    /// Targets of the candidate's group.
    pub candidate_targets: Option<Targets>,
    /// Requests of both groups.
    pub counted: Option<Counted>,
    /// Whether the revision can still be run.
    pub revision: Option<RevisionSeen>,
    /// What the gates were answered.
    pub readings: Vec<(usize, Reading)>,
    /// AWS refused the act of the last step, in its words.
    pub refused: Option<String>,
    /// Asked for by [`rolling::Action::ReadServiceDeployment`].
    pub service_deployment: Option<ServiceDeployment>,
    /// Asked for by [`rolling::Action::ReadStoppedTasks`].
    pub stopped_tasks: Option<Vec<StoppedTask>>,
}

/// The targets of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    /// Healthy ones.
    pub healthy: u32,
    /// Others that are not on their way out.
    pub others: u32,
}

/// The requests that both groups got from one moment on and before another; what came later is not
/// known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// From this moment on.
    pub from: Millis,
    /// Before this one.
    pub until: Millis,
    /// Stable's.
    pub stable: u64,
    /// The candidate's.
    pub candidate: u64,
}

/// Whether a revision can still be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionSeen {
    /// ACTIVE.
    Active,
    /// Deregistered, or gone.
    Gone,
}

/// What the shell is to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write the progress where the next runner finds it, before anything that follows.
    Save,
    /// Hand this to the reporters.
    Report(Event),
    /// Read more of the same moment and step again; only reading actions.
    Read(rolling::Action),
    /// Change something, and look again at once.
    Act(Act),
}

/// A change. Doing it twice, or after it was done, does no harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Set the weights, if the rule is still as it was seen.
    SetWeights {
        /// The rule as it was seen.
        seen: Rule,
        /// Stable's group.
        stable: String,
        /// The candidate's group.
        candidate: String,
        /// The weights to set.
        to: Weights,
        /// Whether it takes traffic back to stable, which must happen even where nothing can be saved.
        haste: Haste,
    },
    /// `UpdateService`.
    UpdateService {
        /// Which.
        role: Role,
        /// The revision that it is to run.
        task_definition: TaskDefinitionArn,
        /// How many tasks; absent: as many as it wants now.
        desired: Option<u32>,
    },
}

/// Whether an act may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// It is only done once its intent is saved.
    Ordinary,
    /// Users are hurt as long as it is not done.
    UsersFirst,
}
