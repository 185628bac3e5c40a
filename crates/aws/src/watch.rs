//! The watch: look, step, act, wait. It must never decide anything: what a look means is
//! `tidegate_rollout::rolling::Following`. Start with [`follow`].
//!
//! The calls of a watch: the answer of UpdateService is the first look and costs nothing; every
//! further look is one DescribeServices; `DescribeServiceDeployments` is read only to explain an end
//! that is not a success; `ListTasks` and `DescribeTasks` only when a failure count grew or an event
//! told of trouble. How often: see `tidegate_rollout::pace`.

use crate::client::Client;
use crate::deploy::{Before, DeployPlan, code_deploy};
use crate::diagnose::{Looking, diagnose};
use crate::error::AwsError;
use crate::gates::GateAsker;
use crate::native;
use crate::sink::{EventSink, now};
use std::time::Duration;
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::gate::Gate;
use tidegate_rollout::observation::{GatesSeen, Observation, Requests, ServiceSeen};
use tidegate_rollout::rolling::{Action, Following, NeedsServiceDeployment, Rollout};
use tidegate_rollout::{Event, Millis, Strategy, Verdict, pace};

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct WatchOptions {
    /// The tick in milliseconds: [`pace::TICK`] on Amazon's clock, shorter for a local cloud whose
    /// clock runs faster.
    pub tick: Millis,
    /// Log lines on the failure screen.
    pub log_lines: u16,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { tick: pace::TICK, log_lines: 20 }
    }
}

/// Follows a rollout to its verdict, events to the sink. `first` is a look that is at hand already.
///
/// A look that fails in a way that passes is taken again until the deadline; any other failure (a
/// session that expired, a missing permission) ends the watch, and ECS goes on without it.
pub async fn follow<F: Following>(
    client: &Client,
    rollout: F,
    first: Option<ServiceSeen>,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Verdict, AwsError> {
    follow_with_gates(client, rollout, first, None, options, sink).await
}

/// The gates of a rollout, and who asks them.
pub(crate) struct Gates<'a> {
    pub(crate) asker: GateAsker<'a>,
    /// Those of the plan.
    pub(crate) gates: &'a [Gate],
}

/// The same for a rollout that has gates.
pub(crate) async fn follow_with_gates<F: Following>(
    client: &Client,
    rollout: F,
    first: Option<ServiceSeen>,
    gates: Option<Gates<'_>>,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Verdict, AwsError> {
    let mut watch = Watch { client, rollout, gates, options, sink, lost_sight: Sight::Clear };
    let mut at_hand = first;
    loop {
        let service = match at_hand.take() {
            Some(service) => Some(service),
            None => watch.look().await?,
        };
        if let Some(service) = service
            && let Some(verdict) = watch.consider(service).await?
        {
            return Ok(verdict);
        }
        let wait = pace::next_look(watch.rollout.followed().pulse(), now(), options.tick);
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
    }
}

struct Watch<'a, F> {
    client: &'a Client,
    rollout: F,
    gates: Option<Gates<'a>>,
    options: WatchOptions,
    sink: &'a mut dyn EventSink,
    lost_sight: Sight,
}

/// Whether the last look worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Clear,
    Lost,
}

