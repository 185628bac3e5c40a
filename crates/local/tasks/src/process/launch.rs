//! How a container's process is started: as a group of its own that waits at a barrier until it is written down.
//!
//! Nothing of a container may run before the record, and the watchdog, know of it. So a small shell is started first; it
//! reads one line from its parent and ends when the parent is gone instead. Then it becomes the program, or stays beside
//! it to write its exit code down for a later parent.

use std::{
    fs::File,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tidegate_models::Secret;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::{Lifetime, driver::Failure};

/// Becomes the program.
const RUN: &str = r#"read -r TIDEGATE_GO || exit 0; exec </dev/null; exec "$@""#;

/// Runs the program below itself, outlives the signals that the group gets, and writes down the pid and the exit code.
/// What the shell itself says about the program's end belongs in no log.
const RUN_AND_RECORD: &str = r#"
read -r TIDEGATE_GO || exit 0
exec </dev/null 3>&2 2>/dev/null
trap : HUP INT QUIT TERM
/bin/sh -c 'echo "$$" > "$1"; shift 2; exec "$@"' sh "$@" 2>&3 3>&-
echo "$?" > "$2"
"#;

/// A program that can be run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Complete: nothing is inherited. Who knows which of the values are secret.
    pub(crate) environment: Vec<(String, Secret)>,
    pub(crate) folder: PathBuf,
}

/// Where the wrapper writes to.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) log: File,
    pub(crate) pid: PathBuf,
    pub(crate) exit: PathBuf,
}

/// A process at the barrier.
#[derive(Debug)]
pub(crate) struct Waiting {
    child: Child,
}

impl Waiting {
    /// Starts the shell that will become, or run, the program.
    pub(crate) fn spawn(program: &Program, files: Files, lifetime: Lifetime) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        match lifetime {
            Lifetime::WithParent => command.args(["-c", RUN, "tidegate"]),
            Lifetime::Persistent => {
                command.args(["-c", RUN_AND_RECORD, "tidegate"]).arg(&files.pid).arg(&files.exit)
            }
        };
        let errors = files.log.try_clone()?;
        let child = command
            .arg(&program.path)
            .args(&program.arguments)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(&program.folder)
            .stdin(Stdio::piped())
            .stdout(files.log)
            .stderr(errors)
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// The pid, which leads its group.
    pub(crate) fn pid(&self) -> io::Result<i32> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        pid.ok_or_else(|| io::Error::other("it ended before it was released"))
    }

    /// Lets the program run.
    pub(crate) async fn release(mut self) -> io::Result<Child> {
        let barrier = self.child.stdin.take();
        let mut barrier = barrier.ok_or(io::ErrorKind::BrokenPipe)?;
        barrier.write_all(b"go\n").await?;
        barrier.flush().await?;
        Ok(self.child)
    }
}

/// The file to run for `name`, looked up in `path` like a shell does; 126 and 127 tell why there is none.
pub(crate) fn find_program(name: &str, path: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let fails = |exit_code, why: &str| {
        let reason = format!("CannotStartContainerError: exec: \"{name}\": {why}");
        Failure { reason, exit_code: Some(exit_code) }
    };
    let candidates: Vec<PathBuf> = if name.contains('/') {
        vec![folder.join(name)]
    } else if name.is_empty() {
        Vec::new()
    } else {
        path.split(':').map(|entry| folder.join(entry).join(name)).collect()
    };
    let mut blocked = false;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(_) => blocked = true,
            Err(error) => blocked |= error.kind() == io::ErrorKind::PermissionDenied,
        }
    }
    match (blocked, name.contains('/')) {
        (true, _) => Err(fails(126, "permission denied")),
        (false, true) => Err(fails(127, "no such file or directory")),
        (false, false) => Err(fails(127, "executable file not found in $PATH")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_looked_for_in_the_path_and_in_the_containers_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        let code = |name: &str| find_program(name, "/nowhere", folder.path()).unwrap_err().exit_code;
        assert_eq!(code("./run"), Some(126));
        assert_eq!(code("./walk"), Some(127));
        assert_eq!(code("run"), Some(127));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find_program("./run", "", folder.path()).unwrap(), folder.path().join("./run"));
        let path = format!("/nowhere:{}", folder.path().display());
        assert_eq!(find_program("run", &path, Path::new("/")).unwrap(), file);
    }
}
