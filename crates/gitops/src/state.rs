//! What the loop knows between two looks, what it is shown, and what it wants done. Start with [`State`].

use crate::Millis;
use crate::event::SyncEvent;
use crate::memory::{How, Memory, Moving};
use crate::plan::{Id, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// What a service runs against what is wanted, at the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs what is wanted.
    InSync,
    /// It does not.
    Differs {
        /// The revision that runs.
        running: String,
        /// How many fields are drift.
        fields: usize,
    },
    /// AWS could not be asked.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// How something that was begun ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Promoted,
    /// Badly: what was tried is not tried again.
    ThrownBack {
        /// How.
        how: How,
        /// Why.
        reason: String,
    },
    /// It never began; nothing was changed.
    NotBegun {
        /// Why.
        reason: String,
    },
    /// It goes on, and nobody follows it for now.
    GoesOn {
        /// Why not.
        reason: String,
    },
    /// There was nothing to take up: what was begun left no trace.
    NothingThere,
}

/// A freeze window that is open for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// What the window says.
    pub message: String,
    /// Until when.
    pub until: Millis,
}

/// What is known now that was not known before.
#[derive(Debug, Clone, Default)]
pub struct Seen<'a> {
    /// What the branch wants; `None` until it could be read once.
    pub plan: Option<&'a Plan>,
    /// The services that were looked at.
    pub standings: BTreeMap<Id, Standing>,
    /// What ended.
    pub ended: Vec<(Id, Ended)>,
    /// The services whose freeze window is open.
    pub frozen: BTreeMap<Id, Frozen>,
    /// Why rollouts may begin in a freeze window, if somebody said so.
    pub overridden: Option<String>,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep this of a service. What follows may only be done once it is durable.
    Save {
        /// The service.
        id: Id,
        /// What to keep.
        memory: Box<Memory>,
    },
    /// Deploy what the plan wants of a service, and follow it to its end.
    Deploy {
        /// The service.
        id: Id,
    },
    /// Find out how this ended, or follow it to its end.
    TakeUp {
        /// The service.
        id: Id,
        /// What was begun.
        moving: Moving,
    },
    /// Bring a service back to a revision; nothing to do where it runs that already.
    GoBack {
        /// The service.
        id: Id,
        /// The revision.
        to: String,
    },
    /// Tell it.
    Report(SyncEvent),
}

/// What is under way in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Rollout,
    TakingUp,
    GoingBack,
}

/// Something that is tried again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) until: Millis,
    pub(crate) tries: u32,
}

/// How a service stands, for whoever wants an exit code or a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It runs what is wanted.
    InSync,
    /// What is wanted was thrown back.
    ThrownBack(How),
    /// Something is under way, or goes on without anybody.
    GoesOn,
    /// It could not begin, or AWS could not be asked.
    Refused,
    /// A freeze window keeps it.
    Frozen,
    /// It waits for another service, or for its wave.
    Waits,
}

/// Everything that the loop knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) parallel: usize,
    pub(crate) memory: BTreeMap<Id, Memory>,
    pub(crate) standings: BTreeMap<Id, Standing>,
    pub(crate) work: BTreeMap<Id, Work>,
    pub(crate) waits: BTreeMap<Id, Wait>,
    pub(crate) frozen: BTreeSet<Id>,
    /// The unit digest that each standing was looked at for.
    pub(crate) wanted: BTreeMap<Id, String>,
    /// What was told, by what it is about.
    pub(crate) told: BTreeMap<String, SyncEvent>,
}

impl State {
    /// Begins with what was kept, moving so many services at once at most (at least one).
    pub fn restored(parallel: usize, memory: BTreeMap<Id, Memory>) -> Self {
        Self { parallel: parallel.max(1), memory, ..Self::default() }
    }

    /// What is kept of a service.
    pub fn memory(&self, id: &Id) -> Memory {
        self.memory.get(id).cloned().unwrap_or_default()
    }

    /// The services that this process moves now.
    pub fn at_work(&self) -> impl Iterator<Item = &Id> {
        self.work.keys()
    }

    /// The services of the plan that have to be looked at before anything more can be decided.
    pub fn unseen<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Id> {
        let is_unseen = |id: &&Id| {
            !self.standings.contains_key(*id) && !self.work.contains_key(*id) && !self.waits.contains_key(*id)
        };
        plan.services().map(|one| &one.id).filter(is_unseen)
    }

    /// Is there nothing more to do but wait for another time or another commit?
    pub fn is_settled(&self, plan: &Plan) -> bool {
        self.work.is_empty() && self.unseen(plan).next().is_none()
    }

    /// When the first of those that wait is tried again.
    pub fn next_try(&self) -> Option<Millis> {
        self.waits.values().map(|wait| wait.until).min()
    }

    /// How a service of the plan stands.
    pub fn outcome(&self, plan: &Plan, id: &Id) -> Outcome {
        let memory = self.memory.get(id);
        let digest = plan.unit_of(id).map(|unit| unit.digest.as_str());
        let thrown_back = memory.and_then(|memory| memory.thrown_back.as_ref());
        if self.work.contains_key(id) || memory.is_some_and(|memory| memory.moving.is_some()) {
            return Outcome::GoesOn;
        }
        match self.standings.get(id) {
            Some(Standing::InSync) => Outcome::InSync,
            _ if thrown_back.is_some_and(|back| Some(back.digest.as_str()) == digest) => {
                Outcome::ThrownBack(thrown_back.map_or(How::Failed, |back| back.how))
            }
            Some(Standing::Unknown { .. }) | None => Outcome::Refused,
            Some(Standing::Differs { .. }) if self.waits.contains_key(id) => Outcome::Refused,
            Some(Standing::Differs { .. }) if self.frozen.contains(id) => Outcome::Frozen,
            Some(Standing::Differs { .. }) => Outcome::Waits,
        }
    }
}
