//! What people ask of a rollout from another terminal, whoever moves it: `resume`, `pause`, `promote`, `abort`. What a
//! controller has no call for is refused with what is possible instead, and nothing is changed. Start with [`ask`].

use crate::alb::lease::whoami;
use crate::alb::{self, AlbError, Asking};
use crate::client::Client;
use crate::deploy::code_deploy::{self, Promoted, Wait};
use crate::deploy::{self, Before, DeployError, DeployPlan, Outcome, TaskDefinitionSource, Then};
use crate::error::AwsError;
use crate::history;
use crate::native;
use crate::sink::{EventSink, now};
use crate::watch::follow;
use tidegate_rollout::alb::Verb;
use tidegate_rollout::rolling::{Action, Rollout};
use tidegate_rollout::staged::configuration::{Hooks, bake_minutes};
use tidegate_rollout::update::Force;
use tidegate_rollout::{Strategy, Verdict};

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The process that runs the rollout has heard it.
    Heard {
        /// Who runs it.
        by: String,
    },
    /// It is done, and the rollout goes on.
    GoesOn {
        /// What was done, and what is still waited for.
        done: String,
    },
    /// It was followed to this end.
    Ended(Verdict),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// By Amazon ECS or CodeDeploy.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// By Tidegate itself.
    #[error(transparent)]
    Alb(#[from] AlbError),
}

impl From<AwsError> for ControlError {
    fn from(error: AwsError) -> Self {
        Self::Deploy(error.into())
    }
}

/// Asks it of whatever moves the service now.
///
/// # Errors
///
/// [`DeployError::Refused`] or [`AlbError::Nothing`] where nothing is under way, or the controller cannot do it.
pub async fn ask(
    client: &Client,
    plan: &DeployPlan,
    verb: Verb,
    sink: &mut dyn EventSink,
) -> Result<Answer, ControlError> {
    let before = Before::of(client.described_service(&plan.target).await?)?;
    if is_moved_by_tidegate(client, plan, &before).await {
        let asking =
            Asking { target: &plan.target, verb, elsewhere: plan.elsewhere.as_ref(), watch: plan.watch };
        return Ok(match alb::ask(client, &asking, sink).await? {
            alb::Answer::Heard { by } => Answer::Heard { by },
            alb::Answer::Ended(verdict) => Answer::Ended(verdict),
        });
    }
    Ok(match before.controller() {
        "ECS" => of_ecs(client, plan, &before, verb, sink).await?,
        "CODE_DEPLOY" => of_code_deploy(client, plan, &before, verb, sink).await?,
        other => {
            return Err(DeployError::refused(
                format!("the service has deployment controller {other}, whose deployments are elsewhere"),
                format!("{} it where they are made", verb.name()),
            )
            .into());
        }
    })
}

/// A rollout by controller `alb` is under way, was left half way, or is what the config file has.
async fn is_moved_by_tidegate(client: &Client, plan: &DeployPlan, before: &Before) -> bool {
    matches!(plan.strategy, Strategy::Alb(..)) || held_under_way(client, plan, before).await.is_some()
}

/// A rollout by controller `alb` that is under way or was left half way.
pub(crate) async fn held_under_way(client: &Client, plan: &DeployPlan, before: &Before) -> Option<alb::Held> {
    // Without Parameter Store, or the permission for it, there is no such rollout.
    let held = alb::held(client, &plan.target).await.ok().flatten();
    held.filter(|held| match held.progress.verdict() {
        None => true,
        Some(_) => held.progress.can_be_taken_up() && before.in_progress().is_none(),
    })
}

async fn of_ecs(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    verb: Verb,
    sink: &mut dyn EventSink,
) -> Result<Answer, DeployError> {
    let Some(moving) = before.in_progress() else { return Err(nothing_runs(plan, verb)) };
    match verb {
        Verb::Resume => resume(client, plan, before, sink).await.map(Answer::Ended),
        Verb::Promote => promote(client, plan, before).await,
        Verb::Abort => {
            let reason = format!("aborted by {}", whoami());
            let wait = DeployPlan { then: Then::Wait, ..plan.clone() };
            let outcome = take_back(client, &wait, before, reason, sink).await?;
            ended(plan, outcome).map(Answer::Ended)
        }
        Verb::Pause => Err(DeployError::refused(
            format!(
                "Amazon ECS cannot hold deployment {} of {}: it has no call for that",
                moving.id,
                moving.task_definition.short()
            ),
            "`tidegate abort` takes it back now; for the next one, a gate `approval` holds a step until somebody grants it, and controller: alb can be paused anywhere",
        )),
    }
}

/// As a second deploy of the same revision does: with the gates of the config file, by the strategy that is under way.
async fn resume(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    sink: &mut dyn EventSink,
) -> Result<Verdict, DeployError> {
    let strategy = native::strategy_of(&before.raw);
    let gates = if strategy == Strategy::Rolling { Vec::new() } else { plan.gates.clone() };
    let again = DeployPlan { gates, ..as_it_is(plan, strategy, TaskDefinitionSource::Running) };
    ended(plan, deploy::run(client, &again, sink).await?)
}

/// The plan without anything that would change what is under way.
fn as_it_is(plan: &DeployPlan, strategy: Strategy, source: TaskDefinitionSource) -> DeployPlan {
    DeployPlan {
        strategy,
        source,
        images: Vec::new(),
        force: Force::OnlyIfChanged,
        desired_count: None,
        then: Then::Wait,
        ..plan.clone()
    }
}

