//! Finds and ends what an earlier process of an instance left running.

use std::{collections::BTreeSet, path::Path, time::Duration};

use rustix::process::Signal;

use crate::{
    identity::{Identity, signal_group},
    records::{ContainerRecord, Records},
};

/// Every process of a task carries these in its environment, and its children inherit them.
pub(crate) const INSTANCE_MARK: &str = "TIDEGATE_INSTANCE";
pub(crate) const TASK_MARK: &str = "TIDEGATE_TASK_ID";
pub(crate) const CONTAINER_MARK: &str = "TIDEGATE_CONTAINER";

/// Ends every process that `instance` left in `folder`, and forgets the tasks. Returns how many it found.
pub(crate) async fn clean_up(folder: &Path, instance: &str) -> usize {
    end_all_but(folder, instance, &[]).await
}

/// Ends every process of `instance` that belongs to no task of `keep`, and forgets those tasks. Returns how many it found.
pub(crate) async fn end_all_but(folder: &Path, instance: &str, keep: &[String]) -> usize {
    let records = Records::new(folder);
    let mut found = 0;
    for (task_id, record) in records.live_tasks() {
        if record.instance != instance || keep.contains(&task_id) {
            continue;
        }
        for ContainerRecord { leader, .. } in records.containers(&task_id) {
            found += usize::from(leader.is_alive());
            signal_group(&leader, Signal::KILL);
        }
        records.remove_task(&task_id);
    }
    let (instance, keep) = (instance.to_owned(), keep.to_vec());
    found +=
        kill_marked(move |marks| marks.instance == instance && !keep.iter().any(|it| it == marks.task)).await;
    found
}

/// What the environment of a process says about it.
pub(crate) struct Marks<'a> {
    pub(crate) instance: &'a str,
    pub(crate) task: &'a str,
    pub(crate) container: &'a str,
}

/// How many looks in a row must find nothing: a process that is just becoming another program shows no environment.
const QUIET_LOOKS: u32 = 2;
/// How many looks there are at most: something that forks faster than that is not to hold up everything else.
const MOST_LOOKS: u32 = 40;

/// Kills the marked processes that `chosen` chooses, until there are none: one that forks meanwhile is found by its
/// child's mark. Returns how many there were. Where the system does not show environments there are none.
pub(crate) async fn kill_marked(chosen: impl Fn(&Marks<'_>) -> bool + Clone + Send + 'static) -> usize {
    let mut found = BTreeSet::new();
    let mut quiet = 0;
    for _ in 0..MOST_LOOKS {
        let chosen = chosen.clone();
        // Looking at every process of the machine takes some milliseconds, which others of this thread would miss.
        let Ok(pids) = tokio::task::spawn_blocking(move || marked(&chosen)).await else { break };
        quiet = if pids.is_empty() { quiet + 1 } else { 0 };
        if quiet == QUIET_LOOKS {
            break;
        }
        for pid in pids {
            found.insert(pid);
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                // It may have ended since, which is what was wanted.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        // The system takes a moment to bury them.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    found.len()
}

#[cfg(target_os = "linux")]
fn marked(chosen: &impl Fn(&Marks<'_>) -> bool) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
        let value = |name: &str| {
            environment.split(|&byte| byte == 0).find_map(|entry| {
                let (own, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
                (own == name).then_some(value)
            })
        };
        let Some(instance) = value(INSTANCE_MARK) else { return false };
        let (task, container) =
            (value(TASK_MARK).unwrap_or_default(), value(CONTAINER_MARK).unwrap_or_default());
        // A process that has ended but was not waited for cannot be killed again.
        chosen(&Marks { instance, task, container }) && Identity::of(*pid).is_some_and(|it| it.is_alive())
    })
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn marked(_chosen: &impl Fn(&Marks<'_>) -> bool) -> Vec<i32> {
    Vec::new()
}
