//! A whole deployment as one function: describe, prepare, register if something changed, update,
//! watch to the verdict. It must never print or read a file: what happens goes to an
//! [`EventSink`], what is wanted comes in a [`DeployPlan`]. Start with [`run`].
//!
//! The calls of a deployment that does not wait, in sequence: one DescribeServices, one
//! `DescribeTaskDefinition` (with tags), one `RegisterTaskDefinition` if something changed, one
//! UpdateService; before them one ECR `DescribeImages` for each image whose tag is to be resolved.

pub mod code_deploy;

use crate::client::Client;
use crate::ecr::EcrImage;
use crate::ecs::seen;
use crate::error::{AwsError, Fate};
use crate::gates::{Elsewhere, alarm_names};
use crate::observe;
use crate::sink::{EventSink, now};
use crate::watch::{WatchOptions, follow};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tidegate_rollout::code_deploy::Refusal;
use tidegate_rollout::gate::{AlarmReading, Gate};
use tidegate_rollout::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::{Deployment, RolloutState, Service, ServiceSeen};
use tidegate_rollout::origin::Origin;
use tidegate_rollout::plan::Size;
use tidegate_rollout::rolling::Rollout;
use tidegate_rollout::task_definition::diff::Difference;
use tidegate_rollout::task_definition::images::{ImageChange, ImageError};
use tidegate_rollout::task_definition::strip::response_only;
use tidegate_rollout::task_definition::{Prepared, Registering, prepare};
use tidegate_rollout::update::{BreakerPolicy, Force, breaker_to_send};
use tidegate_rollout::{Event, Millis, Plan, Strategy, Verdict};

/// Deploys, and answers how it ended. Everything on the way goes to the sink as it happens.
///
/// # Errors
///
/// [`DeployError`] says what failed and, through [`DeployError::changed`], whether anything that
/// runs was touched before.
pub async fn run(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    // Boxed: a whole deployment is a large future, and stands in others.
    Box::pin(deployed(client, plan, sink)).await
}

async fn deployed(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let described = client.described_service(&plan.target).await?;
    let before = Before::of(described)?;
    let ready = Ready::of(client, plan, &before).await?;
    let wanted = wanted(client, plan, &before, sink).await?;
    if let Wanted::Document(prepared) = &wanted {
        ready.accepts(&prepared.document)?;
    }
    let goes_on = ready.goes_on(client, plan, &wanted).await?;
    let begins = !goes_on && (!wanted.changes_nothing(&before) || plan.force == Force::Redeploy);
    if begins {
        ready.may_begin(&before)?;
    }
    sink.event(
        now(),
        &Event::Planned {
            target: plan.target.clone(),
            from: before.service.task_definition.clone(),
            differences: wanted.differences().to_vec(),
        },
    );
    sink.event(now(), &Event::PlanMade { plan: ready.plan().clone() });
    if begins && ready.switches_breaker_on(plan, &before) {
        let message = "the service's circuit breaker is off; this deployment switches it on, with rollback (circuitBreaker: leave keeps it off)";
        sink.event(now(), &Event::Warned { message: message.to_owned() });
    }
    if let Some(count) = before.new_count(plan).filter(|_| begins || plan.then == Then::OnlyShow) {
        let message = format!(
            "the desired count goes from {} to {count}, because --desired-count says so; without it, it stays as it is, also when autoscaling set it",
            before.service.desired_count
        );
        sink.event(now(), &Event::Warned { message });
    }
    if plan.then == Then::OnlyShow {
        sink.event(
            now(),
            &Event::NothingDone { reason: "dry run: nothing was registered or updated".into() },
        );
        return Ok(Outcome::OnlyShown { differences: wanted.differences().to_vec() });
    }
    if goes_on && let Ready::CodeDeploy(ready) = ready {
        return ready.go_on(client, plan, sink).await;
    }
    if !begins {
        return nothing_changed(client, plan, &before, ready, sink).await;
    }
    let task_definition = match wanted {
        Wanted::Existing(arn) => arn,
        Wanted::Document(prepared) if prepared.registering() == Registering::NotNeeded => {
            before.service.task_definition.clone()
        }
        Wanted::Document(prepared) => {
            let strategy = label(&plan.strategy);
            crate::origin::register(client, plan, &prepared.document, &strategy, sink).await?
        }
    };
    ready.start(client, plan, &before, task_definition, sink).await
}

