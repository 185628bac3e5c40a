//! All that a killed runner needs to go on, as plain data of a few kilobytes. It must never hold what
//! can be seen again. Start with [`Progress`].

use super::rule::Way;
use super::seen::{Question, Seen};
use super::traffic::Quiet;
use crate::gate::{Gate, Watch};
use crate::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use crate::plan::{Plan, Size, StepKind};
use crate::rolling::Rollout;
use crate::strategy::Strategy;
use crate::verdict::Verdict;
use crate::{Event, Millis, pace};
use serde::{Deserialize, Serialize};

/// A rollout by `controller: alb`, as far as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub(super) plan: Planned,
    /// Who started it.
    pub(super) by: String,
    pub(super) started_at: Millis,
    /// How long anything but a bake may take.
    pub(super) timeout: Millis,
    /// How long after a bake its gates may take to answer.
    pub(super) gates_timeout: Millis,
    /// The tick of the clock that it runs on.
    pub(super) tick: Millis,
    pub(super) revision: TaskDefinitionArn,
    pub(super) found: Baseline,
    pub(super) way: Way,
    pub(super) phase: Phase,
    /// When the phase must be over.
    pub(super) deadline: Millis,
    /// The update of a service that the phase asks for.
    pub(super) update: Update,
    /// How often the stable service was moved to the revision in vain.
    pub(super) failures: u32,
    /// The candidate's deployment, once it was seen.
    pub(super) candidate_deployment: Option<DeploymentId>,
    pub(super) hold: Hold,
    pub(super) last_request: Option<String>,
    pub(super) watch: Option<Watch>,
    pub(super) quiet: Option<Quiet>,
    pub(super) measured: MeasuredYet,
    pub(super) verdict: Option<Verdict>,
    /// What a look may be compared with, learned anew by every runner.
    #[serde(skip)]
    pub(super) fresh: Fresh,
}

/// What is learned anew by every runner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fresh {
    /// The deployment of the service that the phase moves.
    pub(super) following: Option<Box<Rollout>>,
    /// When somebody else's weights were first seen: one look may be an old picture.
    pub(super) foreign_since: Option<Millis>,
    /// Notes that were said in this phase.
    pub(super) said: Vec<String>,
}

/// Which of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that the rollout is of.
    Stable,
    /// The one that gets the revision first.
    Candidate,
}

/// What was found before anything changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) stable_revision: TaskDefinitionArn,
    /// How many tasks stable wanted: as many the candidate gets.
    pub(super) desired: u32,
    pub(super) candidate_revision: TaskDefinitionArn,
    /// How many tasks the candidate service gets back.
    pub(super) candidate_desired: u32,
}

/// Where a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The candidate service gets the revision and stable's count.
    ScalingUp,
    /// The weights of this shift are asked for.
    Shifting {
        /// Its index among the shifts.
        shift: usize,
    },
    /// The shift is watched.
    Baking {
        /// Its index among the shifts.
        shift: usize,
    },
    /// The candidate has everything; stable's group must be empty before stable is touched.
    Emptying,
    /// The stable service gets the revision. From here on there is no way back.
    RollingStable,
    /// The weights are asked back to stable.
    GoingHome {
        /// What the rollout ends with.
        ending: Ending,
    },
    /// The candidate's group must be empty before its tasks go.
    Settling {
        /// What the rollout ends with.
        ending: Ending,
    },
    /// The candidate service gets back what it had.
    GivingBack {
        /// What the rollout ends with.
        ending: Ending,
    },
}

/// What a rollout ends with once everything is home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The stable service runs the revision.
    Promoted,
    /// The stable service runs what it ran before.
    RolledBack {
        /// Why.
        reason: String,
    },
    /// Somebody deployed one of the services meanwhile.
    Superseded {
        /// The deployment that did.
        by: DeploymentId,
        /// What it brings.
        task_definition: TaskDefinitionArn,
    },
}

/// Whether the rollout may go on to its next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Hold {
    Free,
    Paused,
}

/// How far an UpdateService is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Update {
    NotAsked,
    /// Asked for; what is read may be older than this.
    Asked {
        at: Millis,
    },
    Seen {
        deployment: DeploymentId,
    },
}

/// Whether the share of this shift was seen in the request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeasuredYet {
    NotYet,
    Seen,
    /// Nothing to see it by; it was said.
    DoneWithout,
}

