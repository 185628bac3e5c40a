//! What an account may have: AWS's default quotas, and no reserved capacity.

use tidegate_models::elbv2::{
    DescribeAccountLimitsInput, DescribeAccountLimitsOutput, DescribeCapacityReservationInput,
    DescribeCapacityReservationOutput, Limit,
};

use super::{errors, load_balancers, lookup};
use crate::{ApiError, Context, State, page::page_in_order};

/// Names and values as `DescribeAccountLimits` gives them for a new account.
const LIMITS: &[(&str, &str)] = &[
    ("application-load-balancers", "50"),
    ("target-groups", "3000"),
    ("targets-per-application-load-balancer", "1000"),
    ("listeners-per-application-load-balancer", "50"),
    ("rules-per-application-load-balancer", "100"),
    ("network-load-balancers", "50"),
    ("targets-per-network-load-balancer", "3000"),
    ("targets-per-availability-zone-per-network-load-balancer", "500"),
    ("listeners-per-network-load-balancer", "50"),
    ("condition-values-per-alb-rule", "5"),
    ("condition-wildcards-per-alb-rule", "5"),
    ("target-groups-per-application-load-balancer", "100"),
    ("target-groups-per-action-on-application-load-balancer", "5"),
    ("target-groups-per-action-on-network-load-balancer", "1"),
    ("certificates-per-application-load-balancer", "25"),
    ("certificates-per-network-load-balancer", "25"),
    ("targets-per-target-group", "1000"),
    ("target-id-registrations-per-application-load-balancer", "1000"),
];

/// `DescribeAccountLimits`
pub(super) fn describe_account(
    _state: &State,
    _context: &Context,
    input: DescribeAccountLimitsInput,
) -> Result<DescribeAccountLimitsOutput, ApiError> {
    let limit =
        |(name, max): &(&str, &str)| Limit { name: Some((*name).to_owned()), max: Some((*max).to_owned()) };
    let (marker, size) = (input.marker.as_deref(), load_balancers::page_size(input.page_size));
    let limits = LIMITS.iter().map(limit);
    let found = page_in_order(limits, "DescribeAccountLimits", marker, size, errors::invalid_marker)?;
    Ok(DescribeAccountLimitsOutput { limits: Some(found.items), next_marker: found.next })
}

/// `DescribeCapacityReservation`: there is nothing to reserve on one machine.
pub(super) fn describe_capacity_reservation(
    state: &State,
    context: &Context,
    input: DescribeCapacityReservationInput,
) -> Result<DescribeCapacityReservationOutput, ApiError> {
    lookup::load_balancer(state, context, &input.load_balancer_arn)?;
    Ok(DescribeCapacityReservationOutput {
        capacity_reservation_state: Some(Vec::new()),
        ..DescribeCapacityReservationOutput::default()
    })
}
