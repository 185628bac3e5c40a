//! What a metric is found by.

use serde::{Deserialize, Serialize};
use tidegate_models::cloudwatch::{Dimension, Metric};

use crate::Scope;

/// A metric: whose, in which namespace, its name, its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricName {
    /// Whose it is.
    pub scope: Scope,
    /// For example `AWS/ApplicationELB`.
    pub namespace: String,
    /// For example `RequestCount`.
    pub name: String,
    dimensions: Vec<(String, String)>,
}

impl MetricName {
    /// The metric with these dimensions, in whatever order they come.
    pub fn new(scope: &Scope, namespace: &str, name: &str, mut dimensions: Vec<(String, String)>) -> Self {
        dimensions.sort();
        Self { scope: scope.clone(), namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// The metric that a call names.
    pub(crate) fn given(
        scope: &Scope,
        namespace: &str,
        name: &str,
        dimensions: Option<&[Dimension]>,
    ) -> Self {
        let dimensions = dimensions.unwrap_or_default().iter();
        let dimensions = dimensions.map(|given| (given.name.clone(), given.value.clone())).collect();
        Self::new(scope, namespace, name, dimensions)
    }

    /// Its dimensions, by name.
    pub(crate) fn dimensions(&self) -> &[(String, String)] {
        &self.dimensions
    }

    /// As the API describes it.
    pub(crate) fn described(&self) -> Metric {
        let dimensions = self.dimensions.iter();
        let dimensions =
            dimensions.map(|(name, value)| Dimension { name: name.clone(), value: value.clone() });
        Metric {
            namespace: Some(self.namespace.clone()),
            metric_name: Some(self.name.clone()),
            dimensions: Some(dimensions.collect()),
        }
    }
}
