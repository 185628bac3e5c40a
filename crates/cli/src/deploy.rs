//! `tidegate deploy`. Arguments become a plan, the outcome an exit code.

use crate::args::Global;
use crate::config::TaskDefinitionConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use clap::Args;
use std::io::Write as _;
use tidegate_aws::TaskDefinitionSource;
use tidegate_aws::deploy::{DeployError, DeployPlan, Tags, Then, left_out_words, needs_resolving, run};
use tidegate_aws::{EventSink as _, Outcome};
use tidegate_gitops::freeze::{self, Window};
use tidegate_rollout::gate::misplaced;
use tidegate_rollout::strategy::Wish;
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::task_definition::prepare;
use tidegate_rollout::task_definition::strip::response_only;
use tidegate_rollout::update::Force;
use tidegate_rollout::{Event, Strategy};

/// `tidegate deploy`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Deploy {
    #[command(flatten)]
    what: What,
    /// rolling, blue_green, linear or canary, instead of the config file's
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    /// ecs, code_deploy or alb, instead of the config file's
    #[arg(long, value_name = "CONTROLLER")]
    controller: Option<String>,
    /// Return as soon as ECS has accepted the update
    #[arg(long)]
    no_wait: bool,
    /// Show the difference and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Deploy even if nothing changed
    #[arg(long)]
    force: bool,
    /// Set the desired count; without it the count is not touched
    #[arg(long, value_name = "COUNT")]
    desired_count: Option<u32>,
    /// Deploy although a freeze window of the config file is open; the reason is kept and told
    #[arg(long, value_name = "REASON", value_parser = crate::sync::reason)]
    override_freeze: Option<String>,
    /// The commit that it is built from, for the history [default: the pipeline's, else git's]
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
}

/// What is to run: shared by deploy, diff and render.
#[derive(Debug, Clone, Args)]
pub struct What {
    /// The image for a container; without NAME for a task definition that has one container
    #[arg(long = "image", value_name = "[NAME=]REF", value_parser = image)]
    images: Vec<ImageChange>,
    /// A task definition: a JSON or YAML file, a registered ARN or family:revision
    #[arg(long, value_name = "FILE|ARN")]
    task_definition: Option<String>,
    /// Resolve ECR tags to digests [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    resolve_digest: Option<bool>,
}

impl What {
    /// Reads the config file that these flags come on top of.
    pub fn open<'a>(&self, global: &'a Global) -> Result<Session<'a>, Failure> {
        Session::open_with_images(global, &self.images)
    }

    /// The plan of the config file with these flags on top.
    pub fn plan(&self, session: &Session<'_>) -> Result<DeployPlan, Failure> {
        let mut plan = session.plan(self.images.clone())?;
        if let Some(given) = &self.task_definition {
            plan.source = source(given)?;
        }
        if let Some(tags) = self.tags() {
            plan.tags = tags;
        }
        Ok(plan)
    }
}

impl What {
    /// The document that would be registered, if nothing need be asked of AWS for it: it is the
    /// user's own, and no tag is to be resolved.
    pub fn offline(&self, session: &Session<'_>) -> Result<Option<serde_json::Value>, Failure> {
        let document = match (&self.task_definition, &session.config.task_definition) {
            (Some(given), _) => match source(given)? {
                TaskDefinitionSource::Document(document) => document,
                _ => return Ok(None),
            },
            (None, TaskDefinitionConfig::Document(document)) => document.clone(),
            (None, TaskDefinitionConfig::Running) => return Ok(None),
        };
        let images = session.images(self.images.clone());
        let tags = self.tags().unwrap_or(session.config.tags);
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok();
        if tags == Tags::Resolve && images.iter().any(|image| needs_resolving(image, endpoint.as_deref())) {
            return Ok(None);
        }
        let left_out = response_only(&document);
        if !left_out.is_empty() {
            let note = Event::Warned { message: left_out_words(&left_out) };
            crate::render::notes_only(session.global).event(0, &note);
        }
        let prepared = prepare(&document, &document, &images).map_err(DeployError::from)?;
        Ok(Some(prepared.document))
    }

    fn tags(&self) -> Option<Tags> {
        self.resolve_digest.map(|resolve| if resolve { Tags::Resolve } else { Tags::Keep })
    }
}

