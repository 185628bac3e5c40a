//! AWS STS: who is asking, and credentials that pass.
//!
//! The access key id of credentials holds the account's twelve digits, by which the wire knows it again; the session token
//! says which role they are of, so that nothing about them need be kept. Anybody may assume any role: trust policies are
//! kept, and not looked at. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

use std::time::Duration;

use tidegate_models::{
    Secret,
    sts::{
        AssumeRoleRequest, AssumeRoleResponse, AssumeRoleWithWebIdentityRequest,
        AssumeRoleWithWebIdentityResponse, AssumedRoleUser, Credentials, GetAccessKeyInfoRequest,
        GetAccessKeyInfoResponse, GetCallerIdentityRequest, GetCallerIdentityResponse,
        GetSessionTokenRequest, GetSessionTokenResponse,
    },
};

use crate::{ApiError, Context, State, engine::Handlers, iam::authority::Session};

/// The signing name.
pub(crate) const SERVICE: &str = "sts";

/// How long a role's credentials are good when nobody says more, in seconds.
const ROLE_SECONDS: i32 = 3600;

/// How long a session's credentials are good when nobody says more, in seconds.
const SESSION_SECONDS: i32 = 43_200;

/// Adds the handlers of STS.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.read(SERVICE, "GetCallerIdentity", get_caller_identity);
    handlers.read(SERVICE, "GetAccessKeyInfo", get_access_key_info);
    handlers.write(SERVICE, "GetSessionToken", get_session_token);
    handlers.write(SERVICE, "AssumeRole", assume_role);
    handlers.write(SERVICE, "AssumeRoleWithWebIdentity", assume_role_with_web_identity);
}

/// `GetCallerIdentity`: the account's root user, who may do everything.
fn get_caller_identity(
    _state: &State,
    context: &Context,
    _input: GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, ApiError> {
    let account = &context.scope.account;
    Ok(GetCallerIdentityResponse {
        account: Some(account.clone()),
        arn: Some(format!("arn:aws:iam::{account}:root")),
        user_id: Some(account.clone()),
    })
}

fn get_access_key_info(
    _state: &State,
    context: &Context,
    input: GetAccessKeyInfoRequest,
) -> Result<GetAccessKeyInfoResponse, ApiError> {
    let digits = input.access_key_id.strip_prefix("ASIA").filter(|digits| is_account(digits));
    let account = digits.map_or_else(|| context.scope.account.clone(), str::to_owned);
    Ok(GetAccessKeyInfoResponse { account: Some(account) })
}

fn get_session_token(
    state: &mut State,
    context: &Context,
    input: GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse, ApiError> {
    let seconds = input.duration_seconds.unwrap_or(SESSION_SECONDS);
    let token = state.ids.hex(128);
    let credentials = credentials(state, context, &context.scope.account, seconds, token);
    Ok(GetSessionTokenResponse { credentials: Some(credentials), ..GetSessionTokenResponse::default() })
}

fn assume_role(
    state: &mut State,
    context: &Context,
    input: AssumeRoleRequest,
) -> Result<AssumeRoleResponse, ApiError> {
    let role = Role::parse(&input.role_arn)?;
    let seconds = input.duration_seconds.unwrap_or(ROLE_SECONDS);
    Ok(AssumeRoleResponse {
        assumed_role_user: Some(role.user(state, &input.role_session_name)),
        credentials: Some(role.credentials(state, context, &input.role_session_name, seconds)),
        source_identity: input.source_identity,
        ..AssumeRoleResponse::default()
    })
}

/// `AssumeRoleWithWebIdentity`: the token is taken as it comes, since there is nobody to ask about it.
fn assume_role_with_web_identity(
    state: &mut State,
    context: &Context,
    input: AssumeRoleWithWebIdentityRequest,
) -> Result<AssumeRoleWithWebIdentityResponse, ApiError> {
    let role = Role::parse(&input.role_arn)?;
    let seconds = input.duration_seconds.unwrap_or(ROLE_SECONDS);
    Ok(AssumeRoleWithWebIdentityResponse {
        assumed_role_user: Some(role.user(state, &input.role_session_name)),
        credentials: Some(role.credentials(state, context, &input.role_session_name, seconds)),
        audience: Some("sts.amazonaws.com".to_owned()),
        provider: input.provider_id,
        subject_from_web_identity_token: Some(input.role_session_name),
        ..AssumeRoleWithWebIdentityResponse::default()
    })
}

/// What a role's ARN says.
struct Role<'a> {
    account: &'a str,
    name: &'a str,
}

impl<'a> Role<'a> {
    fn parse(arn: &'a str) -> Result<Self, ApiError> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let role = match parts[..] {
            ["arn", _, "iam", "", account, resource] if is_account(account) => {
                let path = resource.strip_prefix("role/");
                path.and_then(|path| path.rsplit('/').next()).map(|name| Self { account, name })
            }
            _ => None,
        };
        role.filter(|role| !role.name.is_empty())
            .ok_or_else(|| ApiError::new("ValidationError", format!("{arn} is invalid")))
    }

    fn credentials(&self, state: &mut State, context: &Context, session: &str, seconds: i32) -> Credentials {
        let token = Session {
            account: self.account.to_owned(),
            role: self.name.to_owned(),
            name: session.to_owned(),
            expires: context.now + lifetime(seconds),
        };
        credentials(state, context, self.account, seconds, token.token())
    }

    fn user(&self, state: &mut State, session: &str) -> AssumedRoleUser {
        let id = state.ids.hex(17).to_ascii_uppercase();
        AssumedRoleUser {
            arn: format!("arn:aws:sts::{}:assumed-role/{}/{session}", self.account, self.name),
            assumed_role_id: format!("AROA{id}:{session}"),
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn lifetime(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

fn credentials(
    state: &mut State,
    context: &Context,
    account: &str,
    seconds: i32,
    session_token: String,
) -> Credentials {
    Credentials {
        access_key_id: format!("ASIA{account}"),
        secret_access_key: Secret::new(state.ids.hex(40)),
        session_token,
        expiration: context.now + lifetime(seconds),
    }
}
