//! `DeleteSecret` and `RestoreSecret`.

use std::time::Duration;

use tidegate_models::secretsmanager::{
    DeleteSecretRequest, DeleteSecretResponse, RestoreSecretRequest, RestoreSecretResponse,
};

use super::{super::records::Deletion, invalid_parameter, lookup, not_found, versions};
use crate::{ApiError, Context, State, state::Subject};

/// Days that a deleted secret can be restored, unless the call says otherwise.
const WINDOW: i64 = 30;
const SHORTEST: i64 = 7;

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteSecretRequest,
) -> Result<DeleteSecretResponse, ApiError> {
    let forced = input.force_delete_without_recovery == Some(true);
    let days = match input.recovery_window_in_days {
        Some(_) if forced => {
            return Err(invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        Some(days) if !(SHORTEST..=WINDOW).contains(&days) => {
            return Err(invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        given => given.unwrap_or(WINDOW),
    };
    let found = lookup::secret(state, &context.scope, &input.secret_id).ok();
    let Some((arn, name, deletion)) = found.map(|it| (it.arn.clone(), it.name.clone(), it.deletion)) else {
        if !forced || input.secret_id.starts_with("arn:") {
            return Err(not_found());
        }
        // AWS does not tell a forced deletion of nothing from one of something.
        let arn = lookup::arn(&context.scope, &input.secret_id, &state.ids.suffix6());
        return Ok(answer(context, arn, input.secret_id, 0));
    };
    if forced {
        versions::remove(state, &arn);
        return Ok(answer(context, arn, name, 0));
    }
    if deletion.is_some() {
        return Err(lookup::marked());
    }
    let answer = answer(context, arn.clone(), name, days);
    let due_at = answer.deletion_date.unwrap_or(context.now);
    state.secrets.update(&arn, |secret| {
        secret.deletion = Some(Deletion { asked_at: context.now, due_at });
    });
    state.touch(Subject::Secret(arn));
    Ok(answer)
}

fn answer(context: &Context, arn: String, name: String, days: i64) -> DeleteSecretResponse {
    let window = Duration::from_hours(24).saturating_mul(u32::try_from(days).unwrap_or(0));
    DeleteSecretResponse { arn: Some(arn), deletion_date: Some(context.now + window), name: Some(name) }
}

pub(super) fn restore(
    state: &mut State,
    context: &Context,
    input: RestoreSecretRequest,
) -> Result<RestoreSecretResponse, ApiError> {
    let secret = lookup::secret(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    if secret.deletion.is_some() {
        state.secrets.update(&arn, |secret| secret.deletion = None);
        state.touch(Subject::Secret(arn.clone()));
    }
    Ok(RestoreSecretResponse { arn: Some(arn), name: Some(name) })
}
