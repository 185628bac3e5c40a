//! How rollouts ended. ECS keeps its own deployments for 90 days and does not know why Tidegate threw one back, and
//! CodeDeploy and the weights of a rule leave nothing there at all: so the verdict stays where the revision is, as a tag
//! of it. So do the commit and who rolled it out: see `tidegate_rollout::origin`. Start with [`read`].

use crate::client::Client;
use crate::error::AwsError;
use crate::observe;
use crate::rollback::history;
use crate::sink::{EventSink, now};
use aws_smithy_types::date_time::{DateTime, Format};
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::names::{ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::ServiceDeploymentStatus;
use tidegate_rollout::origin::Recorded;
use tidegate_rollout::{Event, Millis, Verdict};

/// The tag of a task definition revision that keeps how its last rollout ended.
const TAG: &str = "tidegate:verdict";
/// How much older than its deployment a revision may be that was registered for it.
const MADE_FOR_IT: Millis = 10 * 60_000;
/// What a tag's value may hold at most.
const TAG_LENGTH: usize = 256;

/// One rollout of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// When it ended, or began where nothing says when it ended.
    pub at: Millis,
    /// The revision that it was to bring.
    pub revision: TaskDefinitionArn,
    /// What ECS says of its deployment; absent where ECS did not deploy it.
    pub status: Option<ServiceDeploymentStatus>,
    /// Why, in ECS's words, where it has some.
    pub reason: Option<String>,
    /// What Tidegate said, where it followed it to the end.
    pub verdict: Option<Kept>,
    /// Where the revision comes from.
    pub recorded: Recorded,
    /// Whether the revision was made for this rollout, or brought again.
    pub brought: Brought,
}

/// Whether a rollout brought something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The revision was registered for it, or nothing says otherwise.
    ForTheFirstTime,
    /// The revision is older: it was brought again, by a rollback for example.
    Again,
}

/// A verdict that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it was given.
    pub at: Millis,
    /// `promoted`, `rolled_back`, `failed` or `aborted`.
    pub word: String,
    /// Why; empty for a promoted one.
    pub reason: String,
}

