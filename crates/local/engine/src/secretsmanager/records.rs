//! What is stored of a secret.

use serde::{Deserialize, Serialize};
use tidegate_models::{Secret as Hidden, Timestamp};

use crate::Scope;

/// A secret, without its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// Its ARN, which ends in six random characters.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// The key that it names. It is only shown: there is no key service here.
    pub kms_key_id: Option<String>,
    /// Whose secret of which kind it is, when an AWS partner manages it.
    pub r#type: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something of it changed last.
    pub changed_at: Timestamp,
    /// Set while it waits to be deleted.
    pub deletion: Option<Deletion>,
    /// The policy that is on it, as it was given.
    pub policy: Option<String>,
}

/// A deletion that can still be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When the secret is gone.
    pub due_at: Timestamp,
}

impl Secret {
    /// Under which the index holds the secret of that name: there is one in each scope.
    pub fn index(scope: &Scope, name: &str) -> String {
        format!("{}/{}:{name}", scope.account, scope.region)
    }

    pub(crate) fn own_index(&self) -> String {
        Self::index(&Scope::of_arn(&self.arn), &self.name)
    }
}

/// A version of a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The secret's ARN.
    pub secret_arn: String,
    /// The token that it was put with.
    pub id: String,
    /// What it holds.
    pub value: Value,
    /// The stages that are on it, in order. Without any it is deprecated, and goes when there are many.
    pub stages: Vec<String>,
    /// When it was put.
    pub created_at: Timestamp,
}

impl Version {
    /// Its key.
    pub fn key(secret_arn: &str, id: &str) -> String {
        format!("{secret_arn}/{id}")
    }

    /// Whether that stage is on it.
    pub fn has_stage(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own == stage)
    }
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    String(Hidden),
    /// Bytes, in base64.
    Binary(Hidden),
}

impl Value {
    /// The text, or the bytes in base64.
    pub fn secret(&self) -> &Hidden {
        let (Self::String(secret) | Self::Binary(secret)) = self;
        secret
    }

    /// The text; `None` when it is bytes.
    pub fn string(&self) -> Option<&Hidden> {
        match self {
            Self::String(secret) => Some(secret),
            Self::Binary(_) => None,
        }
    }

    /// The bytes in base64; `None` when it is text.
    pub fn binary(&self) -> Option<&Hidden> {
        match self {
            Self::Binary(secret) => Some(secret),
            Self::String(_) => None,
        }
    }
}