/// A strategy in letters that tags take, such as `canary alb`.
pub(crate) fn label(strategy: &Strategy) -> String {
    format!("{} {}", strategy.name(), strategy.controller().name())
}

/// A rollout that may begin: everything that can be refused was looked at, and nothing was changed.
enum Ready {
    Rolling(crate::rolling::Ready),
    Native(crate::native::Ready),
    CodeDeploy(Box<code_deploy::Ready>),
    Alb(Box<crate::alb::ready::Ready>),
}

impl Ready {
    async fn of(client: &Client, plan: &DeployPlan, before: &Before) -> Result<Self, DeployError> {
        gates_can_be_asked(client, plan).await?;
        match &plan.strategy {
            Strategy::Rolling => crate::rolling::Ready::of(plan, before).map(Self::Rolling),
            Strategy::Ecs(traffic) => {
                crate::native::Ready::of(client, plan, traffic, before).await.map(Self::Native)
            }
            Strategy::CodeDeploy(traffic, group) => {
                let ready = code_deploy::Ready::of(client, plan, (traffic, group), before).await?;
                Ok(Self::CodeDeploy(Box::new(ready)))
            }
            Strategy::Alb(_, candidate) => {
                let ready = crate::alb::ready::Ready::of(client, plan, candidate, before).await?;
                Ok(Self::Alb(Box::new(ready)))
            }
        }
    }

    /// Can this task definition be brought that way?
    fn accepts(&self, definition: &Value) -> Result<(), DeployError> {
        match self {
            Self::Rolling(_) | Self::Native(_) | Self::Alb(_) => Ok(()),
            Self::CodeDeploy(ready) => ready.accepts(definition),
        }
    }

    /// Is what is wanted on its way already, by a deployment that says so itself? What else is under way stands
    /// against it.
    async fn goes_on(
        &self,
        client: &Client,
        plan: &DeployPlan,
        wanted: &Wanted,
    ) -> Result<bool, DeployError> {
        match self {
            Self::CodeDeploy(ready) => ready.goes_on(client, wanted, plan.force).await,
            Self::Rolling(_) | Self::Native(_) | Self::Alb(_) => Ok(false),
        }
    }

    /// Does nothing that is under way stand against a new rollout?
    fn may_begin(&self, before: &Before) -> Result<(), DeployError> {
        match self {
            Self::Native(_) => crate::native::may_begin(before),
            Self::Rolling(_) | Self::CodeDeploy(_) | Self::Alb(_) => Ok(()),
        }
    }

    /// The breaker is ECS's, and counts in deployments by ECS alone.
    fn switches_breaker_on(&self, plan: &DeployPlan, before: &Before) -> bool {
        match self {
            Self::Rolling(_) | Self::Native(_) => breaker_to_send(&before.raw, plan.breaker).is_some(),
            Self::CodeDeploy(_) | Self::Alb(_) => false,
        }
    }

    /// What will happen, step by step.
    fn plan(&self) -> &Plan {
        match self {
            Self::Rolling(ready) => ready.plan(),
            Self::Native(ready) => ready.plan(),
            Self::CodeDeploy(ready) => ready.plan(),
            Self::Alb(ready) => ready.plan(),
        }
    }

    /// Brings the revision, and follows it as far as the plan says.
    async fn start(
        self,
        client: &Client,
        plan: &DeployPlan,
        before: &Before,
        task_definition: TaskDefinitionArn,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        match self {
            Self::Rolling(ready) => Box::pin(ready.start(client, plan, before, task_definition, sink)).await,
            Self::Native(ready) => Box::pin(ready.start(client, plan, before, task_definition, sink)).await,
            Self::CodeDeploy(ready) => {
                Box::pin(ready.start(client, plan, before, task_definition, sink)).await
            }
            Self::Alb(ready) => Box::pin(ready.start(client, plan, task_definition, sink)).await,
        }
    }
}