fn ended(plan: &DeployPlan, outcome: Outcome) -> Result<Verdict, DeployError> {
    match outcome {
        Outcome::Ended(verdict) => Ok(verdict),
        // It came to its end in this moment.
        _ => Err(nothing_runs(plan, Verb::Resume)),
    }
}

/// Answers our hook, if it waits. What ECS counts itself goes on being counted.
async fn promote(client: &Client, plan: &DeployPlan, before: &Before) -> Result<Answer, DeployError> {
    let known = match &before.service.current_service_deployment {
        Some(arn) if native::strategy_of(&before.raw) != Strategy::Rolling => {
            client.service_deployment(arn).await?
        }
        _ => None,
    };
    let Some(known) = known else {
        return Err(DeployError::refused(
            "a rolling deployment has no step that could be skipped",
            "it ends by itself; follow it with `tidegate watch`, or take it back with `tidegate abort`",
        ));
    };
    let stage = known.staging.stage.clone().unwrap_or_default();
    let configuration = &before.raw["deploymentConfiguration"];
    let Some(pause) = Hooks::in_force(configuration).ours(&known.staging).cloned() else {
        return Err(match known.staging.pauses.iter().find(|pause| pause.waits()) {
            Some(theirs) => DeployError::refused(
                format!("at {stage} the deployment waits for hook {}, which is somebody else's", theirs.id),
                format!(
                    "answer it with `aws ecs continue-service-deployment --service-deployment-arn {} --hook-id {}`",
                    known.arn, theirs.id
                ),
            ),
            None => DeployError::refused(
                format!("at {stage} the deployment waits for no answer"),
                "Amazon ECS counts its bakes itself and nobody can end one early; promote once a gate's hook waits, as `tidegate watch` shows, or take it back with `tidegate abort`",
            ),
        });
    };
    client.continue_service_deployment(&known.arn, &pause.id).await?;
    let bake = bake_minutes(configuration);
    let rest = match (stage.as_str(), bake) {
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 0) => "Nothing more is waited for.".to_owned(),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", _) => {
            format!("Its own bake of {bake} min follows and cannot be skipped.")
        }
        _ => "Its own bakes follow and cannot be skipped; `tidegate resume` answers the hooks that come, if nobody else does.".to_owned(),
    };
    Ok(Answer::GoesOn { done: format!("Amazon ECS goes on from {stage} of {}. {rest}", plan.target) })
}

/// Has ECS take the deployment back, and follows it to where it is steady, as far as the plan says.
pub(crate) async fn take_back(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    reason: String,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let started_at = now();
    let deadline = started_at + plan.timeout_ms;
    let rollout = Rollout::attach(plan.target.clone(), &before.service, started_at, deadline)
        .ok_or_else(|| nothing_runs(plan, Verb::Abort))?;
    let deployment = rollout.deployment().clone();
    let candidate = rollout.candidate().clone();
    let (rollout, actions) = rollout.aborted(reason);
    let asked = actions.iter().find_map(|action| match action {
        Action::RequestRollback(arn) => Some(arn),
        _ => None,
    });
    let Some(arn) = asked else {
        return Err(DeployError::refused(
            format!("this endpoint names no service deployment for {deployment}, which could be stopped"),
            "deploy the earlier revision with `tidegate rollback`",
        ));
    };
    client.request_rollback(arn).await?;
    for action in &actions {
        if let Action::Report(event) = action {
            sink.event(now(), event);
        }
    }
    if plan.then == Then::Return {
        return Ok(Outcome::Started { deployment });
    }
    let verdict = follow(client, rollout, None, plan.watch, sink)
        .await
        .map_err(|error| DeployError::LostSight { error, deployment })?;
    if !matches!(verdict, Verdict::TimedOut { .. } | Verdict::Superseded { .. }) {
        native::leave_no_hooks(client, plan, sink).await;
        history::keep(client, &candidate, &verdict, sink).await;
    }
    Ok(Outcome::Ended(verdict))
}

async fn of_code_deploy(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    verb: Verb,
    sink: &mut dyn EventSink,
) -> Result<Answer, DeployError> {
    match verb {
        Verb::Promote => {
            let Promoted { deployment, wait } = code_deploy::promote(client, plan).await?;
            let done = match wait {
                Wait::Ready => format!("CodeDeploy moves the traffic of deployment {deployment} now."),
                Wait::Termination => {
                    format!(
                        "CodeDeploy ends the blue task set of deployment {deployment} now. There is no way back any more."
                    )
                }
            };
            Ok(Answer::GoesOn { done })
        }
        Verb::Abort => code_deploy::abort(client, plan, sink).await.map(Answer::Ended),
        Verb::Resume => {
            let candidate = code_deploy::brought(client, plan, &before.raw).await?;
            let source = TaskDefinitionSource::Registered(candidate.as_str().to_owned());
            let again = as_it_is(plan, plan.strategy.clone(), source);
            ended(plan, deploy::run(client, &again, sink).await?).map(Answer::Ended)
        }
        Verb::Pause => Err(DeployError::refused(
            "CodeDeploy cannot hold a deployment at a step: it has no call for that",
            "`tidegate abort` stops it and goes back; controller: alb can be paused anywhere",
        )),
    }
}

fn nothing_runs(plan: &DeployPlan, verb: Verb) -> DeployError {
    DeployError::refused(
        format!("no deployment of {} is under way: there is nothing to {}", plan.target, verb.name()),
        "see what runs with `tidegate status`; `tidegate rollback` goes back from one that has ended",
    )
}
