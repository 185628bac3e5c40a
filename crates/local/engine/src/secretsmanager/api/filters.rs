//! The filters of `ListSecrets` and `BatchGetSecretValue`.

use tidegate_models::secretsmanager::{Filter as Given, FilterNameStringType};

use super::{super::records::Secret, invalid_parameter};
use crate::{ApiError, State};

/// A filter that can be applied.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    key: FilterNameStringType,
    values: Vec<String>,
}

pub(super) fn parse(given: &[Given]) -> Result<Vec<Filter>, ApiError> {
    let one = |given: &Given| match (given.key, &given.values) {
        (Some(key), Some(values)) if !values.is_empty() => Ok(Filter { key, values: values.clone() }),
        (None, _) => Err(invalid_parameter("Invalid filter key.")),
        (Some(_), _) => Err(invalid_parameter("Invalid filter values for key. A filter needs a value.")),
    };
    given.iter().map(one).collect()
}

impl Filter {
    /// One of its values must hold; one with an exclamation mark in front must not.
    pub(super) fn matches(&self, state: &State, secret: &Secret) -> bool {
        self.values.iter().any(|value| match value.strip_prefix('!') {
            Some(not) => !self.holds(state, secret, not),
            None => self.holds(state, secret, value),
        })
    }

    fn holds(&self, state: &State, secret: &Secret, value: &str) -> bool {
        let tags = || state.tags.get(&secret.arn).into_iter().flatten();
        let lower = value.to_lowercase();
        match self.key {
            FilterNameStringType::Name => secret.name.starts_with(value),
            FilterNameStringType::Description => {
                secret.description.as_ref().is_some_and(|text| text.to_lowercase().starts_with(&lower))
            }
            FilterNameStringType::TagKey => tags().any(|(key, _)| key.starts_with(value)),
            FilterNameStringType::TagValue => tags().any(|(_, own)| own.starts_with(value)),
            FilterNameStringType::PrimaryRegion | FilterNameStringType::OwningService => false,
            FilterNameStringType::All => {
                let own = [Some(secret.name.clone()), secret.description.clone()].into_iter().flatten();
                let own = own.chain(tags().flat_map(|(key, value)| [key.clone(), value.clone()]));
                let own: Vec<String> = own.map(|text| text.to_lowercase()).collect();
                lower.split_whitespace().all(|word| own.iter().any(|text| text.contains(word)))
            }
        }
    }
}
