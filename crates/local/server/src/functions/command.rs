//! A function that is a program, run once for each invocation.

use std::{
    io,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tidegate_engine::lambda::Invocation;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use super::{FunctionCommand, LARGEST_ANSWER, map, parsed};

/// Runs it to its end. When this is dropped before, it is killed with all that it started.
pub(super) async fn call(
    function: &FunctionCommand,
    invocation: &Invocation,
    endpoint: &str,
) -> Result<Value, String> {
    let mut child = start(function, invocation, endpoint)?;
    let _group = Group::of(&child);
    let payload = invocation.payload.to_string();
    let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(input) = &mut input {
            // A program that does not read what it gets is none the worse.
            let _ = input.write_all(payload.as_bytes()).await;
        }
        drop(input);
    };
    let ((), output, errors, status) = tokio::join!(feed, read(output), read(errors), child.wait());
    match status {
        Ok(status) if status.success() => parsed(&output),
        Ok(status) => Err(failure(status, &errors)),
        Err(error) => Err(error.to_string()),
    }
}

fn start(function: &FunctionCommand, invocation: &Invocation, endpoint: &str) -> Result<Child, String> {
    let Some((program, arguments)) = function.command.split_first() else {
        return Err("its command is empty".to_owned());
    };
    let mut command = Command::new(program);
    // What it calls is the local cloud, never Amazon with the credentials of whoever started this.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    let mut parts = invocation.function.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    command
        .args(arguments)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", region)
        .env("AWS_DEFAULT_REGION", region)
        .env("AWS_ACCESS_KEY_ID", account)
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_LAMBDA_FUNCTION_NAME", map::name_of(&invocation.function))
        .envs(function.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(folder) = &function.working_directory {
        command.current_dir(folder);
    }
    command.spawn().map_err(|error| format!("cannot run {program}: {error}"))
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // One byte more than is taken, so that too much is noticed; the rest is read so that the program can end.
        let _ = (&mut stream).take(LARGEST_ANSWER + 1).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    bytes
}

fn failure(status: ExitStatus, errors: &[u8]) -> String {
    let errors = String::from_utf8_lossy(errors);
    match errors.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!("{line} ({status})"),
        None => format!("it ended with {status} and nothing on standard error"),
    }
}

/// The processes of one invocation, which end with it.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0
            && let Err(error) = kill_process_group(pid, Signal::KILL)
            && io::Error::from(error).kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the processes of a function could not be ended");
        }
    }
}
