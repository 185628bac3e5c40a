//! The daemon: where it is, and what its errors mean.

use std::{env, time::Duration};

use bollard::{API_DEFAULT_VERSION, Docker, errors::Error as DockerError};

use crate::Error;

const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";
/// How long the daemon may take to answer a request; longer answers come in pieces.
const PATIENCE_SECONDS: u64 = 60;
/// How long it may take to say that it is there.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// A daemon that answered once. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    pub(super) docker: Docker,
    /// As `DOCKER_HOST` writes it.
    pub(super) address: String,
    /// Cores that containers may have.
    pub(super) cores: Option<i64>,
    /// For example `x86_64`.
    pub(super) architecture: String,
}

impl Daemon {
    /// The one that `DOCKER_HOST` names, else the machine's own.
    pub(super) async fn connect() -> Result<Self, Error> {
        Self::connect_to(
            env::var("DOCKER_HOST").ok().filter(|it| !it.is_empty()).unwrap_or(DEFAULT_ADDRESS.to_owned()),
        )
        .await
    }

    pub(super) async fn connect_to(address: String) -> Result<Self, Error> {
        let no_daemon = |reason: String| Error::NoDaemon { address: address.clone(), reason };
        let client = if address.starts_with("unix://") {
            Docker::connect_with_unix(&address, PATIENCE_SECONDS, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_host(&address)
        };
        let client = client.map_err(|error| no_daemon(says(&error)))?;
        let greeting = async {
            let docker = client.negotiate_version().await?;
            let info = docker.info().await?;
            Ok((docker, info))
        };
        let greeting = tokio::time::timeout(FIRST_ANSWER, greeting).await;
        let (docker, info) = greeting
            .map_err(|_| no_daemon(format!("nothing within {FIRST_ANSWER:?}")))?
            .map_err(|error: DockerError| no_daemon(says(&error)))?;
        let architecture = info.architecture.unwrap_or_else(|| env::consts::ARCH.to_owned());
        Ok(Self { docker, cores: info.ncpu, architecture, address })
    }

    /// For `map_err`: the daemon could not do something that belongs to no task.
    pub(super) fn refuses(&self, action: &'static str) -> impl FnOnce(DockerError) -> Error {
        let address = self.address.clone();
        move |error| Error::Docker { address, action, reason: says(&error) }
    }
}

/// What the daemon says, as the ECS agent quotes it.
pub(super) fn says(error: &DockerError) -> String {
    match error {
        DockerError::DockerResponseServerError { message, .. } => {
            format!("Error response from daemon: {message}")
        }
        other => {
            let mut text = other.to_string();
            let mut cause: &dyn std::error::Error = other;
            while let Some(deeper) = cause.source() {
                cause = deeper;
                let deeper = deeper.to_string();
                if !text.contains(&deeper) {
                    text = format!("{text}: {deeper}");
                }
            }
            text
        }
    }
}

/// Whether what was asked about does not exist.
pub(super) fn is_missing(error: &DockerError) -> bool {
    has_status(error, 404)
}

/// Whether it is there already, or on its way out.
pub(super) fn is_conflict(error: &DockerError) -> bool {
    has_status(error, 409)
}

fn has_status(error: &DockerError, status: u16) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code, .. } if *status_code == status)
}
