//! The filters of `DescribeParameters`.

use tidegate_models::ssm::{ParameterStringFilter, ParametersFilter};

use super::{super::records::Parameter, versions};
use crate::{ApiError, State};

/// How a filter's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    BeginsWith,
    Contains,
    /// Of a path: everything below it.
    Recursive,
    /// Of a path: only what is right below it.
    OneLevel,
}

/// A filter that can be applied.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    key: String,
    comparison: Comparison,
    values: Vec<String>,
}

const KEYS: [&str; 8] = ["Name", "Type", "KeyId", "Path", "Label", "Tier", "DataType", "tag:"];

/// The filters of a call, of the new kind or the old one.
pub(super) fn parse(
    new: Vec<ParameterStringFilter>,
    old: Vec<ParametersFilter>,
) -> Result<Vec<Filter>, ApiError> {
    let old = old.into_iter().map(|filter| Filter {
        key: filter.key.as_str().to_owned(),
        // The old filter of names is one of their beginnings.
        comparison: if filter.key.as_str() == "Name" { Comparison::BeginsWith } else { Comparison::Equals },
        values: filter.values,
    });
    let new: Vec<Filter> = new.into_iter().map(one).collect::<Result<_, _>>()?;
    let mut keys: Vec<&str> = new.iter().map(|filter| filter.key.as_str()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ApiError::new(
            "InvalidFilterKey",
            "The following filters are duplicated in the request. A request can contain only one occurrence of a specific \
             filter key.",
        ));
    }
    Ok(new.into_iter().chain(old).collect())
}

fn one(filter: ParameterStringFilter) -> Result<Filter, ApiError> {
    let is_tag = filter.key.starts_with("tag:");
    if !is_tag && !KEYS.contains(&filter.key.as_str()) {
        return Err(ApiError::new(
            "InvalidFilterKey",
            format!(
                "The following filter key is not valid: {}. Valid filter keys include: [{}].",
                filter.key,
                KEYS.join(", ")
            ),
        ));
    }
    let comparison = match (filter.key.as_str(), filter.option.as_deref()) {
        ("Path", None | Some("OneLevel")) => Comparison::OneLevel,
        ("Path", Some("Recursive")) => Comparison::Recursive,
        (key, None | Some("Equals")) if key != "Path" => Comparison::Equals,
        (key, Some("BeginsWith")) if key != "Path" => Comparison::BeginsWith,
        ("Name", Some("Contains")) => Comparison::Contains,
        (key, option) => {
            return Err(ApiError::new(
                "InvalidFilterOption",
                format!(
                    "The following filter option is not valid: {}. It cannot be used with the filter key {key}.",
                    option.unwrap_or_default()
                ),
            ));
        }
    };
    let values = filter.values.unwrap_or_default();
    if values.is_empty() && !is_tag {
        return Err(ApiError::new(
            "InvalidFilterValue",
            format!("The following filter values are missing : null for filter key {}", filter.key),
        ));
    }
    if filter.key == "Path"
        && let Some(bad) = values.iter().find(|path| !path.starts_with('/'))
    {
        return Err(ApiError::new(
            "InvalidFilterValue",
            format!("The parameter path {bad} must begin with a forward slash \"/\"."),
        ));
    }
    Ok(Filter { key: filter.key, comparison, values })
}

impl Filter {
    /// Whether it lets the parameter with this key through.
    pub(super) fn matches(&self, state: &State, key: &str, parameter: &Parameter) -> bool {
        match self.key.as_str() {
            "Name" => self.compares(&parameter.name),
            "Type" => self.compares(parameter.r#type.as_str()),
            "KeyId" => parameter.key_id.as_deref().is_some_and(|id| self.compares(id)),
            "Path" => self.values.iter().any(|path| self.is_below(path, &parameter.name)),
            "Label" => versions::all(state, key)
                .iter()
                .any(|(_, version)| version.labels.iter().any(|label| self.compares(label))),
            "Tier" => self.compares(parameter.tier.as_str()),
            "DataType" => self.compares(&parameter.data_type),
            tag => {
                let value =
                    state.tags.get(&parameter.arn).and_then(|tags| tags.get(tag.strip_prefix("tag:")?));
                value.is_some_and(|value| self.values.is_empty() || self.compares(value))
            }
        }
    }

    fn compares(&self, found: &str) -> bool {
        // The slash that a name begins with may be left out.
        let bare = found.strip_prefix('/').filter(|_| self.key == "Name");
        self.values.iter().any(|wanted| {
            std::iter::once(found).chain(bare).any(|found| match self.comparison {
                Comparison::BeginsWith => found.starts_with(wanted.as_str()),
                Comparison::Contains => found.contains(wanted.as_str()),
                _ => found == wanted,
            })
        })
    }

    fn is_below(&self, path: &str, name: &str) -> bool {
        let below = name.strip_prefix(path.trim_end_matches('/')).and_then(|below| below.strip_prefix('/'));
        // The root has those, too, that have no slash at all.
        let below = below.or((path == "/" && !name.starts_with('/')).then_some(name));
        below.is_some_and(|below| self.comparison == Comparison::Recursive || !below.contains('/'))
    }
}
