//! What is stored of a parameter.

use serde::{Deserialize, Serialize};
use tidegate_models::{
    Secret, Timestamp,
    ssm::{ParameterTier, ParameterType},
};

use crate::Scope;

/// One version of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, with the leading slash if it has one.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it holds. Never printed, whatever its type: who knows what people put there.
    pub value: Secret,
    /// What is shown of a `SecureString` to those who do not ask for decryption; no secret, and nothing can be made of it.
    #[serde(default)]
    pub ciphertext: Option<String>,
    /// `String`, `StringList` or `SecureString`.
    pub r#type: ParameterType,
    /// The key that a `SecureString` names. It is only shown: there is no key service here.
    #[serde(default)]
    pub key_id: Option<String>,
    /// 1 at first, one more with each overwrite.
    pub version: i64,
    /// The labels of this version, in order.
    #[serde(default)]
    pub labels: Vec<String>,
    /// When this version was put.
    pub modified_at: Timestamp,
    /// How large it may be.
    pub tier: ParameterTier,
    /// `text` unless somebody said more.
    pub data_type: String,
    /// The expression that each value must match.
    pub allowed_pattern: Option<String>,
    /// What somebody wrote about it.
    pub description: Option<String>,
}

impl Parameter {
    /// The key of the parameter of that name; those of one scope stand in the order of their names.
    pub fn key(scope: &Scope, name: &str) -> String {
        format!("{}{name}", Self::keys_of(scope))
    }

    /// What all keys of a scope begin with.
    pub fn keys_of(scope: &Scope) -> String {
        format!("{}/{}:", scope.account, scope.region)
    }

    /// The key of an older version of the parameter with this key; they stand in the order of their versions.
    pub fn version_key(key: &str, version: i64) -> String {
        format!("{}{version:019}", Self::version_keys_of(key))
    }

    /// What the keys of all older versions of a parameter begin with. No name has a colon in it.
    pub fn version_keys_of(key: &str) -> String {
        format!("{key}:")
    }
}