/// A plan that is stored without its steps, which follow from the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "PlanSource", into = "PlanSource")]
pub(super) struct Planned {
    pub(super) plan: Plan,
    source: PlanSource,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PlanSource {
    target: ServiceRef,
    strategy: Strategy,
    gates: Vec<Gate>,
    desired: u32,
    maximum_percent: u32,
    tick: Millis,
}

impl From<PlanSource> for Planned {
    fn from(source: PlanSource) -> Self {
        Self { plan: source.written().on_clock(source.tick), source }
    }
}

impl PlanSource {
    /// The plan on Amazon's clock, as people wrote it.
    fn written(&self) -> Plan {
        let size = Size { desired: self.desired, maximum_percent: self.maximum_percent };
        Plan::of(self.target.clone(), self.strategy.clone(), self.gates.clone(), size)
    }
}

impl From<Planned> for PlanSource {
    fn from(planned: Planned) -> Self {
        planned.source
    }
}

impl Planned {
    pub(super) fn of(
        target: ServiceRef,
        strategy: Strategy,
        gates: Vec<Gate>,
        size: Size,
        tick: Millis,
    ) -> Self {
        let Size { desired, maximum_percent } = size;
        PlanSource { target, strategy, gates, desired, maximum_percent, tick }.into()
    }

    /// The plan as people wrote it.
    pub(super) fn written(&self) -> Plan {
        self.source.written()
    }
}

impl Progress {
    /// The plan that is executed.
    pub fn plan(&self) -> &Plan {
        &self.plan.plan
    }

    /// The stable service.
    pub fn target(&self) -> &ServiceRef {
        &self.plan.plan.target
    }

    /// A service by its role.
    pub fn service(&self, role: Role) -> ServiceRef {
        let target = self.target();
        match (&self.plan.plan.strategy, role) {
            (Strategy::Alb(_, candidate), Role::Candidate) => {
                ServiceRef { cluster: target.cluster.clone(), service: candidate.service.clone() }
            }
            _ => target.clone(),
        }
    }

    /// The target group of a service.
    pub fn target_group(&self, role: Role) -> &str {
        match role {
            Role::Stable => &self.way.stable,
            Role::Candidate => &self.way.candidate,
        }
    }

    /// The rule whose weights it moves.
    pub fn rule(&self) -> &str {
        &self.way.rule
    }

    /// The revision that is rolled out.
    pub fn revision(&self) -> &TaskDefinitionArn {
        &self.revision
    }

    /// The revision that was found on the stable service.
    pub fn stable_revision(&self) -> &TaskDefinitionArn {
        &self.found.stable_revision
    }

    /// Where it is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// When it was started, and by whom.
    pub fn beginning(&self) -> (Millis, &str) {
        (self.started_at, &self.by)
    }

    /// The candidate's share of production that was read back last.
    pub fn share(&self) -> crate::Percent {
        self.way.confirmed.share().unwrap_or_default()
    }

    /// The candidate's share of production that was asked for last.
    pub fn asked(&self) -> crate::Percent {
        self.way.asked.last().map_or(self.share(), |asked| asked.share().unwrap_or_default())
    }

    /// The gates of the step that is watched.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The request that was honoured last.
    pub fn last_request(&self) -> Option<&str> {
        self.last_request.as_deref()
    }

    /// Does somebody hold it?
    pub fn is_paused(&self) -> bool {
        self.hold == Hold::Paused
    }

    /// Has the stable service been touched? From then on there is no way back.
    pub fn is_past_return(&self) -> bool {
        matches!(
            self.phase,
            Phase::RollingStable
                | Phase::GoingHome { ending: Ending::Promoted }
                | Phase::Settling { ending: Ending::Promoted }
                | Phase::GivingBack { ending: Ending::Promoted }
        )
    }

    /// Is it on its last steps, forward or back?
    pub(super) fn is_going_home(&self) -> bool {
        matches!(self.phase, Phase::GoingHome { .. } | Phase::Settling { .. } | Phase::GivingBack { .. })
    }

    /// Did it end without having come home? Then it can be taken up again.
    pub fn can_be_taken_up(&self) -> bool {
        matches!(self.verdict, None | Some(Verdict::Failed { .. }))
    }

