//! What Tidegate is granted for: its commands, those together that are granted together. Start at [`Use::grant`].
//!
//! A use holds all that its commands call on every way through them, a failed rollout's included.

use crate::{Subject, changes, document::Policy, reads};

/// Commands that are granted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// To look: `status`, `watch`, `wait`, `tasks`, `history`, `logs`, `diff`, `deploy --dry-run`.
    Look,
    /// To tell why a deployment fails: `diagnose`.
    Diagnose,
    /// To tell what is wrong with how the service is deployed: `check`.
    Check,
    /// To start from what runs: `init service`.
    Init,
    /// To deploy: `deploy`, `resume`, `pause`, `promote`, `abort`, `rollback`; looking included.
    Deploy,
    /// To follow a branch: `sync`; deploying included.
    Sync,
    /// To push the images that are shipped, as `docker push` does.
    Push,
    /// To run a one-off task: `run`; looking included.
    Run,
    /// To set how many tasks run: `scale`; looking included.
    Scale,
    /// To remove old revisions: `revisions`, `revisions prune`; looking included.
    Prune,
}

impl Use {
    /// All of them, by the words of the command line.
    pub const ALL: [(&'static str, Self); 10] = [
        ("look", Self::Look),
        ("diagnose", Self::Diagnose),
        ("check", Self::Check),
        ("init", Self::Init),
        ("deploy", Self::Deploy),
        ("sync", Self::Sync),
        ("push", Self::Push),
        ("run", Self::Run),
        ("scale", Self::Scale),
        ("prune", Self::Prune),
    ];

    /// Adds what it needs.
    pub(crate) fn grant(self, subject: &Subject<'_>, policy: &mut Policy) {
        if matches!(self, Self::Look | Self::Deploy | Self::Sync | Self::Run | Self::Scale | Self::Prune) {
            reads::look(subject, policy);
        }
        match self {
            Self::Look => {}
            Self::Diagnose => reads::diagnose(subject, policy),
            Self::Check => reads::check(subject, policy),
            Self::Init => reads::init(subject, policy),
            Self::Deploy => changes::deploy(subject, policy),
            Self::Sync => {
                changes::deploy(subject, policy);
                changes::sync(subject, policy);
            }
            Self::Push => changes::push(subject, policy),
            Self::Run => changes::run(subject, policy),
            Self::Scale => changes::scale(subject, policy),
            Self::Prune => changes::prune(subject, policy),
        }
    }
}
