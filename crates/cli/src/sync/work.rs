//! One service's rollout within a sync: begun, taken up or brought back, and how it ended. Start with [`deploy`].

use super::wanted::Service;
use std::sync::Arc;
use tidegate_aws::alb::held;
use tidegate_aws::control::{self, Answer, ControlError};
use tidegate_aws::deploy::{Changed, DeployError, DeployPlan, run};
use tidegate_aws::history::{self, Past};
use tidegate_aws::{Client, EventSink, Outcome, TaskDefinitionSource};
use tidegate_gitops::{Ended, How, Moving};
use tidegate_rollout::alb::Verb;
use tidegate_rollout::observation::ServiceDeploymentStatus as Status;
use tidegate_rollout::update::Force;
use tidegate_rollout::{Millis, Strategy, Verdict};

/// How many rollouts of the past are looked at for the end of one that nobody saw.
const LOOKED_AT: usize = 5;

/// Deploys what is wanted and follows it to its end.
pub async fn deploy(client: &Client, plan: &DeployPlan, sink: &mut dyn EventSink) -> Ended {
    ended(run(client, plan, sink).await)
}

/// Brings a service back to a revision.
pub async fn go_back(client: &Client, plan: &DeployPlan, to: &str, sink: &mut dyn EventSink) -> Ended {
    let source = TaskDefinitionSource::Registered(to.to_owned());
    let plan = DeployPlan { source, images: Vec::new(), force: Force::OnlyIfChanged, ..plan.clone() };
    ended(run(client, &plan, sink).await)
}

/// Follows what was begun and is still under way, or finds out how it ended meanwhile.
pub async fn take_up(client: &Client, plan: &DeployPlan, moving: &Moving, sink: &mut dyn EventSink) -> Ended {
    match already_over(client, plan, moving).await {
        Ok(Some(ended)) => return ended,
        Ok(None) => {}
        Err(reason) => return Ended::GoesOn { reason },
    }
    match control::ask(client, plan, Verb::Resume, sink).await {
        Ok(Answer::Ended(verdict)) => of_verdict(&verdict),
        Ok(Answer::Heard { by }) => Ended::GoesOn { reason: format!("{by} runs it") },
        Ok(Answer::GoesOn { done }) => Ended::GoesOn { reason: done },
        Err(ControlError::Deploy(error)) if error.changed() == Changed::Nothing => {
            // Nothing is under way; it may have ended between the two looks.
            match already_over(client, plan, moving).await {
                Ok(Some(ended)) => ended,
                Ok(None) if matches!(error, DeployError::Refused { .. }) => Ended::NothingThere,
                Ok(None) => Ended::GoesOn { reason: error.to_string() },
                Err(reason) => Ended::GoesOn { reason },
            }
        }
        Err(ControlError::Alb(tidegate_aws::alb::AlbError::Nothing(_))) => Ended::NothingThere,
        Err(error) => Ended::GoesOn { reason: error.to_string() },
    }
}

/// The end of a rollout that was begun then, where AWS keeps it.
async fn already_over(client: &Client, plan: &DeployPlan, moving: &Moving) -> Result<Option<Ended>, String> {
    if matches!(plan.strategy, Strategy::Alb(..)) {
        let held = held(client, &plan.target).await.map_err(|error| error.to_string())?;
        let ended = held.filter(|held| held.progress.beginning().0 >= moving.since);
        return Ok(ended.and_then(|held| held.progress.verdict().map(of_verdict)));
    }
    let past = history::read(client, &plan.target, LOOKED_AT).await.map_err(|error| error.to_string())?;
    let clock = client.clock(plan.watch.tick);
    // A moment of AWS's, which is rounded to a second or comes a little later than the intent.
    let since = clock.aws(moving.since) - 2_000;
    Ok(newest_end(&past, since))
}

