//! What is stored of a parameter.

use serde::{Deserialize, Serialize};
use tidegate_models::{
    Timestamp,
    ssm::{ParameterTier, ParameterType},
};

use crate::Scope;

/// A parameter's newest version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, with the leading slash if it has one.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it holds.
    pub value: String,
    /// `String` or `StringList`.
    pub r#type: ParameterType,
    /// 1 at first, one more with each overwrite.
    pub version: i64,
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
}
