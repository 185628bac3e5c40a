//! Revisions of an application: AppSpecs, found by the SHA-256 of their content.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tidegate_models::codedeploy::{
    AppSpecContent, ApplicationRevisionSortBy as SortBy, BatchGetApplicationRevisionsInput,
    BatchGetApplicationRevisionsOutput, GenericRevisionInfo, GetApplicationRevisionInput,
    GetApplicationRevisionOutput, ListApplicationRevisionsInput, ListApplicationRevisionsOutput,
    ListStateFilterAction, RawString, RegisterApplicationRevisionInput, RevisionInfo, RevisionLocation,
    RevisionLocationType, SortOrder,
};

use super::{
    Nothing, PAGE,
    errors::{self, invalid_revision},
    groups, lookup,
};
use crate::{
    ApiError, Context, State,
    codedeploy::{
        appspec,
        records::{AppSpec, Application, DeploymentGroup, Revision},
    },
    page::page_in_order,
};

/// AWS's most revisions in one BatchGetApplicationRevisions.
const MOST: usize = 25;

/// AWS's longest description, in characters.
const LONGEST_DESCRIPTION: usize = 256;

/// `RegisterApplicationRevision`: one that is there already keeps its history.
pub(super) fn register(
    state: &mut State,
    context: &Context,
    input: RegisterApplicationRevisionInput,
) -> Result<Nothing, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?.clone();
    check_description(input.description.as_deref())?;
    let given = given(&input.revision)?;
    put(state, context, &application, given, input.description);
    Ok(Nothing {})
}

/// `GetApplicationRevision`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetApplicationRevisionInput,
) -> Result<GetApplicationRevisionOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    let revision = find(state, application, &input.revision)?;
    Ok(GetApplicationRevisionOutput {
        application_name: Some(application.name.clone()),
        revision: Some(revision.location.clone()),
        revision_info: Some(described(state, revision)),
    })
}

/// `BatchGetApplicationRevisions`: those that do not exist are named in the reply's error message.
pub(super) fn batch_get(
    state: &State,
    context: &Context,
    input: BatchGetApplicationRevisionsInput,
) -> Result<BatchGetApplicationRevisionsOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    if input.revisions.len() > MOST {
        return Err(errors::too_many(MOST));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for location in &input.revisions {
        match find(state, application, location) {
            Ok(revision) => found.push(RevisionInfo {
                revision_location: Some(revision.location.clone()),
                generic_revision_info: Some(described(state, revision)),
            }),
            Err(error) => missing.push(error.message.into_owned()),
        }
    }
    Ok(BatchGetApplicationRevisionsOutput {
        application_name: Some(application.name.clone()),
        revisions: Some(found),
        error_message: (!missing.is_empty()).then(|| missing.join("; ")),
    })
}

/// `ListApplicationRevisions`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListApplicationRevisionsInput,
) -> Result<ListApplicationRevisionsOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    let prefix = Revision::key(&application.id, "");
    let is_deployed = |revision: &Revision| !groups_at(state, revision).is_empty();
    let is_wanted = |revision: &Revision| match input.deployed {
        Some(ListStateFilterAction::Include) => is_deployed(revision),
        Some(ListStateFilterAction::Exclude) => !is_deployed(revision),
        Some(ListStateFilterAction::Ignore) | None => true,
    };
    // No revision is in S3 here, so that a bucket has none.
    let none_asked = input.s3_bucket.is_some();
    let rows = state.application_revisions.with_prefix(&prefix).map(|(_, revision)| revision);
    let mut rows: Vec<&Revision> = rows.filter(|revision| !none_asked && is_wanted(revision)).collect();
    let time = |revision: &Revision| match input.sort_by.unwrap_or(SortBy::RegisterTime) {
        SortBy::RegisterTime => Some(revision.registered_at),
        SortBy::FirstUsedTime => revision.first_used_at,
        SortBy::LastUsedTime => revision.last_used_at,
    };
    rows.sort_by_key(|revision| time(revision));
    if input.sort_order == Some(SortOrder::Descending) {
        rows.reverse();
    }
    let (rows, token) = (rows.into_iter(), input.next_token.as_deref());
    let found = page_in_order(rows, "ListApplicationRevisions", token, PAGE, errors::invalid_token)?;
    Ok(ListApplicationRevisionsOutput {
        revisions: Some(
            found.items.into_iter().map(|revision| without_content(&revision.location)).collect(),
        ),
        next_token: found.next,
    })
}

/// A revision that a call gives, read.
pub(super) struct Given {
    /// What it says.
    pub spec: AppSpec,
    /// The SHA-256 of its content.
    pub sha256: String,
    /// Where it is, with its content.
    pub location: RevisionLocation,
}

