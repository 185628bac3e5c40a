//! Asks the gates that are not AWS's: an HTTP address, a command, a person at the terminal. It must
//! never say what an answer means (that is `tidegate_rollout::gate`), nor wait for a person. Start with
//! [`Probe`].

mod approval;
mod command;
mod http;

use approval::Approvals;
use command::Commands;
use tidegate_aws::gates::{Asking, Elsewhere};
use tidegate_rollout::Millis;
use tidegate_rollout::gate::{HttpProbe, Reading};

pub use approval::Person;

/// Whom a rollout asks about what is not AWS's.
#[derive(Debug)]
pub struct Probe {
    approvals: Approvals,
    commands: Commands,
}

impl Probe {
    /// Asks this person for approvals.
    pub fn new(person: Person) -> Self {
        Self { approvals: Approvals::of(person), commands: Commands::default() }
    }
}

impl Elsewhere for Probe {
    fn http<'a>(&'a self, probe: &'a HttpProbe) -> Asking<'a> {
        Box::pin(http::ask(probe))
    }

    fn command<'a>(&'a self, command: &'a [String], timeout: Millis) -> Asking<'a> {
        Box::pin(self.commands.ask(command, timeout))
    }

    fn approval<'a>(&'a self, gate: &'a str, _question: &'a str) -> Asking<'a> {
        Box::pin(async move { Reading::Approval(self.approvals.of_gate(gate)) })
    }
}
