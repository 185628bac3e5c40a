//! The watch of a CodeDeploy deployment: look, step, act, wait. It must never decide anything. Start
//! with [`follow`].

use crate::client::Client;
use crate::codedeploy::{Wait, deployment_seen};
use crate::diagnose::{Looking, diagnose_code_deploy};
use crate::error::AwsError;
use crate::gates::{Elsewhere, GateAsker, TrafficGroups};
use crate::sink::{EventSink, now};
use crate::watch::WatchOptions;
use std::time::Duration;
use tidegate_rollout::code_deploy::seen::Seen;
use tidegate_rollout::code_deploy::{Action, Rollout, step};
use tidegate_rollout::gate::Reading;
use tidegate_rollout::plan::StepKind;
use tidegate_rollout::{Event, Verdict, pace};

/// Follows a rollout to its verdict, events to the sink.
pub(crate) async fn follow(
    client: &Client,
    rollout: Rollout,
    groups: Option<TrafficGroups>,
    elsewhere: &dyn Elsewhere,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Verdict, AwsError> {
    let asker = GateAsker::new(client, elsewhere, groups, options.tick);
    let mut following = Following { client, rollout, asker, options, sink, has_warned: false };
    loop {
        if let Some(seen) = following.look().await?
            && let Some(verdict) = following.consider(seen).await
        {
            return Ok(verdict);
        }
        let wait = pace::next_look(following.rollout.pulse(), now(), options.tick);
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
    }
}

struct Following<'a> {
    client: &'a Client,
    rollout: Rollout,
    asker: GateAsker<'a>,
    options: WatchOptions,
    sink: &'a mut dyn EventSink,
    has_warned: bool,
}

impl Following<'_> {
    /// One look. `None` if it failed in a way that passes.
    async fn look(&mut self) -> Result<Option<Seen>, AwsError> {
        let id = self.rollout.followed().clone();
        let target = self.rollout.target().clone();
        let (info, target) =
            tokio::join!(self.client.deployment_info(&id), self.client.deployment_target(&id, &target));
        let (info, target) = match (info, target) {
            (Ok(info), Ok(target)) => (info, target),
            (Err(error), _) | (_, Err(error)) if error.passes() && now() < self.rollout.deadline() => {
                if !self.has_warned {
                    let message = format!("cannot look at the moment, trying again: {error}");
                    self.tell(&Event::Warned { message });
                }
                self.has_warned = true;
                return Ok(None);
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        self.has_warned = false;
        let mut seen = Seen::of(deployment_seen(&id, &info), target);
        if self.is_shifting() {
            seen.measured = self.asker.measured().await;
        }
        Ok(Some(seen))
    }

    fn is_shifting(&self) -> bool {
        let step = self.rollout.plan().steps.get(self.rollout.step());
        step.is_some_and(|step| matches!(step.kind, StepKind::Shift(_)))
    }

    /// Steps until the look is used up: a step may ask for more of the same moment.
    async fn consider(&mut self, mut seen: Seen) -> Option<Verdict> {
        loop {
            let (next, actions) = step(&self.rollout, &seen, now());
            self.rollout = next;
            let mut ending = None;
            let mut is_fuller = false;
            for action in actions {
                match action {
                    Action::Report(event @ Event::Decided { .. }) => ending = Some(event),
                    Action::Report(event) => {
                        if let Event::StepBegan { kind: StepKind::Shift(weight), .. } = event {
                            self.asker.begin_step(weight, now());
                        }
                        self.tell(&event);
                    }
                    Action::AskGates(questions) => {
                        seen.readings = Some(self.readings(&questions).await);
                        is_fuller = true;
                    }
                    Action::ReadStoppedTasks => {
                        seen.stopped_tasks = Some(self.stopped_tasks().await);
                        is_fuller = true;
                    }
                    Action::LetTrafficMove => {
                        let id = self.rollout.followed().clone();
                        if let Err(error) = self.client.continue_deployment(&id, Wait::Ready).await {
                            self.tell(&Event::Warned { message: format!("trying again: {error}") });
                        }
                    }
                    Action::StopWithRollback => {
                        let id = self.rollout.deployment().clone();
                        if let Err(error) = self.client.stop_deployment(&id).await {
                            let (next, actions) = self.rollout.stop_refused(&error.to_string(), now());
                            self.rollout = next;
                            ending = actions.into_iter().find_map(|action| match action {
                                Action::Report(event) => Some(event),
                                _ => None,
                            });
                        }
                    }
                }
            }
            if let (Some(event), Some(verdict)) = (ending, self.rollout.verdict().cloned()) {
                self.explain(&verdict).await;
                self.tell(&event);
                return Some(verdict);
            }
            if !is_fuller {
                return None;
            }
        }
    }

    async fn readings(&mut self, questions: &[usize]) -> Vec<(usize, Reading)> {
        let plan = self.rollout.plan();
        let asked: Vec<usize> = questions.iter().copied().filter(|it| *it < plan.gates.len()).collect();
        let gates: Vec<_> = asked.iter().filter_map(|index| plan.gates.get(*index)).collect();
        asked.into_iter().zip(self.asker.ask_all(&gates).await).collect()
    }

    async fn stopped_tasks(&mut self) -> Vec<tidegate_rollout::observation::StoppedTask> {
        match self.client.stopped_tasks(self.rollout.target()).await {
            Ok(tasks) => tasks,
            Err(error) => {
                self.tell(&Event::Warned { message: format!("cannot read the stopped tasks: {error}") });
                Vec::new()
            }
        }
    }

    /// The failure screen comes before the verdict, so that the verdict is the last thing read.
    async fn explain(&mut self, verdict: &Verdict) {
        let has_failed =
            matches!(verdict, Verdict::RolledBack { .. } | Verdict::Failed { .. } | Verdict::TimedOut { .. });
        if !has_failed {
            return;
        }
        let looking = Looking::of(self.options);
        let diagnosis = diagnose_code_deploy(self.client, &self.rollout, looking).await;
        let is_empty =
            diagnosis.causes.is_empty() && diagnosis.stopped.is_empty() && diagnosis.logs.is_empty();
        if !is_empty {
            self.tell(&Event::Diagnosed { diagnosis });
        }
    }

    fn tell(&mut self, event: &Event) {
        self.sink.event(now(), event);
    }
}
