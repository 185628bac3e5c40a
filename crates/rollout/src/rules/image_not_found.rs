//! The registry does not know the image.

use super::{Rule, Shown, anywhere, by_event, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-not-found",
    symptom: "tasks never RUNNING: CannotPullContainerError … not found",
    what: "the image does not exist",
    fix: "check the repository, the tag or digest, and that the push has finished",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer", "not found"]),
        by_task(&["cannotpullcontainer", "manifest unknown"]),
        anywhere(&["cannotpullcontainer", "name unknown"]),
        by_event(&["was unable to place a task", "cannotpullcontainer", "not found"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let image = image_of(&cause).or_else(|| only_image(case));
    let cause = match &image {
        Some(image) => cause.named(format!("the image {image} does not exist")),
        None => cause,
    };
    let command = inspect(case, &cause);
    Some(match command {
        Some(command) => cause.then(command),
        None => cause,
    })
}

/// The command that asks the registry for the image of a cause.
pub(super) fn inspect(case: &Case, cause: &Cause) -> Option<String> {
    let image = image_of(cause).or_else(|| only_image(case))?;
    let ecr = image.split_once('/').filter(|(registry, _)| registry.contains(".dkr.ecr."));
    let Some((registry, path)) = ecr else { return Some(format!("docker manifest inspect {image}")) };
    let account = registry.split('.').next().unwrap_or_default();
    let (repository, id) = match (path.split_once('@'), path.rsplit_once(':')) {
        (Some((repository, digest)), _) => (repository, format!("imageDigest={digest}")),
        (None, Some((repository, tag))) => (repository, format!("imageTag={tag}")),
        (None, None) => (path, "imageTag=latest".to_owned()),
    };
    Some(format!(
        "aws ecr describe-images --registry-id {account} --repository-name {repository} --image-ids {id}"
    ))
}

/// The image that AWS's sentence names.
fn image_of(cause: &Cause) -> Option<String> {
    let named = super::named_after(cause.said(), "failed to resolve ref ")
        .or_else(|| super::named_after(cause.said(), "resolve reference "));
    named.map(|name| name.trim_start_matches("docker.io/library/").to_owned())
}

/// The image of a task definition that has one container.
fn only_image(case: &Case) -> Option<String> {
    let containers = case.task_definition.known()?.get("containerDefinitions")?.as_array()?;
    let [only] = containers.as_slice() else { return None };
    only.get("image")?.as_str().map(str::to_owned)
}