    /// The step of the plan that it is at.
    pub fn step_kind(&self) -> StepKind {
        match &self.phase {
            Phase::ScalingUp => StepKind::ScaleUp,
            Phase::Shifting { shift } | Phase::Baking { shift } => {
                self.plan.plan.steps.get(shift + 1).map_or(StepKind::ScaleUp, |step| step.kind)
            }
            Phase::Emptying | Phase::RollingStable => StepKind::RollStable,
            Phase::GoingHome { .. } => StepKind::ShiftHome,
            Phase::Settling { .. } | Phase::GivingBack { .. } => StepKind::CleanUp,
        }
    }

    /// The same for a revision that was registered after the check.
    #[must_use]
    pub fn of_revision(self, revision: TaskDefinitionArn) -> Self {
        Self { revision, ..self }
    }

    /// Do clients stick to the group that they were sent to first?
    pub fn is_sticky(&self) -> bool {
        self.way.is_sticky()
    }

    /// Takes up a rollout that nobody runs any more, or one that ended without having come home: its
    /// deadlines begin again, and so does the bake, since nobody watched.
    #[must_use]
    pub fn taken_up(mut self, now: Millis) -> Self {
        self.verdict = None;
        self.hold = Hold::Free;
        self.failures = 0;
        self.fresh = Fresh::default();
        self.deadline = now + self.timeout;
        if let Phase::Baking { shift } = self.phase {
            self.watch_shift(shift, now);
        }
        self.quiet = self.quiet.map(|_| Quiet::from(now));
        self
    }

    /// What is to be looked at before the next step.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions = vec![Question::Request, Question::Rule(self.way.rule.clone())];
        questions.push(Question::Services);
        let traffic = |since: Option<Millis>| since.map(|since| Question::Traffic { since });
        match &self.phase {
            Phase::ScalingUp => questions.push(Question::Targets(Role::Candidate)),
            Phase::Baking { .. } => {
                questions.push(Question::Targets(Role::Candidate));
                questions.extend(traffic(self.way.since));
                let asked = self.watch.as_ref().map(|watch| watch.questions(self.plan())).unwrap_or_default();
                questions.push(Question::Gates(asked));
            }
            Phase::Emptying => {
                questions.push(Question::Targets(Role::Candidate));
                questions.push(Question::Revision(self.revision.clone()));
                questions.extend(traffic(self.quiet.map(|quiet| quiet.since)));
            }
            Phase::RollingStable => questions.push(Question::Targets(Role::Stable)),
            Phase::Settling { .. } => questions.extend(traffic(self.quiet.map(|quiet| quiet.since))),
            Phase::Shifting { .. } | Phase::GoingHome { .. } | Phase::GivingBack { .. } => {}
        }
        questions
    }

    /// How long to wait before the next look, in milliseconds.
    pub fn next_look(&self) -> Millis {
        self.tick
    }

    /// AWS does not know, or does not show, the service deployment: go by the deployments alone.
    pub fn forget_service_deployment(&mut self) {
        if let Some(rollout) = &mut self.fresh.following {
            rollout.forget_service_deployment();
        }
    }

    /// The deployment that is followed at the moment, for a diagnosis.
    pub fn following(&self) -> Option<&Rollout> {
        self.fresh.following.as_deref()
    }

    /// A time of Amazon's clock on the clock of this rollout.
    pub(super) fn scaled(&self, time: Millis) -> Millis {
        pace::on_clock(time, self.tick)
    }

    /// What must be saved before anything else is done: where it is, and what was asked for.
    pub(super) fn milestone(&self) -> impl PartialEq + '_ {
        (
            &self.phase,
            (&self.way, &self.update, self.failures, &self.candidate_deployment),
            (&self.hold, &self.last_request, self.measured, &self.verdict),
        )
    }
}

/// What one step gives to the shell, besides the progress.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) reports: Vec<Event>,
    pub(super) reads: Vec<crate::rolling::Action>,
    pub(super) act: Option<super::seen::Act>,
}

impl Out {
    pub(super) fn tell(&mut self, event: Event) {
        self.reports.push(event);
    }
}

/// The described service of a look, if it was asked for and is there.
pub(super) fn described(seen: &Seen, role: Role) -> Option<&crate::observation::ServiceSeen> {
    match role {
        Role::Stable => seen.stable.as_ref(),
        Role::Candidate => seen.candidate.as_ref(),
    }
}
