//! Managed policies: created, read, tagged, deleted. Those of AWS are read beside them.

use std::collections::BTreeMap;

use tidegate_models::iam::{
    self, CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest,
    GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, ListPolicyTagsRequest,
    ListPolicyTagsResponse, PolicyScopeType, PolicyUsageType, TagPolicyRequest, UntagPolicyRequest,
};

use super::{
    super::{
        document::{self, Purpose},
        managed::{self, ManagedPolicy},
        records::{Policy, PolicyVersion, arn},
    },
    Nothing,
    errors::{already_exists, delete_conflict, no_such_policy, quota},
    lists, tags,
};
use crate::{ApiError, Context, State};

/// AWS's most managed policies of an account.
const MOST: usize = 1_500;

/// AWS's longest managed policy, in characters without white space.
const SIZE: usize = 6_144;

/// `CreatePolicy`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreatePolicyRequest,
) -> Result<CreatePolicyResponse, ApiError> {
    let account = &context.scope.account;
    check_document(&input.policy_document)?;
    let given = tags::given(input.tags)?;
    let own = arn(account, "policy/");
    let is_taken = |(_, policy): (_, &Policy)| policy.name.eq_ignore_ascii_case(&input.policy_name);
    if state.iam_policies.with_prefix(&own).any(is_taken) {
        return Err(already_exists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            input.policy_name
        )));
    }
    if state.iam_policies.with_prefix(&own).count() >= MOST {
        return Err(quota("PoliciesPerAccount", MOST));
    }
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    let policy = Policy {
        arn: arn(account, format_args!("policy{path}{}", input.policy_name)),
        id: state.ids.unique("ANPA"),
        name: input.policy_name,
        path,
        description: input.description,
        created_at: context.now,
        updated_at: context.now,
        versions: BTreeMap::from([(
            1,
            PolicyVersion { document: input.policy_document, created_at: context.now },
        )]),
        default_version: 1,
        last_version: 1,
    };
    state.iam_policies.insert(&policy.arn, policy.clone());
    state.put_tags(&policy.arn, given);
    // As on AWS, the answer leaves the description out.
    Ok(CreatePolicyResponse {
        policy: Some(iam::Policy { description: None, ..described(state, context, &policy) }),
    })
}

/// `GetPolicy`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetPolicyRequest,
) -> Result<GetPolicyResponse, ApiError> {
    let policy = match managed::by_arn(&input.policy_arn) {
        Some(policy) => managed_described(state, context, policy),
        None => described(state, context, find(state, context, &input.policy_arn)?),
    };
    Ok(GetPolicyResponse { policy: Some(policy) })
}

/// `ListPolicies`: without descriptions and tags, as on AWS.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListPoliciesRequest,
) -> Result<ListPoliciesResponse, ApiError> {
    let scope = input.scope.unwrap_or(PolicyScopeType::All);
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let own = arn(&context.scope.account, "policy/");
    let own = state.iam_policies.with_prefix(&own).map(|(_, policy)| described(state, context, policy));
    let of_aws = managed::all().iter().map(|policy| managed_described(state, context, policy));
    let own = own.filter(|_| scope != PolicyScopeType::Aws);
    let of_aws = of_aws.filter(|_| scope != PolicyScopeType::Local);
    let is_asked_for = |policy: &iam::Policy| {
        let (attached, bounds) = (policy.attachment_count, policy.permissions_boundary_usage_count);
        policy.path.as_deref().is_some_and(|path| path.starts_with(prefix))
            && (input.only_attached != Some(true) || attached > Some(0))
            && match input.policy_usage_filter {
                Some(PolicyUsageType::PermissionsBoundary) => bounds > Some(0),
                Some(PolicyUsageType::PermissionsPolicy) => attached > Some(0),
                None => true,
            }
    };
    let found = own.chain(of_aws).filter(is_asked_for).map(|policy| {
        (policy.arn.clone().unwrap_or_default(), iam::Policy { description: None, tags: None, ..policy })
    });
    let found: BTreeMap<String, iam::Policy> = found.collect();
    let found = found.iter().map(|(arn, policy)| (arn.as_str(), policy.clone()));
    let purpose = format!("ListPolicies{prefix}");
    let page = lists::page(found, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListPoliciesResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        policies: Some(page.items),
    })
}

