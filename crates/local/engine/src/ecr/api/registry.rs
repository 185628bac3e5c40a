//! The registry as a whole: how one logs in to it, how it is set.

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    ecr::{
        AuthorizationData, DescribeRegistryRequest, DescribeRegistryResponse, GetAuthorizationTokenRequest,
        GetAuthorizationTokenResponse, GetRegistryScanningConfigurationRequest,
        GetRegistryScanningConfigurationResponse, RegistryScanningConfiguration, ReplicationConfiguration,
        ScanType,
    },
};

use super::lookup;
use crate::{ApiError, Context, Scope, State, ecr::token::Token};

/// For how long a token is good, as on AWS.
const TOKENS_LAST: Duration = Duration::from_hours(12);

/// A token of this registry.
pub(super) fn token(scope: Scope, now: Timestamp) -> Token {
    Token::new(scope, now + TOKENS_LAST)
}

pub(super) fn authorize(
    state: &State,
    context: &Context,
    input: GetAuthorizationTokenRequest,
) -> Result<GetAuthorizationTokenResponse, ApiError> {
    let data = |account: Option<&str>| {
        let token = token(lookup::registry(&context.scope, account), context.now);
        AuthorizationData {
            authorization_token: Some(token.authorization()),
            expires_at: Some(Timestamp::from_millis(token.expires)),
            proxy_endpoint: Some(format!("http://{}", state.settings.registry)),
        }
    };
    let all = match &input.registry_ids {
        Some(accounts) => accounts.iter().map(|account| data(Some(account))).collect(),
        None => vec![data(None)],
    };
    Ok(GetAuthorizationTokenResponse { authorization_data: Some(all) })
}

pub(super) fn describe(
    _state: &State,
    context: &Context,
    _input: DescribeRegistryRequest,
) -> Result<DescribeRegistryResponse, ApiError> {
    Ok(DescribeRegistryResponse {
        registry_id: Some(context.scope.account.clone()),
        replication_configuration: Some(ReplicationConfiguration { rules: Vec::new() }),
    })
}

pub(super) fn scanning(
    _state: &State,
    context: &Context,
    _input: GetRegistryScanningConfigurationRequest,
) -> Result<GetRegistryScanningConfigurationResponse, ApiError> {
    Ok(GetRegistryScanningConfigurationResponse {
        registry_id: Some(context.scope.account.clone()),
        scanning_configuration: Some(RegistryScanningConfiguration {
            rules: Some(Vec::new()),
            scan_type: Some(ScanType::Basic),
        }),
    })
}
