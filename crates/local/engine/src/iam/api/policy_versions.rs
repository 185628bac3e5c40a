//! The versions of managed policies.

use tidegate_models::iam::{
    self, CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest,
    GetPolicyVersionRequest, GetPolicyVersionResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse,
    SetDefaultPolicyVersionRequest,
};

use super::{
    super::{
        document, managed,
        records::{Policy, PolicyVersion},
    },
    Nothing,
    errors::{delete_conflict, limit_exceeded, no_such_entity},
    lists, policies,
};
use crate::{ApiError, Context, State};

/// AWS's most versions of a policy.
const MOST: usize = 5;

/// `CreatePolicyVersion`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreatePolicyVersionRequest,
) -> Result<CreatePolicyVersionResponse, ApiError> {
    let policy = policies::find(state, context, &input.policy_arn)?;
    policies::check_document(&input.policy_document)?;
    if policy.versions.len() >= MOST {
        return Err(limit_exceeded(format!(
            "A managed policy can have up to {MOST} versions. Before you create a new version, you must delete an existing \
             version."
        )));
    }
    let number = policy.last_version + 1;
    let version = PolicyVersion { document: input.policy_document, created_at: context.now };
    state.iam_policies.update(&input.policy_arn, |policy| {
        policy.versions.insert(number, version);
        policy.last_version = number;
        policy.updated_at = context.now;
        if input.set_as_default == Some(true) {
            policy.default_version = number;
        }
    });
    Ok(CreatePolicyVersionResponse {
        policy_version: Some(iam::PolicyVersion {
            create_date: Some(context.now),
            document: None,
            is_default_version: Some(input.set_as_default == Some(true)),
            version_id: Some(format!("v{number}")),
        }),
    })
}

/// `GetPolicyVersion`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetPolicyVersionRequest,
) -> Result<GetPolicyVersionResponse, ApiError> {
    let missing = || missing(&input.policy_arn, &input.version_id);
    let version = if let Some(policy) = managed::by_arn(&input.policy_arn) {
        if input.version_id != "v1" {
            return Err(missing());
        }
        of_aws(Some(document::encoded(&policy.document)))
    } else {
        let policy = policies::find(state, context, &input.policy_arn)?;
        let number = number(&input.version_id).ok_or_else(missing)?;
        let version = policy.versions.get(&number).ok_or_else(missing)?;
        iam::PolicyVersion {
            document: Some(document::encoded(&version.document)),
            ..described(policy, number, version)
        }
    };
    Ok(GetPolicyVersionResponse { policy_version: Some(version) })
}

/// `ListPolicyVersions`: newest first, without documents.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListPolicyVersionsRequest,
) -> Result<ListPolicyVersionsResponse, ApiError> {
    let versions = if managed::by_arn(&input.policy_arn).is_some() {
        vec![of_aws(None)]
    } else {
        let policy = policies::find(state, context, &input.policy_arn)?;
        policy.versions.iter().rev().map(|(number, version)| described(policy, *number, version)).collect()
    };
    let keys: Vec<String> = (0..versions.len()).map(|at| format!("{at:03}")).collect();
    let versions = keys.iter().map(String::as_str).zip(versions);
    let purpose = format!("ListPolicyVersions {}", input.policy_arn);
    let page = lists::page(versions, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyVersionsResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        versions: Some(page.items),
    })
}

/// `SetDefaultPolicyVersion`
pub(super) fn set_default(
    state: &mut State,
    context: &Context,
    input: SetDefaultPolicyVersionRequest,
) -> Result<Nothing, ApiError> {
    let number = find(state, context, &input.policy_arn, &input.version_id)?;
    state.iam_policies.update(&input.policy_arn, |policy| {
        policy.default_version = number;
        policy.updated_at = context.now;
    });
    Ok(Nothing {})
}

/// `DeletePolicyVersion`: any but the default.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeletePolicyVersionRequest,
) -> Result<Nothing, ApiError> {
    let number = find(state, context, &input.policy_arn, &input.version_id)?;
    if policies::find(state, context, &input.policy_arn)?.default_version == number {
        return Err(delete_conflict("Cannot delete the default version of a policy."));
    }
    state.iam_policies.update(&input.policy_arn, |policy| {
        policy.versions.remove(&number);
        policy.updated_at = context.now;
    });
    Ok(Nothing {})
}

/// The number of a version that is there.
fn find(state: &State, context: &Context, arn: &str, version: &str) -> Result<u32, ApiError> {
    let policy = policies::find(state, context, arn)?;
    let number = number(version).filter(|number| policy.versions.contains_key(number));
    number.ok_or_else(|| missing(arn, version))
}

fn number(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.parse().ok()
}

fn missing(arn: &str, version: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

fn described(policy: &Policy, number: u32, version: &PolicyVersion) -> iam::PolicyVersion {
    iam::PolicyVersion {
        create_date: Some(version.created_at),
        document: None,
        is_default_version: Some(policy.default_version == number),
        version_id: Some(format!("v{number}")),
    }
}

fn of_aws(document: Option<String>) -> iam::PolicyVersion {
    iam::PolicyVersion {
        create_date: Some(managed::CREATED),
        document,
        is_default_version: Some(true),
        version_id: Some("v1".to_owned()),
    }
}