/// A gate that can never be answered is refused before anything changes.
async fn gates_can_be_asked(client: &Client, plan: &DeployPlan) -> Result<(), DeployError> {
    // The alarms of a rolling deployment are watched by ECS itself.
    if plan.then == Then::Return && plan.strategy != Strategy::Rolling && !plan.gates.is_empty() {
        return Err(DeployError::refused(
            "gates need somebody who asks them, and --no-wait leaves before the first",
            "leave out --no-wait, or the gates",
        ));
    }
    let alarms = alarm_names(plan.gates.iter());
    let states = client.alarm_states(&alarms).await?;
    let missing: Vec<&str> = states
        .iter()
        .filter(|(_, state)| **state == AlarmReading::Missing)
        .map(|(name, _)| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(DeployError::refused(
        format!("there is no alarm {} in {}", missing.join(", "), client.region()),
        "check the gates in tidegate.yml: the name, the region and the account",
    ))
}

/// What is to be deployed, and how.
#[derive(Debug, Clone)]
pub struct DeployPlan {
    /// The service.
    pub target: ServiceRef,
    /// How the service moves, and who moves it.
    pub strategy: Strategy,
    /// What must hold for each step to pass.
    pub gates: Vec<Gate>,
    /// How long after a step's bake its gates may take to answer, in milliseconds of AWS's clock.
    pub gates_timeout: Millis,
    /// Whom to ask what is not AWS's.
    pub elsewhere: Arc<dyn Elsewhere>,
    /// Where the task definition comes from.
    pub source: TaskDefinitionSource,
    /// Images to set in it.
    pub images: Vec<ImageChange>,
    /// Where it comes from, for the history.
    pub origin: Origin,
    /// Whether ECR tags among them become digests.
    pub tags: Tags,
    /// Whether to switch the circuit breaker on where it is off.
    pub breaker: BreakerPolicy,
    /// Whether to redeploy what already runs.
    pub force: Force,
    /// Sent only if it is there and the service has another one.
    pub desired_count: Option<u32>,
    /// How far to go.
    pub then: Then,
    /// How long to wait for the verdict, in milliseconds.
    pub timeout_ms: Millis,
    /// How to watch.
    pub watch: WatchOptions,
}

/// Where the task definition comes from.
#[derive(Debug, Clone)]
pub enum TaskDefinitionSource {
    /// The one that the service runs now.
    Running,
    /// A document in AWS's camelCase JSON.
    Document(Value),
    /// A revision that is registered already, by ARN or `family:revision`.
    Registered(String),
}

/// What to do with ECR tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tags {
    /// Resolve them to digests, with a warning where that fails.
    #[default]
    Resolve,
    /// Leave them; ECS resolves them when the first task starts.
    Keep,
}

/// How far a deployment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Then {
    /// To the verdict.
    #[default]
    Wait,
    /// Until UpdateService has answered.
    Return,
    /// Show the difference and call nothing that writes.
    OnlyShow,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing differs from what runs.
    NothingToDo,
    /// A dry run.
    OnlyShown {
        /// What would change.
        differences: Vec<Difference>,
    },
    /// UpdateService was answered and nobody waits.
    Started {
        /// The deployment.
        deployment: DeploymentId,
    },
    /// The verdict.
    Ended(Verdict),
}

/// A deployment that did not get to its verdict.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// AWS did not do what was asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A container that is not there.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// CodeDeploy could not do what was asked, and was not asked.
    #[error(transparent)]
    CodeDeploy(#[from] Refusal),
    /// Something is in the way, and was seen before anything changed.
    #[error("{what}")]
    Refused {
        /// What.
        what: String,
        /// What to do.
        instead: String,
    },
    /// UpdateService failed.
    #[error("{error}")]
    Update {
        /// Why.
        error: AwsError,
        /// The revision that was registered for it.
        task_definition: TaskDefinitionArn,
    },
    /// A rollout that this program itself moves stopped half way.
    #[error("{what}")]
    Left {
        /// What happened.
        what: String,
        /// What to do.
        help: Option<String>,
    },
    /// The rollout goes on, and this program cannot see it any more.
    #[error("lost sight of deployment {deployment}: {error}")]
    LostSight {
        /// Why.
        error: AwsError,
        /// What was followed.
        deployment: DeploymentId,
    },
}

