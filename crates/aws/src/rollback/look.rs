//! What a rollback sees of a service before it decides. Reads only. Start with [`find`].

use super::{Rollback, RollbackError, Wish};
use crate::client::Client;
use crate::control;
use crate::deploy::{Before, DeployPlan, code_deploy};
use crate::error::AwsError;
use crate::history::kept_of;
use crate::native;
use crate::observe;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::Strategy;
use tidegate_rollout::alb::{Ending, Phase as AlbPhase, Progress};
use tidegate_rollout::names::{ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::{Service, ServiceDeploymentStatus};
use tidegate_rollout::rollback::{
    Mover, NoTarget, Now, PastDeployment, Phase, RanImage, Seen, Stop, UnderWay, Way, completed_before,
    decide, pins, target,
};
use tidegate_rollout::task_definition::images::images;
use tidegate_rollout::task_definition::prepare;

/// Finds and checks the way; changes nothing.
///
/// # Errors
///
/// [`RollbackError`].
pub async fn find(client: &Client, plan: &DeployPlan, wish: &Wish) -> Result<Rollback, RollbackError> {
    let described = client.described_service(&plan.target).await?;
    let service = observe::service(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let before = Before { raw: described, service };
    let mut found = match before.controller() {
        "ECS" => of_ecs(client, plan, &before).await?,
        "CODE_DEPLOY" => of_code_deploy(client, plan, &before).await?,
        other => return Err(RollbackError::Elsewhere { controller: other.to_owned() }),
    };
    if let Wish::Revision(wished) = wish {
        let definition = active(client, &by_name(wished, &found.seen.current)).await?;
        found.seen.wish = Some(revision_of(&definition)?);
    } else if found.seen.under_way.is_none() {
        found.pass_over(client).await?;
    }
    let way = decide(&found.seen).map_err(|no_way| {
        if found.notes.is_empty() {
            RollbackError::NoWay(no_way)
        } else {
            RollbackError::AllPassedOver { no_way, passed: found.notes.join("; ") }
        }
    })?;
    // What is stopped goes back by itself, also to a revision that is INACTIVE by now.
    let definition = match &way {
        Way::Redeploy { to, .. } => active(client, to.as_str()).await?,
        Way::Stop { to, .. } | Way::Follow { to, .. } => {
            client.described_task_definition(to.as_str()).await?
        }
    };
    let last_steady = found.history.iter().filter(|past| past.task_definition == *way.to()).filter(|past| {
        past.status == ServiceDeploymentStatus::Successful
            && found.chosen.as_ref().is_none_or(|chosen| *chosen == past.arn || found.seen.wish.is_some())
    });
    let last_steady = last_steady.max_by_key(|past| past.created_at).cloned();
    let pins = match (&way, &last_steady) {
        (Way::Redeploy { .. }, Some(past)) => {
            let meanings = meanings(client, &definition, &past.images).await;
            pins(&definition, &past.images, |image| {
                meanings.get(image).cloned().unwrap_or_else(|| Now::Unknown("it was not asked".to_owned()))
            })
        }
        _ => Vec::new(),
    };
    let running = client.described_task_definition(found.seen.current.as_str()).await?;
    let differences =
        prepare(&running, &definition, &[]).map(|prepared| prepared.differences).unwrap_or_default();
    Ok(Rollback {
        current: found.seen.current,
        way,
        mover: found.seen.mover,
        last_steady,
        pins,
        differences,
        notes: found.notes,
        described: before.raw,
        definition,
    })
}

/// What is known of a service.
struct Found {
    seen: Seen,
    history: Vec<PastDeployment>,
    /// The deployment of the history that was last steady.
    chosen: Option<ServiceDeploymentArn>,
    notes: Vec<String>,
}

impl Found {
    fn of(mover: Mover, current: TaskDefinitionArn, history: Vec<PastDeployment>) -> Self {
        let steady = target(&history, &current);
        let chosen = steady.as_ref().ok().map(|past| past.arn.clone());
        let last_steady = steady.map(|past| past.task_definition.clone());
        let seen = Seen { mover, current, under_way: None, last_steady, wish: None };
        Self { seen, history, chosen, notes: Vec::new() }
    }

    /// A revision that was thrown back after it had been steady is no way back: whoever asks twice would be brought the
    /// one that they fled from. It is passed over, and said.
    async fn pass_over(&mut self, client: &Client) -> Result<(), AwsError> {
        let mut passed = BTreeSet::new();
        while let Ok(to) = self.seen.last_steady.clone() {
            if to == self.seen.current {
                return Ok(());
            }
            let steady_at = self.history.iter().find(|past| Some(&past.arn) == self.chosen.as_ref());
            let steady_at = steady_at.map_or(0, |past| past.finished_at.unwrap_or(past.created_at));
            let kept = kept_of(client, &to).await?;
            // To the second: a tag knows no more.
            let Some(kept) = kept.filter(|it| it.word != "promoted" && it.at >= steady_at - 1_000) else {
                return Ok(());
            };
            self.notes.push(format!(
                "{} is passed over ({}): --to {} goes there all the same",
                to.short(),
                kept.reason,
                to.short()
            ));
            passed.insert(to);
            let rest: Vec<PastDeployment> =
                self.history.iter().filter(|past| !passed.contains(&past.task_definition)).cloned().collect();
            let steady = target(&rest, &self.seen.current);
            self.chosen = steady.as_ref().ok().map(|past| past.arn.clone());
            self.seen.last_steady = steady.map(|past| past.task_definition.clone());
        }
        Ok(())
    }
}

async fn of_ecs(client: &Client, plan: &DeployPlan, before: &Before) -> Result<Found, RollbackError> {
    let history = history(client, &plan.target).await?;
    let current = before.service.task_definition.clone();
    if let Some(held) = control::held_under_way(client, plan, before).await {
        let progress = &held.progress;
        let mut found = Found::of(Mover::Tidegate, progress.revision().clone(), history);
        found.seen.under_way = Some(UnderWay {
            id: format!("the rollout of {} by {}", progress.revision().short(), progress.beginning().1),
            brings: progress.revision().clone(),
            back_to: Some(progress.stable_revision().clone()),
            phase: phase_of(progress),
            stop: Stop::ByCall,
        });
        return Ok(found);
    }
    let staged = native::strategy_of(&before.raw) != Strategy::Rolling;
    let ecs = if staged { Mover::EcsStaged } else { Mover::EcsRolling };
    let under_way = under_way(client, before, &history, ecs).await?;
    // Tidegate brings it by its own weights, unless ECS is at something of its own.
    let by_weights = matches!(plan.strategy, Strategy::Alb(..)) && under_way.is_none();
    let mover = if by_weights { Mover::Tidegate } else { ecs };
    let current = under_way.as_ref().map_or(current, |moving| moving.brings.clone());
    let mut found = Found::of(mover, current, history);
    found.seen.under_way = under_way;
    Ok(found)
}

/// The deployment of ECS that is under way, or goes back.
async fn under_way(
    client: &Client,
    before: &Before,
    history: &[PastDeployment],
    mover: Mover,
) -> Result<Option<UnderWay>, AwsError> {
    use ServiceDeploymentStatus as Status;
    let of_service = before.service.current_service_deployment.as_ref();
    let Some(known) = of_service.and_then(|arn| history.iter().find(|past| past.arn == *arn)) else {
        // An endpoint that has none, or does not show it yet: the deployments of the service tell what they can.
        let moving = before.in_progress();
        return Ok(moving.map(|moving| UnderWay {
            id: format!("deployment {}", moving.id),
            brings: moving.task_definition.clone(),
            back_to: target(history, &moving.task_definition).ok().map(|past| past.task_definition.clone()),
            phase: Phase::Moving,
            stop: Stop::NoCall,
        }));
    };
    let phase = match known.status {
        Status::StopRequested | Status::RollbackRequested | Status::RollbackInProgress => Phase::GoingBack,
        Status::Pending | Status::InProgress if mover == Mover::EcsStaged => {
            let described = client.described_service_deployment(&known.arn).await?.unwrap_or_default();
            match observe::word(&described, "lifecycleStage") {
                Some("BAKE_TIME" | "POST_PRODUCTION_TRAFFIC_SHIFT") => Phase::Baking,
                Some("CLEAN_UP") => Phase::PastReturn,
                _ => Phase::Moving,
            }
        }
        Status::Pending | Status::InProgress if is_all_there(&before.service) => Phase::Baking,
        Status::Pending | Status::InProgress => Phase::Moving,
        _ => return Ok(None),
    };
    let back_to = match completed_before(history, &known.arn) {
        Some(past) => Some(past.task_definition.clone()),
        None => source_of(client, &known.arn).await?,
    };
    let id = known.arn.as_str().rsplit('/').next().unwrap_or_default();
    Ok(Some(UnderWay {
        id: format!("service deployment {id}"),
        brings: known.task_definition.clone(),
        back_to,
        phase,
        stop: Stop::ByCall,
    }))
}

/// Only the new tasks are left, and ECS still watches: its alarms have their bake.
fn is_all_there(service: &Service) -> bool {
    matches!(&service.deployments[..], [only] if only.running >= only.desired && only.pending == 0)
}

/// What ran before a deployment, where the history of 90 days does not reach that far.
async fn source_of(
    client: &Client,
    arn: &ServiceDeploymentArn,
) -> Result<Option<TaskDefinitionArn>, AwsError> {
    let described = client.described_service_deployment(arn).await?.unwrap_or_default();
    let sources = observe::list(&described, "sourceServiceRevisions").iter();
    let sources: Vec<String> = sources.filter_map(|source| observe::text(source, "arn")).collect();
    let revisions = client.service_revisions(&sources).await?;
    Ok(revisions.first().and_then(|it| observe::task_definition_arn(it, "taskDefinition").ok()))
}

fn phase_of(progress: &Progress) -> Phase {
    let back = |ending: &Ending| !matches!(ending, Ending::Promoted);
    match progress.phase() {
        AlbPhase::GoingHome { ending } | AlbPhase::Settling { ending } | AlbPhase::GivingBack { ending }
            if back(ending) =>
        {
            Phase::GoingBack
        }
        _ if progress.is_past_return() => Phase::PastReturn,
        AlbPhase::Baking { .. } | AlbPhase::Emptying
            if progress.share() == tidegate_rollout::Percent::ALL =>
        {
            Phase::Baking
        }
        _ => Phase::Moving,
    }
}

async fn of_code_deploy(client: &Client, plan: &DeployPlan, before: &Before) -> Result<Found, RollbackError> {
    let running = observe::running_task_definition(&before.raw)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let under_way = code_deploy::under_way_for_rollback(client, &before.raw, &plan.strategy).await?;
    let mut found = Found::of(Mover::CodeDeploy, running.clone(), Vec::new());
    match under_way {
        Some(moving) => {
            found.seen.current = moving.brings.clone();
            found.seen.under_way = Some(moving);
        }
        None => {
            let back = code_deploy::way_back(client, &before.raw).await?;
            let nothing = NoTarget::NothingSteady { current: running.short().to_owned(), looked_at: 0 };
            found.seen.last_steady = back.map(|(_, to)| to).ok_or(nothing);
        }
    }
    Ok(found)
}

/// A bare number is a revision of the family that runs.
fn by_name(wished: &str, current: &TaskDefinitionArn) -> String {
    if wished.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}:{wished}", current.family())
    } else {
        wished.to_owned()
    }
}

