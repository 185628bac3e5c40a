//! The rules for names of load balancers and target groups.

use super::errors::validation;
use crate::ApiError;

/// The longest name, in characters.
const LONGEST: usize = 32;

/// Checks the name of a load balancer.
pub(super) fn check_load_balancer(name: &str) -> Result<(), ApiError> {
    if name.starts_with("internal-") {
        return Err(validation(format!("Load balancer name '{name}' cannot begin with 'internal-'")));
    }
    check("Load balancer", name)
}

/// Checks the name of a target group.
pub(super) fn check_target_group(name: &str) -> Result<(), ApiError> {
    check("Target group", name)
}

fn check(kind: &str, name: &str) -> Result<(), ApiError> {
    let wrong = if name.is_empty() {
        "cannot be empty".to_owned()
    } else if name.chars().count() > LONGEST {
        format!("cannot be longer than '{LONGEST}' characters")
    } else if !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '-') {
        "can only contain characters that are alphanumeric characters or hyphens(-)".to_owned()
    } else if name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with '-'".to_owned()
    } else {
        return Ok(());
    };
    Err(validation(format!("{kind} name '{name}' {wrong}")))
}
