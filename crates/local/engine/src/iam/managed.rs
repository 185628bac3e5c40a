//! The managed policies that AWS made, as far as people attach them to what runs here. Start at [`by_arn`].
//!
//! The table is a selection; a policy that is not in it does not exist here.

use std::sync::LazyLock;

use serde_json::Value;
use tidegate_models::Timestamp;

/// When all of them say that they were created: AWS does not say it in its own documentation.
pub(super) const CREATED: Timestamp = Timestamp::from_millis(1_423_000_000_000);

/// A policy of AWS.
#[derive(Debug)]
pub(super) struct ManagedPolicy {
    /// Its name.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// Its document.
    pub document: String,
}

impl ManagedPolicy {
    /// Its ARN, of the account `aws`.
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    /// Its id: made of its name, since AWS's own are not published.
    pub(super) fn id(&self) -> String {
        let letters =
            self.name.bytes().rev().filter(u8::is_ascii_alphanumeric).chain(std::iter::repeat(b'A'));
        let id: String = letters.take(17).map(|byte| char::from(byte.to_ascii_uppercase())).collect();
        format!("ANPA{id}")
    }
}

/// All of them, in the order of their ARNs.
pub(super) fn all() -> &'static [ManagedPolicy] {
    static ALL: LazyLock<Vec<ManagedPolicy>> = LazyLock::new(|| {
        let table: serde_json::Map<String, Value> =
            serde_json::from_str(include_str!("managed.json")).unwrap_or_default();
        let mut all: Vec<ManagedPolicy> = table
            .iter()
            .filter_map(|(place, document)| {
                let (path, name) = place.rsplit_once('/')?;
                Some(ManagedPolicy {
                    name: name.to_owned(),
                    path: format!("{path}/"),
                    document: format!("{document:#}"),
                })
            })
            .collect();
        all.sort_by_key(ManagedPolicy::arn);
        all
    });
    &ALL
}

/// The one with this ARN.
pub(super) fn by_arn(arn: &str) -> Option<&'static ManagedPolicy> {
    let name = arn.rsplit('/').next()?;
    named(name).filter(|policy| policy.arn() == arn)
}

/// The one with this name.
pub(super) fn named(name: &str) -> Option<&'static ManagedPolicy> {
    all().iter().find(|policy| policy.name == name)
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    #[test]
    fn the_table_holds_documents_that_are_valid() {
        assert!(all().len() >= 20, "only {}", all().len());
        for policy in all() {
            document::check(&policy.document, document::Purpose::Identity)
                .unwrap_or_else(|error| panic!("{}: {error}", policy.name));
            assert_eq!(by_arn(&policy.arn()).map(|found| &found.name), Some(&policy.name));
            assert_eq!(policy.id().len(), 21);
        }
        let arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
        assert!(by_arn(arn).is_some_and(|policy| policy.document.contains("ecr:GetAuthorizationToken")));
        assert!(by_arn("arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy").is_none(), "another path");
    }
}
