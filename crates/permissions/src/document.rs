//! An IAM policy document that is put together grant by grant: what is granted on the same resources under the same
//! condition becomes one statement. Start at [`Policy::allow`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// What the statements have in common is their resources and their condition.
type Key = (BTreeSet<String>, BTreeMap<String, BTreeMap<String, String>>);

/// A policy document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    grants: BTreeMap<Key, BTreeSet<String>>,
}

/// One statement: these actions on these resources, under this condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// `Allow`.
    effect: &'static str,
    /// Such as `ecs:UpdateService`, in alphabetical order.
    pub action: BTreeSet<String>,
    /// ARNs, or `*` for actions that know no resource.
    pub resource: BTreeSet<String>,
    /// By operator, then by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: BTreeMap<String, BTreeMap<String, String>>,
}

impl Policy {
    /// Allows `actions` on each of `resources`; on none, nothing.
    pub(crate) fn allow(&mut self, actions: &[&str], resources: Vec<String>) {
        self.add(actions, resources, BTreeMap::new());
    }

    /// The same where the condition key has this value.
    pub(crate) fn allow_where(
        &mut self,
        actions: &[&str],
        resources: Vec<String>,
        (operator, key, value): (&str, &str, &str),
    ) {
        let condition = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        self.add(actions, resources, BTreeMap::from([(operator.to_owned(), condition)]));
    }

    fn add(
        &mut self,
        actions: &[&str],
        resources: Vec<String>,
        condition: BTreeMap<String, BTreeMap<String, String>>,
    ) {
        if resources.is_empty() {
            return;
        }
        let granted = self.grants.entry((resources.into_iter().collect(), condition)).or_default();
        granted.extend(actions.iter().map(|&action| action.to_owned()));
    }

    /// Its statements: those on named resources first.
    pub fn statements(&self) -> Vec<Statement> {
        let mut statements: Vec<Statement> = self
            .grants
            .iter()
            .map(|((resource, condition), action)| Statement {
                effect: "Allow",
                action: action.clone(),
                resource: resource.clone(),
                condition: condition.clone(),
            })
            .collect();
        statements.sort_by_key(|statement| {
            (statement.resource.contains("*"), statement.action.first().cloned(), statement.resource.clone())
        });
        statements
    }

    /// All actions that it allows.
    pub fn actions(&self) -> BTreeSet<String> {
        self.grants.values().flatten().cloned().collect()
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(2))?;
        document.serialize_entry("Version", "2012-10-17")?;
        document.serialize_entry("Statement", &self.statements())?;
        document.end()
    }
}
