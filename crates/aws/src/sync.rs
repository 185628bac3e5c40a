//! What a sync keeps in Parameter Store, so that it goes on where it was on any machine: one small parameter a service
//! under `/tidegate/sync/<name>/services/`, and a lease, so that two syncs of one name do not fight. How a lease works
//! is said in `alb::lease`; this one carries nothing but itself. It must never write for a service once the lease may be
//! somebody else's. Start with [`Store::take`].

use crate::alb::lease::{parameter_name, whoami};
use crate::client::Client;
use crate::error::AwsError;
use crate::sink::now;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_rollout::Millis;
use tidegate_rollout::names::ServiceRef;

/// How many ticks a lease goes on after it was written last.
const TICKS: Millis = 30;
/// What a standard parameter holds.
const MOST_BYTES: usize = 4096;

/// What the lease's parameter holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    token: String,
    by: String,
    since: Millis,
    until: Millis,
}

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// AWS did not do what was asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Another process syncs under this name.
    #[error("{by} runs this sync already (its lease, {name}, holds for another {} s unless it is renewed)", (until - now).max(0) / 1000)]
    Held {
        /// Who.
        by: String,
        /// The lease's parameter.
        name: String,
        /// Until when, in milliseconds since the Unix epoch.
        until: Millis,
        /// When this was seen.
        now: Millis,
    },
    /// Another process took over.
    #[error("this sync was taken over by {by}; nothing more is begun here")]
    Lost {
        /// Who.
        by: String,
    },
    /// The parameter holds something else.
    #[error("parameter {name} holds something that this version cannot read: {detail}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// More than a standard parameter holds.
    #[error("what is to be kept of {service} takes {bytes} bytes, and a parameter holds {MOST_BYTES}")]
    TooLarge {
        /// The service.
        service: String,
        /// How many.
        bytes: usize,
    },
}

impl StoreError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Aws(error) => error.help(),
            Self::Held { .. } => Some("wait for it, stop it, or give this one another --name".into()),
            Self::Lost { .. } => Some("what it had begun is taken up by the other".into()),
            Self::Unreadable { name, .. } => Some(format!(
                "see it with `aws ssm get-parameter --name {name}`, and delete it if nobody needs it"
            )),
            Self::TooLarge { .. } => Some("this is a mistake of Tidegate's; please report it".into()),
        }
    }
}

/// The lease, and the right to keep things under a name.
#[derive(Debug)]
pub struct Store {
    client: Client,
    name: String,
    token: String,
    by: String,
    since: Millis,
    until: Millis,
    tick: Millis,
}

/// What is kept under a name, by `cluster/service`. Takes no lease and changes nothing.
pub async fn kept(client: &Client, name: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let path = format!("{}/services", root(name));
    let found = client.parameters_under(&path).await?;
    let short = |(name, value): (String, String)| {
        name.strip_prefix(&format!("{path}/")).map(|service| (service.to_owned(), value))
    };
    Ok(found.into_iter().filter_map(short).collect())
}

fn root(name: &str) -> String {
    format!("/tidegate/sync/{name}")
}

/// Keeps that somebody deployed a service in a freeze window, and why.
pub async fn keep_override(
    client: &Client,
    target: &ServiceRef,
    window: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let kept = serde_json::json!({ "by": whoami(), "at": now(), "window": window, "reason": reason });
    let name = format!("{}/freeze-override", parameter_name(target));
    client.write_parameter(&name, &kept.to_string()).await.map(|_| ())
}

impl Store {
    /// Takes the lease, if nobody holds it. `tick` is the watch's: the lease holds for thirty of them.
    pub async fn take(client: &Client, name: &str, tick: Millis) -> Result<Self, StoreError> {
        let mut store = Self {
            client: client.clone(),
            name: name.to_owned(),
            token: format!("{:016x}", fastrand::u64(..)),
            by: whoami(),
            since: now(),
            until: 0,
            tick,
        };
        let Some(held) = store.held().await? else {
            let text = store.text();
            if store.client.create_parameter(&store.lease(), &text).await?.is_none() {
                // Somebody was faster, or it was ourselves and the answer was lost.
                store.confirm().await?;
            }
            return Ok(store);
        };
        if now() < held.until {
            let (by, name, until) = (held.by, store.lease(), held.until);
            return Err(StoreError::Held { by, name, until, now: now() });
        }
        let text = store.text();
        store.client.write_parameter(&store.lease(), &text).await?;
        // Whoever took it over in the same moment has written by the end of this pause, and whoever wrote last has it.
        tokio::time::sleep(Duration::from_millis(tick.unsigned_abs())).await;
        store.confirm().await?;
        Ok(store)
    }

    /// Keeps this of a service (`cluster/service`), once the lease is certain.
    pub async fn save(&mut self, service: &str, text: &str) -> Result<(), StoreError> {
        if text.len() > MOST_BYTES {
            return Err(StoreError::TooLarge { service: service.to_owned(), bytes: text.len() });
        }
        self.renew_if_due().await?;
        let name = format!("{}/services/{service}", root(&self.name));
        self.client.write_parameter(&name, text).await?;
        Ok(())
    }

    /// Renews the lease when a third of it is over.
    pub async fn renew_if_due(&mut self) -> Result<(), StoreError> {
        if now() < self.until - 2 * TICKS * self.tick / 3 {
            return Ok(());
        }
        self.confirm().await?;
        let text = self.text();
        self.client.write_parameter(&self.lease(), &text).await?;
        Ok(())
    }

    /// How long until the lease should be renewed.
    pub fn renew_in(&self) -> Duration {
        let due = self.until - 2 * TICKS * self.tick / 3;
        Duration::from_millis((due - now()).max(0).unsigned_abs())
    }

    /// Gives the lease back, so that the next need not wait for its end.
    pub async fn release(mut self) -> Result<(), StoreError> {
        self.confirm().await?;
        self.tick = 0;
        let text = self.text();
        self.client.write_parameter(&self.lease(), &text).await?;
        Ok(())
    }

    fn lease(&self) -> String {
        format!("{}/lease", root(&self.name))
    }

    async fn held(&self) -> Result<Option<Held>, StoreError> {
        let name = self.lease();
        let Some(parameter) = self.client.parameter(&name).await? else { return Ok(None) };
        serde_json::from_str(&parameter.value)
            .map(Some)
            .map_err(|error| StoreError::Unreadable { name, detail: error.to_string() })
    }

    /// Is it still this process's?
    async fn confirm(&self) -> Result<(), StoreError> {
        match self.held().await? {
            Some(held) if held.token == self.token => Ok(()),
            Some(held) => Err(StoreError::Lost { by: held.by }),
            None => Err(StoreError::Lost { by: "somebody who deleted its lease".into() }),
        }
    }

    /// The lease from now on.
    fn text(&mut self) -> String {
        self.until = now() + TICKS * self.tick;
        let held =
            Held { token: self.token.clone(), by: self.by.clone(), since: self.since, until: self.until };
        serde_json::to_string(&held).unwrap_or_default()
    }
}
