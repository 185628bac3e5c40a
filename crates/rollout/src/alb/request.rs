//! What people ask of a rollout that another process runs. The newest request counts; each is
//! honoured once. Start with [`Request`].

use serde::{Deserialize, Serialize};

/// Something that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its own id: a request that was honoured is not honoured again.
    pub id: String,
    /// What is asked for.
    pub verb: Verb,
    /// By whom.
    pub by: String,
}

/// What can be asked of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Go no further than this step.
    Pause,
    /// Go on.
    Resume,
    /// Skip the rest of the bake; grant what waits for approval.
    Promote,
    /// Take the traffic back to stable now.
    Abort,
}

impl Verb {
    /// As the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort => "abort",
        }
    }
}
