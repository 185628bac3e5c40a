//! `CreateLogGroup`, `DeleteLogGroup` and `DescribeLogGroups`.

use tidegate_models::{
    Timestamp,
    logs::{
        self, CreateLogGroupRequest, DeleteLogGroupRequest, DescribeLogGroupsRequest,
        DescribeLogGroupsResponse, LogGroupClass,
    },
};

use super::{
    super::records::{LogGroup, LogStream},
    Nothing, invalid, lookup, tags,
};
use crate::{ApiError, Context, Scope, State, page::page};

/// AWS's most groups in one page.
const PAGE: usize = 50;

pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateLogGroupRequest,
) -> Result<Nothing, ApiError> {
    let name = input.log_group_name;
    let tags = tags::given(input.tags.unwrap_or_default())?;
    if name.starts_with("aws/") {
        return Err(invalid("Log groups starting with AWS/ are reserved for AWS."));
    }
    if state.log_groups.contains(&LogGroup::arn(&context.scope, &name)) {
        return Err(ApiError::new(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    let arn = add(state, &context.scope, &name, context.now);
    state.log_groups.update(&arn, |group| {
        group.kms_key_id = input.kms_key_id;
        group.class = input.log_group_class.unwrap_or(LogGroupClass::Standard);
        group.deletion_protection = input.deletion_protection_enabled == Some(true);
    });
    state.put_tags(&arn, tags);
    Ok(Nothing {})
}

/// Makes a group of AWS's defaults. Answers its ARN.
pub(in super::super) fn add(state: &mut State, scope: &Scope, name: &str, now: Timestamp) -> String {
    let arn = LogGroup::arn(scope, name);
    let group = LogGroup {
        name: name.to_owned(),
        arn: arn.clone(),
        number: state.ids.number(),
        created_at: now,
        retention_days: None,
        kms_key_id: None,
        class: LogGroupClass::Standard,
        deletion_protection: false,
    };
    state.log_groups.insert(&arn, group);
    arn
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteLogGroupRequest,
) -> Result<Nothing, ApiError> {
    let group = lookup::group(state, &context.scope, &input.log_group_name)?;
    if group.deletion_protection {
        return Err(ApiError::new(
            "ValidationException",
            "The log group cannot be deleted because deletion protection is enabled on it.",
        ));
    }
    let arn = group.arn.clone();
    let prefix = LogStream::arns_of(&arn);
    let streams: Vec<String> =
        state.log_streams.with_prefix(&prefix).map(|(key, _)| key.to_owned()).collect();
    for stream in streams {
        state.log_streams.remove(&stream);
    }
    state.log_groups.remove(&arn);
    state.tags.remove(&arn);
    Ok(Nothing {})
}

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, ApiError> {
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    if input.log_group_identifiers.is_some()
        && (input.log_group_name_prefix.is_some() || input.log_group_name_pattern.is_some())
    {
        return Err(invalid("logGroupIdentifiers can't be used with a prefix or a pattern of names."));
    }
    let pattern = input.log_group_name_pattern.map(|pattern| pattern.to_lowercase());
    let identified = input.log_group_identifiers.map(|all| {
        let arn = |id: String| match id.strip_prefix("arn:") {
            Some(_) => id.trim_end_matches(":*").to_owned(),
            None => LogGroup::arn(&context.scope, &id),
        };
        all.into_iter().map(arn).collect::<Vec<_>>()
    });
    let prefix = LogGroup::arn(&context.scope, input.log_group_name_prefix.as_deref().unwrap_or_default());
    let found = state.log_groups.with_prefix(&prefix).filter(|(_, group)| {
        pattern.as_ref().is_none_or(|pattern| group.name.to_lowercase().contains(pattern))
            && identified.as_ref().is_none_or(|arns| arns.contains(&group.arn))
            && input.log_group_class.is_none_or(|class| group.class == class)
    });
    let limit = input.limit.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || invalid("The specified nextToken is invalid.");
    let found = found.map(|(key, group)| (key, described(group)));
    let page = page(found, "DescribeLogGroups", input.next_token.as_deref(), limit, refused)?;
    Ok(DescribeLogGroupsResponse { log_groups: Some(page.items), next_token: page.next })
}

fn described(group: &LogGroup) -> logs::LogGroup {
    logs::LogGroup {
        arn: Some(format!("{}:*", group.arn)),
        creation_time: Some(group.created_at.as_millis()),
        deletion_protection_enabled: Some(group.deletion_protection),
        kms_key_id: group.kms_key_id.clone(),
        log_group_arn: Some(group.arn.clone()),
        log_group_class: Some(group.class),
        log_group_name: Some(group.name.clone()),
        metric_filter_count: Some(0),
        retention_in_days: group.retention_days,
        // The server fills this in: it has the events.
        stored_bytes: Some(0),
        ..logs::LogGroup::default()
    }
}