impl Deploy {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = self.what.open(global)?;
        let mut plan = self.what.plan(&session)?;
        let file = &session.config.wish;
        let wish = Wish {
            strategy: self.strategy.clone().or_else(|| file.strategy.clone()),
            controller: self.controller.clone().or_else(|| file.controller.clone()),
            ..file.clone()
        };
        plan.strategy = Strategy::choose(&wish)?;
        if let Some((gate, weight)) = misplaced(&plan.gates, &plan.strategy) {
            let what =
                format!("gate `{}` is asked at {weight}, and {} has no such step", gate.name, plan.strategy);
            return Err(Failure::new(Exit::Usage, what));
        }
        plan.force = if self.force { Force::Redeploy } else { Force::OnlyIfChanged };
        plan.desired_count = self.desired_count.or(plan.desired_count);
        plan.origin = crate::origin::of_here(self.commit.clone());
        plan.then = match (self.dry_run, self.no_wait) {
            (true, _) => Then::OnlyShow,
            (false, true) => Then::Return,
            (false, false) => Then::Wait,
        };
        let frozen = if self.dry_run { None } else { frozen(&session, self.override_freeze.as_deref())? };
        let client = session.connect().await?;
        if let (Some(window), Some(reason)) = (&frozen, &self.override_freeze) {
            tidegate_aws::sync::keep_override(&client, &plan.target, &window.message, reason).await?;
        }
        let outcome = uninterrupted(session.reporter(), &plan.target, Part::Runs, async |sink| {
            if let (Some(window), Some(reason)) = (&frozen, &self.override_freeze) {
                let message = format!("freeze overridden ({}): {reason}", window.message);
                sink.event(crate::sync::now(), &Event::Warned { message });
            }
            run(&client, &plan, sink).await
        })
        .await??;
        if let Outcome::Started { deployment } = &outcome
            && global.output == crate::args::Output::Text
        {
            let _ = writeln!(std::io::stdout(), "started {deployment}; follow it with `tidegate watch`");
        }
        Ok(Exit::of_outcome(&outcome))
    }
}

/// The freeze window that is open, if somebody said why it does not count.
fn frozen(session: &Session<'_>, overridden: Option<&str>) -> Result<Option<Window>, Failure> {
    let Some((window, until)) = freeze::open(&session.config.freeze, crate::sync::now()) else {
        return Ok(None);
    };
    if overridden.is_some() {
        return Ok(Some(window.clone()));
    }
    let until = tidegate_report::failure::moment(until);
    Err(Failure::new(Exit::Refused, format!("frozen until {until}: {}", window.message))
        .with_help(Some("wait, or say why it cannot: --override-freeze REASON".into())))
}

/// `NAME=REF`, or a bare reference. A container's name has no slash, colon or dot, so a digest's
/// or a tag's `=` (there is none in references) cannot be taken for one.
pub fn image(given: &str) -> Result<ImageChange, String> {
    let (container, image) = match given.split_once('=') {
        Some((container, image)) => (Some(container), image),
        None => (None, given),
    };
    if image.is_empty() || container.is_some_and(str::is_empty) {
        return Err("expected NAME=REF, or REF alone".to_owned());
    }
    Ok(match container {
        Some(container) => ImageChange::Of { container: container.to_owned(), image: image.to_owned() },
        None => ImageChange::OfTheOnlyOne { image: image.to_owned() },
    })
}

/// A file if there is one of that name, else something that is registered.
pub fn source(given: &str) -> Result<TaskDefinitionSource, Failure> {
    let path = std::path::Path::new(given);
    if path.exists() {
        return Ok(TaskDefinitionSource::Document(crate::config::document::read(path)?));
    }
    let registered = given.starts_with("arn:") || (given.contains(':') && !given.contains('/'));
    if registered {
        Ok(TaskDefinitionSource::Registered(given.to_owned()))
    } else {
        Err(Failure::new(
            Exit::Usage,
            format!("--task-definition {given}: there is no such file, and it is no ARN or family:revision"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_taken_with_and_without_a_container() {
        assert_eq!(
            image("web=reg:5000/a/web:2"),
            Ok(ImageChange::Of { container: "web".into(), image: "reg:5000/a/web:2".into() })
        );
        assert_eq!(image("web:2"), Ok(ImageChange::OfTheOnlyOne { image: "web:2".into() }));
        assert!(image("web=").is_err() && image("=web:2").is_err());
    }
}