/// `DeletePolicy`: only one that is attached to nothing and has no version but its default.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeletePolicyRequest,
) -> Result<Nothing, ApiError> {
    let policy = find(state, context, &input.policy_arn)?;
    let (attached, bounds) = usage(state, context, &policy.arn);
    if attached > 0 || bounds > 0 {
        return Err(delete_conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The \
             default version is deleted with the policy.",
        ));
    }
    state.iam_policies.remove(&input.policy_arn);
    state.tags.remove(&input.policy_arn);
    Ok(Nothing {})
}

/// `TagPolicy`
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagPolicyRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.policy_arn)?;
    tags::add(state, &input.policy_arn, input.tags)?;
    Ok(Nothing {})
}

/// `UntagPolicy`
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagPolicyRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.policy_arn)?;
    tags::remove(state, &input.policy_arn, &input.tag_keys);
    Ok(Nothing {})
}

/// `ListPolicyTags`
pub(super) fn list_tags(
    state: &State,
    context: &Context,
    input: ListPolicyTagsRequest,
) -> Result<ListPolicyTagsResponse, ApiError> {
    if !exists(state, context, &input.policy_arn) {
        return Err(no_such_policy(&input.policy_arn));
    }
    let page = tags::list(state, &input.policy_arn, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyTagsResponse { is_truncated: page.is_truncated, marker: page.marker, tags: page.items })
}

/// The policy with this ARN that somebody in the account made.
pub(super) fn find<'a>(state: &'a State, context: &Context, policy: &str) -> Result<&'a Policy, ApiError> {
    let is_own = policy.starts_with(&arn(&context.scope.account, "policy/"));
    state.iam_policies.get(policy).filter(|_| is_own).ok_or_else(|| no_such_policy(policy))
}

/// Whether a policy, AWS's or the account's, has this ARN.
pub(super) fn exists(state: &State, context: &Context, policy: &str) -> bool {
    managed::by_arn(policy).is_some() || find(state, context, policy).is_ok()
}

/// Refuses what is no document of a managed policy.
pub(super) fn check_document(text: &str) -> Result<(), ApiError> {
    document::check(text, Purpose::Identity)?;
    if document::size(text) > SIZE { Err(quota("PolicySize", SIZE)) } else { Ok(()) }
}

/// How many roles carry the policy, and how many it bounds.
fn usage(state: &State, context: &Context, policy: &str) -> (i32, i32) {
    let account = format!("{}/", context.scope.account);
    state.iam_roles.with_prefix(&account).fold((0, 0), |(attached, bounds), (_, role)| {
        (
            attached + i32::from(role.attached.contains(policy)),
            bounds + i32::from(role.permissions_boundary.as_deref() == Some(policy)),
        )
    })
}

fn described(state: &State, context: &Context, policy: &Policy) -> iam::Policy {
    let (attached, bounds) = usage(state, context, &policy.arn);
    iam::Policy {
        arn: Some(policy.arn.clone()),
        attachment_count: Some(attached),
        create_date: Some(policy.created_at),
        default_version_id: Some(format!("v{}", policy.default_version)),
        description: policy.description.clone(),
        is_attachable: Some(true),
        path: Some(policy.path.clone()),
        permissions_boundary_usage_count: Some(bounds),
        policy_id: Some(policy.id.clone()),
        policy_name: Some(policy.name.clone()),
        tags: tags::described(state, &policy.arn),
        update_date: Some(policy.updated_at),
    }
}

fn managed_described(state: &State, context: &Context, policy: &ManagedPolicy) -> iam::Policy {
    let (attached, bounds) = usage(state, context, &policy.arn());
    iam::Policy {
        arn: Some(policy.arn()),
        attachment_count: Some(attached),
        create_date: Some(managed::CREATED),
        default_version_id: Some("v1".to_owned()),
        description: None,
        is_attachable: Some(true),
        path: Some(policy.path.clone()),
        permissions_boundary_usage_count: Some(bounds),
        policy_id: Some(policy.id()),
        policy_name: Some(policy.name.clone()),
        tags: None,
        update_date: Some(managed::CREATED),
    }
}
