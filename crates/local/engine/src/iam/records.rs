//! What is stored of IAM.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_models::Timestamp;

/// The ARN of an IAM resource: it has no region.
pub(crate) fn arn(account: &str, resource: impl std::fmt::Display) -> String {
    format!("arn:aws:iam::{account}:{resource}")
}

/// The key of what has a name in an account; those of one account stand in the order of their names.
///
/// Two names that differ in case only are the same to IAM, so the key does not keep the case.
pub(crate) fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// `AROA` and what AWS draws.
    pub id: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// Who may assume it: a policy document as it was given.
    pub trust_policy: String,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// In seconds.
    pub max_session_duration: i32,
    /// The ARN of the policy that bounds it.
    pub permissions_boundary: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Inline policies: documents by name.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies that are attached.
    pub attached: BTreeSet<String>,
}

/// A managed policy that somebody made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// `ANPA` and what AWS draws.
    pub id: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its versions changed last.
    pub updated_at: Timestamp,
    /// Its versions by number; never empty.
    pub versions: BTreeMap<u32, PolicyVersion>,
    /// The number of the version that holds.
    pub default_version: u32,
    /// The last number given: one that was deleted is never given again.
    pub last_version: u32,
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The document as it was given.
    pub document: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An instance profile: a role as EC2 instances carry it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// `AIPA` and what AWS draws.
    pub id: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The name of its role.
    pub role: Option<String>,
}

/// An OpenID Connect provider whose tokens roles may trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// Its ARN, which ends with the URL.
    pub arn: String,
    /// The URL without `https://`.
    pub url: String,
    /// The audiences that are taken.
    pub client_ids: BTreeSet<String>,
    /// The thumbprints of its certificates.
    pub thumbprints: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
}