/// What a failed deployment has touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Nothing that runs.
    Nothing,
    /// Perhaps the service: the call's fate is not known.
    Perhaps,
    /// The service: a deployment is under way.
    Service,
}

impl DeployError {
    /// What was touched before it failed.
    pub fn changed(&self) -> Changed {
        match self {
            Self::LostSight { .. } | Self::Left { .. } => Changed::Service,
            Self::Update { error, .. } if error.fate() == Fate::Unknown => Changed::Perhaps,
            _ => Changed::Nothing,
        }
    }

    /// What to do, if there is something.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Aws(error) | Self::Update { error, .. } => error.help(),
            Self::LostSight { .. } => {
                Some("ECS goes on without this program; `tidegate resume` picks it up again, `tidegate watch` only shows it".into())
            }
            Self::Refused { instead, .. } => Some(instead.clone()),
            Self::CodeDeploy(refusal) => Some(refusal.help().to_owned()),
            Self::Left { help, .. } => help.clone(),
            Self::Image(_) => None,
        }
    }

    /// Something is in the way; nothing was changed.
    pub(crate) fn refused(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), instead: instead.into() }
    }
}

/// The service before anything is done.
pub(crate) struct Before {
    /// As DescribeServices answered it.
    pub(crate) raw: Value,
    pub(crate) service: Service,
}

impl Before {
    pub(crate) fn of(raw: Value) -> Result<Self, DeployError> {
        match seen("DescribeServices", &raw)? {
            ServiceSeen::Described(service) => Ok(Self { raw, service: *service }),
            ServiceSeen::Missing => {
                Err(DeployError::refused("the service does not exist", "create it first"))
            }
        }
    }

    /// `deploymentController.type`; ECS where it is not said.
    pub(crate) fn controller(&self) -> &str {
        self.raw.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS")
    }

    /// `deploymentConfiguration.strategy`; ROLLING where it is not said.
    pub(crate) fn strategy(&self) -> &str {
        self.raw.pointer("/deploymentConfiguration/strategy").and_then(Value::as_str).unwrap_or("ROLLING")
    }

    /// Refuses a service whose deployment controller is another one.
    pub(crate) fn controlled_by(&self, wanted: &str, strategy: &Strategy) -> Result<(), DeployError> {
        let has = self.controller();
        if has == wanted {
            return Ok(());
        }
        let instead = match has {
            "CODE_DEPLOY" => "write `controller: code_deploy` in tidegate.yml",
            "EXTERNAL" => "task sets of an external controller are rolled by that controller",
            _ => "write `controller: ecs` or `controller: alb` in tidegate.yml",
        };
        Err(DeployError::refused(
            format!("the service has deployment controller {has}, and {strategy} needs {wanted}"),
            format!(
                "{instead}; a service's controller is changed by UpdateService with deploymentController"
            ),
        ))
    }

    /// How many tasks its size lets run.
    pub(crate) fn size(&self, plan: &DeployPlan) -> Size {
        let maximum = self.raw.pointer("/deploymentConfiguration/maximumPercent").and_then(Value::as_u64);
        Size {
            desired: plan.desired_count.unwrap_or(self.service.desired_count),
            maximum_percent: maximum.and_then(|percent| u32::try_from(percent).ok()).unwrap_or(200),
        }
    }

    /// The desired count that the update has to name: one that the user asked for and that the service has not. Any
    /// other would undo what autoscaling does in the meantime.
    pub(crate) fn new_count(&self, plan: &DeployPlan) -> Option<u32> {
        plan.desired_count.filter(|count| *count != self.service.desired_count)
    }

    pub(crate) fn in_progress(&self) -> Option<&Deployment> {
        let mut deployments = self.service.deployments.iter();
        deployments.find(|d| d.is_primary() && d.rollout_state == Some(RolloutState::InProgress))
    }

    pub(crate) fn deployments(&self) -> BTreeSet<DeploymentId> {
        self.service.deployments.iter().map(|d| d.id.clone()).collect()
    }
}

