//! Rolling back: to what was last steady by the service's deployment history. It must never go to a
//! revision that cannot run: the target is checked to be ACTIVE before anything moves. Start with
//! [`find_target`].

use crate::client::Client;
use crate::deploy::{DeployError, DeployPlan, Outcome, Then, code_deploy, start_existing};
use crate::error::AwsError;
use crate::observe;
use crate::sink::{EventSink, now};
use serde_json::Value;
use std::collections::BTreeSet;
use tidegate_rollout::Event;
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::names::{ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::rollback::{NoTarget, PastDeployment, target};
use tidegate_rollout::task_definition::{diff::Difference, prepare};

/// Where a rollback would go.
#[derive(Debug, Clone)]
pub struct RollbackTarget {
    /// The revision that the service runs now.
    pub current: TaskDefinitionArn,
    /// The revision to go to.
    pub to: TaskDefinitionArn,
    /// When it was last deployed, by the history, if the history names it.
    pub last_steady: Option<PastDeployment>,
    /// What the rollback changes.
    pub differences: Vec<Difference>,
    described: Value,
}

/// What the user asked to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What was last steady.
    LastSteady,
    /// A revision number of the service's family, `family:revision`, or an ARN.
    Revision(String),
}

/// Why there is no rollback.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// AWS did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// There is nothing to go back to.
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    /// The revision cannot run.
    #[error(
        "{revision} is {status}: no new deployment may use it. Deploy it again from its source, or name another revision with --to"
    )]
    NotActive {
        /// `family:revision`.
        revision: String,
        /// INACTIVE or `DELETE_IN_PROGRESS`.
        status: String,
    },
}

/// Chooses and checks the target; changes nothing.
pub async fn find_target(
    client: &Client,
    service: &ServiceRef,
    wish: &Wish,
) -> Result<RollbackTarget, RollbackError> {
    let described = client.described_service(service).await?;
    let current = observe::running_task_definition(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let by_code_deploy = check_controller(&described).is_ok();
    let way_back = if by_code_deploy { code_deploy::way_back(client, &described).await? } else { None };
    let current = way_back.as_ref().map_or(current, |(brought, _)| brought.clone());
    let (name, last_steady) = match wish {
        Wish::LastSteady if by_code_deploy => {
            let nothing = NoTarget::NothingSteady { current: current.short().to_owned(), looked_at: 0 };
            let (_, to) = way_back.ok_or(nothing)?;
            (to.as_str().to_owned(), None)
        }
        Wish::LastSteady => {
            let history = history(client, service).await?;
            let past = target(&history, &current)?.clone();
            (past.task_definition.as_str().to_owned(), Some(past))
        }
        Wish::Revision(wished) => (by_name(wished, &current), None),
    };
    let definition = client.described_task_definition(&name).await?;
    let to = observe::task_definition_arn(&definition, "taskDefinitionArn")
        .map_err(|error| crate::ecs::unexpected("DescribeTaskDefinition", &error.to_string()))?;
    if to == current {
        return Err(NoTarget::AlreadyThere { current: current.short().to_owned() }.into());
    }
    let status = observe::word(&definition, "status").unwrap_or("ACTIVE");
    if status != "ACTIVE" {
        return Err(RollbackError::NotActive { revision: to.short().to_owned(), status: status.to_owned() });
    }
    let running = client.described_task_definition(current.as_str()).await?;
    let differences =
        prepare(&running, &definition, &[]).map(|prepared| prepared.differences).unwrap_or_default();
    Ok(RollbackTarget { current, to, last_steady, differences, described })
}

/// A bare number is a revision of the family that runs.
fn by_name(wished: &str, current: &TaskDefinitionArn) -> String {
    if wished.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}:{wished}", current.family())
    } else {
        wished.to_owned()
    }
}

/// Moves the service to the target and follows it as the plan says.
pub async fn run(
    client: &Client,
    plan: &DeployPlan,
    target: RollbackTarget,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let steady_at = target.last_steady.as_ref().map(|past| past.finished_at.unwrap_or(past.created_at));
    let chosen = Event::RollbackChosen { from: target.current.clone(), to: target.to.clone(), steady_at };
    sink.event(now(), &chosen);
    sink.event(
        now(),
        &Event::Planned {
            target: plan.target.clone(),
            from: target.current.clone(),
            differences: target.differences.clone(),
        },
    );
    if plan.then == Then::OnlyShow {
        let reason = format!("dry run: would go from {} to {}", target.current.short(), target.to.short());
        sink.event(now(), &Event::NothingDone { reason });
        return Ok(Outcome::OnlyShown { differences: target.differences });
    }
    if check_controller(&target.described).is_ok()
        && let Some(verdict) = code_deploy::stop(client, plan, &target.described, sink).await?
    {
        return Ok(Outcome::Ended(verdict));
    }
    start_existing(client, plan, target.described, target.to, sink).await
}

/// The service's deployments of the last 90 days, newest first as AWS lists them, each with its
/// revision.
pub async fn history(client: &Client, service: &ServiceRef) -> Result<Vec<PastDeployment>, AwsError> {
    let briefs = client.service_deployment_briefs(service).await?;
    let revision_of = |brief: &Value| observe::text(brief, "targetServiceRevisionArn");
    let wanted: BTreeSet<String> = briefs.iter().filter_map(revision_of).collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let revisions = client.service_revisions(&wanted).await?;
    let past = briefs.iter().filter_map(|brief| {
        let arn = revision_of(brief)?;
        let revision =
            revisions.iter().find(|r| observe::word(r, "serviceRevisionArn") == Some(arn.as_str()))?;
        Some(PastDeployment {
            arn: ServiceDeploymentArn::answered(observe::text(brief, "serviceDeploymentArn")?),
            status: observe::service_deployment_status(brief),
            task_definition: observe::task_definition_arn(revision, "taskDefinition").ok()?,
            created_at: observe::millis(brief, "createdAt").unwrap_or(0),
            finished_at: observe::millis(brief, "finishedAt"),
        })
    });
    Ok(past.collect())
}
