//! What a sync has to tell, each thing once. Start with [`SyncEvent`].

use crate::Millis;
use crate::memory::How;
use crate::plan::{Commit, Id};
use serde::{Deserialize, Serialize};

/// Something that happened in a sync, or that somebody should know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum SyncEvent {
    /// The branch is at this commit.
    CommitSeen {
        /// The commit.
        commit: Commit,
        /// How many services it describes.
        services: usize,
    },
    /// A service's rollout begins.
    Began {
        /// The service.
        service: Id,
        /// The commit that wants it.
        commit: String,
        /// The release that it is part of.
        release: Option<String>,
        /// How many fields differ.
        fields: usize,
    },
    /// A rollout that was begun before, here or elsewhere, is taken up again.
    TakenUp {
        /// The service.
        service: Id,
        /// The commit that wanted it.
        commit: String,
    },
    /// A service came to what its commit wants.
    Promoted {
        /// The service.
        service: Id,
        /// The commit.
        commit: String,
    },
    /// A content was thrown back. It is not tried again until it changes.
    ThrownBack {
        /// The service.
        service: Id,
        /// The commit that wanted it.
        commit: String,
        /// How.
        how: How,
        /// Why.
        reason: String,
    },
    /// What the branch wants was thrown back before.
    NotTriedAgain {
        /// The service.
        service: Id,
        /// The commit that was thrown back.
        commit: String,
        /// Why it was.
        reason: String,
    },
    /// What was thrown back is wanted no more, and the service runs what is.
    Healed {
        /// The service.
        service: Id,
        /// The commit that healed it.
        commit: String,
    },
    /// A rollout could not begin.
    Refused {
        /// The service.
        service: Id,
        /// Why.
        reason: String,
        /// When it is tried again.
        again_at: Millis,
    },
    /// A rollout goes on that nobody follows for now.
    GoesOn {
        /// The service.
        service: Id,
        /// Why it is not followed.
        reason: String,
        /// When it is looked at again.
        again_at: Millis,
    },
    /// AWS could not be asked about a service.
    CouldNotAsk {
        /// The service.
        service: Id,
        /// Why.
        reason: String,
    },
    /// A bad verdict stops what is left of its wave, and the waves after it.
    WaveStopped {
        /// The wave.
        wave: u32,
        /// Whose verdict.
        because: Id,
    },
    /// A freeze window keeps services from beginning.
    Frozen {
        /// How many.
        services: usize,
        /// What the window says.
        message: String,
        /// Until when.
        until: Millis,
    },
    /// A rollout begins in a freeze window, because somebody said so.
    FreezeOverridden {
        /// The service.
        service: Id,
        /// What the window says.
        message: String,
        /// What the one who overrode it said.
        reason: String,
    },
    /// A release failed: what of it has moved goes back, the last first.
    ReleaseGoesBack {
        /// The release.
        release: String,
        /// Whose verdict.
        because: Id,
        /// What goes back, in that order.
        services: Vec<Id>,
    },
    /// A service is back on what ran before its release.
    WentBack {
        /// The service.
        service: Id,
        /// The release.
        release: String,
        /// The revision.
        to: String,
    },
    /// A service could not be brought back.
    CouldNotGoBack {
        /// The service.
        service: Id,
        /// The release.
        release: String,
        /// Why.
        reason: String,
        /// When it is tried again; absent if it is not.
        again_at: Option<Millis>,
    },
    /// All services of a release came to what the commit wants.
    Released {
        /// The release.
        release: String,
        /// The commit.
        commit: String,
    },
    /// Everything runs as the branch wants it.
    InSync {
        /// The commit.
        commit: String,
        /// How many services.
        services: usize,
    },
}
