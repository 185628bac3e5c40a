//! OpenID Connect providers, such as GitHub's for its workflows.

use tidegate_models::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderResponse, DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderResponse, ListOpenIDConnectProviderTagsRequest,
    ListOpenIDConnectProviderTagsResponse, ListOpenIDConnectProvidersRequest,
    ListOpenIDConnectProvidersResponse, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest,
    UntagOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintRequest,
};

use super::{
    super::records::{IdentityProvider, arn},
    Nothing,
    errors::{already_exists, invalid_input, no_such_entity, quota},
    tags,
};
use crate::{ApiError, Context, State};

/// AWS's most providers of an account.
const MOST: usize = 100;

/// AWS's most audiences of a provider.
const MOST_CLIENT_IDS: usize = 100;

/// AWS's most thumbprints of a provider.
const MOST_THUMBPRINTS: usize = 5;

/// What AWS answers when nobody gives one: it fetches the certificate itself. That of nobody stands here.
const NO_THUMBPRINT: &str = "ffffffffffffffffffffffffffffffffffffffff";

/// `CreateOpenIDConnectProvider`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateOpenIDConnectProviderRequest,
) -> Result<CreateOpenIDConnectProviderResponse, ApiError> {
    let url = input
        .url
        .strip_prefix("https://")
        .ok_or_else(|| invalid_input("Invalid Open ID Connect Provider URL"))?;
    let url = url.trim_end_matches('/');
    if url.is_empty() || url.contains(['?', '#', ' ', ':']) {
        return Err(invalid_input("Invalid Open ID Connect Provider URL"));
    }
    let given = tags::given(input.tags)?;
    let client_ids = input.client_id_list.unwrap_or_default();
    if client_ids.len() > MOST_CLIENT_IDS {
        return Err(quota("ClientIdsPerOpenIdConnectProvider", MOST_CLIENT_IDS));
    }
    let mut thumbprints = input.thumbprint_list.unwrap_or_default();
    check_thumbprints(&thumbprints)?;
    if thumbprints.is_empty() {
        thumbprints.push(NO_THUMBPRINT.to_owned());
    }
    let own = arn(&context.scope.account, "oidc-provider/");
    let arn = format!("{own}{url}");
    if state.identity_providers.contains(&arn) {
        return Err(already_exists(format!("Provider with url https://{url} already exists.")));
    }
    if state.identity_providers.with_prefix(&own).count() >= MOST {
        return Err(quota("OpenIdConnectProvidersPerAccount", MOST));
    }
    let provider = IdentityProvider {
        arn: arn.clone(),
        url: url.to_owned(),
        client_ids: client_ids.into_iter().collect(),
        thumbprints,
        created_at: context.now,
    };
    state.identity_providers.insert(&arn, provider);
    state.put_tags(&arn, given);
    let tags = tags::described(state, &arn);
    Ok(CreateOpenIDConnectProviderResponse { open_id_connect_provider_arn: Some(arn), tags })
}

/// `GetOpenIDConnectProvider`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetOpenIDConnectProviderRequest,
) -> Result<GetOpenIDConnectProviderResponse, ApiError> {
    let provider = find(state, context, &input.open_id_connect_provider_arn)?;
    Ok(GetOpenIDConnectProviderResponse {
        client_id_list: Some(provider.client_ids.iter().cloned().collect()),
        create_date: Some(provider.created_at),
        tags: tags::described(state, &provider.arn),
        thumbprint_list: Some(provider.thumbprints.clone()),
        url: Some(provider.url.clone()),
        ..GetOpenIDConnectProviderResponse::default()
    })
}

/// `ListOpenIDConnectProviders`
pub(super) fn list(
    state: &State,
    context: &Context,
    _: ListOpenIDConnectProvidersRequest,
) -> Result<ListOpenIDConnectProvidersResponse, ApiError> {
    let own = arn(&context.scope.account, "oidc-provider/");
    let found = state.identity_providers.with_prefix(&own).map(|(arn, _)| OpenIDConnectProviderListEntry {
        arn: Some(arn.to_owned()),
        ..OpenIDConnectProviderListEntry::default()
    });
    Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(found.collect()) })
}

