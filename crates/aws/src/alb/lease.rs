//! Who may run a rollout: a Parameter Store parameter that holds the lease and the progress in one
//! text, so that neither is ever newer than the other. Start with [`Lease::take`].
//!
//! Parameter Store has one atomic operation, to create without overwriting: that is how a lease is
//! taken. It has no compare-and-set, so every write is a read, a comparison and a write, whose answer
//! tells by its version whether somebody wrote in between; then the one who wrote last has it, which a
//! read tells both. What is left: two processes that take over the same expired lease, of which one
//! stands still between its read and its write for longer than `CONFIRM`. The other notices at its
//! next write, which is before its next change, and stops.

use crate::client::Client;
use crate::error::AwsError;
use crate::sink::now;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tidegate_rollout::Millis;
use tidegate_rollout::alb::Progress;
use tidegate_rollout::names::ServiceRef;

/// How many ticks a lease goes on after it was written last.
const TICKS: Millis = 30;
/// How many ticks one who took over waits before it believes that it has it.
const CONFIRM: Millis = 1;
/// What an advanced parameter holds.
const MOST_BYTES: usize = 8192;

/// What the parameter holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Drawn by the process that holds it.
    token: String,
    /// Who holds it.
    pub by: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: Millis,
    /// Until when, if it is not written again.
    pub until: Millis,
    /// How far the rollout is.
    pub progress: Progress,
}

impl Held {
    /// Who runs it, what, and since when.
    pub fn in_words(&self) -> String {
        held_by(self)
    }

    /// Does somebody run it?
    pub fn is_running(&self, now: Millis) -> bool {
        self.progress.verdict().is_none() && now < self.until
    }
}

/// Why a lease cannot be had, or was lost.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// AWS did not do what was asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Somebody else has it.
    #[error("{}", held_by(.0))]
    Held(Box<Held>),
    /// A rollout was left half way.
    #[error("{}", left_by(.0))]
    Unfinished(Box<Held>),
    /// The parameter holds something else.
    #[error("parameter {name} holds something that is not a rollout of this version: {detail}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// More than a parameter holds.
    #[error("the plan takes {bytes} bytes, and a parameter holds {MOST_BYTES}; write fewer or shorter gates")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// Somebody else took it over.
    #[error("this rollout was taken over by {by}; nothing more is done here")]
    Lost {
        /// Who.
        by: String,
    },
}

fn held_by(held: &Held) -> String {
    format!(
        "{} rolls {} out to {} since {} (lease until {}, renewed while it runs)",
        held.by,
        held.progress.revision().short(),
        held.progress.target(),
        clock_time(held.since),
        clock_time(held.until),
    )
}

fn left_by(held: &Held) -> String {
    format!(
        "a rollout of {} to {} by {} stopped half way: nobody runs it since {}",
        held.progress.revision().short(),
        held.progress.target(),
        held.by,
        clock_time(held.until),
    )
}