/// The last `most` rollouts of a service, newest first.
///
/// # Errors
///
/// When AWS does not answer or refuses.
pub async fn read(client: &Client, target: &ServiceRef, most: usize) -> Result<Vec<Past>, AwsError> {
    let described = client.described_service(target).await?;
    let running = observe::running_task_definition(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    // CodeDeploy's deployments are not among ECS's.
    let deployments = match check_controller(&described) {
        Ok(()) => Vec::new(),
        Err(_) => history(client, target).await?,
    };
    let newest = client.active_revisions(running.family()).await?.into_iter().take(most);
    let deployed = deployments.iter().take(most).map(|past| past.task_definition.clone());
    let revisions: BTreeSet<TaskDefinitionArn> = newest.chain(deployed).collect();
    let mut noted = BTreeMap::new();
    for revision in revisions {
        let note = Note::of(client, &revision).await?;
        noted.insert(revision, note);
    }
    let mut past: Vec<Past> = Vec::new();
    for deployment in deployments.into_iter().take(most) {
        let note = noted.get_mut(&deployment.task_definition);
        let (verdict, recorded) = match note {
            // A tag is of the revision's last deployment, and these come newest first.
            Some(note) => (note.verdict.take(), note.recorded.clone()),
            None => (None, Recorded::default()),
        };
        past.push(Past {
            at: deployment.finished_at.unwrap_or(deployment.created_at),
            status: Some(deployment.status),
            reason: deployment.reason,
            verdict,
            brought: brought(&recorded, deployment.created_at),
            recorded,
            revision: deployment.task_definition,
        });
    }
    let others =
        noted.into_iter().filter_map(|(revision, note)| Some((revision, note.verdict?, note.recorded)));
    past.extend(others.map(|(revision, verdict, recorded)| Past {
        at: verdict.at,
        revision,
        status: None,
        reason: None,
        verdict: Some(verdict),
        recorded,
        brought: Brought::ForTheFirstTime,
    }));
    past.sort_by_key(|past| std::cmp::Reverse(past.at));
    past.truncate(most);
    Ok(past)
}

/// A revision that is much older than the deployment was not made for it.
fn brought(recorded: &Recorded, deployed_at: Millis) -> Brought {
    let registered = recorded.at.as_deref().and_then(|at| DateTime::from_str(at, Format::DateTime).ok());
    match registered.and_then(|at| at.to_millis().ok()) {
        Some(registered) if deployed_at - registered > MADE_FOR_IT => Brought::Again,
        _ => Brought::ForTheFirstTime,
    }
}

/// What the tags of a revision say.
struct Note {
    verdict: Option<Kept>,
    recorded: Recorded,
}

impl Note {
    async fn of(client: &Client, revision: &TaskDefinitionArn) -> Result<Self, AwsError> {
        let described = client.described_task_definition(revision.as_str()).await?;
        let tags = observe::list(&described, "tags");
        let verdict = tags.iter().find(|tag| observe::word(tag, "key") == Some(TAG));
        let verdict = verdict.and_then(|tag| Kept::parse(observe::word(tag, "value")?));
        Ok(Self { verdict, recorded: Recorded::read(tags) })
    }
}

/// How the last rollout of a revision ended, where it was kept.
pub(crate) async fn kept_of(client: &Client, revision: &TaskDefinitionArn) -> Result<Option<Kept>, AwsError> {
    Ok(Note::of(client, revision).await?.verdict)
}

/// Keeps how the rollout of a revision ended. One that goes on without this program has not ended.
pub(crate) async fn keep(
    client: &Client,
    revision: &TaskDefinitionArn,
    verdict: &Verdict,
    sink: &mut dyn EventSink,
) {
    keep_at(client, revision, verdict, now(), sink).await;
}

/// The same of another moment than this one.
pub(crate) async fn keep_at(
    client: &Client,
    revision: &TaskDefinitionArn,
    verdict: &Verdict,
    at: Millis,
    sink: &mut dyn EventSink,
) {
    let Some(kept) = Kept::of(verdict, at) else { return };
    if let Err(error) = client.tag_revision(revision, TAG, &kept.to_tag()).await {
        let message = format!("the verdict could not be kept as a tag of the revision: {error}");
        sink.event(now(), &Event::Warned { message });
    }
}

impl Kept {
    fn of(verdict: &Verdict, at: Millis) -> Option<Self> {
        let (word, reason) = match verdict {
            Verdict::Promoted { .. } => ("promoted", ""),
            Verdict::RolledBack { reason, .. } => ("rolled_back", reason.as_str()),
            Verdict::Failed { reason, .. } => ("failed", reason.as_str()),
            Verdict::Aborted { reason } => ("aborted", reason.as_str()),
            Verdict::TimedOut { .. } | Verdict::Superseded { .. } => return None,
        };
        Some(Self { at, word: word.to_owned(), reason: reason.to_owned() })
    }

    /// In the letters that AWS takes for a tag.
    fn to_tag(&self) -> String {
        let at = DateTime::from_secs(self.at.div_euclid(1000)).fmt(Format::DateTime).unwrap_or_default();
        let text = format!("{} {at} {}", self.word, self.reason.replace('%', "percent"));
        let allowed = text.chars().filter(|c| c.is_alphanumeric() || " _.:/=+-@".contains(*c));
        allowed.take(TAG_LENGTH).collect::<String>().trim().to_owned()
    }

    fn parse(tag: &str) -> Option<Self> {
        let (word, rest) = tag.split_once(' ')?;
        let (at, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let at = DateTime::from_str(at, Format::DateTime).ok()?.to_millis().ok()?;
        Some(Self { at, word: word.to_owned(), reason: reason.replace("percent", "%") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_kept_in_the_letters_of_a_tag_and_read_again_with_its_numbers() {
        let verdict = Verdict::RolledBack {
            to: TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:7").expect("valid"),
            reason: "gate errors: 99.9 % sure that it is worse: 31.0 % (9 of 29) against 0.0 % (0 of 265)"
                .into(),
            breaker: None,
        };
        let kept = Kept::of(&verdict, 1_784_021_213_456).expect("it has ended");
        let tag = kept.to_tag();
        assert_eq!(
            tag,
            "rolled_back 2026-07-14T09:26:53Z gate errors: 99.9 percent sure that it is worse: 31.0 percent 9 of 29 against 0.0 percent 0 of 265"
        );
        let read = Kept::parse(&tag).expect("what was written");
        assert_eq!((read.at, read.word.as_str()), (1_784_021_213_000, "rolled_back"));
        assert_eq!(
            read.reason,
            "gate errors: 99.9 % sure that it is worse: 31.0 % 9 of 29 against 0.0 % 0 of 265"
        );
    }

    #[test]
    fn a_tag_of_somebody_else_s_making_is_no_verdict() {
        for tag in ["", "promoted", "promoted yesterday", "promoted 2026-07-14"] {
            assert_eq!(Kept::parse(tag), None, "{tag}");
        }
    }
}
