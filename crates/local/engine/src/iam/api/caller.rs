//! Who calls, and what the account is called.

use serde::Serialize;
use tidegate_models::{
    Timestamp,
    iam::{GetUserRequest, ListAccountAliasesRequest, ListAccountAliasesResponse},
};

use super::{super::records::arn, errors::no_such_entity};
use crate::{ApiError, Context, State};

/// `GetUserResponse` without the name and the path, which AWS leaves out for the root user though its model does not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Caller {
    user: RootUser,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootUser {
    user_id: String,
    arn: String,
    create_date: Timestamp,
}

/// When each account was created.
const CREATED: Timestamp = Timestamp::from_millis(1_420_070_400_000);

/// `GetUser`: the caller is the account's root user; there are no others.
pub(super) fn get_user(_: &State, context: &Context, input: GetUserRequest) -> Result<Caller, ApiError> {
    if let Some(name) = input.user_name {
        return Err(no_such_entity(format!("The user with name {name} cannot be found.")));
    }
    let account = &context.scope.account;
    let user = RootUser { user_id: account.clone(), arn: arn(account, "root"), create_date: CREATED };
    Ok(Caller { user })
}

/// `ListAccountAliases`: there are none.
pub(super) fn list_account_aliases(
    _: &State,
    _: &Context,
    _: ListAccountAliasesRequest,
) -> Result<ListAccountAliasesResponse, ApiError> {
    Ok(ListAccountAliasesResponse { account_aliases: Vec::new(), is_truncated: Some(false), marker: None })
}