/// `14:03:07 UTC`.
fn clock_time(at: Millis) -> String {
    let seconds = at.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The parameter of a service's rollouts.
pub fn parameter_name(target: &ServiceRef) -> String {
    format!("/tidegate/{}/{}", target.cluster.short(), target.service.short())
}

/// What the parameter holds, and its version.
pub(super) async fn read(client: &Client, target: &ServiceRef) -> Result<Option<(Held, i64)>, LeaseError> {
    let name = parameter_name(target);
    let Some(parameter) = client.parameter(&name).await? else { return Ok(None) };
    let held = serde_json::from_str(&parameter.value)
        .map_err(|error| LeaseError::Unreadable { name, detail: error.to_string() })?;
    Ok(Some((held, parameter.version)))
}

/// A lease that this process holds.
#[derive(Debug)]
pub struct Lease {
    name: String,
    target: ServiceRef,
    token: String,
    by: String,
    since: Millis,
    until: Millis,
    tick: Millis,
}

impl Lease {
    /// Takes the lease for a new rollout. One that ended makes room; one that was left half way does not.
    pub async fn take(
        client: &Client,
        by: &str,
        tick: Millis,
        progress: &Progress,
    ) -> Result<Self, LeaseError> {
        let mut lease = Self::new(progress.target(), by, tick);
        let Some((held, ..)) = read(client, &lease.target).await? else {
            let text = lease.text(progress)?;
            if client.create_parameter(&lease.name, &text).await?.is_none() {
                // Somebody was faster, or it was ourselves and the answer was lost.
                lease.confirm(client).await?;
            }
            return Ok(lease);
        };
        free(&held)?;
        lease.write_over(client, progress).await?;
        Ok(lease)
    }

    /// Takes over a rollout that nobody runs.
    pub async fn take_over(
        client: &Client,
        by: &str,
        tick: Millis,
        progress: &Progress,
    ) -> Result<Self, LeaseError> {
        let mut lease = Self::new(progress.target(), by, tick);
        let Some((held, ..)) = read(client, &lease.target).await? else {
            return Err(LeaseError::Lost { by: "somebody who deleted its parameter".into() });
        };
        if held.is_running(now()) {
            return Err(LeaseError::Held(Box::new(held)));
        }
        lease.write_over(client, progress).await?;
        Ok(lease)
    }

    fn new(target: &ServiceRef, by: &str, tick: Millis) -> Self {
        Self {
            name: parameter_name(target),
            target: target.clone(),
            token: format!("{:016x}", fastrand::u64(..)),
            by: by.to_owned(),
            since: now(),
            until: 0,
            tick,
        }
    }

    async fn write_over(&mut self, client: &Client, progress: &Progress) -> Result<(), LeaseError> {
        let text = self.text(progress)?;
        client.write_parameter(&self.name, &text).await?;
        // Whoever took it over in the same moment has written by the end of this pause, and whoever
        // wrote last has it.
        tokio::time::sleep(Duration::from_millis((CONFIRM * self.tick).unsigned_abs())).await;
        self.confirm(client).await
    }

    /// Whose is it now?
    async fn confirm(&mut self, client: &Client) -> Result<(), LeaseError> {
        match read(client, &self.target).await? {
            Some((held, _)) if held.token == self.token => Ok(()),
            Some((held, ..)) => Err(LeaseError::Held(Box::new(held))),
            None => Err(LeaseError::Lost { by: "somebody who deleted its parameter".into() }),
        }
    }

    /// Writes the progress, if the lease is still this process's.
    pub async fn save(&mut self, client: &Client, progress: &Progress) -> Result<(), LeaseError> {
        let lost = |by: String| Err(LeaseError::Lost { by });
        let before = match read(client, &self.target).await? {
            Some((held, version)) if held.token == self.token => version,
            Some((held, ..)) => return lost(held.by),
            None => return lost("somebody who deleted its parameter".into()),
        };
        let text = self.text(progress)?;
        let version = client.write_parameter(&self.name, &text).await?;
        if version == before + 1 {
            return Ok(());
        }
        // Somebody wrote in between, or an answer of ours was lost and the call sent again.
        match self.confirm(client).await {
            Err(LeaseError::Held(held)) => lost(held.by),
            other => other,
        }
    }

    /// Is it time to write it again?
    pub fn is_due(&self) -> bool {
        now() >= self.until - 2 * TICKS * self.tick / 3
    }

    /// The tick of its watch.
    pub fn tick(&self) -> Millis {
        self.tick
    }

    /// Who holds it.
    pub fn by(&self) -> &str {
        &self.by
    }

    fn text(&mut self, progress: &Progress) -> Result<String, LeaseError> {
        self.until = now() + TICKS * self.tick;
        let held = Held {
            token: self.token.clone(),
            by: self.by.clone(),
            since: self.since,
            until: self.until,
            progress: progress.clone(),
        };
        let text = serde_json::to_string(&held)
            .map_err(|error| LeaseError::Unreadable { name: self.name.clone(), detail: error.to_string() })?;
        if text.len() > MOST_BYTES {
            return Err(LeaseError::TooLarge { bytes: text.len() });
        }
        Ok(text)
    }
}

/// May a new rollout begin?
pub(super) fn free(held: &Held) -> Result<(), LeaseError> {
    match held.progress.verdict() {
        Some(_) => Ok(()),
        None if held.is_running(now()) => Err(LeaseError::Held(Box::new(held.clone()))),
        None => Err(LeaseError::Unfinished(Box::new(held.clone()))),
    }
}

/// This user on this machine, for leases and requests.
pub fn whoami() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| variable("HOSTNAME").unwrap_or_default(), |name| name.trim().to_owned());
    if host.is_empty() { user } else { format!("{user}@{host}") }
}