/// The revision as described, if it may be deployed.
async fn active(client: &Client, name: &str) -> Result<Value, RollbackError> {
    let definition = client.described_task_definition(name).await?;
    let status = observe::word(&definition, "status").unwrap_or("ACTIVE");
    if status == "ACTIVE" {
        return Ok(definition);
    }
    let revision = revision_of(&definition)?.short().to_owned();
    Err(RollbackError::NotActive { revision, status: status.to_owned() })
}

fn revision_of(definition: &Value) -> Result<TaskDefinitionArn, AwsError> {
    observe::task_definition_arn(definition, "taskDefinitionArn")
        .map_err(|error| crate::ecs::unexpected("DescribeTaskDefinition", &error.to_string()))
}

/// What the tags mean now whose digest was recorded.
async fn meanings(client: &Client, definition: &Value, ran: &[RanImage]) -> BTreeMap<String, Now> {
    let mut meanings = BTreeMap::new();
    for (container, image) in images(definition) {
        let is_recorded =
            ran.iter().any(|ran| ran.container == container && ran.image == image && ran.digest.is_some());
        if !is_recorded || image.contains('@') || meanings.contains_key(&image) {
            continue;
        }
        let meaning = match client.ecr_image(&image) {
            None => Now::Unknown("its registry is not Amazon ECR".to_owned()),
            Some(tag) => match client.resolved(&tag).await {
                Ok(by_digest) => {
                    by_digest.split_once('@').map_or(Now::Gone, |(_, digest)| Now::Digest(digest.to_owned()))
                }
                Err(AwsError::Refused { code, .. }) if code.contains("NotFound") => Now::Gone,
                Err(error) => Now::Unknown(error.to_string()),
            },
        };
        meanings.insert(image, meaning);
    }
    meanings
}

/// The service's deployments of the last 90 days, newest first as AWS lists them, each with its
/// revision.
///
/// # Errors
///
/// When AWS does not answer or refuses.
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
            reason: observe::text(brief, "statusReason").filter(|reason| !reason.is_empty()),
            task_definition: observe::task_definition_arn(revision, "taskDefinition").ok()?,
            images: observe::list(revision, "containerImages").iter().filter_map(ran).collect(),
            created_at: observe::millis(brief, "createdAt").unwrap_or(0),
            finished_at: observe::millis(brief, "finishedAt"),
        })
    });
    Ok(past.collect())
}

/// One item of `containerImages[]`.
fn ran(described: &Value) -> Option<RanImage> {
    Some(RanImage {
        container: observe::text(described, "containerName")?,
        image: observe::text(described, "image").unwrap_or_default(),
        digest: observe::text(described, "imageDigest").filter(|digest| !digest.is_empty()),
    })
}
