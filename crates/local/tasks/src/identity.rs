//! Which process is meant: a pid alone is soon another's.

use std::fs;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process, as it can be recognised after any time: by pid, start time and boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// In the system's own unit; empty where the system does not tell.
    started: String,
    boot: String,
}

impl Identity {
    /// The process that has `pid` now; `None` when there is none.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, started: start_time(pid)?, boot: boot_id() })
    }

    /// Whether it still exists and has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        !self.is_taken() && is_running(self.pid)
    }

    /// Whether its pid is another process's by now.
    pub(crate) fn is_taken(&self) -> bool {
        match start_time(self.pid) {
            Some(started) => started != self.started || boot_id() != self.boot,
            None => self.boot != boot_id(),
        }
    }

    /// Whether it was a process since this machine was booted last.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        self.boot == boot_id()
    }

    /// The start time, in the system's own unit.
    pub(crate) fn started(&self) -> &str {
        &self.started
    }
}

/// Sends a signal to every process of a group that `leader` leads or led.
pub(crate) fn signal_group(leader: &Identity, signal: Signal) {
    // While a group has members its number is nobody else's pid, so a leader that is gone does no harm.
    if let (false, Some(pid)) = (leader.is_taken(), Pid::from_raw(leader.pid)) {
        // A group that is gone is what was wanted.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Sends a signal to process `pid` if it belongs to the group `group`.
pub(crate) fn signal_member(pid: i32, group: i32, signal: Signal) {
    let Some(raw) = Pid::from_raw(pid) else { return };
    #[cfg(target_os = "linux")]
    if let Ok(handle) = rustix::process::pidfd_open(raw, rustix::process::PidfdFlags::empty()) {
        // With the handle open, the pid is this process's until it is looked up.
        if group_of(pid) == Some(group) {
            // It may have ended since, which is what was wanted.
            let _ = rustix::process::pidfd_send_signal(&handle, signal);
        }
        return;
    }
    if group_of(pid).is_none_or(|its| its == group) {
        // It may have ended since, which is what was wanted.
        let _ = rustix::process::kill_process(raw, signal);
    }
}

/// Completes when the process has ended; at once when it has already.
pub(crate) async fn ended(process: Identity) {
    #[cfg(target_os = "linux")]
    if let Some(handle) = watchable(process.pid) {
        // The handle may be of a later process with the same pid.
        if process.is_alive() {
            // It fails only when the reactor is gone, and then nothing waits any more.
            let _ = handle.readable().await;
        }
        return;
    }
    // Systems that cannot tell are asked.
    while process.is_alive() {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

/// A handle that becomes readable when the process ends.
#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "its successor is unsafe; an owned descriptor is what that asks for")]
fn watchable(pid: i32) -> Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    let flags = rustix::process::PidfdFlags::NONBLOCK;
    let handle = rustix::process::pidfd_open(Pid::from_raw(pid)?, flags).ok()?;
    tokio::io::unix::AsyncFd::with_interest(handle, tokio::io::Interest::READABLE).ok()
}

/// Fields of `/proc/PID/stat` from the third on; the second, the name, may hold anything.
#[cfg(target_os = "linux")]
pub(crate) fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// There are none to read.
#[cfg(not(target_os = "linux"))]
pub(crate) fn stat(_: i32) -> Option<Vec<String>> {
    None
}

#[cfg(target_os = "linux")]
fn start_time(pid: i32) -> Option<String> {
    stat(pid)?.get(19).cloned()
}

#[cfg(target_os = "linux")]
fn is_running(pid: i32) -> bool {
    stat(pid).is_some_and(|fields| !matches!(fields.first().map(String::as_str), None | Some("Z" | "X")))
}

#[cfg(target_os = "linux")]
fn group_of(pid: i32) -> Option<i32> {
    stat(pid)?.get(2)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(not(target_os = "linux"))]
fn ps(pid: i32, column: &str) -> Option<String> {
    let output =
        std::process::Command::new("ps").args(["-o", column, "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: i32) -> Option<String> {
    ps(pid, "lstart=")
}

#[cfg(not(target_os = "linux"))]
fn is_running(pid: i32) -> bool {
    ps(pid, "stat=").is_some_and(|state| !state.starts_with('Z'))
}

#[cfg(not(target_os = "linux"))]
fn group_of(pid: i32) -> Option<i32> {
    ps(pid, "pgid=")?.parse().ok()
}

/// The start time names the day, which is enough.
#[cfg(not(target_os = "linux"))]
fn boot_id() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_that_started_at_another_time_is_not_it() {
        let own = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        let earlier = Identity { started: "1".to_owned(), ..own };
        assert!(earlier.is_taken());
        assert!(!earlier.is_alive());
    }
}