/// What is to run.
pub(crate) enum Wanted {
    Existing(TaskDefinitionArn),
    Document(Prepared),
}

impl Wanted {
    fn differences(&self) -> &[Difference] {
        match self {
            Self::Existing(_) => &[],
            Self::Document(prepared) => &prepared.differences,
        }
    }

    fn changes_nothing(&self, before: &Before) -> bool {
        match self {
            Self::Existing(arn) => *arn == before.service.task_definition,
            Self::Document(prepared) => prepared.registering() == Registering::NotNeeded,
        }
    }
}

async fn wanted(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    sink: &mut dyn EventSink,
) -> Result<Wanted, DeployError> {
    if let TaskDefinitionSource::Registered(name) = &plan.source
        && plan.images.is_empty()
        && let Ok(arn) = TaskDefinitionArn::parse(name)
    {
        return Ok(Wanted::Existing(arn));
    }
    let name = match &plan.source {
        TaskDefinitionSource::Registered(name) => name.as_str(),
        _ => before.service.task_definition.as_str(),
    };
    let described = client.described_task_definition(name).await?;
    if matches!(plan.source, TaskDefinitionSource::Registered(_)) && plan.images.is_empty() {
        let arn = observe::task_definition_arn(&described, "taskDefinitionArn")
            .map_err(|error| crate::ecs::unexpected("DescribeTaskDefinition", &error.to_string()))?;
        return Ok(Wanted::Existing(arn));
    }
    let images = resolved_images(client, plan, sink).await;
    tell_left_out(plan, sink);
    let document = match &plan.source {
        TaskDefinitionSource::Document(document) => document,
        _ => &described,
    };
    Ok(Wanted::Document(prepare(&described, document, &images)?))
}

/// What `render` shows: the document that a deployment would register. A document of the user's own
/// needs no call at all, unless a tag is to be resolved.
pub async fn rendered(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Value, DeployError> {
    let base = match &plan.source {
        TaskDefinitionSource::Document(document) => document.clone(),
        TaskDefinitionSource::Registered(name) => client.described_task_definition(name).await?,
        TaskDefinitionSource::Running => {
            let service = client.described_service(&plan.target).await?;
            let running = running(&service)?;
            client.described_task_definition(running.as_str()).await?
        }
    };
    let images = resolved_images(client, plan, sink).await;
    tell_left_out(plan, sink);
    Ok(prepare(&base, &base, &images)?.document)
}

/// What `diff` shows: how the wanted document differs from what runs. Nothing is changed.
pub async fn compared(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Vec<Difference>, DeployError> {
    let service = client.described_service(&plan.target).await?;
    let running = running(&service)?;
    let running = client.described_task_definition(running.as_str()).await?;
    let document = match &plan.source {
        TaskDefinitionSource::Document(document) => document.clone(),
        TaskDefinitionSource::Running => running.clone(),
        TaskDefinitionSource::Registered(name) => client.described_task_definition(name).await?,
    };
    let images = resolved_images(client, plan, sink).await;
    tell_left_out(plan, sink);
    Ok(prepare(&running, &document, &images)?.differences)
}

/// A document that `describe-task-definition` answered has members that nobody can register.
fn tell_left_out(plan: &DeployPlan, sink: &mut dyn EventSink) {
    let TaskDefinitionSource::Document(document) = &plan.source else { return };
    let left_out = response_only(document);
    if !left_out.is_empty() {
        sink.event(now(), &Event::Warned { message: left_out_words(&left_out) });
    }
}

/// The sentence about members of a task definition that only AWS writes.
pub fn left_out_words(members: &[&str]) -> String {
    format!("left out of the task definition, since only AWS writes them: {}", members.join(", "))
}

fn running(service: &Value) -> Result<TaskDefinitionArn, DeployError> {
    observe::running_task_definition(service)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()).into())
}

