//! Gathers a case for the rules: why a service fails or hangs. It must never fail because of one call:
//! whatever cannot be had is said, with why. Start with [`read`].
//!
//! The calls, in three rounds, the calls of a round at once: DescribeServices; the service deployment and the
//! tasks (two ListTasks, two `DescribeTasks`); then the task definition, the target groups with their targets,
//! attributes and rules, the alarms and the log of what failed last. Nothing is asked that the service does not have.

mod alarms;
mod balancing;
mod code_deploy;
mod logs;
mod tasks;

use crate::client::{Client, ask};
use crate::ecs::seen;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::now;
use crate::watch::WatchOptions;
use serde_json::Value;
use tidegate_rollout::case::{Case, Course, Described, Fact};
use tidegate_rollout::diagnosis::Diagnosis;
use tidegate_rollout::names::{DeploymentId, ServiceDeploymentArn, ServiceRef};
use tidegate_rollout::observation::ServiceSeen;
use tidegate_rollout::rolling::Rollout;
use tidegate_rollout::rules::{causes, with_known};
use tidegate_rollout::{Millis, Strategy, code_deploy as by_code_deploy};

/// Service events on the failure screen.
const EVENTS: usize = 8;

/// How to look.
#[derive(Debug, Clone, Copy)]
pub struct Looking {
    /// Log lines of each container that failed last.
    pub log_lines: u16,
    /// The tick of a watch, which tells how fast the endpoint's clock runs.
    pub tick: Millis,
}

impl Looking {
    /// As a watch looks.
    pub(crate) fn of(watch: WatchOptions) -> Self {
        Self { log_lines: watch.log_lines, tick: watch.tick }
    }
}

/// What the asker knows of the deployment that is asked about.
#[derive(Debug, Default)]
struct Known<'a> {
    subject: Option<DeploymentId>,
    service_deployment: Option<ServiceDeploymentArn>,
    code_deploy: Option<DeploymentId>,
    brought: Option<String>,
    /// The config file's, which names the deployment group of a service that CodeDeploy has not deployed yet.
    strategy: Option<&'a Strategy>,
}

/// Everything about a service that may tell why it does not get where it should. `strategy` is the config file's.
///
/// # Errors
///
/// When the service itself cannot be asked about. One that does not exist is an ordinary answer.
pub async fn read(
    client: &Client,
    target: &ServiceRef,
    strategy: &Strategy,
    looking: Looking,
) -> Result<Case, AwsError> {
    let described = client.look(target).await?;
    let known = Known { strategy: Some(strategy), ..Known::default() };
    Box::pin(gather(client, target, described, known, looking)).await
}

/// The findings for the failure screen of a rollout by ECS.
pub(crate) async fn diagnose(
    client: &Client,
    rollout: &Rollout,
    service: &ServiceSeen,
    looking: Looking,
) -> Diagnosis {
    let mut diagnosis = rollout.diagnosis(EVENTS);
    if matches!(service, ServiceSeen::Missing) {
        return diagnosis;
    }
    let known = Known {
        subject: Some(rollout.deployment().clone()),
        service_deployment: rollout.service_deployment().cloned(),
        brought: Some(rollout.candidate().as_str().to_owned()),
        ..Known::default()
    };
    let Some(case) = again(client, rollout.target(), known, looking, &mut diagnosis).await else {
        return diagnosis;
    };
    let stopped: Vec<_> = case.stopped.items().iter().map(|task| task.end.clone()).collect();
    let groups = rollout.clone().with_stopped_tasks(&stopped).diagnosis(EVENTS).stopped;
    tell(&case, &mut diagnosis);
    diagnosis.stopped = groups;
    diagnosis
}

/// The findings for the failure screen of a rollout by CodeDeploy.
pub(crate) async fn diagnose_code_deploy(
    client: &Client,
    rollout: &by_code_deploy::Rollout,
    looking: Looking,
) -> Diagnosis {
    let mut diagnosis = rollout.diagnosis();
    let known = Known {
        subject: rollout.candidate_set().cloned(),
        code_deploy: Some(rollout.deployment().clone()),
        brought: Some(rollout.candidate().as_str().to_owned()),
        ..Known::default()
    };
    if let Some(case) = again(client, rollout.target(), known, looking, &mut diagnosis).await {
        tell(&case, &mut diagnosis);
    }
    diagnosis
}

/// A look at the service as it is now. `None`, and a line about it, where even that is not to be had.
async fn again(
    client: &Client,
    target: &ServiceRef,
    known: Known<'_>,
    looking: Looking,
    diagnosis: &mut Diagnosis,
) -> Option<Case> {
    let asked = match client.look(target).await {
        // It is large, and rare: those who wait for a rollout need not carry it.
        Ok(described) => Box::pin(gather(client, target, described, known, looking)).await,
        Err(error) => Err(error),
    };
    asked.map_err(|error| diagnosis.missing.push(format!("the service: {error}"))).ok()
}

