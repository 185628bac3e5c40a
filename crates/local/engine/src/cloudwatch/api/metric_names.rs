//! Metrics as calls name them: namespace, name, dimensions; and the statistics of them.

use tidegate_models::cloudwatch::{self, Dimension};

use super::errors::{invalid_value, missing};
use crate::{ApiError, cloudwatch::metrics::Statistic};

/// AWS's limit of dimensions.
const MOST_DIMENSIONS: usize = 30;

/// Checks dimensions: `parameter` is what the call has them in.
pub(super) fn check_dimensions(parameter: &str, dimensions: &[Dimension]) -> Result<(), ApiError> {
    if dimensions.len() > MOST_DIMENSIONS {
        return Err(invalid_value(format!(
            "The collection {parameter} must not have a size greater than {MOST_DIMENSIONS}."
        )));
    }
    for (at, dimension) in dimensions.iter().enumerate() {
        let number = at + 1;
        if dimension.name.trim().is_empty() {
            return Err(missing(format!(
                "The parameter {parameter}.member.{number}.Name is required and must not be blank."
            )));
        }
        if dimension.value.trim().is_empty() {
            return Err(missing(format!(
                "The parameter {parameter}.member.{number}.Value is required and must not be blank."
            )));
        }
        if dimension.name.starts_with(':') || !dimension.name.is_ascii() {
            return Err(invalid_value(format!(
                "The value {} for parameter {parameter}.member.{number}.Name is invalid: it must be ASCII and must not \
                 begin with a colon.",
                dimension.name
            )));
        }
        if dimensions[..at].iter().any(|other| other.name == dimension.name) {
            return Err(invalid_value(format!(
                "Invalid dimension: the dimension {} was given more than once.",
                dimension.name
            )));
        }
    }
    Ok(())
}

/// Whether two lists hold the same dimensions, in whatever order.
pub(super) fn same_dimensions(one: &[Dimension], other: &[Dimension]) -> bool {
    one.len() == other.len() && one.iter().all(|dimension| other.contains(dimension))
}

/// Checks a statistic that is not one of the five plain ones.
pub(super) fn check_extended_statistic(parameter: &str, given: &str) -> Result<Statistic, ApiError> {
    let plain = cloudwatch::Statistic::parse(given).is_some();
    let parsed = Statistic::parse(given).filter(|_| !plain);
    parsed.ok_or_else(|| {
        invalid_value(format!("The value {given} for parameter {parameter} is not supported."))
    })
}
