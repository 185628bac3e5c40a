//! Carries out what the engine asks for: tasks to start and stop, routes and targets for the balancer.
//!
//! Every effect is read off the state as it is now, so carrying one out twice, or late, does no harm.

use tidegate_balancer::{Balancer, Change};
use tidegate_engine::{Effect, Event, State, StopCause, TaskChange};
use tidegate_tasks::Runtime;

use crate::{
    ExposeTargets, balancing,
    faults::Faults,
    functions::Functions,
    logs::Logs,
    registry::Registry,
    tasking::{self, TaskNames},
    writer::{Commands, SharedEngine, lock_read},
};

/// What effects are carried out by.
#[derive(Clone)]
pub(crate) struct Effects {
    pub runtime: Runtime,
    pub balancer: Balancer,
    pub names: TaskNames,
    pub faults: Faults,
    pub functions: Functions,
    pub logs: Logs,
    pub registry: Registry,
    pub commands: Commands,
    pub expose_targets: ExposeTargets,
}

impl Effects {
    /// Carries all of them out; what concerns the balancer is in force when it returns, and before a function is called.
    pub(crate) async fn carry_out(&self, effects: Vec<Effect>, engine: &SharedEngine) {
        let (invocations, others): (Vec<Effect>, Vec<Effect>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::InvokeFunction(_)));
        let changes = self.carry_out_outside(others, engine);
        // Ports were reserved before the change was accepted, so this fails only where somebody outside interferes.
        if !changes.is_empty()
            && let Err(error) = self.balancer.apply(changes).await
        {
            tracing::error!(%error, "the balancer could not follow");
        }
        self.carry_out_outside(invocations, engine);
    }

    /// Answers what is left to the balancer.
    fn carry_out_outside(&self, effects: Vec<Effect>, engine: &SharedEngine) -> Vec<Change> {
        if effects.is_empty() {
            return Vec::new();
        }
        let engine = lock_read(engine);
        let state = engine.state();
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                Effect::StartTask(arn) => self.start(state, arn),
                Effect::StopTask(arn) => self.runtime.stop(tasking::id(&arn)),
                Effect::LoadBalancer(arn) => {
                    changes.push(balancing::load_balancer(state, &arn, self.expose_targets));
                }
                Effect::InvokeFunction(id) => self.functions.carry_out(state, &id),
                Effect::Blob(digest) => self.registry.blobs().remove_unwanted(state, &digest),
                Effect::TargetGroup(arn) => changes.push(balancing::target_group(state, &self.faults, &arn)),
            }
        }
        changes
    }

    /// Starts a task; one whose secrets or logs are not there has failed to start instead.
    pub(crate) fn start(&self, state: &State, arn: String) {
        match tasking::begin(state, &arn, &self.runtime) {
            Some(Ok(spec)) => {
                self.names.remember(&spec);
                if self.logs.follow(&spec) {
                    self.commands.tell(Event::LogsBegin(arn));
                }
                self.runtime.start(spec);
            }
            Some(Err(reason)) => {
                let change = TaskChange::Stopped { cause: StopCause::TaskFailedToStart, reason };
                self.commands.tell(Event::Task { task: arn, change });
            }
            None => tracing::error!(task = arn, "a task to start is not in the state"),
        }
    }
}