/// Puts what a case tells onto the failure screen.
fn tell(case: &Case, diagnosis: &mut Diagnosis) {
    diagnosis.causes = with_known(causes(case), &diagnosis.causes);
    diagnosis.health = balancing::findings(case);
    diagnosis.logs = case.logs.items().iter().map(logs::tail).collect();
    diagnosis.missing.extend(case.not_asked());
}

async fn gather(
    client: &Client,
    target: &ServiceRef,
    described: Option<Value>,
    known: Known<'_>,
    looking: Looking,
) -> Result<Case, AwsError> {
    let moment = client.clock(looking.tick).aws(now());
    let service = match described {
        None => None,
        Some(raw) => match seen("DescribeServices", &raw)? {
            ServiceSeen::Described(seen) => Some(Described { seen: *seen, raw }),
            ServiceSeen::Missing => None,
        },
    };
    let mut case = Case::of(target.clone(), moment, service);
    let Some(service) = case.service.as_ref() else {
        case.neighbours = Fact::of(neighbours(client, target).await.map(Some));
        return Ok(case);
    };
    case.subject = known.subject.clone();
    case.brought = known.brought.clone();
    let raw = service.raw.clone();
    let by_ecs = case.controller() == "ECS";
    let (deployment, of_code_deploy, stopped, live) = tokio::join!(
        service_deployment(client, target, &raw, &known, by_ecs),
        code_deploy::newest(client, &raw, known.code_deploy.as_ref(), known.strategy),
        tasks::stopped(client, target),
        tasks::live(client, target),
    );
    case.service_deployment = Fact::of(deployment);
    case.code_deploy = Fact::of(of_code_deploy);
    case.stopped = Fact::of(stopped.map(Some));
    case.live = Fact::of(live.map(Some));
    if case.brought.is_none() {
        case.brought = brought(client, &case).await;
    }
    let revision = case.revision_in_question();
    let alarms = alarms::of_service(&raw, case.code_deploy.known());
    let (definition, balanced, alarms) = tokio::join!(
        async {
            match &revision {
                Some(arn) => client.described_task_definition(arn).await.map(Some),
                None => Ok(None),
            }
        },
        balancing::read(client, &raw),
        alarms::read(client, &alarms),
    );
    case.task_definition = Fact::of(definition);
    (case.groups, case.rules) = balanced;
    case.alarms = Fact::of(alarms);
    case.logs = logs::of_case(client, &case, looking.log_lines).await;
    Ok(case)
}

async fn service_deployment(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    known: &Known<'_>,
    by_ecs: bool,
) -> Result<Option<Value>, AwsError> {
    if !by_ecs {
        return Ok(None);
    }
    let current = || observe::text(service, "currentServiceDeployment").map(ServiceDeploymentArn::answered);
    // Who follows a deployment and has found none of it goes by the deployments of the service alone.
    let arn = match (&known.service_deployment, &known.subject) {
        (Some(arn), _) => Some(arn.clone()),
        (None, Some(_)) => None,
        (None, None) => match current() {
            Some(arn) => Some(arn),
            None => newest(&client.service_deployment_briefs(target).await?),
        },
    };
    match arn {
        Some(arn) => client.described_service_deployment(&arn).await,
        None => Ok(None),
    }
}

fn newest(briefs: &[Value]) -> Option<ServiceDeploymentArn> {
    let newest = briefs.iter().max_by_key(|brief| observe::millis(brief, "createdAt"))?;
    observe::text(newest, "serviceDeploymentArn").map(ServiceDeploymentArn::answered)
}

/// The revision that a deployment which has not succeeded was to bring: it may run nowhere any more.
async fn brought(client: &Client, case: &Case) -> Option<String> {
    if let Some(info) = case.code_deploy.known() {
        let brought = client.brought(info, "revision").await.ok().flatten();
        return brought.map(|(arn, _)| arn.as_str().to_owned());
    }
    if matches!(case.course(), Course::Steady | Course::Moving) {
        return None;
    }
    let known = case.service_deployment.known()?;
    let revision = known.pointer("/targetServiceRevision/arn")?.as_str()?.to_owned();
    let revisions = client.service_revisions(&[revision]).await.ok()?;
    observe::text(revisions.first()?, "taskDefinition")
}

async fn neighbours(client: &Client, target: &ServiceRef) -> Result<Vec<String>, AwsError> {
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = client
            .ecs
            .list_services()
            .cluster(target.cluster.as_str())
            .max_results(100)
            .set_next_token(token);
        let (output, _) = ask!(client, "ecs", "ListServices", Bucket::ServiceRead, request)?;
        names
            .extend(output.service_arns().iter().filter_map(|arn| arn.rsplit('/').next()).map(str::to_owned));
        token = output.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(names);
        }
    }
}