impl<F: Following> Watch<'_, F> {
    /// One DescribeServices. `None` if it failed in a way that passes.
    async fn look(&mut self) -> Result<Option<ServiceSeen>, AwsError> {
        match self.client.observed_service(self.rollout.followed().target()).await {
            Ok(service) => {
                self.lost_sight = Sight::Clear;
                Ok(Some(service))
            }
            Err(error) => self.lose_sight(error).map(|()| None),
        }
    }

    /// A look failed: said once, and taken again, if that may help.
    fn lose_sight(&mut self, error: AwsError) -> Result<(), AwsError> {
        if !error.passes() || now() >= self.rollout.followed().window().1 {
            return Err(error);
        }
        if self.lost_sight == Sight::Clear {
            self.tell(&Event::Warned {
                message: format!("cannot look at the moment, trying again: {error}"),
            });
        }
        self.lost_sight = Sight::Lost;
        Ok(())
    }

    /// Steps until the look is used up: a step may ask for more of the same moment.
    async fn consider(&mut self, service: ServiceSeen) -> Result<Option<Verdict>, AwsError> {
        let mut seen = Observation::of(service);
        loop {
            let (next, actions) = self.rollout.step(&seen, now());
            self.rollout = next;
            let mut ending = None;
            let mut fuller = false;
            for action in actions {
                match action {
                    Action::Report(event @ Event::Decided { .. }) => ending = Some(event),
                    Action::Report(event) => self.tell(&event),
                    Action::ReadServiceDeployment(arn) => {
                        match self.client.service_deployment(&arn).await {
                            Ok(Some(known)) => seen.service_deployment = Some(known),
                            Ok(None) => self.rollout.followed_mut().forget_service_deployment(),
                            Err(error)
                                if self.rollout.needs_service_deployment() == NeedsServiceDeployment::Yes =>
                            {
                                self.lose_sight(error)?;
                                return Ok(None);
                            }
                            Err(error) => self.do_without_service_deployments(&error),
                        }
                        fuller = true;
                    }
                    Action::ReadStoppedTasks(_) => {
                        seen.stopped_tasks = Some(self.stopped_tasks().await);
                        fuller = true;
                    }
                    Action::ReadDeregistrationDelay(target_group) => {
                        seen.deregistration_delay = self.deregistration_delay(&target_group).await;
                        fuller = true;
                    }
                    Action::BeginStep(weight) => {
                        if let Some(gates) = &mut self.gates {
                            gates.asker.begin_step(weight, now());
                        }
                    }
                    Action::AskGates(asked) => {
                        seen.gates = Some(self.ask_gates(&asked).await);
                        fuller = true;
                    }
                    Action::Continue { arn, hook } => {
                        if let Err(error) = self.client.continue_service_deployment(&arn, &hook).await {
                            let message = format!("ECS did not take the answer to hook {hook}: {error}");
                            self.tell(&Event::Warned { message });
                        }
                    }
                    Action::RequestRollback(arn) => {
                        if let Err(error) = self.client.request_rollback(&arn).await {
                            let followed = self.rollout.followed();
                            let (next, actions) = followed.rollback_refused(&error.to_string(), now());
                            *self.rollout.followed_mut() = next;
                            ending = actions.into_iter().find_map(|action| match action {
                                Action::Report(event) => Some(event),
                                _ => None,
                            });
                        }
                    }
                }
            }
            if let (Some(event), Some(verdict)) = (ending, self.rollout.followed().verdict().cloned()) {
                self.explain(&verdict, &seen.service).await;
                self.tell(&event);
                return Ok(Some(verdict));
            }
            if !fuller {
                return Ok(None);
            }
        }
    }

    /// Older endpoints and narrow permissions lack service deployments; the deployments of the
    /// service itself tell enough.
    fn do_without_service_deployments(&mut self, error: &AwsError) {
        self.rollout.followed_mut().forget_service_deployment();
        self.tell(&Event::Warned { message: format!("going on without service deployments: {error}") });
    }

    async fn ask_gates(&mut self, asked: &[usize]) -> GatesSeen {
        let Some(Gates { asker, gates }) = &self.gates else {
            return GatesSeen { readings: Vec::new(), measured: None, stable: Requests::NobodyCounts };
        };
        let questions: Vec<(usize, &Gate)> =
            asked.iter().filter_map(|index| Some((*index, gates.get(*index)?))).collect();
        let of_plan: Vec<&Gate> = questions.iter().map(|(_, gate)| *gate).collect();
        let answers = asker.ask_all(&of_plan).await;
        let measured = asker.measured().await;
        GatesSeen {
            readings: questions.iter().map(|(index, _)| *index).zip(answers).collect(),
            measured,
            stable: asker.stable_requests(),
        }
    }

    /// In milliseconds of the endpoint's clock. Without the answer the watch only looks more often.
    async fn deregistration_delay(&mut self, target_group: &str) -> Option<Millis> {
        let seconds = self.client.deregistration_delay(target_group).await.ok()?;
        // A shorter tick says that the endpoint's clock runs faster by as much.
        Some(seconds * 1000 * self.options.tick / pace::TICK)
    }

    async fn stopped_tasks(&mut self) -> Vec<tidegate_rollout::observation::StoppedTask> {
        match self.client.stopped_tasks(self.rollout.followed().target()).await {
            Ok(tasks) => tasks,
            Err(error) => {
                self.tell(&Event::Warned { message: format!("cannot read the stopped tasks: {error}") });
                Vec::new()
            }
        }
    }

    /// The failure screen comes before the verdict, so that the verdict is the last thing read.
    async fn explain(&mut self, verdict: &Verdict, service: &ServiceSeen) {
        let failed =
            matches!(verdict, Verdict::RolledBack { .. } | Verdict::Failed { .. } | Verdict::TimedOut { .. });
        if failed {
            let looking = Looking::of(self.options);
            let diagnosis = diagnose(self.client, self.rollout.followed(), service, looking).await;
            self.tell(&Event::Diagnosed { diagnosis });
        }
    }

    fn tell(&mut self, event: &Event) {
        self.sink.event(now(), event);
    }
}

/// Follows whatever deployment the service works on now, CodeDeploy's too, with what the plan's gates show of it.
/// Nothing of the plan is brought about. `Ok(None)` if there is none
/// that can be found (an external controller keeps them elsewhere).
pub async fn attach(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AwsError> {
    let target = &plan.target;
    let described = client.described_service(target).await?;
    if check_controller(&described).is_ok() {
        return code_deploy::attach(client, target, &described, plan.timeout_ms, plan.watch, sink).await;
    }
    let seen = crate::ecs::seen("DescribeServices", &described)?;
    let ServiceSeen::Described(service) = &seen else {
        return Ok(None);
    };
    if native::strategy_of(&described) != Strategy::Rolling {
        let before = Before { service: (**service).clone(), raw: described };
        return native::look_on(client, plan, &before, sink).await;
    }
    let started_at = now();
    let deadline = started_at + plan.timeout_ms;
    let Some(rollout) = Rollout::attach(target.clone(), service, started_at, deadline) else {
        return Ok(None);
    };
    follow(client, rollout, Some(seen), plan.watch, sink).await.map(Some)
}
