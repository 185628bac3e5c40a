//! What is stored of groups and streams.

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, logs::LogGroupClass};

use crate::Scope;

/// A log group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// Its ARN, without the `:*` that AWS sometimes puts behind it.
    pub arn: String,
    /// By which its events are found; a group that is made anew has another one.
    pub number: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// For how long events are kept; `None` for ever.
    pub retention_days: Option<i32>,
    /// The key that it names. It is only shown.
    pub kms_key_id: Option<String>,
    /// Its class. They differ in price alone.
    pub class: LogGroupClass,
    /// Whether it refuses to be deleted.
    pub deletion_protection: bool,
}

impl LogGroup {
    /// The ARN of the group of that name, which is its key.
    pub fn arn(scope: &Scope, name: &str) -> String {
        scope.arn("logs", format_args!("log-group:{name}"))
    }
}

/// A log stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogStream {
    /// The group's ARN.
    pub group_arn: String,
    /// Its name.
    pub name: String,
    /// By which its events are found; a stream that is made anew has another one.
    pub number: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl LogStream {
    /// Its ARN, which is its key. No name of a stream or group has a colon in it.
    pub fn arn(group_arn: &str, name: &str) -> String {
        format!("{}{name}", Self::arns_of(group_arn))
    }

    /// What the ARNs of all streams of a group begin with.
    pub fn arns_of(group_arn: &str) -> String {
        format!("{group_arn}:log-stream:")
    }
}
