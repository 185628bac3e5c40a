//! The API's handlers: one file for each kind of entity, and this table.
//!
//! A handler checks everything first and changes the state last, so that one that answers with an error has changed
//! nothing. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod attachments;
mod caller;
mod errors;
mod identity_providers;
mod inline;
mod instance_profiles;
mod lists;
mod policies;
mod policy_versions;
mod roles;
mod service_linked_roles;
mod tags;

use serde::Serialize;

use super::SERVICE;
use crate::engine::Handlers;

/// The answer of an operation that has none.
#[derive(Debug, Serialize)]
struct Nothing {}

/// Adds the handlers of IAM.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateRole", roles::create);
    handlers.read(SERVICE, "GetRole", roles::get);
    handlers.read(SERVICE, "ListRoles", roles::list);
    handlers.write(SERVICE, "UpdateRole", roles::update);
    handlers.write(SERVICE, "UpdateRoleDescription", roles::update_description);
    handlers.write(SERVICE, "UpdateAssumeRolePolicy", roles::update_trust_policy);
    handlers.write(SERVICE, "DeleteRole", roles::delete);
    handlers.write(SERVICE, "TagRole", roles::tag);
    handlers.write(SERVICE, "UntagRole", roles::untag);
    handlers.read(SERVICE, "ListRoleTags", roles::list_tags);

    handlers.write(SERVICE, "CreateServiceLinkedRole", service_linked_roles::create);
    handlers.write(SERVICE, "DeleteServiceLinkedRole", service_linked_roles::delete);
    handlers.read(SERVICE, "GetServiceLinkedRoleDeletionStatus", service_linked_roles::deletion_status);

    handlers.write(SERVICE, "PutRolePolicy", inline::put);
    handlers.read(SERVICE, "GetRolePolicy", inline::get);
    handlers.read(SERVICE, "ListRolePolicies", inline::list);
    handlers.write(SERVICE, "DeleteRolePolicy", inline::delete);

    handlers.write(SERVICE, "AttachRolePolicy", attachments::attach);
    handlers.write(SERVICE, "DetachRolePolicy", attachments::detach);
    handlers.read(SERVICE, "ListAttachedRolePolicies", attachments::list);
    handlers.read(SERVICE, "ListEntitiesForPolicy", attachments::list_entities);

    handlers.write(SERVICE, "CreatePolicy", policies::create);
    handlers.read(SERVICE, "GetPolicy", policies::get);
    handlers.read(SERVICE, "ListPolicies", policies::list);
    handlers.write(SERVICE, "DeletePolicy", policies::delete);
    handlers.write(SERVICE, "TagPolicy", policies::tag);
    handlers.write(SERVICE, "UntagPolicy", policies::untag);
    handlers.read(SERVICE, "ListPolicyTags", policies::list_tags);

    handlers.write(SERVICE, "CreatePolicyVersion", policy_versions::create);
    handlers.read(SERVICE, "GetPolicyVersion", policy_versions::get);
    handlers.read(SERVICE, "ListPolicyVersions", policy_versions::list);
    handlers.write(SERVICE, "SetDefaultPolicyVersion", policy_versions::set_default);
    handlers.write(SERVICE, "DeletePolicyVersion", policy_versions::delete);

    handlers.write(SERVICE, "CreateInstanceProfile", instance_profiles::create);
    handlers.read(SERVICE, "GetInstanceProfile", instance_profiles::get);
    handlers.read(SERVICE, "ListInstanceProfiles", instance_profiles::list);
    handlers.read(SERVICE, "ListInstanceProfilesForRole", instance_profiles::list_for_role);
    handlers.write(SERVICE, "DeleteInstanceProfile", instance_profiles::delete);
    handlers.write(SERVICE, "AddRoleToInstanceProfile", instance_profiles::add_role);
    handlers.write(SERVICE, "RemoveRoleFromInstanceProfile", instance_profiles::remove_role);
    handlers.write(SERVICE, "TagInstanceProfile", instance_profiles::tag);
    handlers.write(SERVICE, "UntagInstanceProfile", instance_profiles::untag);
    handlers.read(SERVICE, "ListInstanceProfileTags", instance_profiles::list_tags);

    handlers.write(SERVICE, "CreateOpenIDConnectProvider", identity_providers::create);
    handlers.read(SERVICE, "GetOpenIDConnectProvider", identity_providers::get);
    handlers.read(SERVICE, "ListOpenIDConnectProviders", identity_providers::list);
    handlers.write(SERVICE, "DeleteOpenIDConnectProvider", identity_providers::delete);
    handlers.write(SERVICE, "AddClientIDToOpenIDConnectProvider", identity_providers::add_client_id);
    handlers.write(SERVICE, "RemoveClientIDFromOpenIDConnectProvider", identity_providers::remove_client_id);
    handlers.write(SERVICE, "UpdateOpenIDConnectProviderThumbprint", identity_providers::update_thumbprints);
    handlers.write(SERVICE, "TagOpenIDConnectProvider", identity_providers::tag);
    handlers.write(SERVICE, "UntagOpenIDConnectProvider", identity_providers::untag);
    handlers.read(SERVICE, "ListOpenIDConnectProviderTags", identity_providers::list_tags);

    handlers.read(SERVICE, "GetUser", caller::get_user);
    handlers.read(SERVICE, "ListAccountAliases", caller::list_account_aliases);
}
