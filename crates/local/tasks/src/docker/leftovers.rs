//! Finds and removes containers that nobody wants any more.

use std::{collections::HashMap, path::Path};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::ContainerSummary,
    query_parameters::{
        ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
        RemoveVolumeOptionsBuilder,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    daemon::{Daemon, is_conflict, is_missing},
    labels::{self, Owner},
};
use crate::{
    Error,
    records::{self, Records},
};

/// Left in the runtime's folder, so that whoever cleans up knows which daemon to ask.
#[derive(Debug, Serialize, Deserialize)]
struct DaemonRecord {
    address: String,
}

const RECORD: &str = "docker.json";

/// Notes in `folder` that its tasks are containers of this daemon.
pub(super) fn note_daemon(folder: &Path, daemon: &Daemon) -> Result<(), Error> {
    let path = folder.join(RECORD);
    records::save(&path, &DaemonRecord { address: daemon.address.clone() })
        .map_err(Error::folder("write", path))
}

/// Removes every container that `instance` left, if the folder says that its tasks were containers. Returns how many.
pub(crate) async fn clean_up(folder: &Path, instance: &str) -> Result<usize, Error> {
    let Some(record) = std::fs::read(folder.join(RECORD)).ok() else { return Ok(0) };
    let Ok(DaemonRecord { address }) = serde_json::from_slice(&record) else { return Ok(0) };
    let daemon = Daemon::connect_to(address).await?;
    let removed = remove_all_but(&daemon, instance, &[]).await?;
    let records = Records::new(folder);
    for (task_id, _) in records.live_tasks() {
        records.remove_task(&task_id);
    }
    Ok(removed)
}

/// Removes every container of `instance` but those of the tasks of `keep`. Returns how many.
pub(super) async fn remove_all_but(daemon: &Daemon, instance: &str, keep: &[String]) -> Result<usize, Error> {
    let found = list(&daemon.docker, labels::INSTANCE, Some(instance))
        .await
        .map_err(daemon.refuses("list containers"))?;
    let unwanted = found.into_iter().filter(|it| !keep.iter().any(|id| label(it, labels::TASK) == Some(id)));
    let mut removed = 0;
    for container in unwanted {
        remove(&daemon.docker, container.id.as_deref().unwrap_or_default())
            .await
            .map_err(daemon.refuses("remove a container"))?;
        removed += 1;
    }
    Ok(removed)
}

/// Removes the containers of processes that were to take them with them and could not: those killed together with their
/// watchdog, for one. Returns how many.
pub(super) async fn remove_abandoned(daemon: &Daemon) -> Result<usize, Error> {
    let found = list(&daemon.docker, labels::OWNER, None).await.map_err(daemon.refuses("list containers"))?;
    let mut removed = 0;
    for container in found {
        if label(&container, labels::OWNER)
            .and_then(|it| Owner::parse(it))
            .is_some_and(|owner| owner.is_gone())
        {
            remove(&daemon.docker, container.id.as_deref().unwrap_or_default())
                .await
                .map_err(daemon.refuses("remove a container"))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes the containers and volumes of a task.
pub(super) async fn remove_task(docker: &Docker, task_id: &str) -> Result<(), DockerError> {
    for container in list(docker, labels::TASK, Some(task_id)).await? {
        remove(docker, container.id.as_deref().unwrap_or_default()).await?;
    }
    let name = HashMap::from([("name".to_owned(), vec![labels::volume_name(task_id, "")])]);
    let volumes =
        docker.list_volumes(Some(ListVolumesOptionsBuilder::default().filters(&name).build())).await?;
    for volume in volumes.volumes.into_iter().flatten() {
        let forced = RemoveVolumeOptionsBuilder::default().force(true).build();
        match docker.remove_volume(&volume.name, Some(forced)).await {
            Err(error) if !is_missing(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

pub(super) async fn list(
    docker: &Docker,
    name: &str,
    value: Option<&str>,
) -> Result<Vec<ContainerSummary>, DockerError> {
    let options =
        ListContainersOptionsBuilder::default().all(true).filters(&labels::filter(name, value)).build();
    docker.list_containers(Some(options)).await
}

/// Kills and removes a container; one that is gone, or going, is what was wanted.
pub(super) async fn remove(docker: &Docker, name: &str) -> Result<(), DockerError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Err(error) if !is_missing(&error) && !is_conflict(&error) => Err(error),
        _ => Ok(()),
    }
}

fn label<'a>(container: &'a ContainerSummary, name: &str) -> Option<&'a String> {
    container.labels.as_ref()?.get(name)
}