/// Reads the revision that a call gives with its content.
pub(super) fn given(location: &RevisionLocation) -> Result<Given, ApiError> {
    let (content, sha256) = content(location)?;
    let content = content.filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| invalid_revision("The content of the revision is missing"))?;
    let actual = digest(&content);
    if sha256.is_some_and(|given| !given.eq_ignore_ascii_case(&actual)) {
        return Err(invalid_revision(format!(
            "The sha256 of the revision does not match its content, whose SHA-256 is {actual}"
        )));
    }
    let spec = appspec::parse(&content)
        .map_err(|problem| invalid_revision(format!("The AppSpec is not valid: {problem}")))?;
    let location = match location.revision_type {
        Some(RevisionLocationType::String) => RevisionLocation {
            revision_type: Some(RevisionLocationType::String),
            string: Some(RawString { content: Some(content), sha256: Some(actual.clone()) }),
            ..RevisionLocation::default()
        },
        _ => RevisionLocation {
            revision_type: Some(RevisionLocationType::AppSpecContent),
            app_spec_content: Some(AppSpecContent { content: Some(content), sha256: Some(actual.clone()) }),
            ..RevisionLocation::default()
        },
    };
    Ok(Given { spec, sha256: actual, location })
}

/// Registers a revision that is not there yet.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    application: &Application,
    given: Given,
    description: Option<String>,
) {
    let key = Revision::key(&application.id, &given.sha256);
    if state.application_revisions.contains(&key) {
        if description.is_some() {
            state.application_revisions.update(&key, |revision| revision.description = description);
        }
        return;
    }
    let row = Revision {
        application_id: application.id.clone(),
        sha256: given.sha256,
        location: given.location,
        description,
        registered_at: context.now,
        first_used_at: None,
        last_used_at: None,
    };
    state.application_revisions.insert(&key, row);
}

/// The registered revision that a call names by its content or by its SHA-256 alone.
pub(super) fn find<'a>(
    state: &'a State,
    application: &Application,
    location: &RevisionLocation,
) -> Result<&'a Revision, ApiError> {
    let (content, sha256) = content(location)?;
    let sha256 = content.map(|content| digest(&content)).or(sha256).unwrap_or_default();
    let key = Revision::key(&application.id, &sha256.to_ascii_lowercase());
    state.application_revisions.get(&key).ok_or_else(|| {
        ApiError::new(
            "RevisionDoesNotExistException",
            format!("No revision of application {} has the SHA-256 {sha256}", application.name),
        )
    })
}

/// A revision as it is named where AWS leaves its content out.
pub(super) fn without_content(location: &RevisionLocation) -> RevisionLocation {
    let mut location = location.clone();
    if let Some(content) = &mut location.app_spec_content {
        content.content = None;
    }
    if let Some(string) = &mut location.string {
        string.content = None;
    }
    location
}

/// Refuses a description that is too long.
pub(super) fn check_description(description: Option<&str>) -> Result<(), ApiError> {
    if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(ApiError::new(
            "DescriptionTooLongException",
            format!("The description is longer than {LONGEST_DESCRIPTION} characters."),
        ));
    }
    Ok(())
}

/// Content and SHA-256 as a call gives them.
fn content(location: &RevisionLocation) -> Result<(Option<String>, Option<String>), ApiError> {
    match location.revision_type {
        Some(RevisionLocationType::AppSpecContent) => {
            let given = location.app_spec_content.clone().unwrap_or_default();
            Ok((given.content, given.sha256))
        }
        Some(RevisionLocationType::String) => {
            let given = location.string.clone().unwrap_or_default();
            Ok((given.content, given.sha256))
        }
        Some(RevisionLocationType::S3) => Err(invalid_revision(
            "The local cloud has no Amazon S3 to read a revision from; give the AppSpec itself, with the \
             revisionType AppSpecContent",
        )),
        Some(RevisionLocationType::GitHub) => Err(invalid_revision(
            "The revisionType GitHub is not supported for the ECS compute platform; use AppSpecContent",
        )),
        None => Err(invalid_revision("The revisionType of the revision is missing; use AppSpecContent")),
    }
}

fn digest(content: &str) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(content.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn described(state: &State, revision: &Revision) -> GenericRevisionInfo {
    GenericRevisionInfo {
        deployment_groups: Some(groups_at(state, revision)),
        description: revision.description.clone(),
        register_time: Some(revision.registered_at),
        first_used_time: revision.first_used_at,
        last_used_time: revision.last_used_at,
    }
}

/// The names of the groups whose target revision it is.
fn groups_at(state: &State, revision: &Revision) -> Vec<String> {
    let prefix = DeploymentGroup::key(&revision.application_id, "");
    let groups = state.deployment_groups.with_prefix(&prefix).map(|(_, group)| group);
    let is_at = |group: &&DeploymentGroup| {
        groups::last_successful(state, &group.id).is_some_and(|row| row.revision == revision.sha256)
    };
    groups.filter(is_at).map(|group| group.name.clone()).collect()
}
