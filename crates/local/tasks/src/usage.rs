//! What containers use of the machine.

use std::time::Duration;

/// What a container used and uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since it started.
    pub cpu: Duration,
    /// Memory now, in bytes; without what the system could take back from its files.
    pub memory: u64,
}