/// Tags become digests where that is wanted and possible. A failure is a warning: ECS resolves the
/// tag itself when the first task starts.
pub(crate) async fn resolved_images(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Vec<ImageChange> {
    let mut resolved = Vec::new();
    for change in &plan.images {
        let (container, image) = match change {
            ImageChange::Of { container, image } => (Some(container.clone()), image),
            ImageChange::OfTheOnlyOne { image } => (None, image),
        };
        let parsed = if plan.tags == Tags::Resolve { client.ecr_image(image) } else { None };
        let Some(tag) = parsed else {
            resolved.push(change.clone());
            continue;
        };
        match client.resolved(&tag).await {
            Ok(digest) => {
                sink.event(
                    now(),
                    &Event::ImageResolved {
                        container: container.clone().unwrap_or_default(),
                        image: image.clone(),
                        resolved: digest.clone(),
                    },
                );
                resolved.push(match container {
                    Some(container) => ImageChange::Of { container, image: digest },
                    None => ImageChange::OfTheOnlyOne { image: digest },
                });
            }
            Err(error) => {
                sink.event(
                    now(),
                    &Event::Warned {
                        message: format!(
                            "the tag of {image} stays a tag, ECS resolves it at the first task: {error}"
                        ),
                    },
                );
                resolved.push(change.clone());
            }
        }
    }
    resolved
}

/// Nothing differs: the service may still be on its way to exactly that, and then that is followed;
/// a wanted count alone is sent without a deployment.
async fn nothing_changed(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    ready: Ready,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let running = before.service.task_definition.short().to_owned();
    if let Some(count) = before.new_count(plan) {
        let request =
            json!({"cluster": plan.target.cluster, "service": plan.target.service, "desiredCount": count});
        client.update(&plan.target, &request, &before.deployments()).await?;
        sink.event(
            now(),
            &Event::NothingDone {
                reason: format!(
                    "{running} stays; the desired count goes from {} to {count}, which starts no deployment",
                    before.service.desired_count
                ),
            },
        );
        return Ok(Outcome::NothingToDo);
    }
    let primary = before.service.deployments.iter().find(|d| d.is_primary());
    let unfinished = primary
        .is_some_and(|d| matches!(d.rollout_state, Some(RolloutState::InProgress | RolloutState::Failed)));
    if unfinished && plan.then == Then::Wait {
        sink.event(
            now(),
            &Event::Warned {
                message: format!(
                    "{running} is what the service is being moved to already; following that deployment"
                ),
            },
        );
        if let Ready::Native(ready) = ready {
            return ready.go_on(client, plan, before, sink).await;
        }
        let deadline = now() + plan.timeout_ms;
        if let Some(rollout) = Rollout::attach(plan.target.clone(), &before.service, now(), deadline) {
            let deployment = rollout.deployment().clone();
            let first = ServiceSeen::Described(Box::new(before.service.clone()));
            return follow(client, rollout, Some(first), plan.watch, sink)
                .await
                .map(Outcome::Ended)
                .map_err(|error| DeployError::LostSight { error, deployment });
        }
    }
    if matches!(ready, Ready::Native(_)) {
        crate::native::take_hooks_away(client, plan, &before.raw, sink).await;
    }
    sink.event(
        now(),
        &Event::NothingDone {
            reason: format!("nothing changed: the service runs {running} already (--force redeploys it)"),
        },
    );
    Ok(Outcome::NothingToDo)
}

/// Moves the service to a registered revision and follows it as far as the plan says.
pub(crate) async fn start_existing(
    client: &Client,
    plan: &DeployPlan,
    described: Value,
    task_definition: TaskDefinitionArn,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let before = Before::of(described)?;
    if before.controller() == "CODE_DEPLOY" {
        return code_deploy::start_existing(client, plan, &before, task_definition, sink).await;
    }
    let ready = Ready::of(client, plan, &before).await?;
    ready.may_begin(&before)?;
    ready.start(client, plan, &before, task_definition, sink).await
}

/// Does this image name an ECR tag, which only Amazon ECR can turn into a digest? `endpoint` is where the calls will go, if
/// that is known already.
pub fn needs_resolving(change: &ImageChange, endpoint: Option<&str>) -> bool {
    let (ImageChange::Of { image, .. } | ImageChange::OfTheOnlyOne { image }) = change;
    EcrImage::parse(image, endpoint).is_some()
}
