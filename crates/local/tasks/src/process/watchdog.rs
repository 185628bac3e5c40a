//! Ends the tasks when their parent is gone, however it went.
//!
//! A small shell holds the reading end of a pipe whose writing end only the parent has. It is told of each process group
//! before the group may run anything, and when the pipe ends, because the parent ended, it kills all of them. It must
//! never kill a group that is not ours: each comes with its start time.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::identity::Identity;

/// Reads `+ GROUP START` and `- GROUP` until the parent is gone. Then it kills the groups left and, where the system shows
/// the environment of processes, whoever else carries the instance's mark, until three looks in a row find nobody: a
/// process that is just becoming another program shows no environment.
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT PIPE
mark=TIDEGATE_INSTANCE=$1
groups=
while read -r sign group start; do
  if [ "$sign" = + ]; then
    groups="$groups $group:$start"
  else
    rest=
    for each in $groups; do
      [ "${each%%:*}" = "$group" ] || rest="$rest $each"
    done
    groups=$rest
  fi
done
for each in $groups; do
  group=${each%%:*}
  if [ -r "/proc/$group/stat" ] && read -r line < "/proc/$group/stat"; then
    set -- ${line##*) }
    [ "${20}" = "${each#*:}" ] || continue
  fi
  kill -KILL "-$group"
done
quiet=0
looks=0
while [ $quiet -lt 3 ] && [ $looks -lt 100 ]; do
  looks=$((looks + 1))
  quiet=$((quiet + 1))
  for file in $(grep -lzxF "$mark" /proc/[0-9]*/environ); do
    quiet=0
    pid=${file#/proc/}
    kill -KILL "${pid%/environ}"
  done
done
"#;

/// The shell that watches over the tasks of one parent.
#[derive(Debug)]
pub(crate) struct Watchdog {
    instance: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: Child,
    /// Ends with this struct, or with this process.
    pipe: Option<ChildStdin>,
    groups: Vec<Identity>,
}

impl Watchdog {
    pub(crate) fn start(instance: &str) -> io::Result<Self> {
        let (child, pipe) = spawn(instance)?;
        let state = State { child, pipe: Some(pipe), groups: Vec::new() };
        Ok(Self { instance: instance.to_owned(), state: Mutex::new(state) })
    }

    /// From here on the group ends with the parent. Must be called before the group may run anything.
    pub(crate) fn guard(&self, leader: &Identity) -> io::Result<()> {
        let mut state = self.lock();
        state.groups.push(leader.clone());
        let line = guarded(leader);
        if state.write(&line).is_ok() {
            return Ok(());
        }
        // Somebody killed the shell: another one takes over all groups.
        let (child, pipe) = spawn(&self.instance)?;
        let mut old = std::mem::replace(&mut state.child, child);
        // It is gone, or it has stopped reading.
        let _ = old.kill();
        let _ = old.wait();
        state.pipe = Some(pipe);
        let lines: String = state.groups.iter().map(guarded).collect();
        state.write(&lines)
    }

    /// The group is gone.
    pub(crate) fn release(&self, leader: &Identity) {
        let mut state = self.lock();
        state.groups.retain(|it| it != leader);
        // A shell that is gone is replaced when the next group comes.
        let _ = state.write(&format!("- {}\n", leader.pid));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let mut state = self.lock();
        drop(state.pipe.take());
        // It has a little killing to do, then it ends; this is what makes the end of a runtime the end of its tasks.
        let _ = state.child.wait();
    }
}

impl State {
    fn write(&mut self, lines: &str) -> io::Result<()> {
        let pipe = self.pipe.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(lines.as_bytes())
    }
}

fn guarded(leader: &Identity) -> String {
    format!("+ {} {}\n", leader.pid, leader.started().replace(char::is_whitespace, "_"))
}

fn spawn(instance: &str) -> io::Result<(Child, ChildStdin)> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "tidegate-watchdog", instance])
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in a terminal goes to the parent's group; this one outlives it.
        .process_group(0)
        .spawn()?;
    match child.stdin.take() {
        Some(pipe) => Ok((child, pipe)),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
