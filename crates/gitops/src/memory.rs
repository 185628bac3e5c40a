//! What must be known of a service after a restart, also on another machine. It is small (a standard parameter holds
//! 4 KB), holds no secret, and is written before what it announces is done. Start with [`Memory`].

use crate::Millis;
use serde::{Deserialize, Serialize};

/// How long a reason may be, in bytes; the whole verdict is in the service's own history.
const LONGEST: usize = 400;

/// What is known of one service. The default is a service of which there is nothing to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The rollout that was begun and whose end nobody has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
    /// What is not tried again until it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thrown_back: Option<ThrownBack>,
    /// It was moved as part of a release that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint: Option<Joint>,
    /// The last rollout that began in a freeze window, and why it might.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Overridden>,
}

/// A rollout that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moving {
    /// What is tried: the unit's digest.
    pub digest: String,
    /// The commit that wants it.
    pub commit: String,
    /// Since when.
    pub since: Millis,
    /// The revision that ran before.
    pub from: String,
}

/// A content that a rollout did not get through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrownBack {
    /// The unit's digest.
    pub digest: String,
    /// The commit that wanted it.
    pub commit: String,
    /// When.
    pub at: Millis,
    /// How it ended.
    pub how: How,
    /// Why.
    pub reason: String,
}

/// How a rollout ended that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The service is back on what ran before.
    RolledBack,
    /// It is not.
    Failed,
    /// Somebody stopped it.
    Aborted,
    /// Somebody else's deployment took its place.
    Superseded,
    /// It went well itself, and went back with its release.
    WithItsRelease,
}

/// A service's part in a release that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joint {
    /// The release.
    pub release: String,
    /// What is tried: the release's digest.
    pub digest: String,
    /// The commit that wants it.
    pub commit: String,
    /// The revision that ran before the release began, and to which a joint rollback goes.
    pub from: String,
    /// Its place in the release's order.
    pub order: usize,
    /// When the release began.
    pub began: Millis,
    /// It was the first to move. A release is over as soon as this part of it is: the others follow from that.
    pub leads: bool,
    /// Why it has to go back, once the release has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
}

/// A freeze window that somebody overrode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overridden {
    /// What the one who overrode it said.
    pub reason: String,
    /// The window's own message.
    pub window: String,
    /// When.
    pub at: Millis,
    /// The commit that was begun.
    pub commit: String,
}

impl Memory {
    /// Is there nothing to remember?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A reason at most as long as memory has room for.
pub(crate) fn shortened(reason: &str) -> String {
    if reason.len() <= LONGEST {
        return reason.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &reason[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_memory_fits_a_standard_parameter() {
        let reason = shortened(&"\"é".repeat(5_000));
        let name = "x".repeat(255);
        let memory = Memory {
            moving: Some(Moving {
                digest: "d".repeat(32),
                commit: "c".repeat(64),
                since: i64::MAX,
                from: name.clone(),
            }),
            thrown_back: Some(ThrownBack {
                digest: "d".repeat(32),
                commit: "c".repeat(64),
                at: i64::MAX,
                how: How::WithItsRelease,
                reason: reason.clone(),
            }),
            joint: Some(Joint {
                release: shortened(&name),
                digest: "d".repeat(32),
                commit: "c".repeat(64),
                from: name,
                order: 999,
                began: i64::MAX,
                leads: false,
                back: Some(reason.clone()),
            }),
            overridden: Some(Overridden {
                reason: reason.clone(),
                window: reason,
                at: i64::MAX,
                commit: "c".repeat(64),
            }),
        };
        let text = serde_json::to_string(&memory).expect("JSON");
        assert!(text.len() <= 4_096, "{}", text.len());
        assert_eq!(serde_json::from_str::<Memory>(&text).expect("the same"), memory);
        assert_eq!(serde_json::to_string(&Memory::default()).expect("JSON"), "{}");
    }
}
