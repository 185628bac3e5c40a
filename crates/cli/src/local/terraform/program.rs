//! The program `terraform`, run to its end or ended.

use std::{future::Future, io, path::Path, path::PathBuf, pin::Pin, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use super::stage::Stage;

/// How long it may take to end in order: it lets the calls that are on their way come back, and writes its state.
const GRACE: Duration = Duration::from_secs(10);

/// Why there is no end of it to look at.
#[derive(Debug)]
pub(super) enum Broken {
    /// It could not be run.
    NotRun(io::Error),
    /// It was to end before it was done, and did.
    Ended,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) is_success: bool,
    /// What it wrote on standard error.
    pub(super) errors: String,
}

/// Where the program is, as a shell would look for it.
pub(super) fn find() -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::var_os("PATH")?;
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).map(|folder| folder.join("terraform")).find(is_program)
}

/// It with its surroundings.
pub(super) struct Program<'a> {
    file: &'a Path,
    stage: &'a Stage,
    endpoint: &'a str,
    region: &'a str,
}

impl<'a> Program<'a> {
    pub(super) fn new(file: &'a Path, stage: &'a Stage, endpoint: &'a str, region: &'a str) -> Self {
        Self { file, stage, endpoint, region }
    }

    /// Runs it, and hands over each line of its standard output. When `end` completes before it is done, it is ended:
    /// in order if it does so soon, and at once at the next signal.
    pub(super) async fn run<F: Future<Output = ()>>(
        &self,
        arguments: &[String],
        take: impl FnMut(&str),
        end: Pin<&mut F>,
    ) -> Result<Ran, Broken> {
        let mut child = self.command(arguments).spawn().map_err(Broken::NotRun)?;
        let group = Group::of(&child);
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let ((), errors) = tokio::join!(each_line(output, take), whole(errors));
            let status = child.wait().await?;
            Ok(Ran { is_success: status.success(), errors })
        };
        tokio::pin!(work);
        tokio::select! {
            ran = &mut work => ran.map_err(Broken::NotRun),
            () = end => {
                group.signal(Signal::INT);
                tokio::select! {
                    _ = &mut work => {}
                    () = tokio::time::sleep(GRACE) => {}
                    () = crate::local::ended_by_signal() => {}
                }
                Err(Broken::Ended)
            }
        }
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(self.file);
        // What it calls is the local cloud, never Amazon with the credentials of whoever started this.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        // It is run in another folder than the user's shell.
        let own = std::env::var_os("TF_CLI_CONFIG_FILE").and_then(|file| std::path::absolute(file).ok());
        command.envs(own.map(|file| ("TF_CLI_CONFIG_FILE", file)));
        let nothing = self.stage.kept().join("no-profiles");
        command
            .args(arguments)
            .current_dir(self.stage.folder())
            .env("AWS_ENDPOINT_URL", self.endpoint)
            .env("AWS_REGION", self.region)
            .env("AWS_DEFAULT_REGION", self.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_CONFIG_FILE", &nothing)
            .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("TF_DATA_DIR", self.stage.kept().join(".terraform"))
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is this program's to answer: Terraform and its providers end by it, in order.
            .process_group(0);
        command
    }
}

async fn each_line(stream: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(&line);
    }
}

async fn whole(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The program and its providers, which are gone when this is.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // None of them is left: all the better.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
