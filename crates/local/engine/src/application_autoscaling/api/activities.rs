//! Scaling activities: described, newest first.

use tidegate_models::application_autoscaling::{
    DescribeScalingActivitiesRequest, DescribeScalingActivitiesResponse, ScalableDimension,
};

use super::{
    super::records::{Activity, ScalableTarget},
    lookup::{self, check_namespace},
};
use crate::{ApiError, Context, State};

/// `DescribeScalingActivities`: those that did nothing only when they are asked for.
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeScalingActivitiesRequest,
) -> Result<DescribeScalingActivitiesResponse, ApiError> {
    check_namespace(input.service_namespace)?;
    let keys = ScalableTarget::keys_of(&context.scope);
    let target = input.resource_id.as_deref().map(|id| ScalableTarget::key(&context.scope, id));
    let is_asked_for = |activity: &Activity| {
        target.as_ref().is_none_or(|target| activity.target == *target)
            && (activity.item.not_scaled_reasons.is_none()
                || input.include_not_scaled_activities == Some(true))
            && input
                .scalable_dimension
                .is_none_or(|dimension| dimension == ScalableDimension::EcsServiceDesiredCount)
    };
    let found = state.scaling_activities.with_prefix(&keys).filter(|(_, row)| is_asked_for(row));
    // Newest first: a page goes on behind an older one, also when newer ones came since.
    let order = |row: &Activity| {
        format!(
            "{:020}/{:020}/{}",
            i64::MAX - row.item.start_time.as_millis(),
            u64::MAX - row.number,
            row.target
        )
    };
    let mut found: Vec<(String, &Activity)> = found.map(|(_, row)| (order(row), row)).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let found = found.iter().map(|(order, row)| (order.as_str(), row.item.clone()));
    let token = input.next_token.as_deref();
    let page = lookup::page(found, "DescribeScalingActivities", token, input.max_results)?;
    Ok(DescribeScalingActivitiesResponse { next_token: page.next, scaling_activities: Some(page.items) })
}