fn newest_end(past: &[Past], since: Millis) -> Option<Ended> {
    let newest = past.first().filter(|past| past.at >= since)?;
    let bad = |how: How| {
        let reason =
            newest.verdict.as_ref().map(|kept| kept.reason.clone()).filter(|reason| !reason.is_empty());
        let told = format!("{} ended while no sync was looking", newest.revision.short());
        Some(Ended::ThrownBack { how, reason: reason.unwrap_or(told) })
    };
    let word = newest.verdict.as_ref().map(|kept| kept.word.as_str());
    match (newest.status, word) {
        (Some(Status::Successful), _) | (None, Some("promoted")) => Some(Ended::Promoted),
        (Some(Status::RollbackSuccessful), _) | (None, Some("rolled_back")) => bad(How::RolledBack),
        (Some(Status::Stopped | Status::RollbackFailed), _) | (None, Some("failed")) => bad(How::Failed),
        (None, Some("aborted")) => bad(How::Aborted),
        _ => None,
    }
}

fn ended(result: Result<Outcome, DeployError>) -> Ended {
    match result {
        Ok(Outcome::Ended(verdict)) => of_verdict(&verdict),
        Ok(Outcome::NothingToDo | Outcome::OnlyShown { .. } | Outcome::Started { .. }) => Ended::Promoted,
        Err(error) => {
            let reason = match error.help() {
                Some(help) => format!("{error}; {help}"),
                None => error.to_string(),
            };
            match error.changed() {
                Changed::Nothing => Ended::NotBegun { reason },
                Changed::Perhaps | Changed::Service => Ended::GoesOn { reason },
            }
        }
    }
}

fn of_verdict(verdict: &Verdict) -> Ended {
    let thrown_back = |how: How, reason: String| Ended::ThrownBack { how, reason };
    match verdict {
        Verdict::Promoted { .. } => Ended::Promoted,
        Verdict::RolledBack { reason, .. } => thrown_back(How::RolledBack, reason.clone()),
        Verdict::Failed { reason, left, .. } => thrown_back(How::Failed, format!("{reason}; {left}")),
        Verdict::Aborted { reason } => thrown_back(How::Aborted, reason.clone()),
        Verdict::TimedOut { reached } => Ended::GoesOn { reason: format!("the time was over: {reached}") },
        Verdict::Superseded { by, task_definition } => {
            let reason = format!("deployment {by} of {} took its place", task_definition.short());
            thrown_back(How::Superseded, reason)
        }
    }
}

/// The plan of a service, with its count where nothing else sets it.
pub fn with_count(service: &Service, is_scaled: Option<(u32, u32)>) -> Arc<DeployPlan> {
    match (service.config.desired_count, is_scaled) {
        (Some(count), None) => Arc::new(DeployPlan { desired_count: Some(count), ..(*service.plan).clone() }),
        _ => Arc::clone(&service.plan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_aws::history::{Brought, Kept};
    use tidegate_rollout::{names::TaskDefinitionArn, origin::Recorded};

    fn past(at: Millis, status: Option<Status>, word: Option<&str>) -> Past {
        Past {
            at,
            revision: TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:8").expect("an ARN"),
            status,
            reason: None,
            verdict: word.map(|word| Kept { at, word: word.into(), reason: "gate errors".into() }),
            recorded: Recorded::default(),
            brought: Brought::ForTheFirstTime,
        }
    }

    #[test]
    fn an_end_that_nobody_saw_is_found_in_the_history_and_an_older_one_is_not_taken_for_it() {
        let back = |reason: &str| Some(Ended::ThrownBack { how: How::RolledBack, reason: reason.into() });
        assert_eq!(newest_end(&[past(10, Some(Status::Successful), None)], 5), Some(Ended::Promoted));
        assert_eq!(
            newest_end(&[past(10, Some(Status::RollbackSuccessful), Some("rolled_back"))], 5),
            back("gate errors")
        );
        assert_eq!(
            newest_end(&[past(10, Some(Status::RollbackSuccessful), None)], 5),
            back("web:8 ended while no sync was looking")
        );
        assert_eq!(newest_end(&[past(10, Some(Status::Successful), None)], 11), None, "that was before");
        assert_eq!(newest_end(&[past(10, Some(Status::InProgress), None)], 5), None);
        assert_eq!(newest_end(&[past(10, None, Some("rolled_back"))], 5), back("gate errors"));
        assert_eq!(newest_end(&[], 5), None);
    }
}