/// `DeleteOpenIDConnectProvider`: one that is not there is no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteOpenIDConnectProviderRequest,
) -> Result<Nothing, ApiError> {
    if find(state, context, &input.open_id_connect_provider_arn).is_ok() {
        state.identity_providers.remove(&input.open_id_connect_provider_arn);
        state.tags.remove(&input.open_id_connect_provider_arn);
    }
    Ok(Nothing {})
}

/// `AddClientIDToOpenIDConnectProvider`: one that is there already stays.
pub(super) fn add_client_id(
    state: &mut State,
    context: &Context,
    input: AddClientIDToOpenIDConnectProviderRequest,
) -> Result<Nothing, ApiError> {
    let provider = find(state, context, &input.open_id_connect_provider_arn)?;
    if !provider.client_ids.contains(&input.client_id) && provider.client_ids.len() >= MOST_CLIENT_IDS {
        return Err(quota("ClientIdsPerOpenIdConnectProvider", MOST_CLIENT_IDS));
    }
    state.identity_providers.update(&input.open_id_connect_provider_arn, |provider| {
        provider.client_ids.insert(input.client_id);
    });
    Ok(Nothing {})
}

/// `RemoveClientIDFromOpenIDConnectProvider`: one that is not there is no error.
pub(super) fn remove_client_id(
    state: &mut State,
    context: &Context,
    input: RemoveClientIDFromOpenIDConnectProviderRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.open_id_connect_provider_arn)?;
    state.identity_providers.update(&input.open_id_connect_provider_arn, |provider| {
        provider.client_ids.remove(&input.client_id);
    });
    Ok(Nothing {})
}

/// `UpdateOpenIDConnectProviderThumbprint`: replaces them all.
pub(super) fn update_thumbprints(
    state: &mut State,
    context: &Context,
    input: UpdateOpenIDConnectProviderThumbprintRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.open_id_connect_provider_arn)?;
    check_thumbprints(&input.thumbprint_list)?;
    state.identity_providers.update(&input.open_id_connect_provider_arn, |provider| {
        provider.thumbprints = input.thumbprint_list;
    });
    Ok(Nothing {})
}

/// `TagOpenIDConnectProvider`
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagOpenIDConnectProviderRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.open_id_connect_provider_arn)?;
    tags::add(state, &input.open_id_connect_provider_arn, input.tags)?;
    Ok(Nothing {})
}

/// `UntagOpenIDConnectProvider`
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagOpenIDConnectProviderRequest,
) -> Result<Nothing, ApiError> {
    find(state, context, &input.open_id_connect_provider_arn)?;
    tags::remove(state, &input.open_id_connect_provider_arn, &input.tag_keys);
    Ok(Nothing {})
}

/// `ListOpenIDConnectProviderTags`
pub(super) fn list_tags(
    state: &State,
    context: &Context,
    input: ListOpenIDConnectProviderTagsRequest,
) -> Result<ListOpenIDConnectProviderTagsResponse, ApiError> {
    let arn = &find(state, context, &input.open_id_connect_provider_arn)?.arn;
    let page = tags::list(state, arn, input.marker.as_deref(), input.max_items)?;
    Ok(ListOpenIDConnectProviderTagsResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        tags: page.items,
    })
}

fn find<'a>(state: &'a State, context: &Context, provider: &str) -> Result<&'a IdentityProvider, ApiError> {
    let is_own = provider.starts_with(&arn(&context.scope.account, "oidc-provider/"));
    let found = state.identity_providers.get(provider).filter(|_| is_own);
    found.ok_or_else(|| no_such_entity(format!("OpenIDConnect Provider not found for arn {provider}")))
}

fn check_thumbprints(given: &[String]) -> Result<(), ApiError> {
    if given.len() > MOST_THUMBPRINTS {
        return Err(invalid_input("Thumbprint list must contain fewer than 5 entries."));
    }
    let is_hex = |thumbprint: &String| thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    if given.iter().all(is_hex) {
        Ok(())
    } else {
        Err(invalid_input("Thumbprints must be 40 hexadecimal digits."))
    }
}
