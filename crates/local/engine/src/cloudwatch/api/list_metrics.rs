//! Metrics, listed.

use std::time::Duration;

use tidegate_models::cloudwatch::{DimensionFilter, ListMetricsInput, ListMetricsOutput};

use super::{
    super::metrics::MetricName,
    errors::{invalid_value, not_implemented},
};
use crate::{ApiError, Context, State, page::page};

/// AWS's page.
const PAGE: usize = 500;

/// For how long a metric without new data is listed.
const LISTED: Duration = Duration::from_hours(14 * 24);

/// What `RecentlyActive` asks for.
const RECENTLY: Duration = Duration::from_hours(3);

/// `ListMetrics`: those that have data.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListMetricsInput,
) -> Result<ListMetricsOutput, ApiError> {
    if input.include_linked_accounts == Some(true) || input.owning_account.is_some() {
        return Err(not_implemented("Metrics of linked accounts are"));
    }
    let window = if input.recently_active.is_some() { RECENTLY } else { LISTED };
    let filters = input.dimensions.unwrap_or_default();
    let names = state.metrics.names(&context.scope, context.now - window);
    let names = names.filter(|metric| {
        input.namespace.as_ref().is_none_or(|wanted| metric.namespace == *wanted)
            && input.metric_name.as_ref().is_none_or(|wanted| metric.name == *wanted)
            && filters.iter().all(|filter| has_dimension(metric, filter))
    });
    let mut keyed: Vec<(String, &MetricName)> = names.map(|metric| (key(metric), metric)).collect();
    keyed.sort();
    let rows = keyed.iter().map(|(key, metric)| (key.as_str(), *metric));
    let invalid = || invalid_value("The value for parameter NextToken is invalid");
    let page = page(rows, "ListMetrics", input.next_token.as_deref(), PAGE, invalid)?;
    Ok(ListMetricsOutput {
        metrics: Some(page.items.into_iter().map(MetricName::described).collect()),
        next_token: page.next,
        owning_accounts: None,
    })
}

fn has_dimension(metric: &MetricName, filter: &DimensionFilter) -> bool {
    let mut dimensions = metric.dimensions().iter();
    dimensions.any(|(name, value)| {
        *name == filter.name && filter.value.as_ref().is_none_or(|wanted| value == wanted)
    })
}

/// What pages go by.
fn key(metric: &MetricName) -> String {
    let dimensions = metric.dimensions().iter().map(|(name, value)| format!("{name:?}={value:?}"));
    format!("{:?}/{:?}/{}", metric.namespace, metric.name, dimensions.collect::<Vec<_>>().join(","))
}
